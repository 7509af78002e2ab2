"""Who signs in stays who signed in: sessions, replays, half sign-ins, what a reset tells."""

import re
import time
from urllib.parse import urlsplit

import pytest
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from django.conf import settings
from django.core import mail
from django.test import Client
from django.urls import reverse

from marketplace.base.models import OutboxJob
from marketplace.base.queue import deliver_due
from marketplace.committee.models import Sheet
from tests import world
from tests.accounts.passkeys import Passkey
from tests.accounts.test_second_factor import code_now, give, prove, sign_in, signed_in, with_app
from tests.committee import factories

pytestmark = pytest.mark.django_db
AJAX = {"X-Requested-With": "XMLHttpRequest"}


@pytest.fixture
def strict(settings):
    settings.MFA_OPTIONAL = False


# -- Sessions ------------------------------------------------------------------------------------------
def test_the_session_is_a_new_one_at_each_step():
    user = world.officer().user
    secret = with_app(user)
    client = Client()
    client.get(reverse("account_login"))
    session = client.session
    session["before"] = 1
    session.save()
    client.cookies["sessionid"] = planted = session.session_key
    sign_in(user, client)
    half = client.session.session_key
    give(client, code_now(secret))
    assert signed_in(client)
    whole = client.session.session_key
    assert whole not in {planted, half}
    # Neither the planted key nor that of the half sign-in opens anything.
    for old in {planted, half}:
        other = Client()
        other.cookies["sessionid"] = old
        assert other.get(reverse("desk")).status_code == 302
        assert not signed_in(other)


def test_half_a_sign_in_opens_nothing():
    user = world.officer().user
    with_app(user)
    client = sign_in(user)
    for name in ("desk", "tokens", "security", "usersessions_list"):
        assert client.get(reverse(name))["Location"].startswith(reverse("account_login"))


# -- Scoring and opening ---------------------------------------------------------------------------------
@pytest.fixture
def judge():
    scenario = factories.scenario_in_review(2)
    _panel, judges = factories.scoring_panel(scenario)
    sheet = factories.sheets(judges[0])[0]
    return judges[0], sheet


@pytest.mark.usefixtures("strict")
def test_a_password_alone_neither_reads_nor_scores(judge):
    actor, sheet = judge
    # Signed in with the password before the factor was set up: the session is a weak one.
    client = sign_in(actor.user)
    secret = with_app(actor.user)
    address = reverse("sheet", args=[sheet.uid])
    for answer in (client.get(address), client.post(address, {"do": "save"})):
        assert answer.status_code == 302
        assert answer["Location"].startswith(reverse("mfa_reauthenticate"))
    part = client.post(address, {"do": "save"}, headers={"HX-Request": "true"})
    assert (part.status_code, part["HX-Redirect"]) == (200, address)
    assert Sheet.objects.get(pk=sheet.pk).revision == sheet.revision
    prove(client, client.get(address), code=code_now(secret))
    assert client.get(address).status_code == 200


@pytest.mark.usefixtures("strict")
def test_scoring_is_asked_for_before_writing_and_not_between(judge, settings):
    actor, sheet = judge
    secret = with_app(actor.user)
    client = sign_in(actor.user)
    give(client, code_now(secret))
    address = reverse("sheet", args=[sheet.uid])
    assert client.get(address).status_code == 200  # signing in with the factor was the proof
    records = client.session["account_authentication_methods"]
    session = client.session
    session["account_authentication_methods"] = [
        {**record, "at": time.time() - settings.SCORING_PROOF_SECONDS - 60} for record in records
    ]
    session.save()
    assert client.get(address).status_code == 302
    assert client.post(address, {"do": "save", "revision": sheet.revision})["Location"] == address
    locking = client.post(address, {"do": "lock"})
    assert locking["Location"].startswith(reverse("mfa_reauthenticate"))


@pytest.mark.usefixtures("strict")
def test_publishing_asks_before_the_form_is_filled():
    user = world.officer().user
    secret = with_app(user)
    scenario = world.draft_scenario(world.owner(), state="demonstrated")
    client = sign_in(user)
    give(client, code_now(secret, -1))
    address = reverse("scenario-publish", args=[scenario.address])
    asked = client.get(address)
    assert asked["Location"].startswith(reverse("mfa_reauthenticate"))
    assert prove(client, asked, code=code_now(secret))["Location"] == address
    assert client.get(address).status_code == 200


