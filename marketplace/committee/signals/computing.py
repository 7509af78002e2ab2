"""Signals are made by the worker after a stage is locked or a sheet corrected."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from django.db import transaction
from django.db.models import Q, Sum

from marketplace.base.errors import NotFound
from marketplace.base.locks import lock_shared
from marketplace.base.queue import handles
from marketplace.committee.models import Panel, PanelMember, Sheet, SheetState
from marketplace.committee.signals.calibration import severity
from marketplace.committee.signals.figures import Flag, Totals, flags, histories
from marketplace.committee.signals.jobs import SIGNALS
from marketplace.committee.signals.models import Signal, SignalKind
from marketplace.scenarios.models import CriterionKind, Scenario

# Earlier panels that are looked at for each judge.
EARLIER_MOST = 50


@handles(SIGNALS)
def make_signals(*, panel_uid: str, **_: object) -> None:
    """Runs twice without harm: what stood before is replaced."""
    with transaction.atomic():
        try:
            panel = lock_shared(Panel, uid=UUID(panel_uid))
        except NotFound:
            return
        totals = totals_of(panel)
        found = [*flags(totals), *histories(met_before(panel, totals)), *severities(totals)]
        Signal.objects.filter(panel=panel).delete()
        Signal.objects.bulk_create(
            Signal(
                panel=panel,
                kind=flag.kind,
                judges=list(flag.judges),
                blind_code=flag.bid,
                figure=Decimal(str(round(flag.figure, 2))),
                more=flag.more,
            )
            for flag in found
        )


def severities(totals: Totals) -> list[Flag]:
    """One line for each judge: what the model says of him, flagged or not."""
    effects = severity(totals) or {}
    return [Flag(SignalKind.SEVERITY, (judge,), "", effect) for judge, effect in effects.items()]


def totals_of(panel: Panel) -> dict[str, dict[str, float]]:
    """{blind code: {judge: percent}} of the judges whose sheets for the bid are all locked."""
    full = full_points(panel.scenario)
    rows = Sheet.objects.filter(member__panel=panel, state=SheetState.LOCKED)
    stages = set(rows.values_list("stage", flat=True))
    most = sum(full[stage] for stage in stages)
    open_ones = Sheet.objects.filter(
        member__panel=panel, state=SheetState.OPEN, stage__in=stages
    ).values_list("bid__blind_code", "member__code")
    waiting = set(open_ones)
    summed = rows.values_list("bid__blind_code", "member__code").annotate(
        total=Sum("scores__points")
    )
    found: dict[str, dict[str, float]] = {}
    for bid, judge, total in summed.order_by("bid__blind_code", "member__code"):
        if (bid, judge) not in waiting and total is not None and most:
            found.setdefault(bid, {})[judge] = float(total / most * 100)
    return found


def full_points(scenario: Scenario) -> dict[str, Decimal]:
    """{stage: the points that it can give}."""
    sums = scenario.criteria.aggregate(
        technical=Sum("weight", filter=Q(kind=CriterionKind.TECHNICAL)),
        named=Sum("weight", filter=Q(kind=CriterionKind.TEAM)),
    )
    return {stage: total or Decimal(0) for stage, total in sums.items()}


def met_before(panel: Panel, totals: Totals) -> dict[tuple[str, str], list[float]]:
    """{(judge, bid): offsets from the panels' means, this panel first, then the newest}."""
    members = {m.code: m.user_id for m in PanelMember.objects.filter(panel=panel)}
    bids = dict(panel.scenario.bids.values_list("blind_code", "organisation_id"))
    earlier = Panel.objects.filter(
        members__user__in=members.values(),
        scenario__bids__organisation__in=bids.values(),
        scenario__report__isnull=False,
    )
    earlier = earlier.exclude(pk=panel.pk).distinct().select_related("scenario")
    told: dict[tuple[int, int], list[float]] = {}
    for other in earlier.order_by("-pk")[:EARLIER_MOST]:
        users = {m.code: m.user_id for m in PanelMember.objects.filter(panel=other)}
        who = dict(other.scenario.bids.values_list("blind_code", "organisation_id"))
        for (judge, bid), offset in offsets(totals_of(other)).items():
            told.setdefault((users[judge], who[bid]), []).append(offset)
    return {
        (judge, bid): [offset, *told.get((members[judge], bids[bid]), [])]
        for (judge, bid), offset in offsets(totals).items()
    }


def offsets(totals: Totals) -> dict[tuple[str, str], float]:
    return {
        (judge, bid): points - sum(by.values()) / len(by)
        for bid, by in totals.items()
        for judge, points in by.items()
    }
