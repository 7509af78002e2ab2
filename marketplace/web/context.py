from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext as _

from marketplace.accounts.queries import Acting, holds_keys
from marketplace.base import clock
from marketplace.base.actor import Actor, Role
from marketplace.supervision.models import Inspection
from marketplace.supervision.queries import requests_in_force
from marketplace.web.words import localized_pair


@dataclass(frozen=True)
class Switcher:
    """What the header shows of the hats: the one worn and the ones to choose from."""

    label: str
    current: str
    choices: list[tuple[str, str]]


def site(request: HttpRequest) -> dict[str, Any]:
    """What every page may need. Read from the database only where the page asks."""
    return {
        "demo": settings.DEMO,
        "actor": getattr(request, "actor", None),
        "acting": SimpleLazyObject(lambda: switcher(request)),
        "inspecting": cache(lambda: inspecting(request)),  # a template calls it; once per page
        "server_now": cache(clock.now),  # a template calls it; once per page
    }


def inspecting(request: HttpRequest) -> list[Inspection]:
    """The requests under which an inspector reads now; asked for no other role."""
    load = getattr(request, "load_acting", None)
    if load is None or not request.user.is_authenticated or load()[0].role != Role.INSPECTOR:
        return []
    return list(requests_in_force(load()[0]).order_by("pk"))


def switcher(request: HttpRequest) -> Switcher | None:
    load = getattr(request, "load_acting", None)
    if load is None or not request.user.is_authenticated:
        return None
    actor, hats = load()
    choices = [(hat.key, hat_label(hat.actor)) for hat in hats]
    # Who has no hat may still have a part: a key holder is one by appointments, not by a role.
    key_holder = actor.role == Role.MEMBER and holds_keys(actor)
    label = _("Key holder") if key_holder else hat_label(actor)
    return Switcher(label, current_key(actor, hats), choices)


def current_key(actor: Actor, hats: list[Acting]) -> str:
    return next((hat.key for hat in hats if hat.actor == actor), "")


def hat_label(actor: Actor) -> str:
    if actor.role == Role.MEMBER:
        return _("Without a role")
    role = str(Role(actor.role).label)
    if actor.organisation is None:
        return role
    name, _language = localized_pair(actor.organisation, "name")
    return f"{name} · {role}"
