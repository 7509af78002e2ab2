"""What a judge sees of the bids: his own sheets, and the documents behind them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import PurePath
from typing import Any
from uuid import UUID

from django.db.models import Count, Q
from django.utils.translation import gettext as _

from marketplace.base import clock
from marketplace.base.actor import Actor
from marketplace.base.errors import NotFound
from marketplace.base.rules import require_confidentiality
from marketplace.bidding.consortia.queries import CHALLENGES, as_it_stands
from marketplace.bidding.models import Bid, OpenedEnvelope, OpenedFile, Outcome
from marketplace.bidding.returns.queries import destruction_of
from marketplace.committee.defence.queries import Asked, questions_of
from marketplace.committee.models import (
    REPORT_MADE,
    Panel,
    PanelMember,
    Score,
    Sheet,
    SheetStage,
    SheetState,
)
from marketplace.committee.queries.panels import stage_criteria
from marketplace.files import storage
from marketplace.scenarios.models import Criterion, Envelope

STAGE_ENVELOPE = {
    SheetStage.TECHNICAL: Envelope.TECHNICAL,
    SheetStage.NAMED: Envelope.BUSINESS,
}
# A neutral name keeps only an ending that says what kind of document it is.
KNOWN_ENDINGS = {".pdf", ".docx", ".xlsx", ".pptx", ".png", ".jpg", ".jpeg", ".txt", ".zip", ".csv"}


@dataclass(frozen=True)
class BlindFile:
    number: int
    name: str


@dataclass(frozen=True)
class JudgedBid:
    """One sheet of a judge. `bidder` stays empty in the blind stage: it is not even fetched."""

    sheet_uid: UUID
    blind_code: str
    stage: str
    state: str
    filled: int
    needed: int
    bidder: str


def seat(actor: Actor, panel_uid: UUID) -> PanelMember:
    """The actor's own seat on a panel that he still sees. Raises NotFound, ReadingNeedsPledge."""
    panels = Panel.objects.visible_to(actor).filter(uid=panel_uid)
    member = (
        PanelMember.objects.filter(panel__in=panels, user=actor.user_id)
        .select_related("panel__scenario", "user")
        .first()
    )
    if member is None:
        raise NotFound
    require_confidentiality(actor)
    return member


def blind_bids(actor: Actor, panel: Panel) -> list[JudgedBid]:
    """The actor's own sheets, by blind code: nothing that tells who bid, when or for how much.

    Names come with the sheets of the named stage, which exist only once the actor's blind sheets
    are locked.
    """
    sheets = (
        Sheet.objects.visible_to(actor)
        .filter(member__panel=panel, member__user=actor.user_id)
        .annotate(filled=Count("scores", filter=Q(scores__points__isnull=False)))
        .order_by("-stage", "bid__blind_code", "pk")
    )
    needed = {
        stage: len(stage_criteria(panel.scenario, stage))
        for stage in {sheet.stage for sheet in sheets}
    }
    named = [sheet.pk for sheet in sheets if sheet.stage == SheetStage.NAMED]
    names = dict(Sheet.objects.filter(pk__in=named).values_list("pk", "bid__organisation__name"))
    codes = dict(
        Sheet.objects.filter(pk__in=[s.pk for s in sheets]).values_list("pk", "bid__blind_code")
    )
    return [
        JudgedBid(
            sheet_uid=sheet.uid,
            blind_code=codes[sheet.pk],
            stage=sheet.stage,
            state=sheet.state,
            filled=sheet.filled,
            needed=needed[sheet.stage],
            bidder=names.get(sheet.pk, ""),
        )
        for sheet in sheets
    ]


def own_sheet(actor: Actor, sheet_uid: UUID) -> Sheet:
    """The judge's own sheet, with panel and scenario. Raises NotFound, ReadingNeedsPledge."""
    sheet = (
        Sheet.objects.visible_to(actor)
        .filter(uid=sheet_uid, member__user=actor.user_id)
        .select_related("member__panel__scenario__profile")
        .first()
    )
    if sheet is None:
        raise NotFound
    require_confidentiality(actor)
    return sheet


def sheet_form(sheet: Sheet) -> dict[str, Any]:
    """The document that this sheet judges: technical while blind, business by name."""
    envelope = _envelope(sheet)
    form = dict(envelope.form or {}) if envelope else {}
    if sheet.stage == SheetStage.NAMED:
        form = as_it_stands({sheet.bid_id: form})[sheet.bid_id]
    form.pop(CHALLENGES, None)  # of experts: no expert reads them
    return form


def sheet_files(sheet: Sheet) -> list[BlindFile]:
    return [
        BlindFile(number, neutral_name(number, file.name))
        for number, file in enumerate(_files(sheet), start=1)
    ]


def sheet_file(sheet: Sheet, number: int) -> tuple[str, bytes]:
    """(neutral name, contents) of an attachment, counted from 1. Raises NotFound."""
    files = _files(sheet)
    if not 1 <= number <= len(files):
        raise NotFound
    file = files[number - 1]
    if destruction_of(file):
        raise NotFound
    return neutral_name(number, file.name), storage.read(file.stored_name)


