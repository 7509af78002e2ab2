"""Twice at once is once."""

from marketplace.scenarios.watching.actions import watch_scenario
from marketplace.scenarios.watching.models import Watch
from tests import world


def test_two_at_once_watch_once(two_at_once):
    scenario, vendor = world.published_scenario(), world.vendor()

    def begin():
        return watch_scenario(actor=vendor, scenario_uid=scenario.uid).pk

    first, second = two_at_once(begin, begin)
    assert first == second
    assert Watch.objects.count() == 1
