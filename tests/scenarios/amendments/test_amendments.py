"""What may change, by whom and when, what it does to the deadline, and that nothing else changes."""

import hashlib
import json
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import DatabaseError, transaction

from marketplace.base import clock as database_clock
from marketplace.base.actor import VISITOR, Role
from marketplace.base.errors import (
    DeadlinePassed,
    Invalid,
    NotAllowed,
    NotFound,
    Stale,
    StateConflict,
)
from marketplace.bidding.forms_schema import demands_of
from marketplace.bidding.in_force import demands_of_bid, demands_then
from marketplace.bidding.models import BidState
from marketplace.bidding.replay import Replay
from marketplace.bidding.sheet import sealing_sheet
from marketplace.ledger.log import sequencer
from marketplace.ledger.models import Audience, Event
from marketplace.scenarios.amendments.actions import (
    draft_amendment,
    drop_amendment,
    publish_amendment,
)
from marketplace.scenarios.amendments.models import Amendment, AmendmentState
from marketplace.scenarios.amendments.queries import amendments_of, difference
from marketplace.scenarios.amendments.table import AMENDABLE, COLUMNS
from marketplace.scenarios.content import ROWS, TEXTS
from marketplace.scenarios.models import Metric, Publication, Scenario, State
from marketplace.scenarios.queries import PLAIN_FIELDS, stored_content
from marketplace.scenarios.windows import window_end
from tests import world
from tests.bidding import bids
from tests.notices.steps import deliver, ids, told
from tests.scenarios.files import published_files

db = pytest.mark.django_db
DAY = timedelta(days=1)
SMALL = {"contact": "李四 021-00000001"}


def demand(owner=None, **fields):
    deadline = database_clock.now().replace(microsecond=0) + 30 * DAY
    given = {"profile": world.profile("B")} | fields
    scenario = world.published_scenario(owner, deadline_at=deadline, **given)
    world.announce(scenario)
    return scenario


def draft(scenario, actor=None, data=None, reason="测试方法有误。"):
    actor = actor or world.member(scenario.organisation)
    return draft_amendment(
        actor=actor, scenario_uid=scenario.uid, data=data or SMALL, reason=reason
    )


def publish(row, actor=None):
    return publish_amendment(actor=actor or world.officer(), amendment_uid=row.uid)


def metrics(scenario, **changed):
    [row, *_rest] = stored_content(scenario).rows["metrics"]
    return [row | changed, row | {"code": "M2", "name": "误报率", "operator": "<=", "value": "1"}]


# -- Who ---------------------------------------------------------------------------------------------
@db
def test_two_people_and_never_the_one_who_drafted_it():
    scenario, officer = demand(), world.officer()
    for drafter in (world.member(scenario.organisation, Role.EDITOR), officer):
        row = draft(scenario, drafter, {"contact": f"联系人{drafter.user_id}"})
        for actor in (drafter, world.member(scenario.organisation), world.secretary()):
            with pytest.raises(NotAllowed):
                publish(row, actor)
        assert publish(row).state == AmendmentState.PUBLISHED
    for outsider in (world.vendor(), world.owner(), world.secretary()):
        with pytest.raises(NotAllowed):
            draft(scenario, outsider)


@db
def test_a_draft_is_seen_by_owner_and_office_alone():
    scenario = demand()
    row = draft(scenario)
    for actor in (world.member(scenario.organisation), world.officer(), world.secretary()):
        assert list(amendments_of(actor, scenario)) == [row]
    for actor in (VISITOR, world.vendor(), world.owner()):
        assert list(amendments_of(actor, scenario)) == []
        with pytest.raises(NotFound):
            publish(row, actor)
    publish(row)
    assert list(amendments_of(VISITOR, scenario)) == [row]


