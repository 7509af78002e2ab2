"""需求论证: who is asked, who reads what when, what opinions carry, and what it leaves behind."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction
from hypothesis import given as drawn
from hypothesis import strategies as st

from marketplace.accounts.models import Grant, Membership
from marketplace.base import clock as real_clock
from marketplace.base.actor import Role
from marketplace.base.canonical import salted
from marketplace.base.errors import Invalid, NotAllowed, NotFound, StateConflict
from marketplace.committee.draw.candidates import barred
from marketplace.experts.models import Interest, InterestKind
from marketplace.ledger.models import Audience, Event
from marketplace.scenarios import actions
from marketplace.scenarios.demonstration import conclusion
from marketplace.scenarios.demonstration.models import (
    Demonstration,
    DemonstrationOpinion,
    DemonstrationSeat,
)
from marketplace.scenarios.demonstration.queries import candidates, demonstrators, open_rounds
from marketplace.scenarios.documents.models import GateDocument
from marketplace.scenarios.models import BEFORE_PUBLICATION, Scenario, ScenarioNote, State
from tests import world
from tests.scenarios.rounds import YES, asked, expert, opine, through

NO = {"yes": False, "words": "指向一家产品。"}


def conclude(scenario, outcome="pass", actor=None, opinion="真实可测。"):
    return actions.conclude_demonstration(
        actor=actor or world.secretary(),
        scenario_uid=scenario.uid,
        outcome=outcome,
        opinion=opinion,
    )


# -- The arithmetic of opinions --------------------------------------------------------------------
OPINIONS = st.lists(
    st.builds(
        conclusion.Opinion,
        *[st.booleans()] * 4,
        st.sampled_from([conclusion.PASS, conclusion.REVISE, conclusion.REJECT]),
    ),
    max_size=7,
)


@drawn(OPINIONS)
def test_outcomes_follow_the_published_rule(rows):
    """Against the rule counted in another way: by sums of signs."""
    found = conclusion.admissible(rows)
    if not rows:
        assert found == set()
        return
    passing = sum(1 if row.verdict == "pass" else -1 for row in rows) > 0
    rejecting = sum(1 if row.verdict == "reject" else -1 for row in rows) > 0
    affirmed = all(
        sum(1 if getattr(row, name) else -1 for row in rows) > 0 for name in conclusion.QUESTIONS
    )
    assert ("pass" in found) is (passing and affirmed and not any(not r.neutral for r in rows))
    assert ("reject" in found) is rejecting
    assert "revise" in found
    assert not {"pass", "reject"} <= found


@drawn(OPINIONS, st.randoms())
def test_the_order_of_opinions_is_nothing(rows, random):
    mixed = list(rows)
    random.shuffle(mixed)
    assert conclusion.admissible(rows) == conclusion.admissible(mixed)


# -- Who is asked ----------------------------------------------------------------------------------
@pytest.mark.django_db
@pytest.mark.parametrize(("many", "right"), [(2, False), (3, True), (5, True), (6, False)])
def test_three_to_five_experts(many, right):
    people = [expert() for _ in range(many)]
    if right:
        row, _people = asked(experts=people)
        assert row.seats.count() == many
        return
    with pytest.raises(Invalid) as refused:
        asked(experts=people)
    assert set(refused.value.errors) == {"experts"}


@pytest.mark.django_db
@pytest.mark.parametrize("tie", ["member", "adviser", "no expert", "inactive"])
def test_who_is_tied_to_the_owner_is_not_asked(tie):
    owner = world.owner()
    scenario = world.draft_scenario(owner, state=State.DEMONSTRATING)
    people = [expert() for _ in range(3)]
    tied = people[0]
    if tie == "member":
        Membership.objects.create(user=tied.user, organisation=owner.organisation, role=Role.VIEWER)
    elif tie == "adviser":
        Interest.objects.create(
            expert=tied.user.expert, organisation=owner.organisation, kind=InterestKind.ADVISER
        )
    elif tie == "no expert":
        people[0] = world.vendor()
    else:
        tied.user.is_active = False
        tied.user.save()
    with pytest.raises(Invalid) as refused:
        asked(scenario, people)
    assert set(refused.value.errors) == {"experts"}
    assert DemonstrationSeat.objects.count() == 0
    if tie in {"member", "adviser"}:
        barred = {row.user: row.barred for row in candidates(scenario)}
        assert barred[tied.user] is True


@pytest.mark.django_db
def test_more_may_be_asked_up_to_five_and_nobody_twice():
    row, people = asked()
    scenario = row.scenario
    with pytest.raises(Invalid):
        asked(scenario, people[:1])
    again, _more = asked(scenario, [expert(), expert()])
    assert (again.pk, again.seats.count()) == (row.pk, 5)
    with pytest.raises(Invalid):
        asked(scenario, [expert()])


@pytest.mark.django_db
@pytest.mark.parametrize("state", [s for s in BEFORE_PUBLICATION[1:] if s != State.DEMONSTRATING])
def test_only_while_the_demand_is_in_demonstration(state):
    scenario = world.draft_scenario(world.owner(), state=state)
    with pytest.raises(StateConflict):
        asked(scenario)
    with pytest.raises(StateConflict):
        conclude(scenario)


@pytest.mark.django_db
def test_who_asks_and_who_concludes():
    owner = world.owner()
    scenario = world.draft_scenario(owner, state=State.DEMONSTRATING)
    people = [expert() for _ in range(3)]
    given = {"scenario_uid": scenario.uid, "expert_uids": [p.user.uid for p in people]}
    with pytest.raises(NotAllowed):
        actions.invite_experts(actor=owner, **given)
    with pytest.raises(NotFound):
        actions.invite_experts(actor=world.vendor(), **given)
    row = actions.invite_experts(actor=world.secretary(), **given)
    for actor in people:
        opine(actor, row)
    for actor in (owner, world.officer()):
        with pytest.raises(NotAllowed):
            conclude(scenario, actor=actor)
    assert conclude(scenario).state == State.DEMONSTRATED


# -- Opinions --------------------------------------------------------------------------------------
@pytest.mark.django_db
@pytest.mark.parametrize(
    ("given", "fields"),
    [
        ({"verdict": "maybe"}, {"verdict"}),
        ({"verdict": "revise", "words": " "}, {"words"}),
        ({"answers": {}}, set(conclusion.QUESTIONS)),
        ({"answers": YES | {"real": {"yes": "yes"}}}, {"real"}),
        ({"answers": YES | {"neutral": {"yes": False}}}, {"neutral_words", "verdict"}),
        ({"answers": YES | {"neutral": NO}}, {"verdict"}),
        ({"words": "长" * 4001}, {"words"}),
    ],
)
def test_an_opinion_says_something(given, fields):
    row, people = asked()
    with pytest.raises(Invalid) as refused:
        opine(people[0], row, **given)
    assert set(refused.value.errors) == fields
    assert DemonstrationOpinion.objects.count() == 0


@pytest.mark.django_db
def test_an_opinion_is_given_once_by_who_was_asked():
    row, people = asked()
    opine(people[0], row)
    with pytest.raises(StateConflict):
        opine(people[0], row)
    for stranger in (expert(), world.vendor()):
        with pytest.raises(NotFound):
            opine(stranger, row)
    with pytest.raises(NotAllowed):
        opine(world.officer(), row)
    with pytest.raises(DatabaseError), transaction.atomic():
        DemonstrationOpinion.objects.update(verdict="reject")


@pytest.mark.django_db
def test_nobody_reads_another_s_opinion_before_giving_his_own(clock):
    clock.freeze(clock.now())
    owner = world.owner()
    row, people = asked(world.draft_scenario(owner, state=State.DEMONSTRATING))
    first, second, third = people
    secretary = world.secretary()

    def seen():
        readers = (first, second, third, secretary, owner)
        return [DemonstrationOpinion.objects.visible_to(who).count() for who in readers]

    opine(first, row)
    assert seen() == [1, 0, 0, 0, 0]
    opine(second, row)
    assert seen() == [2, 2, 0, 0, 0]
    clock.freeze(row.due_at - timedelta(milliseconds=1))
    assert seen() == [2, 2, 0, 0, 0]
    clock.freeze(row.due_at)
    assert seen() == [2, 2, 0, 2, 0]
    opine(third, row)
    assert seen() == [3, 3, 3, 3, 0]
    conclude(row.scenario)
    assert seen() == [3, 3, 3, 3, 3]
    assert DemonstrationOpinion.objects.visible_to(world.owner()).count() == 0


@pytest.mark.django_db
def test_an_expert_reads_the_demand_until_the_round_is_over():
    row, people = asked()

    def reads():
        return [
            Scenario.objects.visible_to(who).filter(pk=row.scenario_id).exists() for who in people
        ]

    assert reads() == [True] * 3
    actions.decline_demonstration(
        actor=people[2], demonstration_uid=row.uid, reason="与需求方有合作。"
    )
    assert reads() == [True, True, False]
    asked(row.scenario, [expert()])
    for who in people[:2]:
        opine(who, row)
    actions.return_scenario(actor=world.officer(), scenario_uid=row.scenario.uid, reason="请补充")
    assert reads() == [False] * 3
    assert Grant.objects.in_force().count() == 0
    row.refresh_from_db()
    assert row.outcome == "broken_off"


# -- Conclusion ------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_it_waits_for_everybody_or_for_the_time_and_for_three(clock):
    clock.freeze(clock.now())
    row, people = asked(experts=[expert() for _ in range(4)])
    for who in people[:2]:
        opine(who, row)
    clock.freeze(row.due_at)
    with pytest.raises(StateConflict) as refused:
        conclude(row.scenario)
    assert refused.value.code == "demonstration.waiting"
    clock.freeze(row.due_at - timedelta(milliseconds=1))
    opine(people[2], row)
    assert open_rounds(real_clock.now()) == {row.scenario_id: False}
    with pytest.raises(StateConflict):
        conclude(row.scenario)
    clock.freeze(row.due_at)
    assert open_rounds(real_clock.now()) == {row.scenario_id: True}
    assert conclude(row.scenario).state == State.DEMONSTRATED


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("verdicts", "outcomes"),
    [
        (["pass", "pass", "revise"], {"pass", "revise"}),
        (["pass", "revise", "reject"], {"revise"}),
        (["reject", "reject", "pass"], {"reject", "revise"}),
    ],
)
def test_only_what_the_opinions_carry_is_concluded(verdicts, outcomes):
    row, people = asked()
    for who, verdict in zip(people, verdicts, strict=True):
        opine(who, row, verdict)
    for outcome in {"pass", "revise", "reject"} - outcomes:
        with pytest.raises(StateConflict) as refused:
            conclude(row.scenario, outcome)
        assert refused.value.code == "demonstration.outcome"
    for outcome in ("", "broken_off", "x"):
        with pytest.raises(Invalid):
            conclude(row.scenario, outcome)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("outcome", "state", "kind", "documents"),
    [
        ("pass", State.DEMONSTRATED, "scenario.demonstrated", 1),
        ("revise", State.RETURNED, "scenario.returned", 0),
        ("reject", State.REJECTED, "scenario.rejected", 0),
    ],
)
def test_what_a_conclusion_leaves_behind(outcome, state, kind, documents):
    scenario = world.draft_scenario(world.owner(), state=State.DEMONSTRATING)
    assert through(scenario, outcome, "请补充测试口径。").state == state
    row = Demonstration.objects.get()
    assert (row.outcome, row.words) == (outcome, "请补充测试口径。")
    event = Event.objects.get(kind=kind)
    assert (event.audience, event.from_state, event.to_state) == (
        Audience.PARTIES,
        "demonstrating",
        state,
    )
    assert event.reason_hash == salted("请补充测试口径。", bytes(event.salt))
    assert event.data == {"revision": 1, "demonstration": 1, "outcome": outcome}
    assert ScenarioNote.objects.get().to_state == state
    assert GateDocument.objects.filter(kind="opinion").count() == documents
    told = Event.objects.filter(kind="demonstration.opined")
    assert {one.audience for one in told} == {Audience.OFFICE}
    with pytest.raises(DatabaseError), transaction.atomic():
        Demonstration.objects.update(outcome="pass")


@pytest.mark.django_db
def test_revised_and_shown_again_with_what_changed():
    owner = world.owner()
    scenario = world.draft_scenario(owner, state=State.DEMONSTRATING)
    through(scenario, "revise", "指标偏松。")
    actions.save_draft(
        actor=owner, scenario_uid=scenario.uid, revision=1, data={"need": "更严的要求。"}
    )
    actions.submit_scenario(actor=owner, scenario_uid=scenario.uid, revision=2)
    actions.start_demonstration(actor=world.officer(), scenario_uid=scenario.uid)
    row, _people = asked(scenario)
    first = Demonstration.objects.get(number=1)
    assert (row.number, row.revision, first.revision) == (2, 2, 1)
    assert first.body["values"]["need"] == "需要可测量的检测。"
    assert row.body["values"]["need"] == "更严的要求。"


@pytest.mark.django_db
def test_an_officer_cannot_reject_past_the_experts():
    row, _people = asked()
    with pytest.raises(StateConflict) as refused:
        actions.reject_scenario(actor=world.officer(), scenario_uid=row.scenario.uid, reason="不行")
    assert refused.value.code == "demonstration.open"


@pytest.mark.django_db
def test_who_demonstrated_does_not_review():
    scenario = world.draft_scenario(world.owner(), state=State.DEMONSTRATING)
    row, people = asked(scenario)
    for who in people[:2]:
        opine(who, row)
    actions.decline_demonstration(actor=people[2], demonstration_uid=row.uid, reason="没有时间")
    assert demonstrators(scenario) == {who.user.pk for who in people[:2]}
    out = barred(scenario)
    assert [out.get(who.user.pk) for who in people] == ["demonstrated", "demonstrated", None]
    relisted = world.draft_scenario(world.owner(), root=scenario)
    assert demonstrators(relisted) == demonstrators(scenario)


# -- At once ---------------------------------------------------------------------------------------
def test_two_secretaries_conclude_at_once_and_it_is_concluded_once(two_at_once):
    row, people = asked()
    for who in people:
        opine(who, row)
    first, second = world.secretary(), world.secretary()
    results = two_at_once(
        lambda: conclude(row.scenario, actor=first), lambda: conclude(row.scenario, actor=second)
    )
    assert sorted(type(one).__name__ for one in results) == ["Scenario", "StateConflict"]
    assert Event.objects.filter(kind="scenario.demonstrated").count() == 1


def test_two_officers_ask_at_once_and_there_is_one_round(two_at_once):
    scenario = world.draft_scenario(world.owner(), state=State.DEMONSTRATING)
    world.office()
    groups = [[expert() for _ in range(3)] for _ in range(2)]
    results = two_at_once(*[lambda g=group: asked(scenario, g) for group in groups])
    assert sorted(type(one).__name__ for one in results) == ["Invalid", "tuple"]
    assert Demonstration.objects.count() == 1


def test_an_opinion_given_twice_at_once_is_given_once(two_at_once):
    row, people = asked()
    results = two_at_once(lambda: opine(people[0], row), lambda: opine(people[0], row))
    assert sorted(type(one).__name__ for one in results) == [
        "DemonstrationOpinion",
        "StateConflict",
    ]
