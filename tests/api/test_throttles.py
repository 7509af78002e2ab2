"""How often the API may be asked, told in every answer, and with Redis gone."""

import os
import re
import subprocess
import sys
import time

import pytest
import redis
from django.core.cache import caches
from django.test import Client
from django.urls import reverse

from marketplace.accounts.tokens.actions import create_token
from marketplace.api import throttles
from marketplace.base import shared
from tests import servers_plugin, world

ASK = """
import sys
import django
django.setup()
from django.conf import settings
from django.test import Client
settings.API_LIMITS = {"visitor": (5, 3600)}
for _ in range(3):
    print(Client().get("/api/v1/indicators/").status_code)
"""


@pytest.fixture(autouse=True)
def limits(settings, monkeypatch):
    """An hour's window, so that none ends during a test; and nothing counted yet."""
    settings.API_LIMITS = {"visitor": (3, 3600), "session": (4, 3600), "token": (5, 3600)}
    with redis.Redis.from_url(os.environ["REDIS_URL"]) as client:
        client.flushdb()
    monkeypatch.setattr(shared._Away, "until", 0.0)
    monkeypatch.setattr(throttles, "share", {name: throttles.Share() for name in throttles.share})
    monkeypatch.setattr(throttles, "local", {name: throttles.Local() for name in throttles.local})


def ask(client=None, address="/api/v1/indicators/", **headers):
    return (client or Client()).get(address, headers=headers)


def left(answer):
    return int(re.search(r";r=(\d+);", answer["RateLimit"])[1])


@pytest.mark.django_db
def test_every_answer_tells_what_is_left_and_the_next_one_is_refused():
    for remaining in (2, 1, 0):
        answer = ask()
        assert (answer.status_code, left(answer)) == (200, remaining)
        assert answer["RateLimit-Policy"] == '"visitor";q=3;w=3600'
        assert "Retry-After" not in answer
    refused = ask()
    assert (refused.status_code, refused["Content-Type"]) == (429, "application/problem+json")
    assert refused.json()["code"] == "limit.rate"
    reset = 3600 - time.time() % 3600
    assert 0 <= int(refused["Retry-After"]) - reset < 5
    assert refused["RateLimit"] == f'"visitor";r=0;t={refused["Retry-After"]}'
    # Every view of the API counts alike.
    for address in ("/api/v1/scenarios/", "/api/v1/schema/", "/api/v1/docs/"):
        assert ask(address=address).status_code == 429


@pytest.mark.django_db
def test_person_token_and_address_count_apart():
    actor = world.vendor()
    client = Client()
    client.force_login(actor.user)
    other = Client()
    other.force_login(world.vendor().user)
    first, second = (create_token(actor=actor, name="s", scopes=["read"]).text for _ in "ab")
    bearer = {"Authorization": f"Bearer {first}"}
    assert [ask(client).status_code for _ in range(5)] == [200] * 4 + [429]
    assert [ask(**bearer).status_code for _ in range(6)] == [200] * 5 + [429]
    assert [ask().status_code for _ in range(4)] == [200] * 3 + [429]
    assert left(ask(other)) == 3
    assert left(ask(Authorization=f"Bearer {second}")) == 4


@pytest.mark.django_db
def test_what_a_token_may_not_do_counts_too():
    text = create_token(actor=world.vendor(), name="s", scopes=["bids:write"]).text
    said = [ask(Authorization=f"Bearer {text}").status_code for _ in range(6)]
    assert said == [403] * 5 + [429]


@pytest.mark.django_db
def test_guessed_tokens_count_for_the_address():
    said = [ask(Authorization="Bearer jb_guess") for _ in range(4)]
    assert [answer.status_code for answer in said] == [401] * 3 + [429]
    assert left(said[0]) == 2


@pytest.mark.django_db
@pytest.mark.parametrize(
    "name", ["X-Forwarded-For", "X-Real-IP", "Forwarded", "X-Client-IP", "Host", "Cookie"]
)
def test_a_forged_header_wins_nothing(name):
    forged = {
        "Host": lambda n: f"testserver:{1000 + n}",
        "Forwarded": lambda n: f"for=198.51.100.{n}",
        "Cookie": lambda n: f"sessionid={n}",
    }.get(name, lambda n: f"198.51.100.{n}")
    assert [ask(**{name: forged(n)}).status_code for n in range(4)] == [200] * 3 + [429]


