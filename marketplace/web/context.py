from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from marketplace.base import clock


def site(request: HttpRequest) -> dict[str, Any]:
    """What every page may need: the demo mark, the hats, the server's time."""
    return {
        "demo": settings.DEMO,
        "actor": getattr(request, "actor", None),
        "hats": getattr(request, "hats", []),
        "server_now": SimpleLazyObject(clock.now),
    }
