"""The owner's part: draft, save, delete, submit."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from functools import partial

import pytest

from marketplace.base.actor import Role
from marketplace.base.errors import Invalid, NotAllowed, NotFound, Stale, StateConflict
from marketplace.ledger.models import Audience, Event
from marketplace.scenarios import actions, queries
from marketplace.scenarios.models import OWNER_EDITS, Scenario, ScenarioNote, State
from tests import world
from tests.scenarios import typed

BEYOND = [State.SUBMITTED, State.DEMONSTRATING, State.REJECTED, State.DEMONSTRATED]


@pytest.mark.django_db
def test_a_draft_keeps_every_field_and_row():
    owner = world.owner()
    scenario = actions.create_draft(actor=owner, data=typed.data())
    fresh = Scenario.objects.get(uid=scenario.uid)
    assert (fresh.author, fresh.organisation) == (owner.user, owner.organisation)
    assert (fresh.state, fresh.revision, fresh.ref) == (State.DRAFT, 1, None)
    assert fresh.budget_cny == Decimal("2600000.00")
    assert fresh.race_entrants == 3
    assert (fresh.domain.code, fresh.carrier) == ("industrial_internet", None)
    assert fresh.profile == world.profile("A")
    assert set(fresh.technologies.values_list("code", flat=True)) == {"ai", "converged"}
    metrics = fresh.metrics.order_by("position")
    assert [(m.code, m.value, m.critical) for m in metrics] == [
        ("M1", Decimal(98), True),
        ("M2", Decimal(2), False),
    ]
    assert fresh.criteria.get(code="C1").levels == [
        {"points_percent": "100", "text": "有同规模实测"}
    ]
    assert [node.percent for node in fresh.payment_nodes.order_by("position")] == [30, 40, 30]
    assert Event.objects.count() == 0


@pytest.mark.django_db
def test_a_form_that_is_sent_again_begins_no_second_draft():
    owner, other = world.owner(), world.owner()
    first = actions.create_draft(actor=owner, data={"title": "一"}, form="mark")
    again = actions.create_draft(actor=owner, data={"title": "二"}, form="mark")
    assert (again.uid, again.title, again.revision) == (first.uid, "二", 2)
    actions.create_draft(actor=other, data={"title": "别人的"}, form="mark")
    actions.create_draft(actor=owner, data={"title": "三"}, form="another")
    actions.create_draft(actor=owner, data={"title": "四"})
    titles = Scenario.objects.order_by("pk").values_list("title", flat=True)
    assert list(titles) == ["二", "别人的", "三", "四"]


@pytest.mark.django_db
def test_a_form_that_was_filed_meanwhile_changes_nothing():
    owner = world.owner()
    begun = actions.create_draft(actor=owner, data=typed.data(), form="mark")
    Scenario.objects.filter(pk=begun.pk).update(state=State.SUBMITTED)
    with pytest.raises(StateConflict):
        actions.create_draft(actor=owner, data={"title": "二"}, form="mark")
    assert Scenario.objects.get().title == begun.title


def test_a_form_that_is_sent_twice_at_once_begins_one_draft(two_at_once):
    owner = world.owner()
    sent = partial(actions.create_draft, actor=owner, data={"title": "一"}, form="mark")
    first, second = two_at_once(sent, sent)
    assert first.uid == second.uid == Scenario.objects.get().uid


@pytest.mark.django_db
def test_saving_writes_what_is_named_and_replaces_parts_whole():
    owner = world.owner()
    scenario = actions.create_draft(actor=owner, data=typed.data())
    before = queries.stored_content(scenario)
    saved = actions.save_draft(
        actor=owner,
        scenario_uid=scenario.uid,
        revision=1,
        data={"title": "新题", "budget_cny": "９９，０００．５", "milestones": []},
    )
    after = queries.stored_content(saved)
    assert saved.revision == 2
    assert after.values == before.values | {"title": "新题", "budget_cny": Decimal("99000.50")}
    assert after.rows == before.rows | {"milestones": []}


@pytest.mark.django_db
def test_a_refused_save_changes_nothing():
    owner = world.owner()
    scenario = actions.create_draft(actor=owner, data=typed.data())
    before = queries.stored_content(scenario)
    with pytest.raises(Invalid) as refused:
        actions.save_draft(
            actor=owner,
            scenario_uid=scenario.uid,
            revision=1,
            data={"title": "新题", "budget_cny": "0", "deadline_at": "x", "metrics": []},
        )
    assert refused.value.status == 422
    assert set(refused.value.errors) == {"budget_cny", "deadline_at"}
    scenario.refresh_from_db()
    assert queries.stored_content(scenario) == before


@pytest.mark.django_db
def test_who_may_draft_save_and_file():
    owner = world.owner()
    editor = world.member(owner.organisation, Role.EDITOR)
    scenario = actions.create_draft(actor=editor, data=typed.data())
    given = {"scenario_uid": scenario.uid, "revision": 1}
    for outsider in (world.owner(), world.vendor(), world.officer(), world.person(Role.EXPERT)):
        with pytest.raises(NotFound):
            actions.save_draft(actor=outsider, data={}, **given)
        with pytest.raises(NotFound):
            actions.submit_scenario(actor=outsider, **given)
        with pytest.raises(NotFound):
            actions.delete_draft(actor=outsider, scenario_uid=scenario.uid)
    viewer = world.member(owner.organisation, Role.VIEWER)
    with pytest.raises(NotAllowed):
        actions.save_draft(actor=viewer, data={}, **given)
    with pytest.raises(NotAllowed):
        actions.delete_draft(actor=viewer, scenario_uid=scenario.uid)
    for actor in (viewer, world.vendor(), world.officer()):
        with pytest.raises(NotAllowed):
            actions.create_draft(actor=actor, data=typed.data())
    assert actions.submit_scenario(actor=owner, **given).state == State.SUBMITTED


@pytest.mark.django_db
@pytest.mark.parametrize("state", BEYOND)
def test_what_was_filed_is_neither_changed_nor_deleted(state):
    owner = world.owner()
    scenario = world.draft_scenario(owner, state=state)
    given = {"actor": owner, "scenario_uid": scenario.uid}
    for act in (
        lambda: actions.save_draft(revision=1, data={"title": "x"}, **given),
        lambda: actions.submit_scenario(revision=1, **given),
        lambda: actions.delete_draft(**given),
    ):
        with pytest.raises(StateConflict) as refused:
            act()
        assert refused.value.code == "scenario.state"
    scenario.refresh_from_db()
    assert scenario.state == state


@pytest.mark.django_db
def test_a_returned_one_is_changed_and_filed_again_but_not_deleted():
    owner = world.owner()
    scenario = world.draft_scenario(owner, state=State.RETURNED)
    with pytest.raises(StateConflict):
        actions.delete_draft(actor=owner, scenario_uid=scenario.uid)
    given = {"actor": owner, "scenario_uid": scenario.uid}
    actions.save_draft(revision=1, data={"title": "改过"}, **given)
    assert actions.submit_scenario(revision=2, **given).state == State.SUBMITTED


@pytest.mark.django_db
def test_a_draft_is_deleted_with_its_rows():
    owner = world.owner()
    scenario = actions.create_draft(actor=owner, data=typed.data())
    actions.delete_draft(actor=owner, scenario_uid=scenario.uid)
    assert Scenario.objects.count() == 0
    with pytest.raises(NotFound):
        actions.delete_draft(actor=owner, scenario_uid=scenario.uid)


@pytest.mark.django_db
def test_a_stale_revision_is_refused():
    owner = world.owner()
    scenario = actions.create_draft(actor=owner, data=typed.data())
    given = {"actor": owner, "scenario_uid": scenario.uid}
    actions.save_draft(revision=1, data={"title": "先"}, **given)
    for act in (
        lambda: actions.save_draft(revision=1, data={"title": "后"}, **given),
        lambda: actions.submit_scenario(revision=1, **given),
    ):
        with pytest.raises(Stale) as refused:
            act()
        assert (refused.value.status, refused.value.code) == (409, "state.stale")
        assert refused.value.params == {"revision": 2}
    scenario.refresh_from_db()
    assert scenario.title == "先"


@pytest.mark.django_db
def test_filing_leaves_one_event_without_what_was_written():
    owner = world.owner()
    scenario = actions.create_draft(actor=owner, data=typed.data())
    actions.submit_scenario(actor=owner, scenario_uid=scenario.uid, revision=1)
    event = Event.objects.get()
    assert (event.kind, event.from_state, event.to_state) == (
        "scenario.submitted",
        "draft",
        "submitted",
    )
    assert event.subjects == [scenario.uid]
    assert (event.audience, event.profile_version) == (Audience.PARTIES, "A/7")
    assert (event.actor_uid, event.organisation_uid) == (owner.user.uid, owner.organisation.uid)
    assert len(event.input_hash) == 64
    assert scenario.title.encode() not in bytes(event.body)
    assert ScenarioNote.objects.count() == 0


@pytest.mark.django_db
def test_an_incomplete_one_is_refused_with_everything_at_once():
    owner = world.owner()
    scenario = actions.create_draft(actor=owner, data={"title": "只有题目"})
    with pytest.raises(Invalid) as refused:
        actions.submit_scenario(actor=owner, scenario_uid=scenario.uid, revision=1)
    assert refused.value.code == "scenario.incomplete"
    assert set(refused.value.errors) == {
        *("summary", "pain", "need", "deliverables", "ip_terms", "data_terms", "contact"),
        *("domain", "area", "funding", "budget_cny", "duration_months", "profile"),
        *("metrics", "criteria", "payment_nodes", "milestones", "conditions"),
    }
    assert Event.objects.count() == 0


@pytest.mark.django_db
def test_filing_with_data_keeps_all_of_it_or_nothing():
    owner = world.owner()
    scenario = actions.create_draft(actor=owner, data=typed.data())
    given = {"actor": owner, "scenario_uid": scenario.uid, "revision": 1}
    with pytest.raises(Invalid) as refused:
        actions.submit_scenario(data={"title": "新", "summary": "", "budget_cny": "x"}, **given)
    assert set(refused.value.errors) == {"summary", "budget_cny"}
    scenario.refresh_from_db()
    assert (scenario.title, scenario.revision) == ("工控流量异常检测", 1)
    filed = actions.submit_scenario(data={"title": "新"}, **given)
    assert (filed.title, filed.revision, filed.state) == ("新", 2, State.SUBMITTED)


@pytest.mark.django_db
def test_a_profile_of_the_demonstration_is_for_demonstrations(settings):
    owner = world.owner()
    scenario = actions.create_draft(actor=owner, data=typed.data(profile="D"))
    given = {"actor": owner, "scenario_uid": scenario.uid, "revision": 1}
    with pytest.raises(Invalid) as refused:
        actions.submit_scenario(**given)
    assert set(refused.value.errors) == {"profile"}
    settings.DEMO = True
    assert actions.submit_scenario(**given).state == State.SUBMITTED


@pytest.mark.django_db
def test_the_deadline_is_read_with_the_database_clock(clock):
    owner = world.owner()
    at = clock.now() + timedelta(days=3)
    clock.freeze(at)
    with pytest.raises(Invalid):
        actions.create_draft(actor=owner, data=typed.data(deadline_at=at))
    later = at + timedelta(microseconds=1)
    scenario = actions.create_draft(actor=owner, data=typed.data(deadline_at=later))
    assert scenario.deadline_at == later


def test_two_saves_at_once_keep_one(two_at_once):
    owner = world.owner()
    scenario = actions.create_draft(actor=owner, data=typed.data())

    def save(title: str):
        return lambda: actions.save_draft(
            actor=owner, scenario_uid=scenario.uid, revision=1, data={"title": title}
        )

    results = two_at_once(save("一"), save("二"))
    kept = [result for result in results if isinstance(result, Scenario)]
    assert [type(result) for result in results if result not in kept] == [Stale]
    scenario.refresh_from_db()
    assert (scenario.title, scenario.revision) == (kept[0].title, 2)


def test_filed_twice_at_once_is_filed_once(two_at_once):
    owner = world.owner()
    scenario = actions.create_draft(actor=owner, data=typed.data())

    def file():
        return actions.submit_scenario(actor=owner, scenario_uid=scenario.uid, revision=1)

    results = two_at_once(file, file)
    assert sorted(type(result).__name__ for result in results) == ["Scenario", "StateConflict"]
    assert Event.objects.filter(kind="scenario.submitted").count() == 1


def test_the_states_in_which_the_owner_edits_are_these():
    assert OWNER_EDITS == [State.DRAFT, State.RETURNED]
