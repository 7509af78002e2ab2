"""Deeds that call one action with the body: each is one line of what it is called and takes.

ScenarioReturn = calling(
actions.return_scenario, "scenario_uid", "scenarios_return", "Give a demand back",
scope=Scope.OFFICE, takes=Reason, base=OfScenario, **SHOWN)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.db.models import Model
from rest_framework.response import Response

from marketplace.api.deeds import Given, deed
from marketplace.api.views import Resource
from marketplace.base.errors import NotFound


def call(
    action: Callable[..., Any],
    of: str,
    name: str,
    summary: str,
    *,
    sees: type[Model] | None = None,
    makes: Callable[[Any], UUID] | None = None,
    whole: str = "",
    **said: Any,
) -> Callable[..., Response]:
    """One method of a resource: `action(actor=…, <of>=uid of the address, **body)`.

    of: what the action calls that uid; empty where the address has none. sees: the model of which
    the actor must see that row, where the action does not ask itself. makes: takes the uid of the
    object to show from what the action returns; else it is that of the address. whole: the body
    goes to the action as one argument of this name. said: what `deed` takes; with `revised` the
    action gets `revision` as well.
    """

    def method(_resource: Resource, given: Given, uid: UUID | None = None) -> UUID:
        if sees is not None:
            require_seen(sees, given, uid)
        body: dict[str, Any] = {whole: given.body} if whole else dict(given.body)
        if of:
            body[of] = uid
        if said.get("revised"):
            body["revision"] = given.revision
        done = action(actor=given.actor, **body)
        if makes is not None:
            return makes(done)
        assert uid is not None, f"{name} shows the object of its address"
        return uid

    return deed(name, summary, **said)(method)


def calling(
    *of: Any,
    base: type[Resource] = Resource,
    about: tuple[type[Model], str] | None = None,
    **said: Any,
) -> type[Resource]:
    """A resource whose POST is this `call`, and which has nothing else."""
    name = "".join(part.title() for part in of[2].split("_"))
    return type(name, (base,), {"about": about or base.about, "post": call(*of, **said)})


def require_seen(model: type[Model], given: Given, uid: UUID | None) -> None:
    rows: Any = model._default_manager
    if not rows.visible_to(given.actor).filter(uid=uid).exists():
        raise NotFound


def its_uid(made: Any) -> UUID:
    found: UUID = made.uid
    return found
