"""Leaves that somebody appends who may append: the opener refuses, the nightly check names them."""

from datetime import timedelta

import pytest
from django.db import transaction

from marketplace.base import clock as site_clock
from marketplace.base.actor import SYSTEM
from marketplace.bidding.models import OpenedEnvelope, Opening, OpeningStage
from marketplace.bidding.opener import open_confirmed
from marketplace.ledger import actions as ledger
from marketplace.ledger.log import checking, sequencer
from marketplace.ledger.models import Audience, Event
from marketplace.scenarios.models import Scenario, State
from tests import world
from tests.bidding import bids

pytestmark = pytest.mark.django_db


def forge(kind, subjects, **data):
    """The row alone: no action, no projection."""
    with transaction.atomic():
        ledger.write(
            ledger.compose(
                kind,
                at=site_clock.now(),
                actor=SYSTEM,
                subjects=subjects,
                audience=Audience.PUBLIC,
                from_state="",
                to_state="",
                reason="",
                profile_version="",
                inputs=None,
                data=data,
            )
        )


def again(scenario, kind, **changes):
    """The true entry once more, with other words in it."""
    true = Event.objects.filter(kind=kind, subjects__contains=[scenario.uid]).latest("pk")
    forge(kind, list(true.subjects), **true.data | changes)


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("scenario.published", {"confirmations": 1}),
        ("scenario.closed", {}),
        ("scenario.closed", {"deadline_at": "2026-01-01T00:00:00.000Z"}),
    ],
)
def test_beside_the_true_one_it_stops_the_opening(clock, caplog, kind, changes):
    scenario = bids.waiting(clock)
    again(scenario, kind, **changes)
    bids.confirm(scenario)
    assert open_confirmed(bids.identity()) == 0
    assert OpenedEnvelope.objects.count() == 0
    assert "contradicted_in_log" in str([line.msg for line in caplog.records])
    found = checking.run()
    assert str(scenario.uid) in found.problem


def test_an_extension_that_no_outage_gives_stops_the_opening(clock):
    scenario = bids.waiting(clock)
    deadline = scenario.deadline_at
    start = deadline - timedelta(minutes=5)
    forge(
        "scenario.deadline_extended",
        [scenario.uid],
        deadline_at=deadline + timedelta(days=1),
        before=deadline,
        outages=[{"from_at": start, "until_at": deadline}],
        seconds=300,
    )
    sequencer.seal_batch()
    assert "announced rule" in checking.run().problem


def test_scores_locked_by_a_forger_are_locked_twice_when_the_panel_locks_them(clock):
    scenario = world.published_scenario()
    bids.bid(scenario)
    bids.open_first(scenario, clock)
    assert checking.run().problem == ""
    forge("panel.technical_locked", [scenario.uid], scenario=scenario.uid)
    Scenario.objects.update(state=State.REVIEW)
    bids.request_prices(scenario, world.secretary())
    bids.confirm(scenario, OpeningStage.PRICE)
    assert open_confirmed(bids.identity()) == 0
    assert Opening.objects.get(stage=OpeningStage.PRICE).state == "confirmed"
    assert "a second time" in checking.run().problem