# -- When --------------------------------------------------------------------------------------------
@db
@pytest.mark.parametrize("state", [State.CLOSED, State.REVIEW, State.WITHDRAWN, State.FAILED])
def test_only_while_it_takes_bids(state):
    scenario = demand()
    row = draft(scenario)
    Scenario.objects.update(state=state)
    with pytest.raises(StateConflict) as closed:
        publish(row)
    assert closed.value.code == "amendment.closed"
    drop_amendment(actor=world.member(scenario.organisation), amendment_uid=row.uid)
    with pytest.raises(StateConflict):
        draft(scenario)


@db
def test_before_the_deadline_to_the_instant(clock):
    scenario = demand()
    row = draft(scenario)
    clock.freeze(scenario.deadline_at)
    with pytest.raises(DeadlinePassed):
        publish(row)
    clock.move(-timedelta(milliseconds=1))
    assert publish(row).number == 1


@db
def test_a_draft_against_an_older_version_is_drafted_anew():
    scenario = demand()
    row = draft(scenario)
    Publication.objects.create(
        scenario=scenario,
        version=2,
        profile=scenario.profile,
        body=b"{}",
        sha256="0" * 64,
        published_by=scenario.published_by,
        published_at=database_clock.now(),
    )
    with pytest.raises(Stale):
        publish(row)


@db
def test_one_draft_at_a_time_and_a_dropped_one_gives_way():
    scenario = demand()
    owner = world.member(scenario.organisation)
    row = draft(scenario, owner)
    with pytest.raises(StateConflict) as pending:
        draft(scenario, owner)
    assert pending.value.code == "amendment.pending"
    assert drop_amendment(actor=owner, amendment_uid=row.uid).state == AmendmentState.DROPPED
    for step in (publish, lambda one: drop_amendment(actor=owner, amendment_uid=one.uid)):
        with pytest.raises(StateConflict):
            step(row)
    assert publish(draft(scenario, owner)).number == 1


def test_two_drafts_at_once_are_one(two_at_once):
    scenario = demand()
    owner = world.member(scenario.organisation)
    results = two_at_once(lambda: draft(scenario, owner), lambda: draft(scenario, owner))
    assert sorted(type(one).__name__ for one in results) == ["Amendment", "StateConflict"]


def test_published_twice_at_once_it_is_in_force_once(two_at_once):
    scenario = demand()
    row, one, other = draft(scenario), world.officer(), world.officer()
    results = two_at_once(lambda: publish(row, one), lambda: publish(row, other))
    assert sorted(type(one).__name__ for one in results) == ["Amendment", "StateConflict"]
    assert Publication.objects.filter(scenario=scenario).count() == 2


def test_a_bid_and_a_change_at_once_both_count(two_at_once):
    scenario, vendor = demand(), world.vendor()
    row, officer = draft(scenario), world.officer()
    results = two_at_once(lambda: bids.bid(scenario, vendor), lambda: publish(row, officer))
    assert [type(one).__name__ for one in results] == ["BidVersion", "Amendment"]


# -- What --------------------------------------------------------------------------------------------
@db
@pytest.mark.parametrize(
    "name", sorted({*PLAIN_FIELDS, *ROWS, "domain", "profile", "technologies"} - set(AMENDABLE))
)
def test_what_never_changes(name):
    with pytest.raises(Invalid) as never:
        draft(demand(), data={name: "x"})
    assert (never.value.code, list(never.value.errors)) == ("amendment.never", [name])


def test_the_table_names_what_there_is():
    assert set(AMENDABLE) - {"deadline_at"} == set(COLUMNS) | set(ROWS)
    assert set(TEXTS) <= set(AMENDABLE)


@db
def test_it_says_why_and_something_must_differ():
    scenario = demand()
    with pytest.raises(Invalid) as silent:
        draft(scenario, reason=" ")
    assert list(silent.value.errors) == ["reason"]
    with pytest.raises(Invalid) as nothing:
        draft(scenario, data={"contact": scenario.contact, "need": scenario.need})
    assert nothing.value.code == "amendment.nothing"


