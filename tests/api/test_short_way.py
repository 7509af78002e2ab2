"""The short way of the last minute answers what the ordinary one does, or leaves it to it."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from uuid import uuid4

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.db.models import F

from marketplace.accounts.models import Membership, PersonRole
from marketplace.accounts.organisations.models import OrganisationRelation
from marketplace.accounts.pledges import PledgeText
from marketplace.accounts.tokens.actions import create_token, revoke_token
from marketplace.accounts.tokens.models import ApiToken
from marketplace.api import short_way
from marketplace.base.actor import Role
from marketplace.base.models import IdempotencyKey
from marketplace.bidding.models import Bid, BidVersion, SealedPackage
from marketplace.ledger import receipts
from marketplace.ledger.models import Event, PendingEvent, Receipt
from marketplace.scenarios.models import Scenario
from tests import world
from tests.bidding import bids
from tests.bidding.sealed_uploads import assembled

TICK = timedelta(microseconds=1)
SCOPES = ["read", "bids:write"]


class Beyond:
    """The ordinary application, and how often it was asked."""

    def __init__(self):
        self.application, self.asked = WSGIHandler(), 0

    def __call__(self, environ, start_response):
        self.asked += 1
        return self.application(environ, start_response)


class Site:
    def __init__(self):
        self.beyond = Beyond()
        self.short = short_way.ShortWay(self.beyond)

    def submit(self, package, token, *, ordinary=False, body=b"{}", **more):
        """(status, headers, the answer read)"""
        told = {}
        environ = {
            "REQUEST_METHOD": "POST",
            "PATH_INFO": f"/api/v1/packages/{package.uid}/submit/",
            "SCRIPT_NAME": "",
            "QUERY_STRING": "",
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "HTTP_HOST": "localhost",
            "HTTP_AUTHORIZATION": f"Bearer {token}",
            "CONTENT_TYPE": "application/json",
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": io.BytesIO(body),
            "wsgi.url_scheme": "http",
            "wsgi.errors": io.StringIO(),
            **more,
        }
        environ = {name: value for name, value in environ.items() if value is not None}

        def start(status, headers, exc_info=None):
            told.update(status=int(status.split()[0]), headers=dict(headers))

        way = self.beyond if ordinary else self.short
        answer = way(environ, start)
        raw = b"".join(answer)
        if hasattr(answer, "close"):
            answer.close()
        read = json.loads(raw) if "json" in told["headers"].get("Content-Type", "") else raw
        return told["status"], told["headers"], read


@pytest.fixture
def there(committing_db):
    short_way.frame.cache_clear()
    yield Site()
    short_way.frame.cache_clear()


def token_of(actor, **more):
    return create_token(actor=actor, name="program", **({"scopes": SCOPES} | more))


def ready(vendor=None, scenario=None):
    """(package, token's text, vendor)"""
    vendor = vendor or world.vendor()
    scenario = scenario or world.published_scenario()
    return assembled(scenario, vendor, bids.forms()), token_of(vendor).text, vendor


def left():
    """What a submission leaves."""
    rows = (Bid, BidVersion, IdempotencyKey)
    return [row.objects.count() for row in rows], Event.objects.filter(
        kind__startswith="bid."
    ).count()


NOTHING = ([0, 0, 0], 0)


# -- Yes -------------------------------------------------------------------------------------------
def test_the_answer_is_the_receipt_that_was_kept(there):
    package, token, vendor = ready()
    status, headers, told = there.submit(package, token, HTTP_IDEMPOTENCY_KEY="k")
    assert (status, there.beyond.asked) == (201, 0)
    kept = Receipt.objects.get(kind="bid-submitted")
    assert told == {"inclusion": None} | receipts.document(kept)
    package.refresh_from_db()
    version = BidVersion.objects.get()
    assert (package.version, version.receipt, version.user) == (version, kept, vendor.user)
    assert PendingEvent.objects.filter(event_id=kept.event_id).exists()
    assert (version.bid.state, version.bid.versions_count) == ("submitted", 1)
    assert version.bid.last_receipt_sha256 == receipts.receipt_hash(kept)
    assert version.envelopes.count() == 3
    assert int(headers["Content-Length"]) > 1000


def test_headers_and_answer_are_those_of_the_ordinary_way(there):
    vendor = world.vendor()
    answers = []
    for ordinary in (False, True):
        package, token, _vendor = ready(vendor)
        answers.append(there.submit(package, token, ordinary=ordinary, HTTP_ACCEPT_LANGUAGE="en"))
    assert there.beyond.asked == 1
    (ours, our_headers, told), (theirs, their_headers, said) = answers
    assert ours == theirs == 201
    assert list(told) == list(said)
    assert list(told["receipt"]) == list(said["receipt"])
    assert our_headers.keys() == their_headers.keys()
    for name in our_headers.keys() - {"ETag", "X-Request-ID", "RateLimit", "Content-Length"}:
        assert policy(our_headers[name]) == policy(their_headers[name]), name
    assert our_headers["Content-Language"] == "en"


def policy(text):
    """Directives come in any order."""
    return {part.strip() for part in text.split(";")}


@pytest.mark.parametrize(("early", "status"), [(TICK, 201), (timedelta(0), 409), (-TICK, 409)])
def test_the_deadline_is_half_open(there, clock, early, status):
    package, token, _vendor = ready()
    clock.freeze(package.scenario.deadline_at - early)
    ApiToken.objects.update(expires_at=package.scenario.deadline_at + timedelta(days=1))
    got, _headers, told = there.submit(package, token)
    assert got == status
    if status == 201:
        assert BidVersion.objects.get().received_at == package.scenario.deadline_at - TICK
    else:
        assert (told["code"], left()) == ("deadline.passed", NOTHING)


def test_a_second_package_revises(there):
    package, token, vendor = ready()
    there.submit(package, token)
    again, _token, _vendor = ready(vendor, package.scenario)
    _status, _headers, told = there.submit(again, token)
    assert there.beyond.asked == 0
    first = BidVersion.objects.get(number=1)
    assert told["receipt"]["version"] == 2
    assert told["receipt"]["previous_receipt_sha256"] == receipts.receipt_hash(first.receipt)
    assert Event.objects.filter(kind="bid.revised").count() == 1


def test_the_same_key_is_answered_again_and_after_the_deadline(there, clock):
    package, token, vendor = ready()
    clock.freeze(package.scenario.deadline_at - timedelta(hours=1))
    first = there.submit(package, token, HTTP_IDEMPOTENCY_KEY="k")
    ordinary, _token, _vendor = ready(vendor)
    there.submit(ordinary, token, ordinary=True, HTTP_IDEMPOTENCY_KEY="o")
    clock.freeze(package.scenario.deadline_at + timedelta(hours=1))
    for submitted, key, status in [(package, "k", 201), (ordinary, "o", 201), (package, "o", 422)]:
        got, _headers, told = there.submit(submitted, token, HTTP_IDEMPOTENCY_KEY=key)
        assert got == status
        if key == "k":
            assert told["signed_text"] == first[2]["signed_text"]
    assert BidVersion.objects.count() == 2


def test_twins_leave_one_version(there, two_at_once):
    package, token, _vendor = ready()
    answers = two_at_once(
        *[lambda: there.submit(package, token, HTTP_IDEMPOTENCY_KEY="k") for _twin in range(2)]
    )
    assert [answer[0] for answer in answers] == [201, 201]
    assert answers[0][2]["signed_text"] == answers[1][2]["signed_text"]
    assert left() == ([1, 1, 1], 1)


def test_two_packages_at_once_are_two_versions(there, two_at_once):
    package, token, vendor = ready()
    other, _token, _vendor = ready(vendor, package.scenario)
    answers = two_at_once(*[lambda p=p: there.submit(p, token) for p in (package, other)])
    assert sorted(answer[2]["receipt"]["version"] for answer in answers) == [1, 2]
    assert Bid.objects.get().versions_count == 2


def test_the_use_of_the_token_is_noted(there):
    package, token, _vendor = ready()
    there.submit(package, token)
    assert ApiToken.objects.get().last_used_at is not None


# -- Whatever is out of the ordinary ---------------------------------------------------------------
@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"REQUEST_METHOD": "GET"}, 405),
        ({"QUERY_STRING": "a=1"}, 400),
        ({"HTTP_HOST": "evil.example"}, 400),
        ({"HTTP_ACCEPT": "text/html"}, 406),
        ({"HTTP_COOKIE": "a=b"}, 201),
        ({"HTTP_AUTHORIZATION": None}, 401),
        ({"HTTP_AUTHORIZATION": "Bearer jb_nonsense"}, 401),
        ({"HTTP_IDEMPOTENCY_KEY": "a b"}, 400),
        ({"HTTP_JIEBANG_ORGANISATION": str(uuid4())}, 403),
        ({"CONTENT_TYPE": "text/plain"}, 415),
        ({"body": b'{"a":1}'}, 422),
        ({"body": b"[]"}, 422),
        ({"PATH_INFO": "/api/v1/packages/"}, 404),
    ],
)
def test_is_left_to_the_ordinary_way(there, given, status):
    package, token, _vendor = ready()
    got, _headers, _told = there.submit(package, token, **given)
    assert (got, there.beyond.asked) == (status, 1)


