from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails

from marketplace.accounts.queries import Acting
from marketplace.base.actor import Actor


class Request(HttpRequest):
    """A request as our views get it: with who acts, and with what htmx said."""

    htmx: HtmxDetails
    acted: bool  # whether anybody has asked who acts
    load_acting: Callable[[], tuple[Actor, list[Acting]]]
    actor: Actor
    hats: list[Acting]
