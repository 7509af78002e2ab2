from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import QuerySet

from marketplace.base.actor import Actor
from marketplace.committee.fees.models import ExpertFee, FeeTable
from marketplace.committee.models import Panel, PanelMember
from marketplace.committee.queries import names_are_public


@dataclass(frozen=True)
class Owed:
    """A member and what stands for it; the name only with the result."""

    member: PanelMember
    name: str
    fee: ExpertFee | None


def fees_of(actor: Actor, panel: Panel) -> list[Owed]:
    fees = ExpertFee.objects.visible_to(actor).standing().filter(member__panel=panel)
    known = {row.member_id: row for row in fees.select_related("table")}
    named = names_are_public(panel.scenario)
    rows = PanelMember.objects.filter(panel=panel).select_related("user").order_by("pk")
    return [Owed(row, row.user.name if named else "", known.get(row.pk)) for row in rows]


def register(actor: Actor) -> QuerySet[ExpertFee]:
    """What stands, the newest first."""
    rows = ExpertFee.objects.visible_to(actor).standing()
    rows = rows.select_related("member__user", "member__panel__scenario", "table", "recorded_by")
    return rows.order_by("-recorded_at", "-pk")


def named(rows: Iterable[ExpertFee]) -> list[Owed]:
    return [
        Owed(
            row.member,
            row.member.user.name if names_are_public(row.member.panel.scenario) else "",
            row,
        )
        for row in rows
    ]


def current_table() -> FeeTable | None:
    return FeeTable.objects.order_by("-version").first()