@db
def test_what_would_not_have_been_published_is_refused():
    scenario = demand()
    criteria = stored_content(scenario).rows["criteria"][:-1]
    with pytest.raises(Invalid) as wrong:
        draft(scenario, data={"criteria": criteria, "metrics": []})
    assert {"criteria", "metrics"} <= set(wrong.value.errors)
    assert Amendment.objects.count() == 0


@db
def test_what_it_leaves(clock):
    scenario = demand()
    owner, officer = world.member(scenario.organisation), world.officer()
    row = draft(
        scenario, owner, {"metrics": metrics(scenario, value="99"), "need": "需要实时检测。"}
    )
    scenario.refresh_from_db()
    assert scenario.need == "需要可测量的检测。"  # nothing changed yet
    publish(row, officer)
    scenario.refresh_from_db()
    assert scenario.need == "需要实时检测。"
    found = scenario.metrics.order_by("position").values_list("code", "value")
    assert list(found) == [("M1", Decimal("99")), ("M2", Decimal("1"))]
    publication = scenario.publications.get(version=2)
    body = json.loads(bytes(publication.body))
    assert publication.sha256 == hashlib.sha256(bytes(publication.body)).hexdigest()
    assert (publication.prepared_by, publication.published_by) == (owner.user, officer.user)
    assert (body["version"], body["need"]) == (2, "需要实时检测。")
    assert body["amendment"]["number"] == 1
    first = json.loads(bytes(scenario.publications.get(version=1).body))
    assert body["key_holders"] == first["key_holders"]
    event = Event.objects.get(kind="scenario.amended")
    assert event.subjects == [row.uid, publication.uid, scenario.uid]
    assert event.audience == Audience.PUBLIC
    assert event.data == {
        "ref": scenario.ref,
        "number": 1,
        "version": 2,
        "sha256": publication.sha256,
        "fields": ["metrics", "need"],
        "affects_bids": True,
    }
    row.refresh_from_db()
    assert [(one.name, one.affects) for one in difference(row)] == [
        ("need", True),
        ("metrics", True),
    ]


@db
def test_rows_of_a_posted_demand_change_in_no_other_way():
    scenario = demand()
    publish(draft(scenario))
    # Also in the very transaction of a test, which published one: only of that demand.
    other = demand()
    for change in (
        lambda: Metric.objects.filter(scenario=other).update(value=1),
        lambda: Metric.objects.filter(scenario=other).delete(),
        lambda: Scenario.objects.filter(pk=other.pk).update(need="x"),
        lambda: Scenario.objects.filter(pk=other.pk).update(budget_cny=1),
    ):
        with pytest.raises(DatabaseError, match="frozen"), transaction.atomic():
            change()


def test_the_door_closes_with_the_transaction(committing_db):
    scenario = demand()
    publish(draft(scenario))
    with pytest.raises(DatabaseError, match="frozen"):
        Scenario.objects.filter(pk=scenario.pk).update(need="x")
    row = Amendment.objects.get()
    with pytest.raises(DatabaseError):
        Amendment.objects.filter(pk=row.pk).update(reason="x")
    with pytest.raises(DatabaseError):
        row.delete()


@db
@pytest.mark.usefixtures("own_storage")
def test_the_first_text_that_was_published_stays_whole():
    owner, scenario, _public, _restricted = published_files()
    first = bytes(scenario.publications.get(version=1).body)
    publish(draft(scenario, owner))
    one, other = (json.loads(bytes(row.body)) for row in scenario.publications.order_by("version"))
    assert bytes(scenario.publications.get(version=1).body) == first
    differing = {name for name in {*one, *other} if one.get(name) != other.get(name)}
    assert differing == {"contact", "version", "amendment"}


