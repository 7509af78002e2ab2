"""Limits at sign-in: one count for all processes, whatever headers a caller writes."""

import subprocess
import sys
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import translation

from marketplace.base.counting import forget_expired
from marketplace.base.models import Count
from tests import servers_plugin, world

WRONG, REFUSED = "wrong", "too many"
SENTENCES = {
    "The email address and/or password you specified are not correct.": WRONG,
    "Too many failed login attempts. Try again later.": REFUSED,
}
ADDRESS = "/en/accounts/login/"
KNOCK = f"""
import sys
import django
django.setup()
from django.test import Client
for _ in range(3):
    answer = Client().post({ADDRESS!r}, {{"login": sys.argv[1], "password": "wrong"}})
    print([word in answer.content.decode() for word in {list(SENTENCES)!r}])
"""


def knock(email, *, password="wrong", **headers):
    """What the page says to one attempt, or its status where it says neither."""
    answer = Client().post(ADDRESS, {"login": email, "password": password}, headers=headers)
    page = answer.content.decode()
    said = [outcome for sentence, outcome in SENTENCES.items() if sentence in page]
    return said[0] if said else answer.status_code


@pytest.fixture(autouse=True)
def language():
    """Whatever a page speaks, the next test speaks Chinese again."""
    with translation.override("zh-hans"):
        yield


@pytest.fixture
def user():
    return world.vendor().user


@pytest.mark.django_db
def test_five_wrong_passwords_for_one_account(user):
    said = [knock(user.email) for _ in range(6)]
    assert said == [WRONG] * 5 + [REFUSED]
    assert knock(user.email, password=world.PASSWORD) == REFUSED
    assert knock(world.vendor().user.email, password=world.PASSWORD) == 302


@pytest.mark.django_db
def test_an_unknown_account_is_limited_in_the_same_words():
    said = [knock("nobody@test.invalid") for _ in range(6)]
    assert said == [WRONG] * 5 + [REFUSED]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "forge",
    [
        lambda n: {"X-Forwarded-For": f"198.51.100.{n}"},
        lambda n: {"X-Real-IP": f"198.51.100.{n}"},
        lambda n: {"Forwarded": f"for=198.51.100.{n}"},
        lambda n: {"Host": f"testserver:{1000 + n}"},
        lambda n: {"X-Forwarded-Host": f"h{n}.invalid"},
        lambda n: {"User-Agent": f"{n}"},
    ],
)
def test_a_forged_header_wins_no_attempts(user, forge):
    for n in range(5):
        assert knock(user.email, **forge(n)) == WRONG
    assert knock(user.email, **forge(5)) == REFUSED
    # and by address: ten failures a minute, whichever account
    for n in range(6, 10):
        assert knock(f"other{n}@test.invalid", **forge(n)) == WRONG
    assert knock("other10@test.invalid", **forge(10)) == REFUSED


@pytest.mark.django_db
def test_behind_a_proxy_the_address_that_it_added_counts(settings):
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    for n in range(10):
        forged = {"X-Forwarded-For": f"198.51.100.{n}, 203.0.113.7"}
        assert knock(f"o{n}@test.invalid", **forged) == WRONG
    assert knock("o10@test.invalid", **{"X-Forwarded-For": "203.0.113.8, 203.0.113.7"}) == REFUSED
    elsewhere = {"X-Forwarded-For": "203.0.113.7, 203.0.113.8"}
    assert knock("o11@test.invalid", **elsewhere) == WRONG


@pytest.mark.django_db
def test_the_account_is_one_in_capitals_too(user):
    for n in range(5):
        knock(user.email.upper() if n % 2 else user.email)
    assert knock(user.email.title()) == REFUSED


@pytest.mark.django_db
def test_thirty_sign_ins_a_minute_from_one_address():
    said = {Client().post(reverse("account_login"), {}).status_code for _ in range(30)}
    assert said == {200}
    answer = Client().post(reverse("account_login"), {})
    assert (answer.status_code, answer["Retry-After"]) == (429, "60")
    assert "操作太频繁" in answer.content.decode()


@pytest.mark.django_db
def test_letters_to_reset_a_password_are_limited_and_tell_nothing():
    for email in (world.vendor().user.email, "nobody@test.invalid"):
        answers = [
            Client().post(reverse("account_reset_password"), {"email": email}).status_code
            for _ in range(6)
        ]
        assert answers == [302] * 5 + [429]


def test_two_processes_count_together(committing_db):
    user = world.vendor().user
    found = []
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", KNOCK, user.email],
            cwd=servers_plugin.ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        found += done.stdout.splitlines()
    assert found == ["[True, False]"] * 5 + ["[False, True]"]
    assert knock(user.email, password=world.PASSWORD) == REFUSED
    assert Count.objects.count() > 0


def test_two_at_once_are_both_counted(two_at_once):
    user = world.vendor().user
    for _ in range(4):
        knock(user.email)
    said = two_at_once(lambda: knock(user.email), lambda: knock(user.email))
    assert sorted(said) == [REFUSED, WRONG]


@pytest.mark.django_db
def test_what_is_counted_is_forgotten(user, clock):
    knock(user.email)
    assert Count.objects.count() > 0
    clock.move(timedelta(minutes=6))
    forget_expired()
    assert Count.objects.count() == 0
