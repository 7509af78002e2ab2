"""How an operation that changes something is written: what it takes, one action, what it shows.

    class Withdraw(Resource):
        @deed("scenarios_withdraw", "Withdraw a demand", scope=Scope.SCENARIOS, takes=Reason,
              shows=scenario_shown)
        def post(self, given: Given, uid: UUID) -> UUID:
            withdraw_scenario(actor=given.actor, scenario_uid=uid, **given.body)
            return uid

The deed returns the uid of the object to show. The same request with the same Idempotency-Key
shows that object again and does nothing twice.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, cast
from uuid import UUID

import orjson
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from marketplace.accounts.tokens.models import Scope
from marketplace.api.bodies import Body, Nothing, read_body
from marketplace.api.errors import BadHeader
from marketplace.api.limits import IDEMPOTENCY_KEY_MAX
from marketplace.api.views import DECLARED, Resource, actor_of
from marketplace.base.actor import Actor
from marketplace.base.errors import DomainError, Stale
from marketplace.base.idempotency import once

KEY = re.compile(r"[\x21-\x7e]+", re.ASCII)
TAG = re.compile(r'"r([0-9]{1,9})(\.[0-9a-f]{1,64})?"', re.ASCII)
Shower = Callable[[Request, UUID], dict[str, Any]]


class PreconditionRequired(DomainError):
    status = 428
    code = "precondition.required"
    message = _("Say with If-Match which revision you have read: the ETag of the object.")


class PreconditionFailed(DomainError):
    """Somebody saved since. `current` holds what stands now where the request said otherwise."""

    status = 412
    code = "precondition.failed"
    message = Stale.message

    def __init__(self, current: dict[str, Any]) -> None:
        super().__init__()
        self.current = current


@dataclass(frozen=True)
class Answer:
    """What a deed shows itself, instead of the uid of what is read anew for it."""

    body: dict[str, Any]


@dataclass(frozen=True)
class Given:
    """What a request brought. `revision` is what If-Match names, where the deed asks for it."""

    request: Request
    actor: Actor
    body: dict[str, Any]
    key: str
    revision: int = 0


def deed(
    name: str,
    summary: str,
    *,
    scope: Scope | None,
    shows: Shower | None = None,
    answers: Any = None,
    takes: type[Body] = Nothing,
    example: dict[str, Any] | None = None,
    description: str = "",
    status: int = 200,
    revised: Callable[[Given, UUID], dict[str, Any]] | None = None,
    proof: bool = False,
    own_key: bool = False,
    also: tuple[int, ...] = (),
) -> Callable[[Callable[..., UUID | Answer]], Callable[..., Response]]:
    """Describe and guard an operation.

    scope: what a token needs for it; None where tokens may not come.
    shows: shapes the object of a uid for this reader; without it the answer is 204. answers: its
    shape in the schema. revised: the deed needs If-Match; called when that is stale, it says what
    stands now. proof: asks for a fresh second factor, which no token has. own_key: the action honours the key
    itself, since it prepares much before its transaction. also: further statuses of problems.
    """

    def describe(method: Callable[..., UUID | Answer]) -> Callable[..., Response]:
        @wraps(method)
        def answer(self: Resource, request: Request, *args: Any, **url: Any) -> Response:
            given = read_request(request, takes, revised=revised is not None)
            done: UUID | Answer
            try:
                if own_key:
                    done, before = method(self, given, **url), False
                else:
                    done, before = once(
                        actor=given.actor,
                        route=route_of(name, url),
                        key=given.key,
                        body=fingerprint(request, given),
                        deed=lambda: cast("UUID", method(self, given, **url)),
                    )
            except Stale as stale:
                if revised is None:
                    raise
                raise PreconditionFailed(revised(given, url["uid"])) from stale
            headers = {"Idempotency-Replayed": "true"} if before else None
            if isinstance(done, Answer):
                return Response(done.body, status=status, headers=headers)
            if shows is None:
                return Response(status=204, headers=headers)
            return Response(shows(request, done), status=status, headers=headers)

        problems = [400, 401, 403, 404, 409, 413, 415, 422]
        problems += [*([412, 428] if revised else []), *also]
        setattr(answer, DECLARED, (scope.value if scope else None, proof))
        return extend_schema(
            operation_id=name,
            summary=summary,
            description=told_of(description, scope, proof=proof),
            request=takes if takes is not Nothing else None,
            responses={status if answers else 204: answers},
            parameters=[KEY_PARAMETER, *([MATCH_PARAMETER] if revised else [])],
            examples=[OpenApiExample("Example", value=example, request_only=True)]
            if example
            else [],
            extensions={"x-problems": problems},
        )(answer)

    return describe


def read_request(request: Request, takes: type[Body], *, revised: bool) -> Given:
    body = read_body(takes, request.data if request.data != "" else {})
    return Given(
        request=request,
        actor=actor_of(request),
        body=body,
        key=key_of(request),
        revision=revision_of(request) if revised else 0,
    )


def key_of(request: Request) -> str:
    given = request.META.get("HTTP_IDEMPOTENCY_KEY")
    key = "" if given is None else str(given)
    if given is not None and (len(key) > IDEMPOTENCY_KEY_MAX or not KEY.fullmatch(key)):
        sentence = _("1 to %(most)s printable ASCII characters without blanks.")
        raise BadHeader("Idempotency-Key", str(sentence) % {"most": IDEMPOTENCY_KEY_MAX})
    return key


def revision_of(request: Request) -> int:
    """The revision in If-Match. Raises PreconditionRequired without one."""
    given = str(request.META.get("HTTP_IF_MATCH", "")).strip()
    if not given:
        raise PreconditionRequired
    found = TAG.fullmatch(given)
    if found is None:
        raise BadHeader("If-Match", str(_("Give one ETag as this object's answer named it.")))
    return int(found[1])


def route_of(name: str, url: dict[str, Any]) -> str:
    """Operation and object, short enough for the column of keys."""
    about = ":".join(str(url[part]) for part in sorted(url))
    return f"{name[:40]}:{hashlib.sha256(about.encode()).hexdigest()[:32]}"


def fingerprint(request: Request, given: Given) -> str:
    """What two requests with one key must have in common."""
    body = orjson.dumps(request.data, option=orjson.OPT_SORT_KEYS)
    return f"{given.revision}:{hashlib.sha256(body).hexdigest()}"


def told_of(description: str, scope: Scope | None, *, proof: bool) -> str:
    if proof:
        return (
            f"{description} Needs a proof of the second factor in this session, at most five"
            " minutes old; a token never suffices (403, code `proof.required`)."
        ).strip()
    token = f"A token needs the scope `{scope}`." if scope else "Not by a token."
    return f"{description} {token}".strip()


KEY_PARAMETER = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "minLength": 1, "maxLength": IDEMPOTENCY_KEY_MAX, "pattern": "^[!-~]+$"},
    OpenApiParameter.HEADER,
    description="A request repeated with this key within 24 hours is answered, not done again.",
)
MATCH_PARAMETER = OpenApiParameter(
    "If-Match",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    required=True,
    pattern=r'^"r[0-9]{1,9}(\.[0-9a-f]{1,64})?"$',
    description="The ETag of the object as it was read.",
)
