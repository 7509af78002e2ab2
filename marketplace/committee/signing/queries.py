"""How far the signing of a report is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import QuerySet

from marketplace.committee.draw.numbers import until
from marketplace.committee.models import MemberState, Panel, PanelMember, PanelState, Report
from marketplace.committee.queries.panels import active, rules_of
from marketplace.committee.signing.models import ReportWord

WINDOW = "report_signing"
# 待核; stands where the profile names no window.
SIGN_WITHIN = timedelta(days=2)


@dataclass(frozen=True)
class Said:
    """A member of the panel with his word, or without one yet."""

    member: PanelMember
    word: ReportWord | None


def sign_by(report: Report) -> datetime:
    """Until when, half-open, members sign. It begins anew where the demand stood still meanwhile."""
    scenario = report.scenario
    resumed = scenario.suspensions.filter(until_at__gt=report.created_at).order_by("-until_at")
    again = resumed.values_list("until_at", flat=True).first()
    return until(rules_of(scenario), WINDOW, SIGN_WITHIN, again or report.created_at)


def said(report: Report, panel: Panel) -> list[Said]:
    """Every member whose word counts, by code."""
    rows = {row.member_id: row for row in ReportWord.objects.filter(report=report)}
    return [Said(member, rows.get(member.pk)) for member in active(panel)]


def unsaid() -> QuerySet[PanelMember]:
    """Members for whose word a report waits; their window may be over."""
    rows = PanelMember.objects.filter(panel__state=PanelState.SIGNING, words=None)
    return rows.exclude(state=MemberState.RECUSED)
