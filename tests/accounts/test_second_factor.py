"""Signing in with a second factor: who must, what is asked anew, what is accepted only once."""

import time
from urllib.parse import parse_qs, urlsplit

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal import auth
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from marketplace.accounts.actions import grant
from marketplace.accounts.models import Capability
from marketplace.accounts.queries import needs_second_factor
from marketplace.base.actor import Role
from marketplace.scenarios.models import Scenario
from tests import world

pytestmark = pytest.mark.django_db
SECOND_FACTOR_PAGES = [
    "security",
    "mfa_index",
    "mfa_activate_totp",
    "mfa_add_webauthn",
    "mfa_list_webauthn",
    "mfa_generate_recovery_codes",
    "usersessions_list",
    "account_change_password",
]


@pytest.fixture(autouse=True)
def nothing_remembered():
    cache.clear()


@pytest.fixture
def strict(settings):
    """As in service."""
    settings.MFA_OPTIONAL = False


def code_now(secret, steps=0):
    counter = int(time.time()) // 30 + steps
    return auth.format_hotp_value(auth.hotp_value(secret, counter))


def with_app(user):
    secret = auth.generate_totp_secret()
    auth.TOTP.activate(user, secret)
    return secret


def sign_in(user, client=None):
    client = client or Client()
    answer = client.post(
        reverse("account_login"), {"login": user.email, "password": world.PASSWORD}
    )
    assert answer.status_code == 302
    return client


def give(client, code):
    return client.post(reverse("mfa_authenticate"), {"code": code})


def signed_in(client):
    return "_auth_user_id" in client.session


def prove(client, answer, **given):
    return client.post(answer["Location"].split("?")[0], {"next": next_of(answer), **given})


def next_of(answer):
    return parse_qs(urlsplit(answer["Location"]).query)["next"][0]


# -- Who must ----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("person", "needs"),
    [
        (world.officer, True),
        (world.secretary, True),
        (lambda: world.person(Role.EXPERT), True),
        (lambda: world.person(Role.WITNESS), True),
        (lambda: world.person(Role.COMPLAINTS), True),
        (lambda: world.person(Role.INSPECTOR), True),
        (lambda: world.person(Role.EVALUATOR), False),
        (world.owner, False),
        (world.vendor, False),
    ],
)
def test_who_needs_one(person, needs):
    assert needs_second_factor(person().user) is needs


def test_a_key_holder_needs_one_while_the_grant_is_in_force():
    user = world.owner().user
    given = grant(
        subject_uid=world.published_scenario().uid, capability=Capability.KEY_HOLDER, user=user
    )
    assert needs_second_factor(user) is True
    given.until_at = given.from_at
    given.save()
    assert needs_second_factor(user) is False


@pytest.mark.usefixtures("strict")
def test_nothing_opens_before_it_is_set_up():
    client = Client()
    client.force_login(world.officer().user)
    for name in ("desk", "board", "goals"):
        answer = client.get(reverse(name))
        assert (answer.status_code, answer["Location"]) == (302, reverse("security"))
    problem = client.get(reverse("api-scenarios"))
    assert (problem.status_code, problem.json()["code"]) == (403, "mfa.required")
    assert client.get(reverse("security")).status_code == 200
    assert client.get(reverse("health-live")).status_code == 200


@pytest.mark.usefixtures("strict")
def test_a_vendor_and_whoever_has_one_are_let_in():
    officer = world.officer().user
    with_app(officer)
    for user in (officer, world.vendor().user):
        client = Client()
        client.force_login(user)
        assert client.get(reverse("desk")).status_code == 200


def test_where_it_is_optional_nobody_is_led_away():
    client = Client()
    client.force_login(world.officer().user)
    assert client.get(reverse("desk")).status_code == 200


# -- The pages ---------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", SECOND_FACTOR_PAGES)
def test_the_pages_stand_in_our_frame_without_inline_scripts(name):
    user = world.officer().user
    client = sign_in(user)
    client.post(reverse("account_reauthenticate"), {"password": world.PASSWORD})
    if name == "mfa_generate_recovery_codes":
        with_app(user)
    page = client.get(reverse(name), follow=True)
    assert (page.status_code, page.redirect_chain) in [
        (200, []),
        (200, [(reverse("mfa_add_webauthn"), 302)]),
    ]
    text = page.content.decode()
    assert 'class="jb-header"' in text
    assert " style=" not in text
    opened = [tag.split(">")[0] for tag in text.split("<script")[1:]]
    assert [tag for tag in opened if "src=" not in tag and "application/json" not in tag] == []


def test_setting_up_an_app_gives_recovery_codes():
    user = world.officer().user
    client = sign_in(user)
    asked = client.get(reverse("mfa_activate_totp"))
    assert asked["Location"].startswith(reverse("account_reauthenticate"))
    prove(client, asked, password=world.PASSWORD)
    client.get(reverse("mfa_activate_totp"))
    secret = client.session[auth.SECRET_SESSION_KEY]
    done = client.post(reverse("mfa_activate_totp"), {"code": code_now(secret)})
    assert done["Location"] == reverse("mfa_view_recovery_codes")
    assert client.get(done["Location"]).status_code == 200
    kinds = Authenticator.objects.filter(user=user).values_list("type", flat=True)
    assert set(kinds) == {"totp", "recovery_codes"}


