"""Reading bids, openings and verdicts; who may see a row is asked of its queryset."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Prefetch, QuerySet

from marketplace.accounts.models import Organisation
from marketplace.accounts.queries import related_organisations
from marketplace.base.actor import Actor
from marketplace.base.errors import DomainError
from marketplace.base.rules import require_confidentiality
from marketplace.bidding.commitment import BidCommitment
from marketplace.bidding.consortia.queries import CHALLENGES, taking_part
from marketplace.bidding.grace import require_open_or_committed, withdrawn_since
from marketplace.bidding.models import (
    STAGE_ENVELOPES,
    Bid,
    BidState,
    BidVersion,
    EligibilityCheck,
    OpenedEnvelope,
    Opening,
    OpeningConfirmation,
    OpeningStage,
    Outcome,
    SealedEnvelope,
    VersionKind,
)
from marketplace.bidding.record.presumption import Failure, presumed
from marketplace.ledger.models import Receipt
from marketplace.ledger.receipts import receipt_hash
from marketplace.scenarios.models import Condition, Envelope, Scenario
from marketplace.scenarios.questions.models import Question


# -- A bidder's own ----------------------------------------------------------------------------------
def my_bid(actor: Actor, scenario: Scenario) -> Bid | None:
    """The bid of the organisation that the actor acts for, if it has one here."""
    if actor.organisation_id is None:
        return None
    rows = Bid.objects.visible_to(actor).filter(organisation_id=actor.organisation_id)
    return rows.filter(scenario=scenario).select_related("organisation").first()


def my_bids(actor: Actor) -> QuerySet[Bid]:
    """Every bid of the actor's organisation, newest first."""
    if actor.organisation is None:
        return Bid.objects.none()
    rows = Bid.objects.visible_to(actor).filter(organisation=actor.organisation)
    return rows.select_related("scenario", "scenario__organisation").order_by("-pk")


def versions_of(actor: Actor, bid: Bid) -> list[BidVersion]:
    """Newest first, with receipts and hashes. Two queries."""
    rows = BidVersion.objects.visible_to(actor).filter(bid=bid).select_related("receipt", "user")
    envelopes = SealedEnvelope.objects.order_by("pk")
    return list(rows.prefetch_related(Prefetch("envelopes", envelopes)).order_by("-number"))


def my_commitments(actor: Actor, scenario: Scenario) -> list[BidCommitment]:
    """What the actor's organisation promised by hashes, newest first; the first one counts."""
    rows = BidCommitment.objects.visible_to(actor).filter(scenario=scenario)
    return list(rows.select_related("receipt").order_by("-number"))


def counting(commitments: Sequence[BidCommitment]) -> BidCommitment | None:
    """Of one's own, newest first, the one that counts; none where a withdrawal came after it."""
    newest = next(iter(commitments), None)
    return newest if newest and not withdrawn_since(newest) else None


def awaited_bytes(actor: Actor, scenario: Scenario, now: datetime) -> BidCommitment | None:
    """After the deadline: the commitment whose bytes are still taken and have not come yet."""
    if not actor.organisation_id:
        return None
    try:
        commitment = require_open_or_committed(scenario, actor.organisation_id, now)
    except DomainError:
        return None
    return commitment if commitment and not has_come(commitment) else None


def has_come(commitment: BidCommitment) -> bool:
    """Whether the last version is these very bytes."""
    rows = SealedEnvelope.objects.filter(
        version__bid__scenario=commitment.scenario_id,
        version__bid__organisation=commitment.organisation_id,
    )
    newest = rows.order_by("-version__number").values_list("sha256", flat=True)
    return set(newest[: len(Envelope)]) == {row["sha256"] for row in commitment.envelopes}


def own_receipt(actor: Actor, uid: UUID) -> Receipt | None:
    """That of a version that the actor may see, or of a commitment or question of its own."""
    seen: list[QuerySet[Any]] = [
        BidVersion.objects.visible_to(actor),
        BidCommitment.objects.visible_to(actor),
        Question.objects.own(actor),
    ]
    for receipts in seen:
        rows = receipts.filter(receipt__uid=uid)
        if found := rows.select_related("receipt").first():
            receipt: Receipt = found.receipt
            return receipt
    return None


