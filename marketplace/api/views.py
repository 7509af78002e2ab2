"""What every resource does the same way: limits, who asks, tags of what was read."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import orjson
from django.urls import reverse
from django.utils.translation import gettext as _
from rest_framework.permissions import SAFE_METHODS, AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from marketplace.api.bodies import JSONBody, refuse_long
from marketplace.api.errors import BadParameter
from marketplace.api.limits import BODY_BYTES_MAX
from marketplace.base.actor import Actor
from marketplace.base.errors import NotAllowed

NONE: frozenset[str] = frozenset()


class Resource(APIView):
    """One address of the API, for signed-in people unless it says otherwise.

    OPTIONS is not answered: what a resource takes stands in the schema.
    """

    permission_classes = [IsAuthenticated]
    parser_classes = [JSONBody]
    metadata_class = None
    http_method_names = ["get", "head", "post", "put", "patch", "delete"]
    body_limit = BODY_BYTES_MAX
    # None: the method reads its own parameters. Else what may stand in the address.
    parameters: frozenset[str] | None = NONE

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        refuse_long(request, self.body_limit)
        super().initial(request, *args, **kwargs)
        for name in request.query_params:
            if self.parameters is not None and name not in self.parameters:
                raise BadParameter(name, _("There is no such parameter."))

    def get_permissions(self) -> list[Any]:
        """Reading may be open to everybody, changing never is."""
        method = str(getattr(self.request, "method", "") or "GET")
        changes = method not in SAFE_METHODS and hasattr(self, method.lower())
        return [IsAuthenticated()] if changes else list(super().get_permissions())

    def get_authenticate_header(self, request: Request) -> str:
        """So that who is not signed in is told 401, whatever ways to sign in there are."""
        return super().get_authenticate_header(request) or 'Bearer realm="jiebang"'

    def permission_denied(
        self, request: Request, message: str | None = None, code: str | None = None
    ) -> Any:
        if request.successful_authenticator or request.user.is_authenticated:
            raise NotAllowed
        return super().permission_denied(request, message, code)

    def finalize_response(
        self, request: Request, response: Any, *args: Any, **kwargs: Any
    ) -> Response:
        done = super().finalize_response(request, response, *args, **kwargs)
        if done.status_code in {200, 201} and isinstance(done.data, dict):
            tag_answer(request, done)
        return done


class PublicRead(Resource):
    """What everybody may read; a signed-in person sees what else their role may see."""

    permission_classes = [AllowAny]
    parameters: frozenset[str] | None = None


def tag_answer(request: Request, response: Response) -> None:
    """Give it its ETag; 304 without a body if the reader has just this.

    An object with a revision has the strong tag `"r3.…"`, whose number If-Match compares.
    """
    digest = hashlib.sha256(orjson.dumps(response.data, default=str)).hexdigest()[:24]
    revision = response.data.get("revision")
    tag = f'W/"{digest}"' if revision is None else f'"r{revision}.{digest}"'
    response.headers["ETag"] = tag
    if request.method not in {"GET", "HEAD"}:
        return
    known = request.META.get("HTTP_IF_NONE_MATCH", "")[:4096]
    if tag.removeprefix("W/") in {part.strip().removeprefix("W/") for part in known.split(",")}:
        response.status_code = 304
        response.data = None


def actor_of(request: Request) -> Actor:
    """The real Actor that the middleware has found for the session."""
    load: Callable[[], tuple[Actor, list]] = getattr(request, "load_acting")  # noqa: B009
    actor, _hats = load()
    return actor


def absolute(request: Request, name: str, *args: object) -> str:
    return request.build_absolute_uri(reverse(name, args=args))
