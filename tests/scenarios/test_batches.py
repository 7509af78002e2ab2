"""批次: call, demands, tasks, announcement — who, when on each side, at once, what it leaves."""

from __future__ import annotations

import json
from datetime import date, timedelta

import pytest
from django.db import DatabaseError, transaction
from django.test import Client
from django.urls import reverse
from hypothesis import given as drawn
from hypothesis import strategies as st

from marketplace.base import clock as real_clock
from marketplace.base.actor import VISITOR, Role
from marketplace.base.errors import (
    DeadlinePassed,
    Invalid,
    NotAllowed,
    NotFound,
    Stale,
    StateConflict,
    TooEarly,
)
from marketplace.ledger.models import Audience, Event
from marketplace.scenarios import actions
from marketplace.scenarios.batches.lights import AMBER, GREEN, RED, WARN_DAYS, light
from marketplace.scenarios.batches.models import Batch, BatchDemand, BatchState, BatchTask
from marketplace.scenarios.models import BEFORE_PUBLICATION, Publication, Scenario, State
from tests import world
from tests.scenarios import typed

DAY = timedelta(days=1)


def data(**changed):
    return {
        "number": "1",
        "title": "第一批需求征集",
        "title_en": "First call",
        "call_number": "沪临网办〔2026〕1号（虚构）",
        "text": "面向园区企业征集网络安全需求。",
        "closes_at": real_clock.now() + 10 * DAY,
    } | changed


def called(officer=None, **changed):
    officer = officer or world.officer()
    row = actions.create_batch(actor=officer, data=data(**changed))
    return actions.call_batch(actor=officer, batch_uid=row.uid)


def join(owner, scenario, batch):
    return actions.file_under_call(actor=owner, scenario_uid=scenario.uid, batch_uid=batch.uid)


def gathered(clock, *scenarios, officer=None):
    """Announced next: the call is over and these stand in the batch."""
    officer = officer or world.officer()
    row = called(officer)
    for scenario in scenarios:
        actions.take_into_batch(actor=officer, scenario_uid=scenario.uid, batch_uid=row.uid)
    clock.freeze(row.closes_at)
    return actions.gather_batch(actor=officer, batch_uid=row.uid)


def announce(batch, scenarios, actor=None, **given):
    given = {
        "announcement_number": "沪临网办公告〔2026〕1号（虚构）",
        "key_holder_uids": given.pop("holders", None) or typed.holders(),
        "deadline_at": real_clock.now() + 40 * DAY,
    } | given
    return actions.announce_batch(
        actor=actor or world.officer(),
        batch_uid=batch.uid,
        scenario_uids=[scenario.uid for scenario in scenarios],
        **given,
    )


# -- The call --------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_a_draft_is_the_office_s_and_a_call_everybody_s():
    officer = world.officer()
    row = actions.create_batch(actor=officer, data=data())
    for who, seen in ((world.secretary(), 1), (VISITOR, 0), (world.owner(), 0)):
        assert Batch.objects.visible_to(who).count() == seen
    for actor in (world.secretary(), world.owner()):
        with pytest.raises(NotAllowed):
            actions.create_batch(actor=actor, data=data(number="2"))
    actions.call_batch(actor=officer, batch_uid=row.uid)
    assert Batch.objects.visible_to(VISITOR).count() == 1
    event = Event.objects.get(kind="batch.called")
    assert (event.audience, event.subjects) == (Audience.PUBLIC, [row.uid])
    assert event.data["number"] == 1
    with pytest.raises(StateConflict):
        actions.call_batch(actor=officer, batch_uid=row.uid)
    with pytest.raises(StateConflict):
        actions.save_batch(actor=officer, batch_uid=row.uid, revision=1, data={"text": "x"})
    for change in ({"text": "别的"}, {"closes_at": row.closes_at - DAY}, {"number": 9}):
        with pytest.raises(DatabaseError), transaction.atomic():
            Batch.objects.update(**change)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"number": ""}, "number"),
        ({"number": "0"}, "number"),
        ({"number": "一"}, "number"),
        ({"title": "长" * 121}, "title"),
        ({"closes_at": "明天"}, "closes_at"),
        ({"text": "a\x00"}, "text"),
    ],
)
def test_what_cannot_be_read_is_told_beside_its_field(changed, field):
    with pytest.raises(Invalid) as refused:
        actions.create_batch(actor=world.officer(), data=data(**changed))
    assert set(refused.value.errors) == {field}