def opened_contents(actor: Actor, bid: Bid) -> list[OpenedEnvelope]:
    """What this actor may read of an opened bid, in the order of the envelopes.

    Raises ReadingNeedsPledge for somebody else's bid before confidentiality is pledged.
    """
    if bid.organisation_id != actor.organisation_id:
        require_confidentiality(actor)
    rows = OpenedEnvelope.objects.visible_to(actor).filter(sealed__version__bid=bid)
    rows = rows.select_related("sealed").prefetch_related("files")
    if not actor.is_office and bid.organisation_id != actor.organisation_id:
        for row in rows:  # challenged experts are the office's matter alone
            (row.form or {}).pop(CHALLENGES, None)
    shared = shared_failures(bid.scenario_id) if any(row.reason for row in rows) else set()
    for row in rows:
        row.is_presumed = row.sealed_id in shared
    order = [str(envelope) for envelope in Envelope]
    return sorted(rows, key=lambda row: order.index(row.sealed.envelope))


# -- What stands ---------------------------------------------------------------------------------------
def standing_bids(scenario: Scenario) -> QuerySet[Bid]:
    """Submitted and not withdrawn."""
    return Bid.objects.filter(scenario=scenario).exclude(state=BidState.WITHDRAWN)


def bids_needed(scenario: Scenario) -> int:
    """How many bids the frozen rules ask for at least."""
    assert scenario.profile is not None, "published scenarios have one"
    return max(1, scenario.profile.count("bidders_min"))


def enough_bids(scenario: Scenario) -> bool:
    """Whether as many stand as the rules ask for; void ones do not count."""
    return standing_bids(scenario).exclude(state=BidState.VOID).count() >= bids_needed(scenario)


def last_versions(bids: Iterable[Bid]) -> dict[int, BidVersion]:
    """{bid id: its last version}, one query, envelopes of it in a second."""
    rows = BidVersion.objects.filter(bid__in=list(bids)).select_related("receipt")
    rows = rows.order_by("bid_id", "-number")
    envelopes = SealedEnvelope.objects.select_related("opened").order_by("pk")
    last = rows.distinct("bid_id").prefetch_related(Prefetch("envelopes", envelopes))
    return {version.bid_id: version for version in last}


def standing_verdicts(bids: Iterable[Bid]) -> dict[tuple[int, int], EligibilityCheck]:
    """{(bid id, condition id): the verdict that stands}, the last of each. One query."""
    rows = EligibilityCheck.objects.filter(bid__in=list(bids)).select_related("checked_by")
    last = rows.order_by("bid_id", "condition_id", "-pk").distinct("bid_id", "condition_id")
    return {(check.bid_id, check.condition_id): check for check in last}


# -- The opening ---------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Entry:
    """One bid in the list of an opening."""

    bid: Bid
    organisation: Organisation
    received_at: datetime | None
    version: int
    receipt_sha256: str = ""
    envelopes: list[SealedEnvelope] = field(default_factory=list)
    # Of the envelopes, those whose failure is presumed to be the platform's.
    presumed: list[SealedEnvelope] = field(default_factory=list)

    @property
    def outcome(self) -> str:
        """waiting, opened, bidder_fault or platform_fault; the worst of its envelopes."""
        outcomes = {opened.outcome for opened in self._opened()}
        if self.presumed:
            outcomes.add(Outcome.PLATFORM_FAULT.value)
        for fault in (Outcome.PLATFORM_FAULT, Outcome.BIDDER_FAULT):
            if fault in outcomes:
                return fault.value
        done = len(self._opened()) == len(self.envelopes)
        return Outcome.OPENED.value if outcomes and done else "waiting"

    @property
    def reason(self) -> str:
        return next((opened.reason for opened in self._opened() if opened.reason), "")

    @property
    def hash_holds(self) -> bool | None:
        """Whether the stored bytes were the received ones; None while nobody has looked."""
        if self.outcome == "waiting":
            return None
        return all(opened.outcome != Outcome.PLATFORM_FAULT for opened in self._opened())

    def _opened(self) -> list[OpenedEnvelope]:
        return [sealed.opened for sealed in self.envelopes if hasattr(sealed, "opened")]


