"""Public entries that contradict one another: each forgery by a table, the true course by none."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.ledger.verify import SAYS, Stories

DEADLINE = datetime(2026, 12, 1, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
RULE = {"total_seconds": 900, "window_seconds": 7200, "extension_seconds": 86400}


def leaf(kind, at, demand="a", **data):
    def plain(value):
        if isinstance(value, datetime):
            return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return value

    data = json.loads(json.dumps(data, default=plain))
    body = {"kind": kind, "at": plain(at), "subjects": ["x", demand], "data": data}
    return json.dumps(body).encode()


def published(demand="a", recipient="age1a", **data):
    data = {"deadline_at": DEADLINE, "recipients": {"price": recipient}, "outage": RULE} | data
    return leaf("scenario.published", DEADLINE - DAY, demand, **data)


def extended(at=DEADLINE + HOUR, **changes):
    span = {"from_at": DEADLINE - HOUR, "until_at": DEADLINE - HOUR / 2}
    data = {"deadline_at": DEADLINE + DAY, "before": DEADLINE, "outages": [span], "seconds": 1800}
    return leaf("scenario.deadline_extended", at, **data | changes)


def closed(at=DEADLINE, deadline=DEADLINE):
    return leaf("scenario.closed", at, deadline_at=deadline)


def opened(stage="first"):
    return leaf("opening.finished", DEADLINE + HOUR, stage=stage)


def locked():
    return leaf("panel.technical_locked", DEADLINE + 2 * HOUR, "panel", scenario="a")


def contradictions(entries):
    stories = Stories()
    told = [stories.told(index, data) for index, data in enumerate(entries)]
    return [(error.values["index"], error.code) for error in told if error]


COURSE = [published(), closed(), opened(), locked(), opened("price")]
MOVED = [published(), closed(), extended(), closed(DEADLINE + DAY, DEADLINE + DAY), opened()]


@pytest.mark.parametrize("course", [COURSE, MOVED, [published(), extended()]])
def test_a_true_course_contradicts_nothing(course):
    opaque = [bytes(32), b"no entry of ours", b'{"kind": "else"}']
    assert contradictions([entry for one in course for entry in [one, *opaque]]) == []


def test_before_the_log_knew_a_demand_nothing_is_asked():
    assert contradictions([closed(), extended(), opened(), locked(), opened("price")]) == []


@pytest.mark.parametrize("cause", ["question", "amendment", "suspension"])
def test_a_deadline_moves_for_other_causes_without_an_outage(cause):
    data = {"deadline_at": DEADLINE + HOUR, "before": DEADLINE, "cause": cause}
    moved = leaf("scenario.deadline_extended", DEADLINE - HOUR, **data)
    assert contradictions([published(), moved]) == []
    data["before"] = DEADLINE - HOUR
    moved = leaf("scenario.deadline_extended", DEADLINE - HOUR, **data)
    assert contradictions([published(), moved]) == [(1, "story.extension")]
    data = {"deadline_at": DEADLINE + DAY, "before": DEADLINE, "cause": "outage"}
    moved = leaf("scenario.deadline_extended", DEADLINE - HOUR, **data)
    assert contradictions([published(), moved]) == [(1, "story")]


SHORT = {"from_at": DEADLINE - HOUR, "until_at": DEADLINE - HOUR + timedelta(minutes=14)}
OLD = {"from_at": DEADLINE - 3 * HOUR, "until_at": DEADLINE - HOUR}
LATER = {"from_at": DEADLINE, "until_at": DEADLINE + HOUR}
FORGED = [
    ("published_twice", [published(), published(recipient="age1b")]),
    ("recipients", [published("b"), published("a")]),
    ("closed_early", [published(), closed(DEADLINE - timedelta(milliseconds=1))]),
    ("closed_early", [published(), closed(DEADLINE, DEADLINE - HOUR)]),
    ("closed_twice", [published(), closed(), closed()]),
    ("opened_early", [published(), opened()]),
    ("opened_early", [published(), closed(), opened(), opened("price")]),
    ("locked_early", [published(), closed(), locked()]),
    ("locked_twice", [*COURSE, locked()]),
    ("extended_late", [*COURSE, extended()]),
    ("extension", [published(), extended(before=DEADLINE - HOUR)]),
    ("extension", [published(), extended(deadline_at=DEADLINE)]),
    ("extension", [published(), extended(deadline_at=DEADLINE + 2 * HOUR)]),
    ("extension", [published(), extended(outages=[], seconds=0)]),
    ("extension", [published(), extended(outages=[SHORT], seconds=840)]),
    ("extension", [published(), extended(outages=[OLD], seconds=7200)]),
    ("extension", [published(), extended(outages=[LATER], seconds=3600)]),
    ("extension", [published(), extended(seconds=900)]),
    ("extension", [published(), extended(at=DEADLINE + DAY)]),
    ("", [published(), leaf("scenario.closed", DEADLINE)]),
]


@pytest.mark.parametrize(("code", "entries"), FORGED, ids=range(len(FORGED)))
def test_a_forgery_is_found_where_it_stands(code, entries):
    full = f"story.{code}" if code else "story"
    assert contradictions(entries) == [(len(entries) - 1, full)]


def test_whoever_forges_first_is_found_when_the_true_one_comes():
    forged = [published(), closed(), opened(), locked(), opened("price"), locked()]
    assert contradictions(forged) == [(5, "story.locked_twice")]
    assert contradictions([published(), closed(DEADLINE + HOUR), closed()]) == [
        (2, "story.closed_twice")
    ]


def test_every_code_has_its_words():
    codes = {f"story.{code}" if code else "story" for code, _entries in FORGED}
    assert {code for code in SAYS if code.startswith("story")} == codes | {"story.held"}


@given(st.lists(st.sampled_from([*COURSE, *MOVED, published("b", "age1b"), bytes(32)])))
def test_what_one_demand_tells_is_no_matter_of_another(entries):
    """Entries of a demand are judged by its own alone."""
    other = [published("c", "age1c"), leaf("scenario.closed", DEADLINE, "c", deadline_at=DEADLINE)]
    mixed = [*entries[: len(entries) // 2], *other, *entries[len(entries) // 2 :]]
    codes = [code for _index, code in contradictions(entries)]
    assert [code for _index, code in contradictions(mixed)] == codes