@pytest.mark.parametrize("body", [b"", b"{}"])
def test_nothing_may_be_said_in_two_ways(there, body):
    package, token, _vendor = ready()
    assert there.submit(package, token, body=body)[0] == 201
    assert there.beyond.asked == 0


def test_https_is_asked_for(there, settings):
    settings.SECURE_SSL_REDIRECT = True
    package, token, _vendor = ready()
    there = Site()  # whose middleware has read the setting
    assert there.submit(package, token)[0] == 301
    assert left() == NOTHING
    # Behind a proxy of ours, which says how it was asked.
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    status, _headers, _told = there.submit(package, token, HTTP_X_FORWARDED_PROTO="https")
    assert (status, there.beyond.asked) == (201, 1)


# -- No: said by the ordinary way, and nothing is left --------------------------------------------
def revoked(actor):
    revoke_token(actor=actor, token_uid=ApiToken.objects.get().uid)


def expired(_actor):
    ApiToken.objects.update(expires_at=F("created_at"))


def made_for_reading(_actor):
    ApiToken.objects.update(scopes=["read"])


def bound_elsewhere(_actor):
    ApiToken.objects.update(scenario_uid=uuid4())


def inactive(actor):
    type(actor.user).objects.filter(pk=actor.user.pk).update(is_active=False)


