"""Who calls the API: a bearer token or a session, and what each may be used for.

Everything is decided here, before a view runs and whatever its permission classes say. A view
declares what it is for; what it does not declare, a token may not do:

    scope = "bids:write"              what a token needs to write here (reading needs "read"), or
    scope = {"post": "bids:write"}    by method or by a viewset's action
    scenario_kwarg = "uid"            the part of the address that is the demand's uid, or
    def scenario_of(self, **kwargs)   the uid of the demand that the address is about, or None
    scenario_free = True              concerns no demand, yet tokens bound to one may come
    needs_proof = True                writing needs a fresh second factor, or {"post", "publish"}
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from django.utils.translation import gettext as _
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import APIException, Throttled
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request

from marketplace.accounts.models import User
from marketplace.accounts.proof import lacks_second_factor, proved_recently
from marketplace.accounts.tokens.actions import note_use
from marketplace.accounts.tokens.models import ApiToken, Scope
from marketplace.accounts.tokens.queries import TokenInvalid, bearer
from marketplace.accounts.tokens.text import PREFIX, bearer_text
from marketplace.api.throttles import TOKEN, VISITOR, Count, address_of, count
from marketplace.base.actor import Actor

REALM = 'Bearer realm="jiebang"'


class CredentialRefused(APIException):
    """Answered as a problem document with this code, and with the challenge of RFC 6750."""

    def __init__(self, status: int, code: str, detail: str, *, challenge: str = "") -> None:
        super().__init__(detail)
        self.status_code = status
        self.problem_code = code
        self.auth_header = challenge


def invalid(error: TokenInvalid) -> CredentialRefused:
    challenge = f'{REALM}, error="invalid_token"'
    return CredentialRefused(401, error.code, str(error), challenge=challenge)


def beyond_scope(scope: str) -> CredentialRefused:
    challenge = f'{REALM}, error="insufficient_scope"' + (f', scope="{scope}"' if scope else "")
    sentence = _("This token was not made for this step.")
    return CredentialRefused(403, "token.scope", sentence, challenge=challenge)


def other_scenario() -> CredentialRefused:
    sentence = _("This token may be used for one demand only, and this is not it.")
    challenge = f'{REALM}, error="insufficient_scope"'
    return CredentialRefused(403, "token.scenario", sentence, challenge=challenge)


def proof_required() -> CredentialRefused:
    sentence = _("This step asks for your second factor: take it on its page, signed in.")
    return CredentialRefused(403, "proof.required", sentence)


class BearerAuthentication(BaseAuthentication):
    """`Authorization: Bearer jb_…`. Never from an address, a cookie or a body."""

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        text = bearer_text(request.META.get("HTTP_AUTHORIZATION", ""))
        if text is None:
            return None
        try:
            found = bearer(text)
        except TokenInvalid as error:
            # Guesses count for the address that they come from.
            refuse_beyond(count(beneath(request), VISITOR, address_of(beneath(request))))
            raise invalid(error) from error
        refuse_beyond(count(beneath(request), TOKEN, str(found.token.uid)))
        person = found.actor.person
        if lacks_second_factor(person):
            raise CredentialRefused(
                403, "mfa.required", _("Your role needs a second factor. Set it up first.")
            )
        check_reach(request, found.token)
        if found.use_is_due:
            note_use(token=found.token)
        put_on(beneath(request), found.actor)
        return person, found.token

    def authenticate_header(self, request: Request) -> str:
        return REALM


class SessionOrNothing(SessionAuthentication):
    """A signed-in browser. Writing needs the CSRF token, and a fresh proof where the view says."""

    def enforce_csrf(self, request: Request) -> None:
        try:
            super().enforce_csrf(request)
        except APIException as error:
            sentence = _("The request did not come from a page of this site, or is too old.")
            raise CredentialRefused(403, "csrf.failed", sentence) from error

    def authenticate(self, request: Request) -> tuple[Any, None] | None:
        found = super().authenticate(request)
        if found and needs_proof(request) and not proved_recently(beneath(request), found[0]):
            raise proof_required()
        return found


def beneath(request: Request) -> HttpRequest:
    """Django's request under the framework's: the one that middleware and session live on."""
    found: HttpRequest = request._request  # noqa: SLF001 - the framework has no public name for it
    return found


def refuse_beyond(counted: Count) -> None:
    if counted.exceeded:
        raise Throttled(counted.reset_s)


def put_on(request: HttpRequest, actor: Actor) -> None:
    """The same attributes as `ActingMiddleware` sets for a session."""
    vars(request).update(acted=True, load_acting=lambda: (actor, []), actor=actor, hats=[])


# -- What a view declares --------------------------------------------------------------------------
def check_reach(request: Request, token: ApiToken) -> None:
    """Raise CredentialRefused unless the token was made for what is asked."""
    if needs_proof(request):
        raise proof_required()
    scope = scope_of(request)
    if scope is None or scope not in token.scopes:
        raise beyond_scope(scope or "")
    if token.scenario_uid is not None and not concerns(request, token.scenario_uid):
        raise other_scenario()


def deeds(request: Request) -> list[str]:
    """What is asked for, in the words of a view: the action of a viewset, the method."""
    method = str(request.method).lower()
    action = getattr(view_of(request), "action", None)
    return [name for name in (action, method) if name]


def view_of(request: Request) -> Any:
    return request.parser_context.get("view")


def needs_proof(request: Request) -> bool:
    said: bool | Collection[str] = getattr(view_of(request), "needs_proof", False)
    if request.method in SAFE_METHODS:
        return False
    return said if isinstance(said, bool) else any(name in said for name in deeds(request))


def scope_of(request: Request) -> str | None:
    """The scope that a token needs; None where tokens may not come at all."""
    said: str | Mapping[str, str] | None = getattr(view_of(request), "scope", None)
    if isinstance(said, Mapping):
        named = next((said[name] for name in deeds(request) if name in said), None)
    else:
        named = None if request.method in SAFE_METHODS else said
    return named or (Scope.READ.value if request.method in SAFE_METHODS else None)


def concerns(request: Request, scenario_uid: UUID) -> bool:
    """Whether the address is about this demand, by what the view declares."""
    view, kwargs = view_of(request), request.parser_context.get("kwargs", {})
    if getattr(view, "scenario_free", False):
        return True
    name = getattr(view, "scenario_kwarg", None)
    if name is not None:
        return str(kwargs.get(name)) == str(scenario_uid)
    find = getattr(view, "scenario_of", None)
    return find is not None and find(**kwargs) == scenario_uid


# -- How the schema tells it -----------------------------------------------------------------------
class BearerScheme(OpenApiAuthenticationExtension):
    target_class = "marketplace.api.authentication.BearerAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": f"{PREFIX}…",
            "description": (
                "An API token, made at /accounts/tokens/ for one capacity and some scopes: "
                + ", ".join(Scope.values)
                + "."
            ),
        }


class SessionScheme(OpenApiAuthenticationExtension):
    target_class = "marketplace.api.authentication.SessionOrNothing"
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {
            "type": "apiKey",
            "in": "cookie",
            "name": "sessionid",
            "description": "The cookie of a signed-in browser; writing needs X-CSRFToken as well.",
        }