def neutral_name(number: int, name: str) -> str:
    """What a bidder called a file may tell who he is: only a known ending is kept."""
    ending = PurePath(name).suffix.lower()
    return _("Attachment %(number)s") % {"number": number} + (
        ending if ending in KNOWN_ENDINGS else ""
    )


def _envelope(sheet: Sheet) -> OpenedEnvelope | None:
    rows = OpenedEnvelope.objects.filter(
        sealed__version__bid_id=sheet.bid_id,
        sealed__envelope=STAGE_ENVELOPE[SheetStage(sheet.stage)],
        outcome=Outcome.OPENED,
    )
    return rows.order_by("-sealed__version__number").first()


def _files(sheet: Sheet) -> list[OpenedFile]:
    envelope = _envelope(sheet)
    return list(envelope.files.order_by("pk")) if envelope else []


# -- The score sheet as a page sees it ---------------------------------------------------------------
@dataclass(frozen=True)
class Line:
    """One criterion of a sheet with what was given. `levels`: {"points", "text"}, best first."""

    code: str
    criterion: Criterion
    levels: list[dict[str, Any]]
    points: Decimal | None
    comment: str
    veto: bool = False
    # What was entered and refused: (points, comment, veto), shown again as it was.
    typed: tuple[str, str, bool] | None = None


@dataclass(frozen=True)
class CorrectionView:
    """changes: [(criterion, before, after)], each a mapping of points, comment and veto."""

    version: int
    kind: str
    reason: str
    at: datetime
    changes: list[tuple[str, dict[str, Any], dict[str, Any]]]


@dataclass(frozen=True)
class SheetView:
    """A judge's sheet without the rows behind it: what is not here cannot slip into a page."""

    uid: UUID
    panel_uid: UUID
    blind_code: str
    bidder: str
    stage: str
    state: str
    revision: int
    locked_at: datetime | None
    # It may still be corrected, for one of the four reasons.
    correctable: bool
    corrections: list[CorrectionView]
    lines: list[Line]
    form: dict[str, Any]
    files: list[BlindFile]
    # What the panel asked this bidder; in the stage by name alone.
    asked: list[Asked]

    @property
    def filled(self) -> int:
        return sum(line.points is not None for line in self.lines)

    @property
    def ready(self) -> bool:
        """It can be locked: every criterion has its points, and every veto its reason."""
        return all(
            line.points is not None and (line.comment or not line.veto) for line in self.lines
        )

    @property
    def total(self) -> Decimal:
        return sum((line.points for line in self.lines if line.points is not None), Decimal(0))

    @property
    def full(self) -> Decimal:
        return sum((line.criterion.weight for line in self.lines), Decimal(0))

    @property
    def is_open(self) -> bool:
        return self.state == SheetState.OPEN


def sheet_view(actor: Actor, sheet_uid: UUID) -> SheetView:
    """Everything of the actor's own sheet that its page shows. Raises NotFound."""
    sheet = own_sheet(actor, sheet_uid)
    given = {score.criterion_id: score for score in Score.objects.filter(sheet=sheet)}
    lines = []
    for criterion in stage_criteria(sheet.member.panel.scenario, sheet.stage):
        score = given.get(criterion.pk)
        lines.append(
            Line(
                code=criterion.code,
                criterion=criterion,
                levels=_levels(criterion),
                points=score.points if score else None,
                comment=score.comment if score else "",
                veto=bool(score and score.veto),
            )
        )
    code, bidder = Bid.objects.values_list("blind_code", "organisation__name").get(pk=sheet.bid_id)
    return SheetView(
        uid=sheet.uid,
        panel_uid=sheet.member.panel.uid,
        blind_code=code,
        bidder=bidder if sheet.stage == SheetStage.NAMED else "",
        stage=sheet.stage,
        state=sheet.state,
        revision=sheet.revision,
        locked_at=sheet.locked_at,
        correctable=sheet.state == SheetState.LOCKED
        and sheet.member.panel.state not in REPORT_MADE,
        corrections=corrections_of(sheet),
        lines=lines,
        form=sheet_form(sheet),
        files=sheet_files(sheet),
        asked=questions_of(actor, [sheet.bid], clock.now())
        if sheet.stage == SheetStage.NAMED
        else [],
    )


def corrections_of(sheet: Sheet) -> list[CorrectionView]:
    return [
        CorrectionView(
            version=row.version,
            kind=row.get_kind_display(),
            reason=row.reason,
            at=row.created_at,
            changes=[(code, c["before"], c["after"]) for code, c in sorted(row.changes.items())],
        )
        for row in sheet.corrections.order_by("version")
    ]


def _levels(criterion: Criterion) -> list[dict[str, Any]]:
    return [
        {
            "points": (criterion.weight * Decimal(str(level["points_percent"])) / 100).quantize(
                Decimal("0.01")
            ),
            "text": level.get("text", ""),
        }
        for level in criterion.levels
    ]
