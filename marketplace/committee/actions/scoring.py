from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from marketplace.base import clock
from marketplace.base.actor import Actor
from marketplace.base.errors import Invalid, NotFound, Stale, StateConflict, Text
from marketplace.base.locks import lock, lock_shared
from marketplace.base.rules import Rule, require
from marketplace.base.states import move
from marketplace.bidding import actions as bidding
from marketplace.bidding.actions.eligibility import require_running
from marketplace.committee import queries
from marketplace.committee.defence.queries import waits_for_bidder
from marketplace.committee.draw.seats import settled
from marketplace.committee.models import (
    MemberState,
    Panel,
    PanelMember,
    PanelState,
    Score,
    Sheet,
    SheetStage,
    SheetState,
)
from marketplace.committee.rules import can_lock_sheet, can_save_scores, can_start_scoring
from marketplace.committee.signals.jobs import signals_due
from marketplace.ledger import actions as ledger
from marketplace.ledger.models import Audience
from marketplace.scenarios.models import Criterion, Scenario
from marketplace.scenarios.models import State as ScenarioState

Points = Decimal | str | int | None
# What a judge enters for one criterion: (points, comment) or (points, comment, veto).
Entry = tuple[Points, str] | tuple[Points, str, bool]
COMMENT_MAX = 2000


@transaction.atomic
def start_scoring(*, actor: Actor, panel_uid: UUID) -> Panel:
    """Hand out the blind sheets, once eligibility is concluded and everybody has declared."""
    scenario = lock_shared(Scenario, panel__uid=panel_uid)
    panel = lock(Panel, uid=panel_uid)
    require(can_start_scoring, actor, panel)
    require_running(scenario)
    if scenario.state != ScenarioState.REVIEW:
        raise StateConflict(
            _("Scoring starts once the eligibility of all bids is concluded."),
            code="scoring.scenario_state",
        )
    if not settled(scenario):
        raise StateConflict(
            _("Invitations wait for an answer: scoring starts once every seat is settled."),
            code="scoring.invitations",
        )
    members = list(queries.active(panel))
    if any(member.state != MemberState.DECLARED for member in members):
        raise StateConflict(
            _("Not every member has declared his interests yet."), code="scoring.undeclared"
        )
    if not queries.size_fits(scenario, len(members)):
        raise StateConflict(
            _("After the recusals too few members are left: add some first."),
            code="scoring.quorum",
        )
    left = move(panel, PanelState.TECHNICAL)
    for member in members:
        open_sheets(scenario, member, SheetStage.TECHNICAL)
    ledger.append(
        "scoring.started",
        actor=actor,
        subjects=[scenario.uid, panel.uid],
        audience=Audience.OFFICE,
        from_state=left,
        to_state=panel.state,
        profile_version=queries.rules_of(scenario).label,
    )
    advance(scenario, panel, actor=actor)
    return panel


@transaction.atomic
def save_scores(
    *,
    actor: Actor,
    sheet_uid: UUID,
    revision: int,
    scores: Mapping[str, Entry],
) -> Sheet:
    """Write some criteria of an open sheet: {criterion code: (points or None, comment, veto)}.

    Without the third a veto that stood is taken back. Returns the sheet with its new revision.
    Raises Stale if it was saved elsewhere since, Invalid with a sentence per criterion code for
    points out of 0..weight or finer than two decimals, and for a veto of what is no veto item.
    """
    sheet = _own_open_sheet(actor, sheet_uid, can_save_scores)
    if revision != sheet.revision:
        raise Stale
    read = read_scores(sheet, scores)
    for criterion, values in read:
        Score.objects.update_or_create(sheet=sheet, criterion=criterion, defaults=values)
    sheet.revision += 1
    sheet.save(update_fields=["revision"])
    return sheet


def read_scores(
    sheet: Sheet, scores: Mapping[str, Entry]
) -> list[tuple[Criterion, dict[str, Any]]]:
    """Each criterion with the columns of its score. Raises Invalid with every fault."""
    criteria = {c.code: c for c in _criteria(sheet)}
    errors: dict[str, list[Text]] = {}
    read: list[tuple[Criterion, dict[str, Any]]] = []
    for code, entry in scores.items():
        if code not in criteria:
            errors[code] = [_("This sheet has no such criterion.")]
            continue
        try:
            read.append((criteria[code], read_entry(entry, criteria[code])))
        except ValueError as wrong:
            errors[code] = [str(wrong)]
    if errors:
        raise Invalid(errors=errors, code="scores.invalid")
    return read


def read_entry(entry: Entry, criterion: Criterion) -> dict[str, Any]:
    """The columns of a score. Raises ValueError with a sentence."""
    points, comment, veto = (*entry, False)[:3]
    value = read_points(points, criterion.weight)
    if len(comment) > COMMENT_MAX:
        raise ValueError(gettext("A comment has at most 2000 characters."))
    if veto and not criterion.veto:
        raise ValueError(gettext("This criterion is no veto item."))
    return {"points": value, "comment": comment.strip(), "veto": bool(veto)}


def read_points(points: Points, weight: Decimal) -> Decimal | None:
    """None for nothing entered. Full-width digits are read; raises ValueError with a sentence."""
    if points is None or points == "":
        return None
    text = unicodedata.normalize("NFKC", str(points)).strip()
    if not text:
        return None
    limits = {"weight": f"{weight.normalize():f}", "given": text[:20]}
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise ValueError(gettext("“%(given)s” is not a number.") % limits) from None
    if not value.is_finite() or not 0 <= value <= weight:
        raise ValueError(gettext("Points go from 0 to %(weight)s.") % limits)
    cents = value.quantize(Decimal("0.01"))
    if cents != value:
        raise ValueError(gettext("Points have at most two decimals.") % limits)
    return cents