# -- The deadline --------------------------------------------------------------------------------------
@db
@pytest.mark.parametrize(
    ("code", "version", "lead"), [("A", 2, 5), ("A", None, 5), ("B", None, 15)]
)
def test_a_change_that_affects_bids_leaves_the_profile_s_time_or_moves_it(
    clock, code, version, lead
):
    scenario = demand(profile=world.profile(code, version))
    before = scenario.deadline_at
    clock.freeze(before - (lead + 1) * DAY)
    publish(draft(scenario, data={"need": "甲"}))
    scenario.refresh_from_db()
    assert scenario.deadline_at == before
    clock.freeze(before - (lead - 2) * DAY)
    row = publish(draft(scenario, data={"need": "乙"}))
    scenario.refresh_from_db()
    least = window_end(scenario.profile, "amendment_lead_min", clock.now())
    assert least <= scenario.deadline_at < least + DAY
    assert (row.deadline_before_at, row.deadline_after_at) == (before, scenario.deadline_at)
    event = Event.objects.get(kind="scenario.deadline_extended")
    assert (event.data["cause"], event.data["amendment"]) == ("amendment", 2)


@db
def test_a_change_that_affects_no_bid_moves_nothing(clock):
    scenario = demand()
    before = scenario.deadline_at
    clock.freeze(before - timedelta(hours=1))
    publish(draft(scenario, data={"title": "新题目", "summary": "新的公开摘要，说明需求的来由。"}))
    scenario.refresh_from_db()
    assert scenario.deadline_at == before


@db
def test_a_later_deadline_may_be_asked_for_and_an_earlier_one_never():
    scenario = demand()
    before = scenario.deadline_at
    with pytest.raises(Invalid) as earlier:
        draft(scenario, data={"deadline_at": before - timedelta(seconds=1)})
    assert list(earlier.value.errors) == ["deadline_at"]
    publish(draft(scenario, data={"deadline_at": before + DAY}))
    scenario.refresh_from_db()
    assert scenario.deadline_at == before + DAY


@db
def test_the_opener_reads_it_from_the_log(clock, settings):
    scenario = demand()
    publish(draft(scenario, data={"deadline_at": scenario.deadline_at + DAY}))
    scenario.refresh_from_db()
    sequencer.seal_batch()
    replay = Replay(settings.OPENER_LOG_VKEY)
    replay.advance()
    told_of = replay.announced(scenario.uid)
    assert told_of.deadline_at == scenario.deadline_at
    keys = dict(scenario.envelope_keys.values_list("envelope", "recipient"))
    assert told_of.recipients == keys


# -- Bids ----------------------------------------------------------------------------------------------
@db
@pytest.mark.usefixtures("own_storage")
def test_a_bid_that_was_in_opens_by_what_was_asked_when_it_came(clock):
    owner, scenario, _public, _restricted = published_files()
    vendor, later = world.vendor(), world.vendor()
    bid = bids.bid(scenario, vendor).bid
    clock.move(timedelta(minutes=1))
    publish(draft(scenario, owner, {"metrics": [
        *stored_content(scenario).rows["metrics"],
        stored_content(scenario).rows["metrics"][0] | {"code": "M9", "name": "吞吐"},
    ]}))  # fmt: skip
    scenario.refresh_from_db()
    now = demands_of(scenario, vendor.organisation).metrics
    assert now[-1] == "M9"
    then = demands_of_bid(scenario, bid)
    assert then.metrics == now[:-1]
    assert then.budget_cny == scenario.budget_cny
    assert then.consortium_max == demands_of(scenario, vendor.organisation).consortium_max
    at = clock.now()
    assert demands_then(scenario, vendor.organisation, at) == demands_of(
        scenario, vendor.organisation
    )
    schema = sealing_sheet(later, scenario)["schema"]["technical"]
    assert "M9" in schema["properties"]["commitments"]["required"]
    bid.refresh_from_db()
    assert bid.state == BidState.SUBMITTED


@db
def test_bidders_are_told_and_nobody_learns_of_them():
    owner, vendor, officer = world.owner(), world.vendor(), world.officer()
    scenario = demand(owner)
    bids.bid(scenario, vendor)
    row = draft(scenario, owner)
    deliver()
    assert told("amendment.drafted") == ids(officer)
    publish(row, officer)
    deliver()
    assert told("bidders.amended") == ids(vendor)
    assert vendor.user.pk not in told("scenario.amended")
    assert owner.user.pk in told("scenario.amended")
