"""Who may do what to an organisation."""

import pytest

from marketplace.accounts.pledges import PledgeText
from marketplace.accounts.rules import can_sign_pledge, can_verify_organisation
from marketplace.base.actor import OPENER, SYSTEM, VISITOR, Role
from tests import world
from tests.matrix import cells, rules_of

pytestmark = pytest.mark.django_db

# owner: of the organisation itself
WHO = (
    "visitor owner vendor officer secretary"
    " expert evaluator witness complaints inspector operator system opener"
)
#                               vi ow ve of se ex ev wi co in op sy op
MATRIX = {
    can_verify_organisation: "  -  -  -  +  -  -  -  -  -  -  -  -  -",
    # the text of those in office and of key holders, who may sign before being appointed
    can_sign_pledge: "          -  +  +  +  +  -  +  +  +  +  +  -  -",
}


def actor_called(who, organisation):
    fixed = {"visitor": VISITOR, "system": SYSTEM, "opener": OPENER}
    if who in fixed:
        return fixed[who]
    made = {
        "owner": lambda: world.member(organisation),
        "vendor": world.vendor,
        "officer": world.officer,
        "secretary": world.secretary,
    }
    return made[who]() if who in made else world.person(Role(who))


@pytest.mark.parametrize(("rule", "who", "allowed"), cells(WHO, MATRIX))
def test_matrix(rule, who, allowed):
    organisation = world.make_organisation(is_vendor=True)
    subject = organisation
    if rule is can_sign_pledge:
        subject = PledgeText.objects.get(code="integrity-duty", version=1)
    assert rule(actor_called(who, organisation), subject) is allowed


def test_the_office_does_not_verify_itself():
    officer = world.officer()
    assert can_verify_organisation(officer, officer.organisation) is False


def test_every_rule_has_a_row():
    assert rules_of("accounts") == set(MATRIX)
