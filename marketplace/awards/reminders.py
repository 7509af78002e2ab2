"""From the report to the confirmed award: whose turn it is, and the office when it takes long."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from marketplace.awards.models import Decision, DecisionState
from marketplace.base.actor import Role
from marketplace.notices.channels import Group
from marketplace.notices.reminders import Due, Told, Waiting, after, before, on_the_day, remind
from marketplace.races.queries import awaiting_race
from marketplace.scenarios.models import AwardMode, Scenario, State
from marketplace.scenarios.notices import scenarios, title
from marketplace.scenarios.reminders import due_by, members_of_owner, of, office

# From the report to the publicity; the profile names it.
PUBLICITY_DAYS = 3
TURN = (before(days=1), on_the_day(), after(days=1))


def page(name: str) -> Callable[[Any], str]:
    return lambda scenario: reverse(name, args=[scenario.address])


def undecided(mode: str) -> Waiting:
    def waiting(now: datetime, among: Collection[UUID] | None) -> Iterable[Due]:
        standing = Decision.objects.exclude(state=DecisionState.REFUSED)
        rows = Scenario.objects.filter(
            of("uid", among),
            state=State.DECISION,
            award_mode=mode,
            suspended=False,
            report__isnull=False,
        ).exclude(pk__in=standing.values("scenario"))
        rows = rows.exclude(pk__in=awaiting_race(rows).values("pk"))
        for row in rows.select_related("profile", "report"):
            at = row.report.created_at
            yield Due(row.uid, at, due_by(row.profile, "publicity_start_max", PUBLICITY_DAYS, at))

    return waiting


def decisions(state: str, among: Collection[UUID] | None = None) -> QuerySet[Decision]:
    rows = Decision.objects.filter(of("scenario__uid", among), state=state)
    return rows.filter(scenario__suspended=False)


def unpublicised(now: datetime, among: Collection[UUID] | None) -> Iterable[Due]:
    rows = decisions(DecisionState.PROPOSED, among).select_related("scenario__profile")
    for row in rows:
        profile, at = row.scenario.profile, row.decided_at
        due_at = due_by(profile, "publicity_start_max", PUBLICITY_DAYS, at)
        yield Due(row.scenario.uid, at, due_at)


def officers_who_did_not_decide(uids: Collection[UUID]) -> Iterable[tuple[UUID, int]]:
    rows = decisions(DecisionState.PROPOSED).filter(scenario__uid__in=uids)
    deciders = set(rows.values_list("scenario__uid", "decided_by_id"))
    return [pair for pair in office(Role.OFFICER)(uids) if pair not in deciders]


def unconfirmed(now: datetime, among: Collection[UUID] | None) -> Iterable[Due]:
    rows = decisions(DecisionState.PUBLICISED, among).filter(publicity__ends_at__lte=now)
    for uid, ends_at in rows.values_list("scenario__uid", "publicity__ends_at"):
        yield Due(uid, ends_at, ends_at)


remind(
    "choice",
    waiting=undecided(AwardMode.OWNER_CHOICE),
    subjects=scenarios,
    title=title,
    url=page("decision"),
    group=Group.AWARDS,
    told=[
        Told(
            members_of_owner([Role.OWNER]),
            _("The choice among the candidates for “%(title)s” is yours, due %(at)s"),
            TURN,
        ),
        Told(
            office(Role.OFFICER),
            _("The owner of “%(title)s” has not chosen; the choice was due %(at)s"),
            (after(days=1),),
            name="late",
        ),
    ],
)
remind(
    "minutes",
    waiting=undecided(AwardMode.COLLECTIVE),
    subjects=scenarios,
    title=title,
    url=page("decision"),
    told=[
        Told(
            office(Role.OFFICER),
            _("The decision on “%(title)s” is to be entered with its minutes, due %(at)s"),
            TURN,
        )
    ],
)
remind(
    "publicity",
    waiting=unpublicised,
    subjects=scenarios,
    title=title,
    url=page("publicity"),
    told=[
        Told(
            officers_who_did_not_decide,
            _("The decision on “%(title)s” is to be publicised, due %(at)s"),
            TURN,
        )
    ],
)
remind(
    "confirmation",
    waiting=unconfirmed,
    subjects=scenarios,
    title=title,
    url=page("award-confirm"),
    told=[
        Told(
            office(Role.OFFICER),
            _("The publicity of “%(title)s” ended %(at)s: the award can be confirmed"),
            (after(), after(days=2)),
        ),
        Told(
            office(Role.SECRETARY),
            _("The award for “%(title)s” is not confirmed; its publicity ended %(at)s"),
            (after(days=3),),
            name="late",
        ),
    ],
)
