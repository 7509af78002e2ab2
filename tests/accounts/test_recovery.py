"""A lost second factor: two people of the office end it, everything else ends with it."""

from datetime import timedelta

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from django.core import mail
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import translation

from marketplace.accounts.recovery.actions import (
    ask_factor_reset,
    confirm_factor_reset,
    decline_factor_reset,
)
from marketplace.accounts.recovery.models import FactorReset
from marketplace.accounts.tokens.actions import create_token
from marketplace.accounts.tokens.models import ApiToken
from marketplace.base.actor import Role
from marketplace.base.errors import (
    DeadlinePassed,
    Invalid,
    NotAllowed,
    NotFound,
    StateConflict,
)
from marketplace.base.queue import deliver_due
from marketplace.ledger.models import Event
from tests import world
from tests.accounts.test_second_factor import code_now, give, sign_in, signed_in, with_app


@pytest.fixture(autouse=True)
def chinese():
    with translation.override("zh-hans"):
        yield


def ask(officer, user, reason="当面核验身份证"):
    return ask_factor_reset(actor=officer, email=user.email, reason=reason)


def lost():
    user = world.person(Role.EXPERT).user
    with_app(user)
    RecoveryCodes.activate(user)
    return user


@pytest.mark.django_db
def test_two_people_end_factor_sessions_and_tokens(settings):
    settings.EMAIL_HOST = "mail.test.invalid"
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    mail.outbox = []
    expert = world.person(Role.EXPERT)
    user, secret = expert.user, with_app(expert.user)
    client = sign_in(user)
    give(client, code_now(secret))
    assert client.get(reverse("desk")).status_code == 200
    create_token(actor=expert, name="s", scopes=["read"])
    officer, secretary = world.officer(), world.secretary()
    row = ask(officer, user)
    assert client.get(reverse("desk")).status_code == 200  # one person alone ends nothing
    confirm_factor_reset(actor=secretary, reset_uid=row.uid)
    assert not Authenticator.objects.filter(user=user).exists()
    assert client.get(reverse("desk"))["Location"].startswith(reverse("account_login"))
    assert ApiToken.objects.get().revoked_at is not None
    asked, done = Event.objects.filter(kind__startswith="factor.").order_by("id")
    assert (asked.kind, asked.actor_uid, asked.audience) == (
        *("factor.reset_asked", officer.user.uid, "office"),
    )
    assert (done.kind, done.actor_uid, done.data) == (
        *("factor.reset", secretary.user.uid, {"sessions": 1, "tokens": 1}),
    )
    assert "身份证" not in bytes(asked.body).decode()
    deliver_due()
    [letter] = mail.outbox
    assert (letter.to, letter.subject) == ([user.email], "您的第二重验证已重置")
    # The person signs in with the password, and nothing opens before a new factor is there.
    settings.MFA_OPTIONAL = False
    anew = sign_in(user)
    assert signed_in(anew)
    assert anew.get(reverse("desk"))["Location"] == reverse("security")


@pytest.mark.django_db
def test_neither_who_asked_nor_whom_it_concerns_decides():
    first, second = world.officer(), world.officer()
    with_app(second.user)
    row = ask(first, second.user)
    for actor in (first, second):
        for decide in (confirm_factor_reset, decline_factor_reset):
            with pytest.raises(NotAllowed):
                decide(actor=actor, reset_uid=row.uid)
    for actor in (world.vendor(), world.person(Role.WITNESS)):
        with pytest.raises(NotFound):
            confirm_factor_reset(actor=actor, reset_uid=row.uid)
    assert Authenticator.objects.filter(user=second.user).count() == 1
    with pytest.raises(IntegrityError), transaction.atomic():
        FactorReset.objects.filter(pk=row.pk).update(decided_by=first.user)
    with pytest.raises(IntegrityError), transaction.atomic():
        FactorReset.objects.filter(pk=row.pk).update(decided_by=second.user)


@pytest.mark.django_db
def test_who_asks_and_for_whom():
    officer, user = world.officer(), lost()
    with_app(officer.user)
    for actor in (world.secretary(), world.vendor(), world.person(Role.INSPECTOR)):
        with pytest.raises(NotAllowed):
            ask(actor, user)
    with pytest.raises(NotAllowed):
        ask(officer, officer.user)
    with pytest.raises(StateConflict):
        ask(officer, world.vendor().user)
    for reason in (" ", "x" * 501, "a\x00"):
        with pytest.raises(Invalid):
            ask(officer, user, reason)
    with pytest.raises(Invalid):
        ask_factor_reset(actor=officer, email="nobody@test.invalid", reason="x")
    with pytest.raises(NotAllowed):
        ask_factor_reset(actor=world.vendor(), email="nobody@test.invalid", reason="x")
    ask(officer, user)
    with pytest.raises(StateConflict):
        ask(world.officer(), user)


