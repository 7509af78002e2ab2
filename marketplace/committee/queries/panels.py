from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from marketplace.accounts.models import Organisation
from marketplace.base.actor import Actor
from marketplace.base.errors import NotFound
from marketplace.base.rules import require_confidentiality
from marketplace.bidding.consortia.queries import as_it_stands, taking_part
from marketplace.bidding.models import (
    Bid,
    BidState,
    OpenedEnvelope,
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
from marketplace.scenarios.models import Criterion, Envelope, RuleProfile, Scenario, State

STAGE_KIND = {SheetStage.TECHNICAL: "technical", SheetStage.NAMED: "team"}


def names_are_public(scenario: Scenario) -> bool:
    """The panel's names are told with the result."""
    return scenario.state in {
        State.PUBLICITY,
        State.AWARDED,
        State.IMPLEMENTING,
        State.ACCEPTED,
        State.TERMINATED,
    }


# -- Who may sit -----------------------------------------------------------------------------------
def concerned_organisations(scenario: Scenario) -> list[Organisation]:
    """Owner, office, and every opened bidder with the members of its consortium."""
    bids = Bid.objects.filter(scenario=scenario).exclude(
        state__in=[BidState.WITHDRAWN, BidState.UNOPENED, BidState.SUBMITTED]
    )
    codes = {code for members in taking_part(bids).values() for code in members}
    concerned = Organisation.objects.filter(
        Q(pk=scenario.organisation_id)
        | Q(is_office=True)
        | Q(pk__in=bids.values("organisation_id"))
        | Q(uscc__in=codes)
    )
    return list(concerned.order_by("pk"))


def opened_forms(bids: QuerySet[Bid], envelope: str) -> dict[int, dict[str, Any]]:
    """{bid id: the form of its last opened envelope of this kind}, members as they stand now."""
    rows = OpenedEnvelope.objects.filter(
        sealed__version__bid__in=bids, sealed__envelope=envelope, outcome=Outcome.OPENED
    ).order_by("sealed__version__number")
    forms = {pk: form or {} for pk, form in rows.values_list("sealed__version__bid_id", "form")}
    return as_it_stands(forms) if envelope == Envelope.BUSINESS else forms


# -- Counting ----------------------------------------------------------------------------------------
def active(panel: Panel) -> QuerySet[PanelMember]:
    rows = PanelMember.objects.filter(panel=panel).exclude(state=MemberState.RECUSED)
    return rows.select_related("panel").order_by("pk")


def rules_of(scenario: Scenario) -> RuleProfile:
    """The profile that was frozen onto a published scenario."""
    assert scenario.profile is not None, "a published scenario has a profile"
    return scenario.profile


def size_fits(scenario: Scenario, size: int) -> bool:
    """Whether so many members are a quorum under the frozen profile."""
    profile = rules_of(scenario)
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


def sees_names(panel: Panel, member: PanelMember) -> bool:
    """The bidders are shown to a member from the named stage on, once his blind sheets are locked."""
    return (
        panel.state == PanelState.NAMED
        and member.state == MemberState.DECLARED
        and member_finished(member, SheetStage.TECHNICAL)
        and bool(stage_criteria(panel.scenario, SheetStage.NAMED))
    )


def second_due() -> QuerySet[PanelMember]:
    """Members whose second declaration is due: the names are shown to them.

    Whoever got sheets by name under the earlier rule, which asked once, goes on with them.
    """
    sheets = Sheet.objects.filter(member=OuterRef("pk"))
    return PanelMember.objects.filter(
        ~Exists(sheets.filter(stage=SheetStage.TECHNICAL, state=SheetState.OPEN)),
        ~Exists(sheets.filter(stage=SheetStage.NAMED)),
        Exists(Criterion.objects.filter(scenario=OuterRef("panel__scenario"), kind="team")),
        panel__state=PanelState.NAMED,
        state=MemberState.DECLARED,
        declared_named_at=None,
    )


def declares_again(member: PanelMember) -> bool:
    return second_due().filter(pk=member.pk).exists()


def shown_bidders(panel: Panel, member: PanelMember) -> list[tuple[Bid, list[str]]]:
    """Each scored bid with the names of its consortium's members; nothing while they are hidden."""
    if not sees_names(panel, member):
        return []
    bids = scored_bids(panel.scenario).select_related("organisation")
    bids = bids.order_by("organisation__name", "pk")
    members = taking_part(scored_bids(panel.scenario))
    return [
        (bid, [name for uscc, name in members[bid.pk].items() if uscc != bid.organisation.uscc])
        for bid in bids
    ]


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


# -- The report --------------------------------------------------------------------------------------
def report_of(actor: Actor, scenario: Scenario) -> Report:
    """Raises NotFound if there is none, or not for this actor; ReadingNeedsPledge before that."""
    report = Report.objects.visible_to(actor).filter(scenario=scenario).first()
    if report is None:
        raise NotFound
    require_confidentiality(actor)
    return report


def organisations_of(bid_uids: list[str]) -> dict[str, Organisation]:
    """{bid uid as text: who bid}, for a page that shows names in its own language."""
    bids = Bid.objects.filter(uid__in=bid_uids).select_related("organisation")
    return {str(bid.uid): bid.organisation for bid in bids}


def my_panels(actor: Actor) -> QuerySet[Panel]:
    """For a desk: the panels on which the actor sits and whose report is not made yet."""
    return (
        Panel.objects.visible_to(actor)
        .filter(members__user=actor.user_id)
        .exclude(state=PanelState.REPORTED)
        .select_related("scenario")
        .order_by("pk")
    )
