"""What every resource does the same way: limits, who asks, tags of what was read."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

import orjson
from django.db.models import Model
from django.urls import reverse
from django.utils.translation import gettext as _
from rest_framework.permissions import SAFE_METHODS, AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from marketplace.api.bodies import JSONBody, refuse_long
from marketplace.api.errors import BadParameter
from marketplace.api.hats import put_hat_on
from marketplace.api.limits import BODY_BYTES_MAX
from marketplace.api.renderers import ORJSONRenderer
from marketplace.base.actor import Actor
from marketplace.base.errors import NotFound
from marketplace.scenarios.models import Scenario

NONE: frozenset[str] = frozenset()
# Where a deed keeps its scope and whether it needs a proof: (scope or None, bool).
DECLARED = "declared"


ANYTHING, JSON = "*/*", ORJSONRenderer.media_type
ONE_RENDERER = [ORJSONRenderer]


class Resource(APIView):
    """One address of the API, for signed-in people unless it says otherwise.

    OPTIONS is not answered: what a resource takes stands in the schema.
    """

    permission_classes = [IsAuthenticated]
    parser_classes = [JSONBody]
    metadata_class = None
    http_method_names = ["get", "head", "post", "put", "patch", "delete"]
    # None: the method reads its own parameters. Else what may stand in the address.
    parameters: frozenset[str] | None = NONE

    # What tokens may do here, by method; kept by the deeds themselves.
    scope: Mapping[str, str] = {}
    needs_proof: frozenset[str] = frozenset()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        found = {
            name: getattr(getattr(cls, name), DECLARED)
            for name in cls.http_method_names
            if hasattr(getattr(cls, name, None), DECLARED)
        }
        cls.scope = {name: scope for name, (scope, _proof) in found.items() if scope}
        cls.needs_proof = frozenset(name for name, (_scope, proof) in found.items() if proof)

    # (model, path to the demand's uid): what tokens bound to one demand are held against.
    about: tuple[type[Model], str] | None = None

    def scenario_of(self, **kwargs: Any) -> UUID | None:
        if self.about is None:
            return None
        model, path = self.about
        rows = model._default_manager.filter(uid=kwargs.get("uid"))
        found: UUID | None = rows.values_list(path, flat=True).first()
        return found

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        refuse_long(request, BODY_BYTES_MAX)
        super().initial(request, *args, **kwargs)
        if self.authentication_classes:
            put_hat_on(request)
        for name in request.query_params:
            if self.parameters is not None and name not in self.parameters:
                raise BadParameter(name, _("There is no such parameter."))

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """Where anything is accepted, or JSON by name, there is nothing to weigh."""
        accepted = request.META.get("HTTP_ACCEPT", ANYTHING)
        if self.renderer_classes == ONE_RENDERER and accepted in {ANYTHING, JSON}:
            return ONE_RENDERER[0](), JSON
        return super().perform_content_negotiation(request, force=force)

    def get_permissions(self) -> list[Any]:
        """Reading may be open to everybody, changing never is."""
        method = str(getattr(self.request, "method", "") or "GET")
        changes = method not in SAFE_METHODS and hasattr(self, method.lower())
        return [IsAuthenticated()] if changes else list(super().get_permissions())

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        done = super().finalize_response(request, response, *args, **kwargs)
        if not isinstance(done, Response):
            return done  # a file on its way
        one = isinstance(done.data, dict) and "results" not in done.data
        if one and done.status_code in {200, 201}:
            tag_answer(request, done)
        return done


class OfScenario(Resource):
    """An address below a demand's own."""

    scenario_kwarg = "uid"

    def demand(self, actor: Actor, uid: UUID) -> Scenario:
        """The demand, as far as the reader may see it. Raises NotFound."""
        scenario = Scenario.objects.visible_to(actor).filter(uid=uid).first()
        if scenario is None:
            raise NotFound
        return scenario


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
    """The real Actor: of the bearer's token, or found by the middleware for the session."""
    load: Callable[[], tuple[Actor, list]] = getattr(request, "load_acting")  # noqa: B009
    actor, _hats = load()
    return actor


def absolute(request: Request, name: str, *args: object) -> str:
    return request.build_absolute_uri(reverse(name, args=args))
