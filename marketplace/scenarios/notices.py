"""Whom the course of a demand is told to."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.db.models import Model, Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from marketplace.accounts.models import Membership, User
from marketplace.accounts.queries import key_holders
from marketplace.base.actor import Actor, Role
from marketplace.base.languages import either
from marketplace.ledger.models import Event
from marketplace.notices.channels import Group
from marketplace.notices.registry import register
from marketplace.scenarios.models import Scenario

WRITERS = [Role.OWNER, Role.EDITOR]


def seen_by_any(model: type[Model], actors: list[Actor], uids: Collection[UUID]) -> QuerySet[Any]:
    """The rows among these that one of a person's hats may see."""
    manager: Any = model._default_manager
    seen = Q(pk=None)
    for actor in actors:
        seen |= Q(pk__in=manager.visible_to(actor).filter(uid__in=uids).values("pk"))
    return manager.filter(seen)


def scenarios(actors: list[Actor], uids: Collection[UUID]) -> dict[UUID, Any]:
    return {row.uid: row for row in seen_by_any(Scenario, actors, uids)}


def title(scenario: Scenario) -> str:
    return either(scenario.title, scenario.title_en)


def url(scenario: Scenario) -> str:
    return reverse("scenario", args=[scenario.address])


def gate_url(scenario: Scenario) -> str:
    return reverse("scenario-gate", args=[scenario.address])


def writers(organisations: Q) -> QuerySet[User]:
    """Owners and editors of the organisations of these memberships."""
    members = Membership.objects.filter(organisations, role__in=WRITERS)
    return User.objects.filter(pk__in=members.values("user_id"))


def owner_writers(event: Event) -> QuerySet[User]:
    return writers(Q(organisation__scenarios__uid=event.subjects[-1]))


def officers(event: Event) -> QuerySet[User]:
    """Those who may take the demand on: neither its author nor of its owner."""
    return standing_apart(Scenario.objects.get(uid=event.subjects[-1]))


def standing_apart(scenario: Scenario) -> QuerySet[User]:
    """Officers who neither wrote the demand nor belong to its owner."""
    office = Membership.objects.filter(role=Role.OFFICER, organisation__is_office=True)
    own = Membership.objects.filter(organisation=scenario.organisation_id)
    rows = User.objects.filter(pk__in=office.values("user_id"))
    return rows.exclude(pk__in=own.values("user_id")).exclude(pk=scenario.author_id)


register(
    "scenario.submitted",
    audience=officers,
    subjects=scenarios,
    sentence=_("The demand “%(title)s” was submitted"),
    title=title,
    url=gate_url,
    group=Group.DEMANDS,
)
for _kind, _sentence in {
    "scenario.returned": _("The demand “%(title)s” was returned for revision"),
    "scenario.rejected": _("The demand “%(title)s” was rejected"),
    "scenario.demonstrated": _("The demand “%(title)s” has been demonstrated"),
    "scenario.published": _("The demand “%(title)s” was published"),
    "scenario.failed": _("The listing of the demand “%(title)s” failed"),
}.items():
    register(
        _kind,
        audience=owner_writers,
        subjects=scenarios,
        sentence=_sentence,
        title=title,
        url=url,
        group=Group.DEMANDS,
    )


def told_of_extension(event: Event) -> QuerySet[User]:
    """The owner's people, the office, the key holders. Bidders are told by their own room."""
    office = Membership.objects.filter(
        role__in=[Role.OFFICER, Role.SECRETARY], organisation__is_office=True
    )
    return User.objects.filter(
        Q(pk__in=owner_writers(event).values("pk"))
        | Q(pk__in=office.values("user_id"))
        | Q(pk__in=key_holders(event.subjects[-1]).values("pk"))
    )


def by_outage(event: Event) -> bool:
    """Leaves from before there were other causes name none."""
    return event.data.get("cause", "outage") == "outage"


def moved_by_outage(event: Event) -> QuerySet[User]:
    return told_of_extension(event) if by_outage(event) else User.objects.none()


def moved_otherwise(event: Event) -> QuerySet[User]:
    return User.objects.none() if by_outage(event) else told_of_extension(event)


for _kind, _sentence in {
    "scenario.suspended": _("The demand “%(title)s” was suspended: no bid is taken"),
    "scenario.resumed": _("The demand “%(title)s” goes on: bids are taken again"),
}.items():
    register(
        _kind,
        audience=told_of_extension,
        subjects=scenarios,
        sentence=_sentence,
        title=title,
        url=url,
        group=Group.DEMANDS,
    )

EXTENDED = _("An outage moved the deadline of “%(title)s” for everybody, by the published rule")
MOVED = _("The deadline of “%(title)s” moved for everybody, by the published rule")
for _name, _told, _sentence in [
    ("scenario.deadline_extended", moved_by_outage, EXTENDED),
    ("scenario.deadline_moved", moved_otherwise, MOVED),
]:
    register(
        _name,
        event_kind="scenario.deadline_extended",
        audience=_told,
        subjects=scenarios,
        sentence=_sentence,
        title=title,
        url=url,
        group=Group.DEMANDS,
    )
