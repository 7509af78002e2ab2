import hashlib
import json
from datetime import UTC, datetime

import pytest
from django.db import transaction

from marketplace.base.actor import SYSTEM
from marketplace.ledger import actions as ledger
from marketplace.ledger.models import Audience, Event, PendingEvent
from marketplace.ledger.queries import history
from tests import world


@pytest.mark.django_db
def test_an_event_says_who_what_and_when(clock):
    clock.freeze(datetime(2026, 11, 22, 9, 0, 0, 5000, tzinfo=UTC))
    actor, scenario = world.officer(), world.published_scenario()
    event = ledger.append(
        "scenario.closed",
        actor=actor,
        subjects=[scenario.uid],
        audience=Audience.PUBLIC,
        from_state="published",
        to_state="closed",
        reason="时间已到",
        profile_version="A/1",
        data={"ref": scenario.ref},
    )
    body = json.loads(bytes(event.body))
    assert body["at"] == "2026-11-22T09:00:00.005Z"
    assert body["actor"] == str(actor.user.uid)
    assert body["organisation"] == str(actor.organisation.uid)
    assert (body["kind"], body["from"], body["to"]) == ("scenario.closed", "published", "closed")
    assert body["subjects"] == [str(scenario.uid)]
    assert body["data"] == {"ref": scenario.ref}
    assert list(history(scenario.uid)) == [event]
    assert PendingEvent.objects.filter(event_id=event.pk).count() == 1


@pytest.mark.django_db
def test_reasons_and_inputs_are_salted():
    event = ledger.append("a.b", actor=SYSTEM, subjects=[], reason="理由", inputs={"price": "1"})
    assert event.reason_hash != hashlib.sha256("理由".encode()).hexdigest()
    other = ledger.append("a.b", actor=SYSTEM, subjects=[], reason="理由", inputs={"price": "1"})
    assert event.reason_hash != other.reason_hash
    assert event.input_hash != other.input_hash
    assert "理由" not in bytes(event.body).decode()


@pytest.mark.django_db
def test_only_public_events_are_public_history():
    scenario = world.published_scenario()
    ledger.append("bid.submitted", actor=SYSTEM, subjects=[scenario.uid])
    assert list(history(scenario.uid)) == []


def test_an_event_needs_a_transaction(committing_db):
    with pytest.raises(AssertionError):
        ledger.append("a.b", actor=SYSTEM, subjects=[])


def test_an_event_is_gone_with_its_transaction(committing_db):
    with pytest.raises(RuntimeError), transaction.atomic():
        ledger.append("a.b", actor=SYSTEM, subjects=[])
        raise RuntimeError
    assert not Event.objects.exists()
    assert not PendingEvent.objects.exists()


@pytest.mark.django_db
def test_projections_run_inside_the_transaction(monkeypatch):
    seen = []
    monkeypatch.setitem(ledger.PROJECTIONS, "a.b", [lambda event: seen.append(event.kind)])
    ledger.append("a.b", actor=SYSTEM, subjects=[])
    ledger.append("a.c", actor=SYSTEM, subjects=[])
    assert seen == ["a.b"]