def openings(actor: Actor, scenario: Scenario) -> list[Opening]:
    """First stage first, with confirmations. Two queries."""
    people = OpeningConfirmation.objects.select_related("user").order_by("pk")
    rows = Opening.objects.visible_to(actor).filter(scenario=scenario)
    return list(rows.prefetch_related(Prefetch("confirmations", people)).order_by("pk"))


def opening_entries(actor: Actor, opening: Opening) -> list[Entry]:
    """The bids of one opening, by time of receipt. Empty for who may not see the opening."""
    if not Opening.objects.visible_to(actor).filter(pk=opening.pk).exists():
        return []
    return entries_of(opening)


def entries_of(opening: Opening) -> list[Entry]:
    """The same for the record, which asks for nobody. Three queries."""
    rows = standing_bids(opening.scenario).select_related("organisation")
    if opening.stage == OpeningStage.PRICE:
        # Who was eligible when prices were due: what was opened at this stage, and what waits.
        rows = rows.exclude(state__in=[BidState.SUBMITTED, BidState.OPENED, BidState.UNOPENED])
        rows = rows.exclude(state=BidState.INELIGIBLE)
    bids = list(rows)
    wanted = STAGE_ENVELOPES[OpeningStage(opening.stage)]
    last = last_versions(bids)
    entries = []
    for bid in bids:
        version = last.get(bid.pk)
        envelopes = [e for e in version.envelopes.all() if e.envelope in wanted] if version else []
        entry = Entry(
            bid=bid,
            organisation=bid.organisation,
            received_at=version.received_at if version else None,
            version=version.number if version else 0,
            receipt_sha256=receipt_hash(version.receipt) if version else "",
            envelopes=envelopes,
        )
        void_before = bid.state == BidState.VOID and entry.outcome == "waiting"
        if opening.stage == OpeningStage.PRICE and void_before:
            continue
        entries.append(entry)
    presume(entries)
    return sorted(entries, key=lambda entry: (entry.received_at is None, entry.received_at or 0))


def presume(entries: list[Entry]) -> None:
    """Note in each which of its failures other bids of the opening share."""
    if not any(entry.reason for entry in entries):
        return
    shared = shared_failures(entries[0].bid.scenario_id)
    for entry in entries:
        entry.presumed.extend(one for one in entry.envelopes if one.pk in shared)


def shared_failures(scenario_id: int) -> set[int]:
    """Sealed envelopes whose failure is presumed to be the platform's. One query.

    An envelope is opened at one stage only, so those of one name are those of one opening.
    """
    rows = OpenedEnvelope.objects.filter(
        sealed__version__bid__scenario=scenario_id, outcome=Outcome.BIDDER_FAULT
    )
    failures = {
        pk: Failure(bidder, envelope, reason)
        for pk, bidder, envelope, reason in rows.values_list(
            "sealed_id", "sealed__version__bid__organisation", "sealed__envelope", "reason"
        )
    }
    found = presumed(failures.values())
    return {pk for pk, failure in failures.items() if failure in found}


# -- Eligibility ---------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Cell:
    condition: Condition
    check: EligibilityCheck | None
    statement: str


@dataclass(frozen=True)
class MatrixRow:
    bid: Bid
    cells: list[Cell]
    business: OpenedEnvelope | None

    @property
    def missing(self) -> int:
        return sum(cell.check is None for cell in self.cells)