@pytest.mark.django_db
def test_a_call_is_whole_numbers_are_single_and_saves_are_not_lost():
    officer = world.officer()
    row = actions.create_batch(actor=officer, data={"number": "3"})
    with pytest.raises(Invalid) as refused:
        actions.call_batch(actor=officer, batch_uid=row.uid)
    assert set(refused.value.errors) == {"title", "call_number", "text", "closes_at"}
    with pytest.raises(Invalid):
        actions.create_batch(actor=officer, data={"number": "3"})
    actions.save_batch(actor=officer, batch_uid=row.uid, revision=1, data={"title": "甲"})
    with pytest.raises(Stale):
        actions.save_batch(actor=officer, batch_uid=row.uid, revision=1, data={"title": "乙"})


# -- Its demands -----------------------------------------------------------------------------------
@pytest.mark.django_db
def test_filed_strictly_before_the_call_ends(clock):
    clock.freeze(clock.now())
    batch, owner = called(), world.owner()
    first, second = (world.draft_scenario(owner, state=State.SUBMITTED) for _ in range(2))
    clock.freeze(batch.closes_at - timedelta(milliseconds=1))
    join(owner, first, batch)
    clock.freeze(batch.closes_at)
    with pytest.raises(DeadlinePassed):
        join(owner, second, batch)
    with pytest.raises(DeadlinePassed):
        actions.leave_batch(actor=owner, scenario_uid=first.uid)
    officer = world.officer()
    actions.take_into_batch(actor=officer, scenario_uid=second.uid, batch_uid=batch.uid)
    actions.leave_batch(actor=officer, scenario_uid=first.uid)
    assert [row.scenario for row in BatchDemand.objects.all()] == [second]


@pytest.mark.django_db
@pytest.mark.parametrize("state", BEFORE_PUBLICATION)
def test_only_what_is_filed_joins(state):
    batch, owner = called(), world.owner()
    scenario = world.draft_scenario(owner, state=state)
    if state in {State.DRAFT, State.REJECTED}:
        with pytest.raises(StateConflict):
            join(owner, scenario, batch)
    else:
        assert join(owner, scenario, batch).batch == batch


@pytest.mark.django_db
def test_in_at_most_one_batch_and_by_the_right_people():
    first, second, owner = called(), called(number="2"), world.owner()
    scenario = world.draft_scenario(owner, state=State.SUBMITTED)
    viewer = world.member(owner.organisation, Role.VIEWER)
    for actor, refusal in ((viewer, NotAllowed), (world.officer(), NotAllowed)):
        with pytest.raises(refusal):
            join(actor, scenario, first)
    for stranger in (world.owner(), world.vendor()):
        with pytest.raises(NotFound):
            join(stranger, scenario, first)
    join(owner, scenario, first)
    with pytest.raises(StateConflict) as refused:
        join(owner, scenario, second)
    assert refused.value.code == "batch.taken"
    event = Event.objects.get(kind="batch.joined")
    assert (event.audience, event.subjects) == (Audience.PARTIES, [first.uid, scenario.uid])
    assert BatchDemand.objects.visible_to(world.vendor()).count() == 0
    actions.leave_batch(actor=owner, scenario_uid=scenario.uid)
    join(owner, scenario, second)


def test_one_demand_under_two_calls_at_once_stands_in_one(two_at_once):
    first, second, owner = called(), called(number="2"), world.owner()
    scenario = world.draft_scenario(owner, state=State.SUBMITTED)
    results = two_at_once(
        lambda: join(owner, scenario, first), lambda: join(owner, scenario, second)
    )
    assert sorted(type(one).__name__ for one in results) == ["BatchDemand", "StateConflict"]


