"""The monitor beside a site: what it asks, records, keeps in its file and finds there again."""

from __future__ import annotations

import json
import socket
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from django.db import connection, connections

from marketplace.base import clock as site_clock
from marketplace.base import heartbeat, monitor
from marketplace.base.models import Outage

READY = (200, b'{"status": "degraded"}')


@pytest.fixture
def answers():
    """A site whose next answers the test sets: [(status, body)], the last one for good."""
    given = [READY]

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            status, body = given[0] if len(given) == 1 else given.pop(0)
            self.send_response(status)
            if status == 302:
                self.send_header("Location", "/elsewhere")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield given, f"http://127.0.0.1:{server.server_port}/health/ready"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("status", "body", "problem"),
    [
        (200, b'{"status": "ok"}', ""),
        (200, b'{"status": "degraded"}', ""),
        (200, b'{"status": "unavailable"}', "not_ready"),
        (200, b"<h1>Back soon</h1>", "not_ready"),
        (200, b"[]", "not_ready"),
        (503, b'{"status": "ok"}', "not_ready"),
        (404, b"", "not_ready"),
        (302, b'{"status": "ok"}', "not_ready"),
    ],
)
def test_what_an_answer_means(answers, status, body, problem):
    given, url = answers
    given[:] = [(status, body)]
    assert monitor.ask(url) == problem


@pytest.fixture
def nobody():
    """An address at which nobody listens, nor comes to listen meanwhile."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}/health/ready"


def test_nobody_there_is_unreachable(nobody):
    assert monitor.ask(nobody) == "unreachable"
    assert monitor.ask("http://nowhere.invalid/health/ready") == "unreachable"


@pytest.fixture
def made(answers, tmp_path):
    """A monitor of these answers; called again it is one that was started again."""
    _given, url = answers

    def make(piece=60.0, url=url):
        return monitor.Monitor(
            url=url, file=tmp_path / "own" / "seen.json", piece=timedelta(seconds=piece)
        )

    return make


def look(watching, given, *statuses):
    for status in statuses:
        given[:] = [(status, b'{"status": "ok"}')]
        watching.look()


def test_an_outage_is_written_when_it_is_over_and_the_record_reaches_on(db, answers, made):
    given, _url = answers
    watching = made()
    look(watching, given, 200)
    assert watching.record() is True
    reached = heartbeat.reached(heartbeat.MONITOR)
    look(watching, given, 503, 503)
    watching.record()
    assert (Outage.objects.count(), heartbeat.reached(heartbeat.MONITOR)) == (0, reached)
    look(watching, given, 200)
    watching.record()
    row = Outage.objects.get()
    assert reached < row.from_at < row.until_at == heartbeat.reached(heartbeat.MONITOR)
    assert row.what == "not_ready"
    watching.record()
    assert Outage.objects.count() == 1


def test_one_that_goes_on_is_written_in_pieces_that_touch(db, answers, made):
    given, _url = answers
    watching = made(piece=0)
    look(watching, given, 200, 503, 503)
    watching.record()
    look(watching, given, 503)
    watching.record()
    one, other = Outage.objects.order_by("from_at")
    assert one.until_at == other.from_at
    assert heartbeat.reached(heartbeat.MONITOR) == other.until_at


def test_while_the_database_is_away_it_is_kept_also_over_a_restart(db, answers, made, monkeypatch):
    given, _url = answers
    watching = made()
    look(watching, given, 200, 503, 503, 200)

    def away():
        raise connections["default"].Database.OperationalError

    with monkeypatch.context() as patch:
        patch.setattr(site_clock, "now", connection.wrap_database_errors(away))
        patch.setattr(connection, "close", lambda: None)
        assert watching.record() is False
    kept = watching.watch.pending
    assert len(kept) == 1
    again = made()
    assert again.watch.pending == kept
    assert again.watch.seen_ready is True
    assert again.record() is True
    assert list(Outage.objects.values_list("from_at", "until_at")) == [
        (kept[0].from_at, kept[0].until_at)
    ]
    assert made().watch.pending == []


def test_one_that_stops_in_an_outage_counts_nothing_until_it_sees_again(db, answers, made):
    given, _url = answers
    watching = made()
    look(watching, given, 200, 503, 503)
    again = made()
    again.watch.pending.clear()
    look(again, given, 503, 200)
    again.record()
    assert Outage.objects.count() == 0


def test_a_wrong_address_makes_no_outage(db, made, answers, nobody):
    given, _url = answers
    wrong = made(url=nobody)
    for _ in range(3):
        wrong.look()
    wrong.record()
    assert (Outage.objects.count(), heartbeat.reached(heartbeat.MONITOR)) == (0, None)
    # Nor does one that was changed to: what was seen elsewhere does not count.
    look(made(), given, 200)
    changed = made(url=wrong.url)
    assert changed.watch.seen_ready is False


def test_it_tells_the_time_of_the_database(db, answers, made, clock):
    given, _url = answers
    clock.move(timedelta(days=3))
    watching = made()
    watching.record()
    look(watching, given, 200, 503, 503, 200)
    watching.record()
    assert abs(Outage.objects.get().until_at - site_clock.now()) < timedelta(minutes=1)
    assert abs(made().ahead - timedelta(days=3)) < timedelta(minutes=1)


def test_an_answer_that_took_long_does_not_turn_its_clock(db, made):
    watching = made()
    # One machine, one clock: however late the answers come, there is nothing between the two.
    for _ in range(3):
        watching.record()
        assert watching.ahead == timedelta()


def test_the_kept_distance_moves_as_little_as_the_answer_allows():
    def nearest(*seconds):
        return monitor.nearest(*(timedelta(seconds=each) for each in seconds)).total_seconds()

    assert nearest(0, -0.3, 0.2) == 0
    assert nearest(5, 4.9, 5.4) == 5
    assert (nearest(0, 4.9, 5.4), nearest(9, 4.9, 5.4)) == (4.9, 5.4)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"url": 1}', '{"pending": [["x", "y", "z"]]}'])
def test_a_file_that_cannot_be_read_begins_anew(made, text):
    watching = made()
    watching.look()
    watching.file.write_text(text)
    again = made()
    assert (again.watch.pending, again.watch.seen_ready) == ([], False)


def test_a_file_that_cannot_be_written_stops_nobody(db, answers, tmp_path):
    _given, url = answers
    (tmp_path / "file").touch()
    watching = monitor.Monitor(
        url=url, file=tmp_path / "file" / "seen.json", piece=timedelta(seconds=60)
    )
    assert watching.look() == ""
    assert watching.record() is True
    assert heartbeat.reached(heartbeat.MONITOR) is not None


def test_the_file_is_whole_and_written_only_when_it_changes(answers, made):
    watching = made()
    watching.look()
    first = watching.file.stat().st_ino
    watching.look()
    assert watching.file.stat().st_ino == first
    assert json.loads(watching.file.read_text())["pending"] == []
    assert [path.name for path in watching.file.parent.iterdir()] == ["seen.json"]