def eligibility_matrix(actor: Actor, scenario: Scenario) -> list[MatrixRow]:
    """Every opened bid against every condition, in the order of opening. Six queries at most.

    Raises ReadingNeedsPledge before confidentiality is pledged.
    """
    require_confidentiality(actor)
    rows = Bid.objects.visible_to(actor).filter(scenario=scenario).exclude(blind_code="")
    bids = list(rows.select_related("organisation", "scenario").order_by("pk"))
    conditions = list(scenario.conditions.order_by("position", "pk"))
    verdicts = standing_verdicts(bids)
    business = business_envelopes(actor, bids)
    matrix = []
    for bid in bids:
        opened = business.get(bid.pk)
        statements = ((opened.form or {}) if opened else {}).get("condition_statements", {})
        cells = [
            Cell(c, verdicts.get((bid.pk, c.pk)), str(statements.get(c.code, "")))
            for c in conditions
        ]
        matrix.append(MatrixRow(bid, cells, opened))
    return matrix


def business_envelopes(actor: Actor, bids: list[Bid]) -> dict[int, OpenedEnvelope]:
    """{bid id: the opened business part that this actor may read}."""
    rows = OpenedEnvelope.objects.visible_to(actor).filter(
        sealed__version__bid__in=bids, sealed__envelope=Envelope.BUSINESS, outcome=Outcome.OPENED
    )
    rows = rows.select_related("sealed__version").prefetch_related("files")
    return {row.sealed.version.bid_id: row for row in rows}


# -- Related bids --------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Relation:
    """Why two bids may not stand beside each other. kind: control or member."""

    kind: str
    other: str
    member: str = ""


@dataclass(frozen=True)
class Parties:
    """Who stands behind a bid: {USCC: name}, the bidder first, and who is related to any of them."""

    bid: Bid
    members: dict[str, str]
    related: set[int]
    organisations: set[int]


def related_bids(scenario: Scenario) -> dict[int, list[Relation]]:
    """{bid id: why it is void}: same control, or an organisation that takes part twice.

    Bids that could not be opened took part as well; of them only the bidder is known.
    """
    parties = parties_of(scenario)
    found = shared_members(parties)
    for one in parties:
        for other in parties:
            if one is not other and (
                one.related & other.organisations or other.related & one.organisations
            ):
                relation = Relation("control", other.bid.organisation.name)
                told = found.setdefault(one.bid.pk, [])
                if all(earlier.other != relation.other for earlier in told):
                    told.append(relation)
    return found


def bids_with_shared_members(scenario: Scenario) -> dict[int, list[Relation]]:
    """{bid id: why it is void}: an organisation takes part in it and in another bid."""
    return shared_members(parties_of(scenario, related=False))


def shared_members(parties: list[Parties]) -> dict[int, list[Relation]]:
    found: dict[int, list[Relation]] = {}
    for one in parties:
        for other in parties:
            shared = [one.members[code] for code in one.members if code in other.members]
            if shared and one is not other:
                name = other.bid.organisation.name
                told = [Relation("member", name, member) for member in shared]
                found.setdefault(one.bid.pk, []).extend(told)
    return found


def parties_of(scenario: Scenario, *, related: bool = True) -> list[Parties]:
    """Those of every standing bid; related: whether control is asked for, which takes its time."""
    bids = list(standing_bids(scenario).select_related("organisation").order_by("pk"))
    consortia = taking_part(bids)
    codes = {code for members in consortia.values() for code in members}
    known = {row.uscc: row for row in Organisation.objects.filter(uscc__in=codes)}
    parties = []
    for bid in bids:
        members = consortia.get(bid.pk, {}) | {bid.organisation.uscc: bid.organisation.name}
        registered = [bid.organisation, *(known[c] for c in members if c in known)]
        ties = set().union(*map(related_organisations, registered)) if related else set()
        parties.append(Parties(bid, members, ties, {row.pk for row in registered}))
    return parties


def last_submitted(bid: Bid) -> BidVersion | None:
    """The version that is opened: the last one, unless it is a withdrawal."""
    version = bid.versions.order_by("-number").first()
    return version if version and version.kind == VersionKind.SUBMITTED else None
