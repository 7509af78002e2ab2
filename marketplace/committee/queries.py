from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath
from typing import Any
from uuid import UUID

from django.db.models import Count, Q, QuerySet
from django.utils.translation import gettext as _

from marketplace.accounts.models import Organisation, User
from marketplace.accounts.queries import key_holders
from marketplace.base.actor import Actor
from marketplace.base.errors import NotFound
from marketplace.bidding.models import (
    Bid,
    BidState,
    OpenedEnvelope,
    OpenedFile,
    Opening,
    OpeningStage,
    OpeningState,
    Outcome,
)
from marketplace.committee.models import (
    MemberState,
    Panel,
    PanelMember,
    PanelState,
    Report,
    Sheet,
    SheetStage,
    SheetState,
)
from marketplace.experts import queries as experts
from marketplace.files import storage
from marketplace.scenarios.models import Criterion, Envelope, Scenario

STAGE_KIND = {SheetStage.TECHNICAL: "technical", SheetStage.NAMED: "team"}
STAGE_ENVELOPE = {
    SheetStage.TECHNICAL: Envelope.TECHNICAL,
    SheetStage.NAMED: Envelope.BUSINESS,
}
# A neutral name keeps only an ending that says what kind of document it is.
KNOWN_ENDINGS = {".pdf", ".docx", ".xlsx", ".pptx", ".png", ".jpg", ".jpeg", ".txt", ".zip", ".csv"}


# -- Who may sit -----------------------------------------------------------------------------------
def concerned_organisations(scenario: Scenario) -> list[Organisation]:
    """Owner, office, and every opened bidder with the members of its consortium."""
    bids = Bid.objects.filter(scenario=scenario).exclude(
        state__in=[BidState.WITHDRAWN, BidState.UNOPENED, BidState.SUBMITTED]
    )
    forms = opened_forms(bids, Envelope.BUSINESS).values()
    codes = {
        str(partner.get("uscc", ""))
        for form in forms
        for partner in (form or {}).get("consortium") or []
    }
    concerned = Organisation.objects.filter(
        Q(pk=scenario.organisation_id)
        | Q(is_office=True)
        | Q(pk__in=bids.values("organisation_id"))
        | Q(uscc__in=codes)
    )
    return list(concerned.order_by("pk"))


def opened_forms(bids: QuerySet[Bid], envelope: str) -> dict[int, dict[str, Any] | None]:
    """{bid id: the form of its last opened envelope of this kind}."""
    rows = OpenedEnvelope.objects.filter(
        sealed__version__bid__in=bids, sealed__envelope=envelope, outcome=Outcome.OPENED
    ).order_by("sealed__version__number")
    return dict(rows.values_list("sealed__version__bid_id", "form"))


@dataclass(frozen=True)
class Eligible:
    """An expert as the secretary sees him when appointing: what is known, and whether it excludes."""

    user: User
    ties: list[experts.Conflict]
    key_holder: bool
    sits: bool

    @property
    def excluded(self) -> bool:
        return self.key_holder or any(tie.hard for tie in self.ties)


def choosable(scenario: Scenario, users: list[User] | None = None) -> list[Eligible]:
    """Everybody of the pool (or these), with what speaks against them."""
    users = experts.pool() if users is None else users
    holders = set(key_holders(scenario.uid).values_list("pk", flat=True))
    seated = set(
        PanelMember.objects.filter(panel__scenario=scenario).values_list("user_id", flat=True)
    )
    ties = experts.conflicts_of(users, concerned_organisations(scenario))
    return [Eligible(user, ties[user.pk], user.pk in holders, user.pk in seated) for user in users]


# -- Counting ----------------------------------------------------------------------------------------
def active(panel: Panel) -> QuerySet[PanelMember]:
    rows = PanelMember.objects.filter(panel=panel).exclude(state=MemberState.RECUSED)
    return rows.select_related("panel").order_by("pk")


