"""The table of moves, the locks and the rule check, on real rows and two connections."""

import threading

import pytest
from django.db import connection, connections, transaction

from marketplace.base.actor import VISITOR
from marketplace.base.errors import NotAllowed, NotFound, StateConflict
from marketplace.base.locks import lock, lock_shared
from marketplace.base.rules import require
from marketplace.base.states import can_move, move
from marketplace.scenarios.models import Metric, Scenario, State
from tests import world


@pytest.mark.django_db
def test_move_walks_an_edge_and_returns_what_it_left():
    scenario = world.draft_scenario(world.owner())
    assert move(scenario, State.SUBMITTED) == State.DRAFT
    scenario.refresh_from_db()
    assert scenario.state == State.SUBMITTED


@pytest.mark.django_db
def test_move_refuses_what_the_table_does_not_hold():
    scenario = world.draft_scenario(world.owner())
    with pytest.raises(StateConflict) as refused:
        move(scenario, State.PUBLISHED)
    assert (refused.value.status, refused.value.code) == (409, "scenario.state")
    scenario.refresh_from_db()
    assert scenario.state == State.DRAFT


def test_every_state_is_reachable_and_every_target_is_a_state():
    reached = {State.DRAFT} | {to for targets in Scenario.MOVES.values() for to in targets}
    assert reached == set(State)
    assert not can_move(Scenario(state=State.ACCEPTED), State.DRAFT)


def can_never(actor, row):
    return False


def test_require_names_the_rule():
    with pytest.raises(NotAllowed) as refused:
        require(can_never, VISITOR, None)
    assert (refused.value.status, refused.value.code) == (403, "not_allowed.never")


@pytest.mark.django_db
def test_locking_what_is_not_there_is_not_found():
    for locked in (lock, lock_shared):
        with pytest.raises(NotFound):
            locked(Scenario, ref="LG-1999-0001")


def holding(take, scenario_pk, taken, release):
    with transaction.atomic():
        take(Scenario, pk=scenario_pk)
        taken.set()
        release.wait(30)
    connections.close_all()


def waits(take, scenario_pk) -> bool:
    """Whether taking this lock has to wait for the other connection."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = '200ms'")
        try:
            take(Scenario, pk=scenario_pk)
        except Exception as error:
            assert "lock timeout" in str(error)
            return True
    return False


@pytest.mark.parametrize(
    ("held", "wanted", "expected"),
    [(lock_shared, lock_shared, False), (lock_shared, lock, True), (lock, lock_shared, True)],
)
def test_adders_share_and_movers_wait(committing_db, held, wanted, expected):
    scenario = world.published_scenario()
    taken, release = threading.Event(), threading.Event()
    thread = threading.Thread(target=holding, args=(held, scenario.pk, taken, release))
    thread.start()
    assert taken.wait(30)
    assert waits(wanted, scenario.pk) is expected
    release.set()
    thread.join(10)


def test_a_shared_lock_lets_children_in(committing_db):
    """An insert of a child takes FOR KEY SHARE on the parent: FOR SHARE must not stop it."""
    scenario = world.draft_scenario(world.owner())
    taken, release = threading.Event(), threading.Event()
    args = (lock_shared, scenario.pk, taken, release)
    thread = threading.Thread(target=holding, args=args)
    thread.start()
    assert taken.wait(30)
    Metric.objects.create(
        scenario=scenario, position=9, code="M9", name="n", operator=">=", value=1,
        test_method="t", tester="t",
    )  # fmt: skip
    assert thread.is_alive()  # and holds its lock still
    release.set()
    thread.join(30)