@pytest.mark.django_db
def test_behind_a_proxy_the_address_that_it_added_counts(settings):
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    said = [ask(**{"X-Forwarded-For": f"198.51.100.{n}, 203.0.113.7"}) for n in range(4)]
    assert [answer.status_code for answer in said] == [200] * 3 + [429]
    assert left(ask(**{"X-Forwarded-For": "203.0.113.7, 203.0.113.8"})) == 2
    # One household of IPv6 is one address.
    said = [left(ask(**{"X-Forwarded-For": f"2001:db8::{n}"})) for n in (1, 2)]
    assert said == [2, 1]


@pytest.mark.django_db
def test_redis_gone_refuses_nobody_and_limits_still(monkeypatch):
    monkeypatch.setitem(caches.settings["shared"], "LOCATION", "redis://127.0.0.1:1/0")
    monkeypatch.delattr(caches._connections, "shared", raising=False)
    began = time.monotonic()
    said = [ask() for _ in range(5)]
    assert [answer.status_code for answer in said] == [200] * 3 + [429] * 2
    assert [left(answer) for answer in said] == [2, 1, 0, 0, 0]
    assert time.monotonic() - began < 20
    with redis.Redis.from_url(os.environ["REDIS_URL"]) as client:
        assert client.keys("*rate:*") == []


@pytest.mark.django_db
def test_noise_in_redis_is_no_fault():
    assert left(ask()) == 2
    with redis.Redis.from_url(os.environ["REDIS_URL"]) as client:
        [key] = client.keys("*rate:visitor:*")
        assert b"127.0.0.1" not in key
        client.set(key, b"cos\nsystem\n(S'id'\ntR.")
    assert ask().status_code == 200


def test_two_processes_count_together(committing_db):
    found = []
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", ASK],
            cwd=servers_plugin.ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        found += done.stdout.split()
    assert found == ["200"] * 5 + ["429"]


@pytest.mark.django_db
def test_pages_are_not_counted():
    answer = Client().get(reverse("board"))
    assert "RateLimit" not in answer


def test_an_hour_has_its_own_count():
    counts = throttles.Local()
    assert [counts.add_one("a", 1), counts.add_one("a", 1), counts.add_one("b", 1)] == [1, 2, 1]
    assert counts.add_one("a", 2) == 1
    counts.MOST = 2
    assert [counts.add_one(key, 2) for key in "bcd"] == [1, 1, 1]
    assert len(counts.counts) <= 2


def test_processes_share_the_numbers_out():
    """No number twice, none beyond the limit counts, and little is left with who stops asking."""
    limit = 640
    ours, theirs = throttles.Share(), throttles.Share()
    given = [process.number("rate:x", 1, limit, 60) for process in (ours, theirs) * 20]
    assert sorted(given) == sorted(set(given))
    while (last := ours.number("rate:x", 1, limit, 60)) <= limit:
        given.append(last)
    assert len(given) == len(set(given))
    assert limit - limit // throttles.Share.PART <= len(given) <= limit


def test_few_trips_far_from_the_limit_and_each_one_near_it(monkeypatch):
    trips = []
    count_up = shared.count_up
    monkeypatch.setattr(
        shared, "count_up", lambda *given, by=1: trips.append(by) or count_up(*given, by=by)
    )
    one = throttles.Share()
    assert [one.number("rate:x", 1, 640, 60) for _ in range(640)] == list(range(1, 641))
    assert trips[:3] == [1, 9, 9]
    assert trips[-64:] == [1] * 64
    assert len(trips) < 330


def test_a_new_window_forgets_what_was_held():
    one = throttles.Share()
    one.number("rate:x:1", 1, 640, 60)
    one.number("rate:x:1", 1, 640, 60)
    assert one.held["rate:x:1"][1] == [(3, 10)]
    one.number("rate:x:2", 2, 640, 60)
    assert list(one.held) == ["rate:x:2"]
