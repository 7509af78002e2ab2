from __future__ import annotations

from collections.abc import Callable

from django.urls import reverse
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.views import APIView

from marketplace.base.actor import Actor


class PublicRead(APIView):
    """What everybody may read; a signed-in person sees what else their role may see.

    OPTIONS is not answered: what a resource takes stands in the schema.
    """

    permission_classes = [AllowAny]
    metadata_class = None
    http_method_names = ["get", "head"]


def actor_of(request: Request) -> Actor:
    """The real Actor: of the bearer's token, or found by the middleware for the session."""
    load: Callable[[], tuple[Actor, list]] = getattr(request, "load_acting")  # noqa: B009
    actor, _hats = load()
    return actor


def absolute(request: Request, name: str, *args: object) -> str:
    return request.build_absolute_uri(reverse(name, args=args))
