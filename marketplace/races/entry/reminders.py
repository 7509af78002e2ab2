"""From the report to the first heat: whose turn it is, and until when."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from marketplace.accounts.models import Membership
from marketplace.base import clock
from marketplace.base.actor import Role
from marketplace.notices.channels import Group
from marketplace.notices.reminders import (
    Due,
    People,
    Told,
    Waiting,
    after,
    before,
    on_the_day,
    remind,
)
from marketplace.races.entry import queries
from marketplace.races.models import AgreementSide, Race
from marketplace.scenarios.models import AwardMode
from marketplace.scenarios.notices import scenarios, title
from marketplace.scenarios.reminders import due_by, members_of_owner, of, office

# Each step of the office, from when it can be done; the notice's own is the profile's.
STEP_DAYS = 3
TURN = (before(days=1), on_the_day(), after(days=1))


def entry_url(scenario: Any) -> str:
    return reverse("race-entry", args=[scenario.address])


def unlisted(mode: str) -> Waiting:
    def waiting(now: datetime, among: Collection[UUID] | None) -> Iterable[Due]:
        rows = queries.unlisted().filter(of("uid", among), award_mode=mode, report__isnull=False)
        for row in rows.select_related("profile", "report"):
            at = row.report.created_at
            yield Due(row.uid, at, due_by(row.profile, "publicity_start_max", STEP_DAYS, at))

    return waiting


def unpublicised(now: datetime, among: Collection[UUID] | None) -> Iterable[Due]:
    rows = queries.unpublicised().filter(of("scenario__uid", among))
    for row in rows.select_related("scenario__profile"):
        at = row.shortlisted_at
        due_at = due_by(row.scenario.profile, "publicity_start_max", STEP_DAYS, at)
        yield Due(row.scenario.uid, at, due_at)


def unoffered(now: datetime, among: Collection[UUID] | None) -> Iterable[Due]:
    rows = queries.unoffered(now).filter(of("scenario__uid", among))
    for uid, at in rows.values_list("scenario__uid", "notice__ends_at"):
        yield Due(uid, at, at)


def to_start(now: datetime, among: Collection[UUID] | None) -> Iterable[Due]:
    rows = queries.to_start(now).filter(of("scenario__uid", among))
    for uid, at in rows.values_list("scenario__uid", "agree_by"):
        if at is not None:  # as every race at its agreements has
            yield Due(uid, at, at)


def unaccepted(now: datetime, among: Collection[UUID] | None) -> Iterable[Due]:
    """A demand once, however many of its agreements wait."""
    path = "entrant__race__scenario__uid"
    found: dict[UUID, Due] = {}
    for side in AgreementSide.values:
        rows = queries.unaccepted(side, now).filter(of(path, among))
        for uid, since, at in rows.values_list(path, "offered_at", "entrant__race__agree_by"):
            found[uid] = Due(uid, since, at)
    return found.values()


def who_accept(uids: Collection[UUID]) -> Iterable[tuple[UUID, int]]:
    """Those who bind a party that has an agreement to accept."""
    waiting: set[tuple[UUID, int]] = set()
    now = clock.now()
    paths = {
        AgreementSide.VENDOR: "entrant__organisation_id",
        AgreementSide.OWNER: "entrant__race__scenario__organisation_id",
    }
    for side, path in paths.items():
        rows = queries.unaccepted(side, now).filter(entrant__race__scenario__uid__in=uids)
        waiting |= set(rows.values_list("entrant__race__scenario__uid", path))
    members = Membership.objects.filter(
        organisation__in={pk for _uid, pk in waiting}, role=Role.OWNER
    )
    people: dict[int, list[int]] = {}
    for organisation, user in members.values_list("organisation_id", "user_id"):
        people.setdefault(organisation, []).append(user)
    return [(uid, user) for uid, pk in waiting for user in people.get(pk, [])]


def officers_apart(uids: Collection[UUID]) -> Iterable[tuple[UUID, int]]:
    """Who made a list does not publicise it."""
    rows = Race.objects.filter(scenario__uid__in=uids)
    makers = set(rows.values_list("scenario__uid", "shortlisted_by_id"))
    return [pair for pair in office(Role.OFFICER)(uids) if pair not in makers]


def rule(name: str, waiting: Waiting, people: People, sentence: Any, steps: Any = TURN) -> None:
    url: Callable[[Any], str] = entry_url
    remind(
        name,
        waiting=waiting,
        subjects=scenarios,
        title=title,
        url=url,
        group=Group.AWARDS,
        told=[Told(people, sentence, steps)],
    )


rule(
    "race_shortlist",
    unlisted(AwardMode.OWNER_CHOICE),
    members_of_owner([Role.OWNER]),
    _("The shortlist for the race of “%(title)s” is yours to make, due %(at)s"),
)
rule(
    "race_minutes",
    unlisted(AwardMode.COLLECTIVE),
    office(Role.OFFICER),
    _("The shortlist for the race of “%(title)s” is to be entered with its minutes, due %(at)s"),
)
rule(
    "race_notice",
    unpublicised,
    officers_apart,
    _("The shortlist for the race of “%(title)s” is to be publicised, due %(at)s"),
)
rule(
    "race_offer",
    unoffered,
    office(Role.OFFICER),
    _("The publicity of the shortlist of “%(title)s” ended %(at)s: agreements can be offered"),
    (after(), after(days=2)),
)
rule(
    "race_agreement",
    unaccepted,
    who_accept,
    _("A race agreement for “%(title)s” waits for your acceptance until %(at)s"),
)
rule(
    "race_start",
    to_start,
    office(Role.OFFICER),
    _("The agreements for the race of “%(title)s” are settled: the first heat can be opened"),
    (after(), after(days=2)),
)
