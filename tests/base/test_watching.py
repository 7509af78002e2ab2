"""What a monitor makes of its questions, against a count of its own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from marketplace.base.watching import Piece, Watch

ZERO = datetime(2026, 12, 1, 9, tzinfo=UTC)
GAP = timedelta(seconds=60)


def at(second):
    return ZERO + timedelta(seconds=second)


def watched(answers, **given):
    """{second: problem} in order of time."""
    watch = Watch(gap=GAP, **given)
    for second, problem in answers:
        watch.note(at(second), problem)
    return watch


def spans(watch):
    return [
        ((piece.from_at - ZERO).seconds, (piece.until_at - ZERO).seconds, piece.what)
        for piece in watch.pending
    ]


def test_one_failure_is_no_outage():
    watch = watched([(0, ""), (5, "away"), (10, ""), (15, "away"), (20, "")])
    assert (watch.pending, watch.known_until) == ([], at(20))


def test_two_in_a_row_began_at_the_first_and_end_with_the_first_success():
    watch = watched([(0, ""), (5, "away"), (10, "not_ready"), (15, "away"), (20, ""), (25, "")])
    assert spans(watch) == [(5, 20, "away")]
    assert watch.known_until == at(25)


def test_while_one_failure_waits_for_the_next_nothing_is_known_beyond_it():
    watch = watched([(0, ""), (5, "away")])
    assert watch.known_until == at(0)
    watch.note(at(10), "away")
    assert (spans(watch), watch.known_until, watch.going_on) == ([(5, 10, "away")], at(10), True)


def test_before_the_site_was_ever_ready_nothing_counts():
    watch = watched([(0, "away"), (5, "away"), (10, "away")])
    assert (watch.pending, watch.known_until, watch.is_due(timedelta())) == ([], None, False)
    assert spans(watched([(0, "away"), (5, "away")], seen_ready=True)) == [(0, 5, "away")]


def test_what_the_monitor_did_not_see_is_no_outage():
    answers = [(0, ""), (5, "away"), (10, "away"), (200, "away"), (205, "away"), (300, "")]
    assert spans(watched(answers)) == [(5, 10, "away"), (200, 205, "away")]


def test_a_clock_that_goes_back_begins_a_new_row():
    assert spans(watched([(50, ""), (55, "away"), (40, "away"), (45, "")])) == []
    assert spans(watched([(50, ""), (55, "away"), (55, "away")])) == []


def test_pieces_are_due_when_they_are_long_or_over():
    watch = watched([(0, ""), (5, "away"), (10, "away"), (30, "away")])
    assert watch.is_due(timedelta(seconds=26)) is False
    assert watch.is_due(timedelta(seconds=25)) is True
    watch.note(at(35), "")
    assert watch.is_due(timedelta(hours=1)) is True


def test_what_was_added_while_it_was_written_stays():
    watch = watched([(0, ""), (5, "away"), (10, "away")])
    taken = list(watch.pending)
    watch.note(at(15), "away")
    watch.written(taken)
    assert spans(watch) == [(10, 15, "away")]
    watch.written(list(watch.pending))
    watch.note(at(20), "")
    assert spans(watch) == [(15, 20, "away")]


def test_what_was_kept_in_the_file_comes_first():
    kept = Piece(at(0), at(4), "away")
    watch = watched([(10, "away"), (15, "away")], seen_ready=True, pending=[kept])
    assert spans(watch) == [(0, 4, "away"), (10, 15, "away")]


@given(st.lists(st.tuples(st.integers(1, 100), st.booleans(), st.booleans()), max_size=40))
def test_every_second_between_two_failures_of_a_row_counts(steps):
    """Second by second: one counts between two questions of which the first failed, at most a
    minute apart, if that row has two failures; it makes no difference when pieces are written.
    """
    now, answers, writes = 0, [(0, True)], set()
    for wait, ready, writing in steps:
        now += wait
        answers.append((now, ready))
        writes |= {len(answers)} if writing else set()
    counted = set()
    for place in range(1, len(answers) - 1):
        (one, ready), (other, _next) = answers[place], answers[place + 1]
        if not ready and other - one <= 60 and in_a_row(answers, place):
            counted |= set(range(one, other))
    watch, written = Watch(gap=GAP), []
    for place, (second, ready) in enumerate(answers):
        watch.note(at(second), "" if ready else "away")
        if place in writes:
            written += watch.pending
            watch.written(list(watch.pending))
    found = written + watch.pending
    seconds = [
        second
        for piece in found
        for second in range(
            int((piece.from_at - ZERO).total_seconds()),
            int((piece.until_at - ZERO).total_seconds()),
        )
    ]
    assert sorted(seconds) == sorted(counted)


def in_a_row(answers, place):
    """Whether a neighbour in time failed as well, without a gap between."""

    def joined(one, other):
        return not answers[other][1] and answers[other][0] - answers[one][0] <= 60

    def joined_before(one):
        return not answers[one - 1][1] and answers[one][0] - answers[one - 1][0] <= 60

    return joined(place, place + 1) or joined_before(place)