def size_fits(scenario: Scenario, size: int) -> bool:
    """Whether so many members are a quorum under the frozen profile."""
    profile = scenario.profile
    assert profile is not None, "a published scenario has a profile"
    odd = profile.says("panel_size_odd")
    return size >= profile.count("panel_size_min") and (size % 2 == 1 or not odd)


def scored_bids(scenario: Scenario) -> QuerySet[Bid]:
    return Bid.objects.filter(scenario=scenario, state=BidState.ELIGIBLE).order_by("pk")


def stage_criteria(scenario: Scenario, stage: str) -> list[Criterion]:
    kind = STAGE_KIND[SheetStage(stage)]
    return list(Criterion.objects.filter(scenario=scenario, kind=kind).order_by("position", "pk"))


def stage_complete(panel: Panel, stage: str) -> bool:
    """A quorum sits, everybody has declared, and every sheet of the stage is locked."""
    members = list(active(panel))
    if not size_fits(panel.scenario, len(members)):
        return False
    if any(member.state != MemberState.DECLARED for member in members):
        return False
    if not stage_criteria(panel.scenario, stage):
        return True
    locked = Sheet.objects.filter(
        member__in=members, stage=stage, state=SheetState.LOCKED, bid__state=BidState.ELIGIBLE
    )
    return locked.count() == len(members) * scored_bids(panel.scenario).count()


def member_finished(member: PanelMember, stage: str) -> bool:
    """All this member's sheets of the stage are locked (true of a stage without criteria)."""
    sheets = Sheet.objects.filter(member=member, stage=stage)
    return not sheets.filter(state=SheetState.OPEN).exists()


def price_opening_finished(scenario: Scenario) -> bool:
    return Opening.objects.filter(
        scenario=scenario, stage=OpeningStage.PRICE, state=OpeningState.FINISHED
    ).exists()


@dataclass(frozen=True)
class Progress:
    member: PanelMember
    locked: int
    total: int


def progress(panel: Panel) -> list[Progress]:
    """How far each member is; never what is on a sheet. For the office."""
    standing = ~Q(sheets__state=SheetState.VOID)
    rows = PanelMember.objects.filter(panel=panel).select_related("user").order_by("pk")
    counted = rows.annotate(
        total=Count("sheets", filter=standing),
        locked=Count("sheets", filter=Q(sheets__state=SheetState.LOCKED)),
    )
    return [Progress(member, member.locked, member.total) for member in counted]


# -- What a judge sees -------------------------------------------------------------------------------
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
    """The actor's own seat on a panel that he still sees. Raises NotFound."""
    panels = Panel.objects.visible_to(actor).filter(uid=panel_uid)
    member = (
        PanelMember.objects.filter(panel__in=panels, user=actor.user_id)
        .select_related("panel__scenario", "user")
        .first()
    )
    if member is None:
        raise NotFound
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
    """The judge's own sheet, with panel and scenario. Raises NotFound."""
    sheet = (
        Sheet.objects.visible_to(actor)
        .filter(uid=sheet_uid, member__user=actor.user_id)
        .select_related("member__panel__scenario__profile")
        .first()
    )
    if sheet is None:
        raise NotFound
    return sheet


def sheet_form(sheet: Sheet) -> dict[str, Any]:
    """The document that this sheet judges: technical while blind, business by name."""
    envelope = _envelope(sheet)
    return dict(envelope.form or {}) if envelope else {}


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


# -- The report --------------------------------------------------------------------------------------
def report_of(actor: Actor, scenario: Scenario) -> Report:
    """Raises NotFound if there is none, or not for this actor."""
    report = Report.objects.visible_to(actor).filter(scenario=scenario).first()
    if report is None:
        raise NotFound
    return report


def my_panels(actor: Actor) -> QuerySet[Panel]:
    """For a desk: the panels on which the actor sits and whose report is not made yet."""
    return (
        Panel.objects.visible_to(actor)
        .filter(members__user=actor.user_id)
        .exclude(state=PanelState.REPORTED)
        .select_related("scenario")
        .order_by("pk")
    )
