"""The board's bytes, kept for visitors: shown again only while nothing has changed."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from marketplace.base import clock as base_clock
from marketplace.scenarios.models import Scenario
from marketplace.web import kept
from tests import world
from tests.indicators.test_goals import publish, withdraw
from tests.web.asking import get, text


@pytest.fixture
def board(committing_db, clock):
    """A committed demand, time standing still, and nothing kept."""
    clock.freeze(base_clock.now())
    scenario = publish(title="港口勒索恢复", title_en="Ports")
    kept.forget()
    yield scenario
    kept.forget()


def asked(path="/", **headers):
    """(how many queries, what was shown)."""
    with CaptureQueriesContext(connection) as seen:
        answer = Client(headers=headers).get(path)
    return len(seen), answer


def asked_twice_in_quiet():
    """The same page twice while nobody writes: a snapshot tells of every database of the server."""
    for _ in range(50):
        kept.forget()
        before = snapshot()
        answers = [asked(), asked()]
        if snapshot() == before:
            return answers
    raise AssertionError("other tests wrote without a pause")


def snapshot():
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_snapshot()::text")
        return cursor.fetchone()[0]


def test_a_page_is_made_once_and_said_again(board):
    (made, first), (again, second) = asked_twice_in_quiet()
    assert (made > 1, again) == (True, 1)
    assert second.content == first.content
    for name in ("Vary", "Content-Type", "Content-Security-Policy"):
        assert second[name] == first[name]
    assert {"Cookie", "HX-Request"} <= set(second["Vary"].split(", "))


def test_any_change_is_seen_at_once(board):
    assert "港口勒索恢复" in text(get("/"))
    publish(title="工控流量检测")
    assert "工控流量检测" in text(get("/"))
    withdraw(Scenario.objects.get(pk=board.pk))
    before = text(get("/"))
    assert "Withdrawn" in text(get("/en/"))
    world.vendor()  # whatever it is that was written
    assert asked()[0] > 1
    assert text(get("/")) == before


def test_time_that_passes_is_seen_within_a_second(board, clock):
    clock.freeze(board.deadline_at - timedelta(seconds=1))
    assert "Open for bids</span>" in text(get("/en/"))
    clock.move(timedelta(seconds=kept.SECONDS))
    assert "Closed</span>" in text(get("/en/"))


def test_each_address_language_and_part_is_a_page_of_its_own(board):
    for _ in range(2):
        assert "Security demands of Lingang" in text(asked("/en/")[1])
        assert "Security demands of Lingang" not in text(asked("/")[1])
        part = asked("/", **{"HX-Request": "true"})[1]
        assert text(part).lstrip().startswith('<div id="board"')
        assert 'href="/?mode=race"' not in text(asked("/?state=done")[1])
        assert "<!DOCTYPE html>" in text(asked("/")[1])


def test_who_is_signed_in_neither_fills_nor_gets_it(board):
    actor = world.officer()
    own = get("/en/", actor)
    assert "Sign out" in text(own)
    assert own["Cache-Control"] == "private, no-store"
    assert "Sign out" not in text(get("/en/"))
    assert "Sign out" in text(get("/en/", actor))


def test_what_is_kept_has_an_end(board, monkeypatch):
    monkeypatch.setattr(kept, "MOST", 3)
    for _ in range(50):
        before = snapshot()
        for number in range(6):
            get("/", page=str(number))
        counts = [asked(f"/?page={number}")[0] for number in (5, 0)]
        if snapshot() == before:
            break
    assert (counts[0], counts[1] > 1) == (1, True)
