"""The same step of a draw from two connections: one of them wins, the other is told."""

from marketplace.base.errors import StateConflict
from marketplace.committee.draw import actions, drawing
from marketplace.committee.draw.models import Draw, DrawDeposit, DrawInvitation, DrawResult
from marketplace.ledger.log import sequencer
from marketplace.ledger.models import Event
from tests import world
from tests.bidding.bids import identity
from tests.committee import factories
from tests.committee.draw import steps


def prepare(scenario, actor):
    return actions.prepare_draw(actor=actor, scenario_uid=scenario.uid, strata=steps.STRATA)


def test_two_secretaries_propose_at_once(two_at_once):
    scenario = factories.scenario_in_review()
    both = [world.secretary(), world.secretary()]
    results = two_at_once(*[lambda actor=actor: prepare(scenario, actor) for actor in both])
    assert {draw.pk for draw in results} == set(Draw.objects.values_list("pk", flat=True))
    assert Draw.objects.count() == 1


def test_two_secretaries_deposit_at_once(two_at_once):
    draw = steps.prepared()
    both = [world.secretary(), world.secretary()]
    results = two_at_once(*[lambda a=actor: steps.deposit(draw, a) for actor in both])
    assert sum(isinstance(result, StateConflict) for result in results) == 1
    assert DrawDeposit.objects.count() == 1


def test_two_secretaries_commit_at_once(two_at_once):
    steps.pool()
    draw = steps.deposited()
    both = [world.secretary(), world.secretary()]
    results = two_at_once(
        *[lambda a=actor: actions.commit_draw(actor=a, draw_uid=draw.uid) for actor in both]
    )
    assert sum(isinstance(result, StateConflict) for result in results) == 1
    assert Event.objects.filter(kind="draw.committed").count() == 1


def test_two_openers_draw_once(two_at_once):
    steps.pool()
    draw = steps.committed()
    sequencer.seal_batch()
    results = two_at_once(*[lambda: drawing.draw_committed(identity())] * 2)
    assert sorted(results) == [0, 1]
    assert DrawResult.objects.filter(draw=draw).count() == 1
    assert DrawInvitation.objects.filter(draw=draw).count() == 3
