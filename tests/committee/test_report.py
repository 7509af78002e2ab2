import hashlib
import json
from decimal import Decimal

import pytest
from django.db import DatabaseError, transaction

from marketplace.base.actor import Role
from marketplace.base.canonical import canonical
from marketplace.base.errors import NotAllowed, NotFound, StateConflict, TooEarly
from marketplace.bidding.models import Bid, BidState, OpeningState
from marketplace.committee import actions, arithmetic, queries
from marketplace.committee.models import PanelState, Report
from marketplace.committee.signing.actions import told_words
from marketplace.ledger.models import Event
from marketplace.scenarios.models import State
from tests import world
from tests.committee import factories

pytestmark = pytest.mark.django_db


def finish(scenario, actor=None):
    return factories.finish(scenario, actor)


def states(scenario):
    return dict(Bid.objects.filter(scenario=scenario).values_list("blind_code", "state"))


def test_the_report_can_be_recomputed_from_itself():
    scenario = factories.reported(3)
    report = Report.objects.get()
    raw = bytes(report.body)
    assert hashlib.sha256(raw).hexdigest() == report.sha256
    body = json.loads(raw)
    again = json.loads(canonical(queries.ranked(body, arithmetic.recompute(body))))
    assert again == {"ranking": body["ranking"], "price_basis_cny": "800000.00"}
    assert body["profile"] == scenario.profile.label
    assert body["judges"] == ["J1", "J2", "J3"]
    assert body["formula"] == "jiebang-score/2"


def test_finishing_leaves_ranking_candidates_losers_and_an_event():
    shares = {"B1": "0.7", "B2": "0.95", "B3": "0.9", "B4": "0.8", "B5": "0.4"}
    scenario = factories.reported(5, {code: Decimal(s) for code, s in shares.items()})
    assert scenario.state == State.DECISION
    assert scenario.panel.state == PanelState.REPORTED
    places = dict(scenario.report.ranking.values_list("bid__blind_code", "place"))
    assert places == {"B2": 1, "B3": 2, "B4": 3, "B1": 4, "B5": None}
    assert states(scenario) == {
        "B1": BidState.LOST,
        "B2": BidState.CANDIDATE,
        "B3": BidState.CANDIDATE,
        "B4": BidState.CANDIDATE,
        "B5": BidState.LOST,
    }
    event = Event.objects.get(kind="review.finished")
    assert (event.from_state, event.to_state) == (State.REVIEW, State.DECISION)
    blinded = canonical(queries.blinded(json.loads(bytes(scenario.report.body))))
    said = canonical(told_words(scenario.report, scenario.panel))
    assert event.data == {
        "sha256": scenario.report.sha256,
        "scores_sha256": hashlib.sha256(blinded).hexdigest(),
        "words_sha256": hashlib.sha256(said).hexdigest(),
    }


def test_nobody_over_the_pass_line_is_a_failure():
    scenario = factories.reported(2, {"B1": Decimal("0.3"), "B2": Decimal("0.4")})
    assert (scenario.state, scenario.failure) == (State.FAILED, "below_pass_line")
    assert set(states(scenario).values()) == {BidState.LOST}
    assert scenario.report.ranking.filter(place=None).count() == 2


def test_a_price_over_the_budget_is_not_ranked():
    scenario = factories.scenario_in_review(2)
    factories.scored(scenario)
    factories.open_prices(scenario, {"B1": "1000000.01", "B2": "900000"})
    report = finish(scenario)
    assert dict(report.ranking.values_list("bid__blind_code", "place")) == {"B1": None, "B2": 1}


def test_not_before_every_sheet_is_locked_and_the_prices_are_open():
    scenario = factories.scenario_in_review(1)
    with pytest.raises(NotFound):
        finish(scenario)
    factories.scoring_panel(scenario)
    with pytest.raises(TooEarly) as refused:
        finish(scenario)
    assert refused.value.code == "review.sheets_open"


def test_not_before_the_price_opening_is_finished():
    scenario = factories.scenario_in_review(1)
    factories.scored(scenario)
    with pytest.raises(TooEarly) as refused:
        finish(scenario)
    assert refused.value.code == "review.prices_closed"
    scenario.openings.update(state=OpeningState.CONFIRMED)
    with pytest.raises(TooEarly):
        finish(scenario)
    factories.open_prices(scenario, {"B1": "900000"})
    with pytest.raises(NotAllowed):
        finish(scenario, world.officer())
    finish(scenario)
    with pytest.raises(StateConflict):
        finish(scenario)


def test_the_report_and_its_ranking_cannot_be_changed():
    scenario = factories.reported(1)
    for rows in (Report.objects.all(), scenario.report.ranking.all()):
        with pytest.raises(DatabaseError), transaction.atomic():
            rows.delete()


def test_trimming_by_the_profile_shows_raw_and_trimmed():
    scenario = factories.scenario_in_review(1, profile=world.profile("B"))
    _panel, judges = factories.scoring_panel(scenario, factories.experts(5))
    shares = [Decimal(share) for share in ("0.10", "0.80", "0.80", "0.80", "1.00")]
    for stage in ("technical", "named"):
        for judge, share in zip(judges, shares, strict=True):
            sheet = factories.sheets(judge, stage).get()
            factories.fill(judge, sheet, share)
            actions.lock_sheet(actor=judge, sheet_uid=sheet.uid)
    factories.open_prices(scenario, {"B1": "900000"})
    line = json.loads(bytes(finish(scenario).body))["ranking"][0]
    assert line["technical"]["left_out"] == ["J1", "J5"]
    assert (line["technical"]["raw"], line["technical"]["score"]) == ("49.00", "56.00")
    assert line["total"] == "82.00"


def test_who_reads_the_report():
    scenario = factories.reported(1)
    judge = world.Actor("expert", next(iter(scenario.panel.members.all())).user)
    owner = world.member(scenario.organisation)
    for actor in (world.officer(), world.secretary(), owner, judge):
        assert queries.report_of(actor, scenario).scenario == scenario
    bidder = world.member(scenario.bids.get().organisation)
    for actor in (bidder, world.vendor(), world.owner(), world.person(Role.EXPERT)):
        with pytest.raises(NotFound):
            queries.report_of(actor, scenario)