@pytest.mark.django_db
def test_a_day_is_the_time_for_it(clock):
    clock.freeze(clock.now())
    officer, other, user = world.officer(), world.officer(), lost()
    late, row = lost(), None
    row, spoilt = ask(officer, user), ask(officer, late)
    clock.move(timedelta(hours=24) - timedelta(microseconds=1))
    confirm_factor_reset(actor=other, reset_uid=row.uid)
    clock.move(timedelta(microseconds=1))
    with pytest.raises(DeadlinePassed):
        confirm_factor_reset(actor=other, reset_uid=spoilt.uid)
    again = ask(officer, late)
    decline_factor_reset(actor=other, reset_uid=again.uid)
    with pytest.raises(StateConflict):
        confirm_factor_reset(actor=other, reset_uid=again.uid)
    assert Authenticator.objects.filter(user=late).count() == 2


def test_confirmed_twice_at_once_is_done_once(two_at_once):
    row = ask(world.officer(), lost())
    people = [world.officer(), world.secretary()]
    results = two_at_once(
        *[lambda p=p: confirm_factor_reset(actor=p, reset_uid=row.uid) for p in people]
    )
    assert sorted(type(result).__name__ for result in results) == ["FactorReset", "StateConflict"]
    assert Event.objects.filter(kind="factor.reset").count() == 1


def test_asked_twice_at_once_is_one(two_at_once):
    user, officers = lost(), [world.officer(), world.officer()]
    results = two_at_once(*[lambda o=o: ask(o, user) for o in officers])
    assert sorted(type(result).__name__ for result in results) == ["FactorReset", "StateConflict"]


# -- The page ------------------------------------------------------------------------------------------
def browser(actor):
    client = Client()
    client.force_login(actor.user)
    return client


@pytest.mark.django_db
def test_the_page_from_asking_to_the_reset():
    user, officer, secretary = lost(), browser(world.officer()), browser(world.secretary())
    address = reverse("factor-resets")
    assert "暂无重置记录" in officer.get(address).content.decode()
    given = {"do": "ask", "email": user.email, "reason": "当面核验"}
    assert officer.post(address, {**given, "email": "x"}).status_code == 422
    assert officer.post(address, {**given, "email": "no@test.invalid"}).status_code == 422
    assert officer.post(address, given).status_code == 302
    repeated = officer.post(address, given)
    assert repeated.status_code == 409
    assert "当面核验" in repeated.content.decode()
    uid = FactorReset.objects.get().uid
    own = officer.get(address).content.decode()
    assert 'value="confirm"' not in own
    assert officer.post(address, {"do": "confirm", "reset": uid}).status_code == 403
    assert 'value="confirm"' in secretary.get(address).content.decode()
    assert secretary.post(address, {"do": "confirm", "reset": uid}).status_code == 302
    assert "已重置" in secretary.get(address).content.decode()
    assert not Authenticator.objects.filter(user=user).exists()


@pytest.mark.django_db
def test_who_does_not_find_the_page(settings):
    address = reverse("factor-resets")
    for actor in (world.vendor(), world.person(Role.EXPERT), world.person(Role.INSPECTOR)):
        assert browser(actor).get(address).status_code == 404
    office = browser(world.secretary())
    assert office.get("/en" + address).status_code == 200
    for bad in ({"do": "confirm"}, {"do": "confirm", "reset": "x"}, {"do": "x", "reset": "y"}, {}):
        assert office.post(address, bad).status_code == 404
    settings.MFA_OPTIONAL = False
    officer = world.officer()
    with_app(officer.user)
    asked = browser(officer).get(address)
    assert asked["Location"].startswith(reverse("mfa_reauthenticate"))


@pytest.mark.django_db
@pytest.mark.parametrize("rows", [1, 30])
def test_the_list_costs_the_same(rows, assert_max_queries):
    officer = world.officer()
    client = browser(officer)
    for _ in range(rows):
        FactorReset.objects.create(user=world.make_user(), asked_by=officer.user, reason="x")
    client.get(reverse("factor-resets"))
    with assert_max_queries(10):
        client.get(reverse("factor-resets"))
