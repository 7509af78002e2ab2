"""The short way of programs answers as the long one does: same headers, limits, faults, records."""

from __future__ import annotations

import uuid

import pytest
from django.db import OperationalError
from django.test import Client

from marketplace.accounts.tokens.actions import create_token
from marketplace.api import drafts
from tests import world

NOWHERE = uuid.UUID(int=0)
# What every answer carries, whoever asked.
ALWAYS = (
    *("Content-Type", "Content-Length", "Content-Language", "Content-Security-Policy"),
    *("Cross-Origin-Opener-Policy", "Referrer-Policy", "X-Content-Type-Options"),
    "X-Frame-Options",
)


@pytest.fixture
def token(db):
    made = create_token(actor=world.owner(), name="program", scopes=["read", "scenarios:write"])
    return {"Authorization": f"Bearer {made.text}"}


@pytest.fixture
def visitor():
    return Client()


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/api/v1/scenarios/", 200),
        ("/api/v1/docs/", 200),  # where nobody is asked for a token
        (f"/api/v1/scenarios/{NOWHERE}/", 404),
        ("/api/v1/nowhere/", 404),
        ("/api/v1/scenarios", 301),
        ("/api/v1/scenarios/?nonsense=1", 400),
    ],
)
def test_the_same_headers(token, visitor, address, status):
    theirs, ours = visitor.get(address), Client().get(address, headers=token)
    assert (ours.status_code, theirs.status_code) == (status, status)
    for name in ALWAYS:
        told, wanted = ours.headers.get(name, ""), theirs.headers.get(name, "")
        assert policy(told) == policy(wanted), name
    assert ours.headers.get("Location") == theirs.headers.get("Location")
    assert len(ours["X-Request-ID"]) == 32
    if status != 301:
        assert ours["Cache-Control"] == "private, no-store"
        assert ours.has_header("RateLimit-Policy") == theirs.has_header("RateLimit-Policy")
    assert "Accept-Language" in ours["Vary"]


def policy(text: str) -> set[str]:
    """Directives come in any order."""
    return {part.strip() for part in text.split(";")}


@pytest.mark.parametrize("host", ["evil.example", "a b"])
def test_a_host_that_is_not_ours_is_refused(token, visitor, host):
    answers = [
        visitor.get("/api/v1/scenarios/", HTTP_HOST=host),
        visitor.get("/api/v1/scenarios/", headers=token, HTTP_HOST=host),
    ]
    assert [answer.status_code for answer in answers] == [400, 400]
    assert answers[0]["Content-Type"] == answers[1]["Content-Type"]


def test_https_is_asked_for(token, visitor, settings):
    settings.SECURE_SSL_REDIRECT = True
    answer = Client().get("/api/v1/scenarios/", headers=token)
    assert (answer.status_code, answer["Location"]) == (
        301,
        "https://testserver/api/v1/scenarios/",
    )


@pytest.mark.parametrize("kind", ["Bearer", "bearer nonsense", "BEARER  jb_x"])
def test_a_bad_token_is_no_visitor_and_no_session(db, kind):
    client = Client()
    client.force_login(world.officer().user)
    answer = client.get("/api/v1/scenarios/", headers={"Authorization": kind})
    assert (answer.status_code, answer.json()["code"]) == (401, "token.invalid")
    assert answer["RateLimit-Policy"].startswith('"visitor"')


def test_another_kind_of_credential_goes_the_long_way(db):
    client = Client()
    client.force_login(world.officer().user)
    answer = client.get("/api/v1/scenarios/", headers={"Authorization": "Basic eA=="})
    assert answer.status_code == 200
    assert answer["RateLimit-Policy"].startswith('"session"')


def test_no_session_is_read_beside_a_token(token, count_queries):
    client = Client()
    client.force_login(world.officer().user)
    with count_queries() as queries:
        client.get("/api/v1/scenarios/", headers=token)
    assert not [query for query in queries if "django_session" in query["sql"]]


@pytest.mark.parametrize(("error", "status"), [(OperationalError, 503), (ValueError, 500)])
def test_a_fault_is_told_as_everywhere(token, visitor, monkeypatch, error, status):
    def fails(*_given, **_named):
        raise error

    visitor.raise_request_exception = False
    monkeypatch.setattr(drafts.Scenarios, "get", fails)
    answers = [visitor.get("/api/v1/scenarios/", headers=headers) for headers in ({}, token)]
    assert [answer.status_code for answer in answers] == [status, status]
    assert answers[0].content == answers[1].content
    assert answers[1]["X-Frame-Options"] == "DENY"
    assert "Content-Security-Policy" in answers[1]


def test_the_language_is_the_requests(token):
    told = {
        language: Client()
        .get("/api/v1/nowhere/", headers={**token, "Accept-Language": language})
        .json()["detail"]
        for language in ("en", "zh-hans")
    }
    assert told["en"] != told["zh-hans"]
