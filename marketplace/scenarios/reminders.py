"""The office is reminded of demands that wait for it; who filed one learns that it takes longer."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from uuid import UUID

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from marketplace.accounts.models import Membership
from marketplace.base.actor import Role
from marketplace.ledger.models import Event
from marketplace.notices.reminders import Due, People, Told, after, before, on_the_day, remind
from marketplace.scenarios.models import Scenario, State
from marketplace.scenarios.notices import WRITERS, gate_url, scenarios, title, url
from marketplace.scenarios.windows import due_by

FILED = ("scenario.submitted", "scenario.demonstration_started", "scenario.demonstrated")
GATE = (State.SUBMITTED, State.DEMONSTRATING, State.DEMONSTRATED)
GATE_DAYS = 5


def since(uids: Collection[UUID], kinds: Collection[str]) -> dict[UUID, datetime]:
    """When the latest of these events happened to each of these subjects."""
    events = Event.objects.filter(kind__in=kinds, subjects__overlap=list(uids)).order_by("id")
    wanted = set(uids)
    return {
        uid: at
        for subjects, at in events.values_list("subjects", "at")
        for uid in subjects
        if uid in wanted
    }


def office(role: str) -> People:
    """Everybody of the park office in this role, for every subject."""

    def people(uids: Collection[UUID]) -> Iterable[tuple[UUID, int]]:
        members = Membership.objects.filter(role=role, organisation__is_office=True)
        ids = list(members.values_list("user_id", flat=True))
        return [(uid, user_id) for uid in uids for user_id in ids]

    return people


def officers_apart(uids: Collection[UUID]) -> Iterable[tuple[UUID, int]]:
    """Officers who may take a demand on: neither its author nor of its owner."""
    rows = Scenario.objects.filter(uid__in=uids)
    own = set(rows.values_list("uid", "author_id"))
    own |= set(rows.values_list("uid", "organisation__members__user_id"))
    return [pair for pair in office(Role.OFFICER)(uids) if pair not in own]


def members_of_owner(roles: Collection[str]) -> People:
    def people(uids: Collection[UUID]) -> Iterable[tuple[UUID, int]]:
        members = Membership.objects.filter(organisation__scenarios__uid__in=uids, role__in=roles)
        return members.values_list("organisation__scenarios__uid", "user_id")

    return people


def of(field: str, among: Collection[UUID] | None) -> Q:
    """A condition on the uid of what waits; none at all where everything is asked for."""
    return Q() if among is None else Q(**{f"{field}__in": among})


def filed(now: datetime, among: Collection[UUID] | None) -> Iterable[Due]:
    rows = Scenario.objects.filter(of("uid", among), state__in=GATE).select_related("profile")
    waiting = {row.uid: row.profile for row in rows}
    for uid, at in since(waiting, FILED).items():
        yield Due(uid, at, due_by(waiting[uid], "demonstration_max", GATE_DAYS, at))


__all__ = ["due_by"]  # the rooms above ask it beside their own reminders

remind(
    "gate",
    waiting=filed,
    subjects=scenarios,
    title=title,
    url=gate_url,
    told=[
        Told(
            officers_apart,
            _("The demand “%(title)s” waits for the next step of its demonstration, due %(at)s"),
            (before(days=1), on_the_day(), after(days=1)),
        ),
        Told(
            office(Role.SECRETARY),
            _("The demonstration of “%(title)s” is overdue since %(at)s"),
            (after(days=2), after(days=7)),
            name="late",
        ),
        Told(
            members_of_owner(WRITERS),
            _("The demonstration of “%(title)s” takes longer than the park office meant"),
            (after(days=2),),
            name="owner",
            url=url,
        ),
    ],
)