def left_the_organisation(actor):
    Membership.objects.filter(user=actor.user).delete()


def became_a_viewer(actor):
    Membership.objects.filter(user=actor.user).update(role=Role.VIEWER)
    ApiToken.objects.update(role=Role.VIEWER)


def unverified(actor):
    type(actor.organisation).objects.filter(pk=actor.organisation.pk).update(verified_at=None)


def no_vendor(actor):
    type(actor.organisation).objects.filter(pk=actor.organisation.pk).update(is_vendor=False)


def owner_of_it(actor):
    Scenario.objects.update(organisation=actor.organisation)


def related(actor):
    owner = Scenario.objects.get().organisation
    OrganisationRelation.objects.create(
        organisation=owner,
        other_uscc=actor.organisation.uscc,
        other_name=actor.organisation.name,
        kind="management",
        statement_waits=False,
    )


def owes_a_pledge(_actor):
    text = PledgeText.objects.in_force().filter(roles__contains=["owner"]).first()
    text.pk, text.uid, text.version = None, uuid4(), text.version + 1
    text._state.adding = True
    text.save()


def lacks_a_second_factor(actor):
    PersonRole.objects.create(user=actor.user, role=Role.EXPERT)


def suspended(_actor):
    Scenario.objects.update(suspended=True)


def closed(_actor):
    Scenario.objects.update(state="closed")


def two_envelopes(_actor):
    row = SealedPackage.objects.get()
    row.envelopes = row.envelopes[:2]
    row.save()


@pytest.mark.parametrize(
    ("become", "code"),
    [
        (revoked, "token.invalid"),
        (expired, "token.invalid"),
        (made_for_reading, "token.scope"),
        (bound_elsewhere, "token.scenario"),
        (inactive, "token.invalid"),
        (left_the_organisation, "token.invalid"),
        (became_a_viewer, "not_allowed.bid"),
        (unverified, "not_allowed.bid"),
        (no_vendor, "not_allowed.bid"),
        (owner_of_it, "not_allowed.bid"),
        (related, "not_allowed.bid"),
        (owes_a_pledge, "pledge.missing"),
        (lacks_a_second_factor, "mfa.required"),
        (suspended, "scenario.suspended"),
        (closed, "scenario.not_open"),
        (two_envelopes, "bid.envelopes"),
    ],
)
def test_a_refusal_is_the_ordinary_one_and_leaves_nothing(there, settings, become, code):
    settings.MFA_OPTIONAL = False
    package, token, vendor = ready()
    become(vendor)
    _status, _headers, told = there.submit(package, token, HTTP_IDEMPOTENCY_KEY="k")
    assert (told["code"], there.beyond.asked, left()) == (code, 1, NOTHING)


def test_the_package_of_another_is_not_there(there):
    package, _token, _vendor = ready()
    stranger = token_of(world.vendor()).text
    assert there.submit(package, stranger)[0] == 404
    assert left() == NOTHING


def test_a_package_is_submitted_once(there):
    package, token, _vendor = ready()
    there.submit(package, token)
    status, _headers, told = there.submit(package, token)
    assert (status, told["code"]) == (409, "package.submitted")
    assert left() == ([1, 1, 0], 1)


def test_whoever_asks_too_often_waits(there, settings):
    settings.API_LIMITS = settings.API_LIMITS | {"token": (1, 60)}
    package, token, vendor = ready()
    other, _token, _vendor = ready(vendor)
    assert there.submit(package, token)[1]["RateLimit-Policy"] == '"token";q=1;w=60'
    assert there.submit(other, token)[0] == 429
    assert left() == ([1, 1, 0], 1)
