"""One line per request, with values that cannot break out of it, and what it must not say."""

import json
import logging
import re

import pytest
import structlog
from django.test import Client
from django.urls import reverse

from config import logs
from tests import world

EVIL = 'a\r\n\x1b[31m{"event": "forged"}\u2028\u202e\x9b1m'


@pytest.fixture
def lines(monkeypatch):
    """What a handler with our formatter writes, as text and parsed."""
    written = []

    class Keep(logging.Handler):
        def emit(self, record):
            written.append(self.format(record))

    handler = Keep()
    handler.setFormatter(logs.formatter())
    root = logging.getLogger()
    root.addHandler(handler)
    yield written
    root.removeHandler(handler)


def requests_of(lines):
    return [told for told in map(json.loads, lines) if told["event"] == "request"]


def test_one_line_per_request(db, lines):
    person = world.owner()
    client = Client()
    client.force_login(person.user)
    answer = client.get("/desk/")
    [told] = requests_of(lines)
    assert {name: told[name] for name in ("method", "route", "status", "actor")} == {
        "method": "GET",
        "route": "desk",
        "status": 200,
        "actor": str(person.user.uid),
    }
    assert told["request_id"] == answer["X-Request-ID"]
    assert (told["level"], told["logger"]) == ("info", "jiebang.request")
    assert told["ms"] >= 0
    assert told["queries"] > 0


def test_neither_path_nor_query_nor_address_nor_name(db, lines):
    client = Client()
    client.get("/", {"q": "secret-words", "token": "abcdefgh"})
    client.get("/accounts/password/reset/key/abc-secret-words/")
    client.get("/nowhere/secret-words/")
    client.post("/accounts/login/", {"login": f"secret-words{EVIL}", "password": "secret-words"})
    assert [told["route"] for told in requests_of(lines)] == [
        "board",
        "account_reset_password_from_key",
        "unresolved",
        "account_login",
    ]
    assert "secret-words" not in "".join(lines)
    assert "127.0.0.1" not in "".join(lines)


@pytest.mark.parametrize("path", ["/%0d%0a%1b[31mforged/", "/scenarios/%0d%0aforged/"])
def test_a_path_cannot_break_out(db, lines, path):
    assert Client().get(path).status_code == 404
    assert len(requests_of(lines)) == 1
    assert "forged" not in "".join(lines)


def test_a_value_cannot_break_out(lines):
    structlog.get_logger("x").warning("told", name=EVIL, deep={"in": [EVIL]})
    logging.getLogger("django.security.DisallowedHost").error("Invalid host: %s", EVIL)
    assert len(lines) == 2
    for line in lines:
        assert re.search("[\x00-\x1f\x7f-\x9f\u2028\u202e]", line) is None
    assert json.loads(lines[0])["name"] == EVIL
    assert json.loads(lines[0])["deep"] == {"in": [EVIL]}
    assert json.loads(lines[1])["event"] == f"Invalid host: {EVIL}"


def test_secrets_are_taken_out(lines):
    log = structlog.get_logger("x")
    log.info("told", password="hunter22", token="t" * 30, note="mail to a.b@example.org now")
    logging.getLogger("kombu").info("redis://:hunter22@127.0.0.1:6379/0 AGE-SECRET-KEY-1QQQ")
    logging.getLogger("x").info("Authorization: Bearer abcdefghijk")
    first = json.loads(lines[0])
    assert (first["password"], first["token"]) == ("[withheld]", "[withheld]")
    assert first["note"] == "mail to [address] now"
    assert json.loads(lines[1])["event"] == "redis://:[password]@127.0.0.1:6379/0 [key]"
    assert json.loads(lines[2])["event"] == "Authorization: Bearer [secret]"


def test_an_exception_is_told_without_the_row(lines):
    message = 'duplicate key value violates "x"\nDETAIL:  Key (name)=(Wang) already exists.'
    error = RuntimeError("outer")
    error.__cause__ = ValueError(message)
    try:
        raise error
    except RuntimeError:
        structlog.get_logger("x").exception("failed")
    [line] = lines
    told = json.loads(line)["exception"]
    assert [one["kind"] for one in told] == ["builtins.RuntimeError", "builtins.ValueError"]
    assert told[1]["message"] == 'duplicate key value violates "x"'
    assert "test_observed.py:" in told[0]["frames"][0]
    assert "Wang" not in line


def test_a_fault_of_a_page_names_its_route_only(db, lines, monkeypatch):
    def broken(*_args, **_kwargs):
        raise RuntimeError("broken")

    monkeypatch.setattr("marketplace.web.board.facets", broken)
    client = Client(raise_request_exception=False)
    assert client.get("/?q=secret-words").status_code == 500
    failed, request = map(json.loads, lines)
    assert (failed["event"], failed["route"], failed["status"]) == ("request.failed", "board", 500)
    assert (request["event"], request["status"]) == ("request", 500)
    assert failed["request_id"] == request["request_id"]
    assert "secret-words" not in "".join(lines)


def test_of_bids_nothing_is_said_but_a_fault(db, lines, monkeypatch):
    scenario, vendor = world.published_scenario(), world.vendor()
    lines.clear()
    client = Client(raise_request_exception=False)
    client.force_login(vendor.user)
    url = reverse("bid-form", args=[scenario.address])
    assert client.get(url).status_code == 200
    assert client.get("/bids/nobody/").status_code == 404
    assert lines == []

    def broken(*_args, **_kwargs):
        raise RuntimeError("broken")

    monkeypatch.setattr("marketplace.web.bidding.render", broken, raising=False)
    monkeypatch.setattr("marketplace.web.bidding.page", broken, raising=False)
    assert client.get(url).status_code == 500
    told = list(map(json.loads, lines))
    assert [one["route"] for one in told] == ["withheld", "withheld"]
    assert "actor" not in told[1]


@pytest.mark.parametrize(
    ("behind", "given", "kept"),
    [
        (True, "abcdef-0123", True),
        (False, "abcdef-0123", False),
        (True, "short", False),
        (True, "x" * 65, False),
        (True, "line\tend12345", False),
        (True, "号码号码号码号码", False),
    ],
)
def test_the_number_of_a_request(db, settings, behind, given, kept):
    settings.BEHIND_PROXY = behind
    answer = Client().get("/goals/", headers={"X-Request-ID": given})
    assert (answer["X-Request-ID"] == given) is kept
    assert re.fullmatch("[A-Za-z0-9-]{8,64}", answer["X-Request-ID"])


def test_probes_and_static_files_leave_no_line(db, lines):
    Client().get("/health/live")
    Client().get("/health/ready")
    assert requests_of(lines) == []


def test_a_slow_query_is_told_without_its_values(db, settings, lines):
    settings.SLOW_QUERY_SECONDS = 0
    Client().get("/", {"q": "secret-words"})
    slow = [told for told in map(json.loads, lines) if told["event"] == "query.slow"]
    assert slow
    assert {told["route"] for told in slow} == {"board"}
    assert all("%s" in told["sql"] or "SELECT" in told["sql"] for told in slow)
    assert "secret-words" not in "".join(lines)
