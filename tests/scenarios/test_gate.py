"""The office's gate: who, in which state, once, and what it leaves behind."""

from __future__ import annotations

import pytest

from marketplace.base.actor import Role
from marketplace.base.canonical import salted
from marketplace.base.errors import Invalid, NotAllowed, NotFound, StateConflict
from marketplace.ledger.models import Audience, Event
from marketplace.scenarios import actions, queries
from marketplace.scenarios.models import BEFORE_PUBLICATION, ScenarioNote, State
from tests import world

WORDS = "指标可测，需求真实，不指向任何一家。"
# action, its words, event, from where, to where
STEPS = [
    (
        "start_demonstration",
        "",
        "scenario.demonstration_started",
        {State.SUBMITTED},
        "demonstrating",
    ),
    (
        "return_scenario",
        "reason",
        "scenario.returned",
        {State.SUBMITTED, State.DEMONSTRATING, State.DEMONSTRATED},
        "returned",
    ),
    (
        "reject_scenario",
        "reason",
        "scenario.rejected",
        {State.SUBMITTED, State.DEMONSTRATING},
        "rejected",
    ),
]


def take(name, word, actor, scenario, words=WORDS):
    said = {word: words} if word else {}
    return getattr(actions, name)(actor=actor, scenario_uid=scenario.uid, **said)


@pytest.mark.django_db
@pytest.mark.parametrize(("name", "word", "kind", "starts", "end"), STEPS)
def test_each_step_goes_from_its_states_only(name, word, kind, starts, end):
    owner, officer = world.owner(), world.officer()
    for state in BEFORE_PUBLICATION[1:]:
        scenario = world.draft_scenario(owner, state=state)
        if state in starts:
            assert take(name, word, officer, scenario).state == end
        else:
            with pytest.raises(StateConflict):
                take(name, word, officer, scenario)
            scenario.refresh_from_db()
            assert scenario.state == state
    draft = world.draft_scenario(owner)
    with pytest.raises(NotFound):
        take(name, word, officer, draft)


@pytest.mark.django_db
@pytest.mark.parametrize(("name", "word", "kind", "starts", "end"), STEPS)
def test_each_step_leaves_one_event_and_its_words_in_the_room(name, word, kind, starts, end):
    officer = world.officer()
    state = min(starts)
    scenario = world.draft_scenario(world.owner(), state=state)
    take(name, word, officer, scenario)
    event = Event.objects.get()
    assert (event.kind, event.from_state, event.to_state) == (kind, state, end)
    assert (event.audience, event.subjects) == (Audience.PARTIES, [scenario.uid])
    assert event.reason_hash == (salted(WORDS, bytes(event.salt)) if word else "")
    assert WORDS.encode() not in bytes(event.body)
    notes = [(note.to_state, note.text, note.author) for note in ScenarioNote.objects.all()]
    assert notes == ([(end, WORDS, officer.user)] if word else [])


@pytest.mark.django_db
@pytest.mark.parametrize(("name", "word", "kind", "starts", "end"), STEPS)
def test_only_officers_who_stand_apart(name, word, kind, starts, end):
    owner = world.owner()
    scenario = world.draft_scenario(owner, state=min(starts))
    with pytest.raises(NotAllowed) as refused:
        take(name, word, owner, scenario)
    assert refused.value.code == "not_allowed.demonstrate_scenario"
    with pytest.raises(NotAllowed):
        take(name, word, world.secretary(), scenario)
    for outsider in (world.vendor(), world.person(Role.EXPERT)):
        with pytest.raises(NotFound):
            take(name, word, outsider, scenario)
    assert Event.objects.count() == 0


@pytest.mark.django_db
@pytest.mark.parametrize("words", ["", " \n ", "长" * 4001, "a\x00b", None])
def test_words_must_say_something_within_limits(words):
    scenario = world.draft_scenario(world.owner(), state=State.DEMONSTRATING)
    for name, word in (("return_scenario", "reason"), ("reject_scenario", "reason")):
        with pytest.raises(Invalid) as refused:
            take(name, word, world.officer(), scenario, words)
        assert set(refused.value.errors) == {word}


@pytest.mark.django_db
def test_who_reads_the_words():
    owner, officer = world.owner(), world.officer()
    scenario = world.draft_scenario(owner, state=State.SUBMITTED)
    actions.return_scenario(actor=officer, scenario_uid=scenario.uid, reason=WORDS)
    for actor, number in ((owner, 1), (officer, 1), (world.vendor(), 0), (world.owner(), 0)):
        assert queries.notes(actor, scenario).count() == number


@pytest.mark.parametrize("step", STEPS, ids=[step[0] for step in STEPS])
def test_two_officers_at_once_take_a_step_once(two_at_once, step):
    name, word, kind, starts, _end = step
    scenario = world.draft_scenario(world.owner(), state=min(starts))
    first, second = world.officer(), world.officer()
    results = two_at_once(
        lambda: take(name, word, first, scenario), lambda: take(name, word, second, scenario)
    )
    assert sorted(type(result).__name__ for result in results) == ["Scenario", "StateConflict"]
    assert Event.objects.filter(kind=kind).count() == 1
    assert ScenarioNote.objects.count() == bool(word)
