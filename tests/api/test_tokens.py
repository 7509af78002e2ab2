"""What a bearer token opens, and what it never does."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import path, reverse
from rest_framework.response import Response
from rest_framework.views import APIView

from config.urls import urlpatterns as site_urls
from marketplace.accounts.models import Membership
from marketplace.accounts.tokens.actions import create_token, revoke_token
from marketplace.accounts.tokens.models import ApiToken
from marketplace.api.views import PublicRead, actor_of
from tests import world

pytestmark = pytest.mark.django_db
INVALID = 'Bearer realm="jiebang", error="invalid_token"'
INSUFFICIENT = 'Bearer realm="jiebang", error="insufficient_scope"'


# -- Views as other modules write them ---------------------------------------------------------------
class Told(APIView):
    def answer(self, request):
        actor = actor_of(request)
        said = {"role": actor.role, "organisation": str(actor.organisation_uid)}
        return Response(said | {"same": request.actor == actor, "hats": request.hats})


class Undeclared(Told):
    def get(self, request):
        return self.answer(request)

    def post(self, request):
        return self.answer(request)


class ForBids(Undeclared):
    scope = "bids:write"


class ByMethod(Undeclared):
    scope = {"post": "office:write"}

    def delete(self, request):
        return self.answer(request)


class OfScenario(Told):
    scope = "bids:write"
    scenario_kwarg = "uid"

    def post(self, request, uid):
        return self.answer(request)


class Looked(Told):
    scope = "bids:write"

    def scenario_of(self, uid):
        return uid if str(uid).startswith("0") else None

    def post(self, request, uid):
        return self.answer(request)


class Uploads(Undeclared):
    scope = "uploads:write"
    scenario_free = True


class Solemn(Undeclared):
    scope = "office:write"
    needs_proof = {"post"}


class Open(PublicRead):
    http_method_names = ["get", "post"]

    def get(self, request):
        return Response({})

    def post(self, request):
        return Response({})


urlpatterns = [
    *site_urls,
    path("undeclared", Undeclared.as_view()),
    path("bids", ForBids.as_view()),
    path("by-method", ByMethod.as_view()),
    path("of/<uuid:uid>", OfScenario.as_view()),
    path("looked/<uuid:uid>", Looked.as_view()),
    path("uploads", Uploads.as_view()),
    path("solemn", Solemn.as_view()),
    path("open", Open.as_view()),
]


@pytest.fixture
def urls(settings):
    settings.ROOT_URLCONF = __name__


def mint(actor, *scopes, **more):
    return create_token(actor=actor, name="script", scopes=scopes or ["read"], **more)


def ask(text, address, method="get"):
    """(status, code or None, challenge or None)"""
    send = getattr(Client(), method)
    more = {} if method == "get" else {"content_type": "application/json"}
    answer = send(address, headers={"Authorization": f"Bearer {text}"}, **more)
    body = answer.json()
    return answer.status_code, body.get("code"), answer.get("WWW-Authenticate")


# -- Who ---------------------------------------------------------------------------------------------
@pytest.mark.usefixtures("urls")
def test_it_acts_in_its_capacity_and_as_it_is_today():
    actor = world.vendor()
    made = mint(actor)
    other = world.make_organisation(is_owner=True)
    Membership.objects.create(user=actor.user, organisation=other, role="owner")
    client = Client(headers={"Authorization": f"bearer {made.text}"})
    told = client.get("/bids").json()
    assert told == {
        "role": "owner",
        "organisation": str(actor.organisation.uid),
        "same": True,
        "hats": [],
    }


def test_it_sees_what_its_hat_sees():
    owner = world.owner()
    draft = world.draft_scenario(owner)
    mine, strange = mint(owner).text, mint(world.vendor()).text
    address = reverse("api-scenario", args=[draft.uid])
    assert ask(mine, address) == (200, None, None)
    assert ask(strange, address) == (404, "not_found", None)


@pytest.mark.parametrize("address", ["/bids", "/open"])
@pytest.mark.usefixtures("urls")
def test_unknown_revoked_expired_and_from_a_dump(address, clock):
    actor = world.vendor()
    revoked, expired, kept = mint(actor), mint(actor, days=1), mint(actor)
    revoke_token(actor=actor, token_uid=revoked.token.uid)
    clock.move(timedelta(days=1))
    unknown = mint(actor)
    ApiToken.objects.filter(pk=unknown.token.pk).delete()
    wrong = [
        *(revoked.text, expired.text, unknown.text, kept.token.digest, str(kept.token.uid)),
        *("", "jb_", kept.text[:-1], kept.text + "0", kept.text.lower(), "é" * 52),
    ]
    for text in wrong:
        assert ask(text, address) == (401, "token.invalid", INVALID)
    assert ask(kept.text, address) == (200, None, None)


@pytest.mark.usefixtures("urls")
def test_a_removed_member_is_refused_at_once():
    actor = world.vendor()
    made = mint(actor)
    assert ask(made.text, "/bids")[0] == 200
    Membership.objects.filter(user=actor.user).delete()
    assert ask(made.text, "/bids") == (401, "token.invalid", INVALID)


@pytest.mark.usefixtures("urls")
def test_without_any_credential():
    answer = Client().get("/bids")
    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, 'Bearer realm="jiebang"')
    assert answer.json()["code"] == "request.not_authenticated"
    basic = Client().get("/bids", headers={"Authorization": "Basic eDp5"})
    assert basic.status_code == 401


@pytest.mark.usefixtures("urls")
def test_it_comes_in_the_header_only():
    text = mint(world.vendor()).text
    client = Client()
    client.cookies["sessionid"] = text
    for address in (f"/bids?access_token={text}", f"/bids?token={text}"):
        assert client.get(address).status_code == 401


@pytest.mark.usefixtures("urls")
def test_its_capacity_needs_a_second_factor_as_a_session_does(settings):
    settings.MFA_OPTIONAL = False
    assert ask(mint(world.officer()).text, "/bids") == (403, "mfa.required", None)
    assert ask(mint(world.vendor()).text, "/bids") == (200, None, None)


# -- What for ------------------------------------------------------------------------------------------
@pytest.mark.usefixtures("urls")
@pytest.mark.parametrize(
    ("scopes", "address", "method", "status", "wanted"),
    [
        (["read"], "/bids", "get", 200, ""),
        (["read"], "/bids", "post", 403, "bids:write"),
        (["bids:write"], "/bids", "post", 200, ""),
        (["bids:write"], "/bids", "get", 403, "read"),
        (["office:write"], "/bids", "post", 403, "bids:write"),
        (["read"], "/undeclared", "get", 200, ""),
        (["bids:write", "office:write"], "/undeclared", "post", 403, None),
        (["office:write"], "/by-method", "post", 200, ""),
        (["office:write"], "/by-method", "delete", 403, None),
        (["bids:write"], "/open", "get", 403, "read"),
        (["read"], "/open", "post", 403, None),
    ],
)
def test_the_scope_is_held_centrally(scopes, address, method, status, wanted):
    found = ask(mint(world.vendor(), *scopes).text, address, method)
    challenge = INSUFFICIENT + (f', scope="{wanted}"' if wanted else "")
    allowed = (200, None, None)
    assert found == (allowed if status == 200 else (403, "token.scope", challenge))


@pytest.mark.usefixtures("urls")
@pytest.mark.parametrize("bound", [True, False])
def test_a_token_of_one_demand_stays_with_it(bound):
    scenario, other = world.published_scenario(), world.published_scenario()
    text = mint(
        *(world.vendor(), "read", "bids:write", "uploads:write"),
        scenario_uid=scenario.uid if bound else None,
    ).text
    elsewhere = (403, "token.scenario", INSUFFICIENT) if bound else (200, None, None)
    assert ask(text, f"/of/{scenario.uid}", "post") == (200, None, None)
    assert ask(text, f"/of/{other.uid}", "post") == elsewhere
    assert ask(text, "/bids", "post") == elsewhere
    assert ask(text, "/uploads", "post") == (200, None, None)
    assert ask(text, reverse("api-scenario", args=[scenario.uid])) == (200, None, None)
    assert ask(text, reverse("api-scenario", args=[other.uid])) == elsewhere
    assert ask(text, reverse("api-scenarios")) == elsewhere


@pytest.mark.usefixtures("urls")
def test_a_view_may_look_up_which_demand_it_is_about():
    uid = "00000000-0000-4000-8000-000000000001"
    text = mint(world.vendor(), "bids:write", scenario_uid=uid).text
    assert ask(text, f"/looked/{uid}", "post") == (200, None, None)
    for other in ("00000000-0000-4000-8000-000000000002", "10000000-0000-4000-8000-000000000001"):
        assert ask(text, f"/looked/{other}", "post") == (403, "token.scenario", INSUFFICIENT)


# -- What never ----------------------------------------------------------------------------------------
@pytest.mark.usefixtures("urls")
@pytest.mark.parametrize("optional", [True, False])
def test_it_never_stands_for_a_fresh_proof(optional, settings):
    settings.MFA_OPTIONAL = optional
    text = mint(world.vendor(), "read", "office:write").text
    assert ask(text, "/solemn", "post") == (403, "proof.required", None)
    assert ask(text, "/solemn", "get") == (200, None, None)


@pytest.mark.usefixtures("urls")
def test_a_session_proves_itself_for_the_same_step(settings):
    settings.MFA_OPTIONAL = False
    user = world.vendor().user
    client = Client()
    client.post(reverse("account_login"), {"login": user.email, "password": world.PASSWORD})
    refused = client.post("/solemn", content_type="application/json")
    assert (refused.status_code, refused.json()["code"]) == (403, "proof.required")
    client.post(reverse("account_reauthenticate"), {"password": world.PASSWORD})
    assert client.post("/solemn", content_type="application/json").status_code == 200


def test_it_opens_no_page():
    text = mint(world.vendor()).text
    client = Client(headers={"Authorization": f"Bearer {text}"})
    for name in ("desk", "tokens", "token-new", "security", "usersessions_list", "notices"):
        answer = client.get(reverse(name))
        assert (answer.status_code, answer["Location"].split("?")[0]) == (
            302,
            reverse("account_login"),
        )


def test_what_it_reads_is_kept_by_no_cache():
    text = mint(world.vendor()).text
    answer = Client().get(reverse("api-scenarios"), headers={"Authorization": f"Bearer {text}"})
    assert answer["Cache-Control"] == "private, no-store"


@pytest.mark.usefixtures("urls")
def test_a_cookie_from_elsewhere_writes_nothing():
    client = Client(enforce_csrf_checks=True)
    client.force_login(world.vendor().user)
    answer = client.post(
        "/bids", "x", content_type="text/plain", headers={"Origin": "https://evil.invalid"}
    )
    assert (answer.status_code, answer.json()["code"]) == (403, "csrf.failed")
    # Whatever cookie a browser adds, a token needs no such guard: nothing sends it by itself.
    text = mint(world.vendor(), "bids:write").text
    answer = client.post(
        "/bids", content_type="application/json", headers={"Authorization": f"Bearer {text}"}
    )
    assert answer.status_code == 200


@pytest.mark.usefixtures("urls")
def test_a_read_writes_once_a_minute(count_queries):
    text = mint(world.vendor()).text
    ask(text, "/bids")
    with count_queries() as queries:
        ask(text, "/bids")
    assert [q["sql"].split()[0] for q in queries.captured_queries] == ["SELECT"]


def test_the_schema_tells_of_both():
    schemes = Client().get("/api/v1/schema/").json()["components"]["securitySchemes"]
    assert {name: row["type"] for name, row in schemes.items()} == {
        "token": "http",
        "session": "apiKey",
    }
