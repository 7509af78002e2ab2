"""Two signatures of one text at the same moment."""

from marketplace.accounts.pledges import Pledge
from marketplace.base.actor import Role
from marketplace.ledger.models import Event
from tests.accounts.test_pledges import EXPERT, fresh, sign


def test_two_signatures_at_once_are_one(two_at_once):
    actor = fresh(Role.EXPERT)
    first, second = two_at_once(*[lambda: sign(actor, EXPERT[0])] * 2)
    assert first == second
    assert Pledge.objects.filter(user=actor.user).count() == 1
    assert Event.objects.filter(kind="pledge.signed").count() == 1
