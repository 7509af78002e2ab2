"""Two transactions that change the same sums of the board."""

from django.db import connection

from marketplace.scenarios import tallies
from marketplace.scenarios.models import Scenario, State
from tests import world
from tests.scenarios.test_board import sums


def test_two_that_change_the_same_sums_at_once(two_at_once):
    first, second = world.published_scenario(), world.published_scenario()

    def swap(scenario, *states):
        def run():
            for state in states:
                Scenario.objects.filter(pk=scenario.pk).update(state=state)

        return run

    there = [State.FAILED, State.REVIEW] * 10
    assert two_at_once(swap(first, *there), swap(second, *reversed(there))) == [None, None]
    kept = sums()
    with connection.cursor() as cursor:
        cursor.execute(tallies.RECOUNT)
    assert sums() == kept
