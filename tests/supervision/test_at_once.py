"""The same deed twice at one moment."""

from datetime import timedelta

from marketplace.base import clock
from marketplace.base.actor import Role
from marketplace.ledger.models import Event
from marketplace.supervision.actions import end_inspection, send_tip
from marketplace.supervision.models import InspectionEnd, Tip
from tests import world
from tests.supervision.test_inspections import ask


def test_two_ends_are_one(two_at_once):
    inspector = world.person(Role.INSPECTOR)
    made = ask(inspector, clock.now(), until_at=clock.now() + timedelta(hours=1))
    first, second = two_at_once(
        *[lambda: end_inspection(actor=inspector, inspection_uid=made.uid)] * 2
    )
    assert first == second
    assert InspectionEnd.objects.count() == 1
    assert Event.objects.filter(kind="inspection.ended").count() == 1


def test_two_tips_are_two(two_at_once):
    first, second = two_at_once(*[lambda: send_tip(text="同一句话。")] * 2)
    assert first.number != second.number
    assert first.secret != second.secret
    assert Tip.objects.count() == 2