# -- Signing in --------------------------------------------------------------------------------------
def test_the_password_alone_is_not_enough():
    user = world.officer().user
    secret = with_app(user)
    client = sign_in(user)
    assert not signed_in(client)
    assert client.get(reverse("mfa_authenticate")).status_code == 200
    assert give(client, "000000" if code_now(secret) != "000000" else "1").status_code == 200
    assert not signed_in(client)
    assert give(client, code_now(secret)).status_code == 302
    assert signed_in(client)


def test_a_code_is_accepted_once_by_all_processes():
    user = world.officer().user
    secret = with_app(user)
    code, later = code_now(secret), code_now(secret, 1)
    first = sign_in(user)
    give(first, code)
    cache.clear()  # another process remembers nothing
    second = sign_in(user)
    assert give(second, code).status_code == 200
    assert not signed_in(second)
    give(second, later)
    assert signed_in(second)


def test_a_recovery_code_is_accepted_once():
    user = world.officer().user
    with_app(user)
    code = RecoveryCodes.activate(user).get_unused_codes()[0]
    first, second = sign_in(user), sign_in(user)
    give(first, code)
    give(second, code)
    assert (signed_in(first), signed_in(second)) == (True, False)


def test_the_session_is_a_new_one_after_signing_in():
    user = world.vendor().user
    client = Client()
    client.get(reverse("account_login"))
    session = client.session
    session["before"] = 1
    session.save()
    before = session.session_key
    client.cookies["sessionid"] = before
    sign_in(user, client)
    assert signed_in(client)
    assert client.session.session_key != before


def test_changing_the_password_ends_the_other_sessions():
    user = world.vendor().user
    here, there = sign_in(user), sign_in(user)
    new = "another long horse battery"
    here.post(
        reverse("account_change_password"),
        {"oldpassword": world.PASSWORD, "password1": new, "password2": new},
    )
    assert here.get(reverse("desk")).status_code == 200
    assert there.get(reverse("desk")).status_code == 302


def test_the_other_sessions_are_listed_and_ended():
    user = world.vendor().user
    here, there = sign_in(user), sign_in(user)
    assert here.get(reverse("usersessions_list")).context["session_count"] == 2
    here.post(reverse("usersessions_list"))
    assert here.get(reverse("desk")).status_code == 200
    assert there.get(reverse("desk")).status_code == 302


def test_a_reset_does_not_tell_who_has_an_account():
    known, unknown = world.vendor().user.email, "nobody@test.invalid"
    answers = [
        Client().post(reverse("account_reset_password"), {"email": email})
        for email in (known, unknown)
    ]
    assert [(a.status_code, a["Location"]) for a in answers] == [
        (302, reverse("account_reset_password_done"))
    ] * 2


# -- A fresh proof -----------------------------------------------------------------------------------
@pytest.mark.usefixtures("strict")
def test_publishing_asks_anew_and_keeps_what_was_typed():
    user = world.officer().user
    secret = with_app(user)
    scenario = world.draft_scenario(world.owner(), state="demonstrated")
    client = sign_in(user)
    give(client, code_now(secret, -1))
    address = reverse("scenario-publish", args=[scenario.address])
    asked = client.post(address, {"deadline_at": "2031-02-03T10:00"})
    assert asked["Location"].startswith(reverse("mfa_reauthenticate"))
    refused = client.get(reverse("account_reauthenticate"))
    assert refused["Location"] == reverse("mfa_reauthenticate")
    assert client.get(asked["Location"]).status_code == 200
    went_on = prove(client, asked, code=code_now(secret))
    assert went_on.status_code == 422  # the page itself, with its own refusal
    assert "2031-02-03T10:00" in went_on.content.decode()
    assert Scenario.objects.get(pk=scenario.pk).state == "demonstrated"
    again = client.post(address, {})
    assert again.status_code == 422


@pytest.mark.usefixtures("strict")
def test_a_proof_grows_old(settings):
    user = world.officer().user
    secret = with_app(user)
    client = sign_in(user)
    give(client, code_now(secret, -1))
    scenario = world.draft_scenario(world.owner(), state="demonstrated")
    address = reverse("scenario-publish", args=[scenario.address])
    prove(client, client.post(address, {}), code=code_now(secret))
    assert client.post(address, {}).status_code == 422
    settings.ACCOUNT_REAUTHENTICATION_TIMEOUT = 0
    assert client.post(address, {}).status_code == 302


@pytest.mark.usefixtures("strict")
@pytest.mark.parametrize(
    ("name", "given"),
    [("opening", {}), ("publicity", {"do": "publish"}), ("award-confirm", {})],
)
def test_each_deed_asks_anew(name, given):
    user = world.officer().user
    with_app(user)
    client = Client()
    client.force_login(user)
    scenario = world.published_scenario()
    asked = client.post(reverse(name, args=[scenario.address]), given)
    assert asked.status_code == 302
    assert asked["Location"].startswith(reverse("mfa_reauthenticate"))


@pytest.mark.usefixtures("strict")
def test_locking_a_sheet_asks_anew():
    user = world.person(Role.EXPERT).user
    with_app(user)
    client = Client()
    client.force_login(user)
    address = reverse("sheet", args=["00000000-0000-4000-8000-000000000000"])
    for do in ("lock", "save"):
        asked = client.post(address, {"do": do})
        assert asked["Location"].startswith(reverse("mfa_reauthenticate"))