@pytest.mark.django_db
def test_gathered_once_the_time_is_over(clock):
    clock.freeze(clock.now())
    batch, officer = called(), world.officer()
    clock.freeze(batch.closes_at - timedelta(milliseconds=1))
    with pytest.raises(TooEarly):
        actions.gather_batch(actor=officer, batch_uid=batch.uid)
    clock.freeze(batch.closes_at)
    actions.gather_batch(actor=officer, batch_uid=batch.uid)
    with pytest.raises(StateConflict):
        actions.gather_batch(actor=officer, batch_uid=batch.uid)


@pytest.mark.django_db
def test_a_cancelled_batch_lets_its_demands_go(clock):
    scenario = typed.demonstrated()
    batch, officer = gathered(clock, scenario), world.officer()
    with pytest.raises(Invalid):
        actions.cancel_batch(actor=officer, batch_uid=batch.uid, reason=" ")
    actions.cancel_batch(actor=officer, batch_uid=batch.uid, reason="需求不足。")
    assert BatchDemand.objects.count() == 0
    assert Event.objects.get(kind="batch.cancelled").audience == Audience.PUBLIC
    assert Batch.objects.visible_to(VISITOR).get().state == BatchState.CANCELLED


# -- The announcement ------------------------------------------------------------------------------
@pytest.mark.django_db
def test_several_demands_are_published_at_one_moment(clock):
    scenarios = [typed.demonstrated() for _ in range(3)]
    left_out = world.draft_scenario(world.owner(), state=State.SUBMITTED)
    batch = gathered(clock, *scenarios, left_out)
    with pytest.raises(StateConflict) as refused:
        actions.publish_scenario(
            actor=world.officer(), scenario_uid=scenarios[0].uid, key_holder_uids=typed.holders()
        )
    assert refused.value.code == "batch.gathered"
    officer = world.officer()
    announce(batch, scenarios, officer)
    rows = Scenario.objects.filter(state=State.PUBLISHED)
    assert len({row.published_at for row in rows}) == 1
    assert sorted(row.pk for row in rows) == sorted(row.pk for row in scenarios)
    batch.refresh_from_db()
    assert (batch.state, batch.announced_by, batch.announced_at) == (
        BatchState.ANNOUNCED,
        officer.user,
        rows[0].published_at,
    )
    event = Event.objects.get(kind="batch.announced")
    assert event.audience == Audience.PUBLIC
    assert event.data["demands"] == sorted(row.ref for row in rows)
    frozen = [json.loads(bytes(row.body)) for row in Publication.objects.all()]
    assert [body["batch"] for body in frozen] == [1, 1, 1]
    assert not BatchDemand.objects.filter(scenario=left_out).exists()


@pytest.mark.django_db
def test_all_or_none_and_each_demand_says_why(clock):
    good = typed.demonstrated()
    bare = world.draft_scenario(world.owner(), state=State.DEMONSTRATED)
    early = world.draft_scenario(world.owner(), state=State.SUBMITTED)
    batch = gathered(clock, good, bare, early)
    with pytest.raises(Invalid) as refused:
        announce(batch, [good, bare, early])
    errors = refused.value.errors
    assert refused.value.code == "batch.not_published"
    assert set(errors) == {f"demand-{bare.uid}", f"demand-{early.uid}"}
    assert len(errors[f"demand-{bare.uid}"]) == 5
    assert Publication.objects.count() == 0
    assert Event.objects.filter(kind="scenario.published").count() == 0
    announce(batch, [good])
    good.refresh_from_db()
    assert good.state == State.PUBLISHED


