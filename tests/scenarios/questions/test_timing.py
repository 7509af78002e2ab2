"""Until when one asks, when an answer is due, and what an overdue one does to the deadline."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.base.clock import SHANGHAI
from marketplace.scenarios.questions.timing import answer_due, asked_until, held_deadline, holds
from marketplace.scenarios.reference import RuleProfile
from marketplace.scenarios.windows import later_deadline, window_start


def profile(lead=10, answer=3, unit="day", hold=True):
    values = {
        "objection_to_documents_lead": {"value": lead, "unit": unit},
        "question_answer": {"value": answer, "unit": unit},
    }
    if hold is not None:
        values["question_holds_deadline"] = {"value": hold, "unit": "bool"}
    return RuleProfile(code="B", version=9, values=values)


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def demand(deadline, rules):
    return SimpleNamespace(profile=rules, deadline_at=deadline)


def test_the_last_day_for_asking_is_the_count_th_before_the_deadline_s():
    until = asked_until(demand(at("2026-12-20T17:00"), profile(lead=10)))
    assert until == at("2026-12-11T00:00")  # all of the tenth is in time


def test_seconds_are_taken_off():
    until = asked_until(demand(at("2026-12-20T17:00"), profile(lead=60, unit="second")))
    assert until == at("2026-12-20T16:59")


@pytest.mark.parametrize("rules", [None, RuleProfile(code="C", version=1, values={})])
def test_where_no_rule_speaks_of_questions_none_are_taken(rules):
    assert asked_until(demand(at("2026-12-20T17:00"), rules)) is None


def test_working_days_are_not_counted_backwards():
    with pytest.raises(ValueError, match="not counted backwards"):
        window_start(profile(unit="working_day"), "question_answer", at("2026-12-20T17:00"))


def test_an_answer_on_its_last_day_moves_nothing_and_the_next_day_one_day():
    rules, deadline = profile(), at("2026-12-20T17:00")
    asked = at("2026-12-10T23:59")
    due = answer_due(rules, asked)
    assert due == at("2026-12-14T00:00")
    assert held_deadline(rules, deadline, due - timedelta(seconds=1)) == deadline
    assert held_deadline(rules, deadline, due) == at("2026-12-21T17:00")
    assert held_deadline(rules, deadline, at("2026-12-16T09:00")) == at("2026-12-23T17:00")


def test_a_profile_says_whether_it_holds():
    told = [holds(profile(hold=one)) for one in (True, False, None)]
    assert told == [True, False, False]
    assert holds(None) is False


moments = st.integers(0, 4 * 366 * 86400).map(
    lambda seconds: datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
)
spans = st.timedeltas(timedelta(0), timedelta(days=60))


@given(moments, spans, st.integers(0, 20), st.integers(0, 20))
def test_days_move_it_later_only_and_just_as_far_as_asked(deadline, ahead, lead, answer):
    rules, now = profile(lead, answer), deadline - ahead
    new = held_deadline(rules, deadline, now)
    local = [moment.astimezone(SHANGHAI) for moment in (deadline, new, now)]
    assert new >= deadline
    assert local[0].time() == local[1].time()
    left = (local[1].date() - local[2].date()).days
    assert left >= max(0, lead - answer)
    if new > deadline:
        assert left == max(0, lead - answer)
    # Asked again at the same instant it stands.
    assert held_deadline(rules, new, now) == new


@given(moments, spans, st.integers(0, 9999), st.integers(0, 9999))
def test_seconds_leave_the_gap(deadline, ahead, lead, answer):
    rules, now = profile(lead, answer, "second"), deadline - ahead
    new = held_deadline(rules, deadline, now)
    assert new >= deadline
    assert new - now >= timedelta(seconds=max(0, lead - answer))
    assert held_deadline(rules, new, now) == new


@given(moments, moments)
def test_a_later_deadline_keeps_its_time_of_day_and_wastes_no_day(deadline, least):
    new = later_deadline(deadline, least)
    days = (new - deadline) / timedelta(days=1)
    assert new >= least or new == deadline
    assert days == int(days) >= 0
    assert days == 0 or new - timedelta(days=1) < least