@transaction.atomic
def lock_sheet(*, actor: Actor, sheet_uid: UUID, revision: int | None = None) -> Sheet:
    """Freeze one judge's points for one bid. The last sheet of a stage moves the panel on.

    revision: what the judge has seen, if he has; Stale if it was saved elsewhere since. Raises
    Invalid naming every criterion without points.
    """
    scenario = lock_shared(Scenario, panel__members__sheets__uid=sheet_uid)
    panel = lock(Panel, members__sheets__uid=sheet_uid)
    sheet = _own_open_sheet(actor, sheet_uid, can_lock_sheet)
    if revision is not None and revision != sheet.revision:
        raise Stale
    if waits_for_bidder(sheet, clock.now()):
        raise StateConflict(
            _(
                "The bidder still has time to answer, or its defence is not recorded: this sheet"
                " is locked after that."
            ),
            code="sheet.bidder_waits",
        )
    entered = what_stands(sheet)
    require_complete(sheet, entered)
    sheet.locked_at = clock.now()
    left = move(sheet, SheetState.LOCKED, also=("locked_at",))
    ledger.append(
        "sheet.locked",
        actor=actor,
        subjects=[scenario.uid, panel.uid, sheet.uid],
        audience=Audience.OFFICE,
        from_state=left,
        to_state=sheet.state,
        inputs=entered,
        data={"judge": sheet.member.code, "stage": sheet.stage},
    )
    advance(scenario, panel, actor=actor)
    return sheet


def require_complete(sheet: Sheet, entered: Mapping[str, Mapping[str, Any]]) -> None:
    """Raises Invalid for each criterion without points, and each veto without its reason."""
    errors: dict[str, list[Text]] = {}
    for criterion in _criteria(sheet):
        given = entered.get(criterion.code, {})
        named = {"criterion": criterion.name}
        if given.get("points") is None:
            errors[criterion.code] = [gettext("%(criterion)s has no points yet.") % named]
        elif given["veto"] and not given["comment"]:
            errors[criterion.code] = [
                gettext("The veto of %(criterion)s needs its reason.") % named
            ]
    if errors:
        raise Invalid(
            _("A sheet is locked once every criterion has its points, and every veto its reason."),
            errors=errors,
            code="sheet.incomplete",
        )


def open_sheets(scenario: Scenario, member: PanelMember, stage: str) -> None:
    """One sheet per bid to be scored, unless the stage has nothing to score."""
    if not queries.stage_criteria(scenario, stage):
        return
    known = set(Sheet.objects.filter(member=member, stage=stage).values_list("bid_id", flat=True))
    Sheet.objects.bulk_create(
        Sheet(member=member, bid=bid, stage=stage)
        for bid in queries.scored_bids(scenario)
        if bid.pk not in known
    )


def advance(scenario: Scenario, panel: Panel, *, actor: Actor) -> None:
    """Move a locked panel as far as its locked sheets allow.

    The sheets by name follow each member's second declaration.
    """
    panel.scenario = scenario
    if panel.state == PanelState.TECHNICAL and queries.stage_complete(panel, SheetStage.TECHNICAL):
        _moved(scenario, panel, PanelState.NAMED, "panel.technical_locked", actor)
    complete = panel.state == PanelState.NAMED and all(
        queries.stage_complete(panel, stage) for stage in SheetStage
    )
    if complete:
        _moved(scenario, panel, PanelState.PRICE, "panel.named_locked", actor)
        bidding.request_price_opening(scenario=scenario, actor=actor)


def _moved(scenario: Scenario, panel: Panel, to: str, kind: str, actor: Actor) -> None:
    left = move(panel, to)
    signals_due(panel)
    ledger.append(
        kind,
        actor=actor,
        subjects=[scenario.uid, panel.uid],
        # The opener needs to read in the log that nobody scores quality any more.
        audience=Audience.PUBLIC if to == PanelState.NAMED else Audience.OFFICE,
        from_state=left,
        to_state=panel.state,
        profile_version=queries.rules_of(scenario).label,
        data={"scenario": scenario.uid},
    )


def _own_open_sheet(actor: Actor, sheet_uid: UUID, rule: Rule) -> Sheet:
    """The sheet, locked, if the actor may see it and it is still open.

    The panel is locked first: a recusal that ran meanwhile has ended the grant by now.
    """
    lock_shared(Panel, members__sheets__uid=sheet_uid)
    if not Sheet.objects.visible_to(actor).filter(uid=sheet_uid).exists():
        raise NotFound
    sheet = lock(Sheet, uid=sheet_uid)
    require(rule, actor, sheet)
    if sheet.state != SheetState.OPEN:
        raise StateConflict(_("This sheet is locked: its points are final."), code="sheet.locked")
    return sheet


def _criteria(sheet: Sheet) -> list[Criterion]:
    return queries.stage_criteria(sheet.member.panel.scenario, sheet.stage)


def what_stands(sheet: Sheet) -> dict[str, dict[str, Any]]:
    """What stands on a sheet: {criterion code: {"points", "comment", "veto"}}."""
    rows = Score.objects.filter(sheet=sheet).select_related("criterion")
    return {
        row.criterion.code: {"points": row.points, "comment": row.comment, "veto": row.veto}
        for row in rows
    }
