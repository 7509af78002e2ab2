"""Experts are reminded of declarations and sheets; what is late goes up to the secretary."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Max, Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from marketplace.base.actor import Actor, Role
from marketplace.committee.models import (
    MemberState,
    Panel,
    PanelMember,
    PanelState,
    Sheet,
    SheetState,
)
from marketplace.committee.notices import panels, seats
from marketplace.committee.queries import second_due
from marketplace.committee.signing.queries import sign_by, unsaid
from marketplace.notices.reminders import Due, Told, after, before, on_the_day, remind
from marketplace.scenarios.notices import title
from marketplace.scenarios.reminders import due_by, of, office

DECLARE_DAYS = 5
SCORE_DAYS = 7
MAY_DECLARE = [PanelState.APPOINTED, PanelState.TECHNICAL, PanelState.NAMED]
EXPERT_STEPS = (before(days=3), before(days=1), on_the_day(), after())
LATE_STEPS = (after(), after(days=2))


def panel_title(panel: Panel) -> str:
    return title(panel.scenario)


def panel_page(panel: Panel) -> str:
    return reverse("panel", args=[panel.scenario.address])


def undeclared(now: datetime, among: Collection[UUID] | None) -> Iterable[Due]:
    rows = PanelMember.objects.filter(
        of("uid", among), state=MemberState.INVITED, panel__state__in=MAY_DECLARE
    )
    for seat in rows.select_related("panel__scenario__profile"):
        profile, seated_at = seat.panel.scenario.profile, seat.created_at
        yield Due(seat.uid, seated_at, due_by(profile, "declaration_max", DECLARE_DAYS, seated_at))


def undeclared_named(now: datetime, among: Collection[UUID] | None) -> Iterable[Due]:
    rows = second_due().filter(of("uid", among), panel__scenario__suspended=False)
    done = Max("sheets__locked_at")
    for seat in rows.annotate(blind_done_at=done).select_related("panel__scenario__profile"):
        at = seat.blind_done_at or seat.created_at
        due = due_by(seat.panel.scenario.profile, "declaration_max", DECLARE_DAYS, at)
        yield Due(seat.uid, at, due)


def unsigned(now: datetime, among: Collection[UUID] | None) -> Iterable[Due]:
    rows = unsaid().filter(of("uid", among), panel__scenario__suspended=False)
    for seat in rows.select_related("panel__scenario__profile", "panel__scenario__report"):
        report = seat.panel.scenario.report
        yield Due(seat.uid, report.created_at, sign_by(report))


def holding(uids: Collection[UUID]) -> Iterable[tuple[UUID, int]]:
    return PanelMember.objects.filter(uid__in=uids).values_list("uid", "user_id")


def sitting(uids: Collection[UUID]) -> Iterable[tuple[UUID, int]]:
    rows = PanelMember.objects.filter(uid__in=uids, state=MemberState.INVITED)
    return rows.values_list("uid", "user_id")


def seats_seen(actors: list[Actor], uids: Collection[UUID]) -> dict[UUID, Any]:
    """Seats of panels that one of the hats may see, which to the office are all."""
    office = Q(pk=None)
    for actor in actors:
        if actor.is_office:
            office |= Q(panel__in=Panel.objects.visible_to(actor))
    rows = PanelMember.objects.filter(office, uid__in=uids).select_related("panel__scenario")
    return {row.uid: row for row in rows}


remind(
    "declaration",
    waiting=undeclared,
    subjects=seats,
    title=lambda seat: panel_title(seat.panel),
    url=lambda seat: reverse("panel-desk", args=[seat.panel.uid]),
    told=[
        Told(
            sitting,
            _("Please declare your interests for the panel on “%(title)s”, due %(at)s"),
            EXPERT_STEPS,
        ),
        Told(
            office(Role.SECRETARY),
            _("A declaration of interests for “%(title)s” is missing; it was due %(at)s"),
            LATE_STEPS,
            name="late",
            subjects=seats_seen,
            url=lambda seat: panel_page(seat.panel),
        ),
    ],
)


remind(
    "declaration_named",
    waiting=undeclared_named,
    subjects=seats,
    title=lambda seat: panel_title(seat.panel),
    url=lambda seat: reverse("panel-bidders", args=[seat.panel.uid]),
    told=[
        Told(
            holding,
            _("The bidders of “%(title)s” are named now: please declare again, due %(at)s"),
            EXPERT_STEPS,
        ),
        Told(
            office(Role.SECRETARY),
            _("A second declaration for “%(title)s” is missing; it was due %(at)s"),
            LATE_STEPS,
            name="late",
            subjects=seats_seen,
            url=lambda seat: panel_page(seat.panel),
        ),
    ],
)
remind(
    "report",
    waiting=unsigned,
    subjects=seats,
    title=lambda seat: panel_title(seat.panel),
    url=lambda seat: reverse("panel-report", args=[seat.panel.uid]),
    told=[
        Told(
            holding,
            _(
                "Please sign the report on “%(title)s”, or dissent in writing, until %(at)s;"
                " saying nothing counts as consent"
            ),
            (before(days=1), on_the_day()),
        ),
    ],
)


def unscored(now: datetime, among: Collection[UUID] | None) -> Iterable[Due]:
    """A panel with open sheets; the newest of them counts, so that a later member has his time."""
    rows = Panel.objects.filter(
        of("uid", among),
        state__in=[PanelState.TECHNICAL, PanelState.NAMED],
        members__sheets__state=SheetState.OPEN,
        scenario__suspended=False,
    )
    for panel in rows.annotate(handed_out_at=Max("members__sheets__created_at")).select_related(
        "scenario__profile"
    ):
        at = panel.handed_out_at
        yield Due(panel.uid, at, due_by(panel.scenario.profile, "scoring_max", SCORE_DAYS, at))


def scoring(uids: Collection[UUID]) -> Iterable[tuple[UUID, int]]:
    rows = Sheet.objects.filter(state=SheetState.OPEN, member__panel__uid__in=uids)
    return rows.order_by().values_list("member__panel__uid", "member__user_id").distinct()


remind(
    "sheets",
    waiting=unscored,
    subjects=panels,
    title=panel_title,
    url=lambda panel: reverse("panel-desk", args=[panel.uid]),
    told=[
        Told(
            scoring,
            _("Your score sheets for “%(title)s” are due %(at)s"),
            EXPERT_STEPS,
        ),
        Told(
            office(Role.SECRETARY),
            _("Score sheets for “%(title)s” are not locked; they were due %(at)s"),
            LATE_STEPS,
            name="late",
            url=panel_page,
        ),
    ],
)