@pytest.mark.django_db
def test_who_announces_and_what_must_be_told(clock):
    scenario = typed.demonstrated()
    batch = gathered(clock, scenario)
    for actor in (world.secretary(), world.owner()):
        with pytest.raises(NotAllowed):
            announce(batch, [scenario], actor)
    for given, fields in (
        ({"announcement_number": ""}, {"announcement_number"}),
        ({"holders": [world.make_user().uid]}, {f"demand-{scenario.uid}"}),
    ):
        with pytest.raises(Invalid) as refused:
            announce(batch, [scenario], **given)
        assert set(refused.value.errors) == fields
    for chosen in ([], [typed.demonstrated()]):
        with pytest.raises(Invalid) as refused:
            announce(batch, chosen)
        assert set(refused.value.errors) == {"demands"}
    announce(batch, [scenario])
    with pytest.raises(StateConflict):
        announce(batch, [scenario])


@pytest.mark.django_db
def test_who_prepared_one_of_them_does_not_announce_it(clock):
    officer = world.officer()
    scenario = world.draft_scenario(world.owner(), state=State.DEMONSTRATED)
    world.documents(scenario, prepared_by=officer)
    batch = gathered(clock, scenario)
    with pytest.raises(Invalid) as refused:
        announce(batch, [scenario], officer)
    assert set(refused.value.errors) == {f"demand-{scenario.uid}"}


def test_announced_twice_at_once_is_announced_once(two_at_once):
    officer, scenario = world.officer(), typed.demonstrated()
    row = called(officer)
    actions.take_into_batch(actor=officer, scenario_uid=scenario.uid, batch_uid=row.uid)
    # The time of the call is over without moving the clock of two connections.
    Batch.objects.update(state=BatchState.GATHERED, gathered_at=real_clock.now())
    people, holders = [world.officer(), world.officer()], typed.holders()
    results = two_at_once(
        *[lambda a=actor: announce(row, [scenario], a, holders=holders) for actor in people]
    )
    assert sorted(type(one).__name__ for one in results) == ["Batch", "StateConflict"]
    assert Publication.objects.count() == 1


# -- The task list ---------------------------------------------------------------------------------
DAYS = st.dates(min_value=date(2026, 1, 1), max_value=date(2027, 12, 31))


@drawn(DAYS, DAYS, DAYS, st.integers(min_value=0, max_value=100))
def test_the_colour_follows_from_dates_and_progress(today, begun, due, progress):
    """Against the rule said the other way round: when is it green, when red."""
    found = light(today=today, begun=begun, due=due, progress=progress)
    late = today > due
    expected = AMBER
    if progress == 100:
        expected = GREEN
    elif late:
        expected = RED
    elif due - today >= timedelta(days=WARN_DAYS):
        span = (due - begun).days
        share = (today - begun).days / span if span > 0 else 0
        if progress / 100 >= share / 2 or abs(progress / 100 - share / 2) < 1e-12:
            expected = GREEN
    assert found == expected


@pytest.mark.django_db
def test_tasks_have_somebody_a_day_and_reports():
    officer, secretary = world.officer(), world.secretary()
    batch, today = called(officer), real_clock.today()
    given = {"actor": officer, "batch_uid": batch.uid}
    with pytest.raises(Invalid) as refused:
        actions.add_task(**given, title="", due_date=today - DAY)
    assert set(refused.value.errors) == {"title", "due_date", "responsible"}
    with pytest.raises(Invalid):
        actions.add_task(
            **given, title="x", due_date=today, responsible_uid=world.vendor().user.uid
        )
    task = actions.add_task(
        **given, title="核对材料", due_date=today, responsible_uid=secretary.user.uid
    )
    assert task.light(today) == AMBER
    assert task.light(today + DAY) == RED
    with pytest.raises(NotAllowed):
        actions.report_task(actor=world.secretary(), task_uid=task.uid, progress=50)
    for stranger in (world.vendor(), world.owner()):
        with pytest.raises(NotFound):
            actions.report_task(actor=stranger, task_uid=task.uid, progress=50)
    for wrong in ("", "101", "-1", "一半"):
        with pytest.raises(Invalid) as refused:
            actions.report_task(actor=secretary, task_uid=task.uid, progress=wrong)
        assert set(refused.value.errors) == {"progress"}
    actions.report_task(actor=secretary, task_uid=task.uid, progress="100", words="已完成。")
    task = BatchTask.objects.get()
    assert (task.progress, task.light(today + DAY)) == (100, GREEN)
    assert task.reports.get().reported_by == secretary.user
    assert Event.objects.get(kind="task.reported").audience == Audience.OFFICE