@pytest.mark.usefixtures("strict")
def test_a_password_alone_opens_nothing():
    user = world.owner().user
    scenario = world.published_scenario()
    client = sign_in(user)
    with_app(user)
    client.post(reverse("account_reauthenticate"), {"password": world.PASSWORD})
    asked = client.post(reverse("opening", args=[scenario.address]))
    assert asked["Location"].startswith(reverse("mfa_reauthenticate"))


# -- Replays ---------------------------------------------------------------------------------------------
def challenge(client):
    answer = client.get(reverse("mfa_login_webauthn"), headers=AJAX).json()
    return answer["request_options"]["publicKey"]["challenge"]


def use(client, credential):
    client.post(reverse("mfa_login_webauthn"), {"credential": credential}, secure=True)
    return signed_in(client)


def test_a_passkeys_answer_is_taken_once_and_by_its_session_only():
    user = world.vendor().user
    key = Passkey(user)
    client, thief = Client(), Client()
    answer = key.answer(challenge(client))
    challenge(thief)
    assert use(thief, answer) is False
    assert use(client, answer) is True
    client.post(reverse("account_logout"))
    assert use(client, answer) is False
    challenge(client)
    assert use(client, answer) is False
    assert use(client, key.answer(challenge(client))) is True


def test_a_passkey_of_somebody_else_does_not_sign_in():
    user, other = world.vendor().user, world.vendor().user
    Passkey(user)
    forged = Passkey(other)
    forged.user, forged.id = user, b"key of %d" % user.pk
    client = Client()
    assert use(client, forged.answer(challenge(client))) is False


def test_a_recovery_code_is_spent_for_proofs_too():
    user = world.officer().user
    with_app(user)
    first, second = RecoveryCodes.activate(user).get_unused_codes()[:2]
    client = sign_in(user)
    give(client, first)
    assert signed_in(client)
    address = reverse("mfa_reauthenticate")
    assert client.post(address, {"code": first}).status_code == 200
    assert client.post(address, {"code": second}).status_code == 302
    assert client.post(address, {"code": second}).status_code == 200


# -- Resets ------------------------------------------------------------------------------------------------
@pytest.fixture
def post_office(settings):
    settings.EMAIL_HOST = "mail.test.invalid"
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    mail.outbox = []


def ask_reset(email, **headers):
    client = Client()
    answer = client.post(reverse("account_reset_password"), {"email": email}, headers=headers)
    return answer, client.get(answer["Location"])


@pytest.mark.usefixtures("post_office")
def test_a_reset_answers_the_same_bytes_whoever_asks():
    known, unknown = world.vendor().user.email, "nobody@test.invalid"
    told = []
    for email in (known, unknown):
        answer, done = ask_reset(email)
        headers = {k: v for k, v in answer.headers.items() if k != "X-Request-ID"}
        body = re.sub(r"<time.*?</time>|csrf[^>]*>|2026[^<]*", "", done.content.decode())
        told.append((answer.status_code, headers, answer.content, body))
    assert told[0] == told[1]
    # Neither page waited for the mail server; both letters wait alike.
    assert mail.outbox == []
    assert OutboxJob.objects.filter(kind="account_letter").count() == 2


@pytest.mark.usefixtures("post_office")
def test_the_letter_leaves_sealed_through_the_outbox_and_its_link_works_once():
    user = world.vendor().user
    ask_reset(user.email, Host="testserver:6666")
    job = OutboxJob.objects.get(kind="account_letter")
    assert user.email not in str(job.payload)
    assert "/reset/" not in str(job.payload)
    deliver_due()
    [letter] = mail.outbox
    assert letter.to == [user.email]
    link = re.search(r"http\S+/reset/key/\S+", letter.body)[0]
    assert link.startswith(f"{settings.SITE_URL}/")
    assert "6666" not in letter.body
    new, path = "another long horse battery", urlsplit(link).path
    client = Client()
    form = client.get(path)["Location"]
    assert client.post(form, {"password1": new, "password2": new}).status_code == 302
    later = Client().get(path)
    assert (later.status_code, later.context["token_fail"]) == (200, True)
    user.refresh_from_db()
    assert user.check_password(new)


def test_a_password_change_leaves_one_session():
    user = world.vendor().user
    here, there = sign_in(user), sign_in(user)
    new = "another long horse battery"
    typed = {"oldpassword": world.PASSWORD, "password1": new, "password2": new}
    here.post(reverse("account_change_password"), typed)
    assert (signed_in(here), there.get(reverse("desk")).status_code) == (True, 302)