# -- Pages -----------------------------------------------------------------------------------------
def browser(actor=None):
    client = Client()
    if actor:
        client.force_login(actor.user)
    return client


@pytest.mark.django_db
def test_from_the_call_to_the_announcement_by_the_pages(clock, settings):
    settings.MFA_OPTIONAL = True
    clock.freeze(clock.now())
    owner, first, second = world.owner(), world.officer(), world.officer()
    office = browser(first)
    sent = data(closes_at=f"{real_clock.now() + 10 * DAY:%Y-%m-%dT%H:%M}")
    assert office.post(reverse("batch-new"), sent | {"title": "长" * 200}).status_code == 422
    assert office.post(reverse("batch-new"), sent).status_code == 302
    page, public = reverse("batch-office", args=[1]), reverse("batch", args=[1])
    assert browser().get(public).status_code == 404
    assert office.post(page, {"do": "call"}).status_code == 302
    assert browser().get(public).status_code == 200
    assert browser(owner).get(page).status_code == 403
    scenario = typed.demonstrated(owner)
    gate = browser(owner).get(reverse("scenario-gate", args=[scenario.address]))
    [call] = gate.context["in_batch"]["calls"]
    joining = reverse("scenario-batch", args=[scenario.address])
    browser(owner).post(joining, {"batch": str(call.uid)})
    assert BatchDemand.objects.get().scenario == scenario
    # Nobody learns of what is on its way.
    assert scenario.title not in browser().get(public).content.decode()
    later = f"{real_clock.today() + 5 * DAY:%Y-%m-%d}"
    task = {"do": "task", "task-title": "核对", "task-due_date": later}
    assert office.post(page, task).status_code == 422
    task["task-responsible"] = str(first.user.uid)
    assert office.post(page, task).status_code == 302
    row = BatchTask.objects.get()
    told = {"do": "report", "task": str(row.uid), f"t{row.pk}-progress": "50"}
    assert office.post(page, told).status_code == 302
    meeting = {"do": "meeting", "meeting_at": f"{later}T14:00", "meeting_place": "会议室"}
    assert office.post(page, meeting).status_code == 302
    clock.freeze(call.closes_at)
    assert office.post(page, {"do": "gather"}).status_code == 302
    form = {
        "do": "announce",
        "announcement_number": "公告1号",
        "demands": [str(scenario.uid)],
        "key_holders": [str(uid) for uid in typed.holders()],
        "deadline_at": f"{real_clock.now() + 40 * DAY:%Y-%m-%dT%H:%M}",
    }
    other = browser(second)
    assert other.post(page, form).status_code == 422
    wrong = other.post(page, form | {"sure": "on", "key_holders": []})
    assert wrong.status_code == 422
    assert [bool(shown["problems"]) for shown in wrong.context["entries"]] == [True]
    assert other.post(page, form | {"sure": "on"}).status_code == 302
    for prefix in ("", "/en"):
        text = browser().get(prefix + "/batches/1/").content.decode()
        assert "公告1号" in text
    assert browser().get("/batches/").status_code == 200
    assert browser(second).get("/batches/1/office/").status_code == 200


@pytest.mark.django_db
def test_the_lists_cost_the_same_for_1_and_30(count_queries):
    officer, costs = world.officer(), []
    batch = called(officer)
    for many in (1, 29):
        for _ in range(many):
            scenario = world.draft_scenario(world.owner(), state=State.SUBMITTED)
            actions.take_into_batch(actor=officer, scenario_uid=scenario.uid, batch_uid=batch.uid)
        client = browser(officer)
        client.get("/batches/1/office/")
        with count_queries() as counted:
            assert client.get("/batches/1/office/").status_code == 200
        costs.append(len(counted))
    assert costs[0] == costs[1]
