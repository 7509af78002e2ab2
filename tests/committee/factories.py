"""A scenario in review with opened bids, written directly, and the people of a panel."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from itertools import count
from typing import Any

from django.db import transaction

from marketplace.base import clock
from marketplace.base.actor import Actor, Role
from marketplace.bidding.models import (
    Bid,
    BidState,
    BidVersion,
    OpenedEnvelope,
    OpenedFile,
    Opening,
    OpeningStage,
    OpeningState,
    Outcome,
    SealedEnvelope,
    VersionKind,
)
from marketplace.bidding.record import making
from marketplace.bidding.record.models import OpeningRecord
from marketplace.committee import actions, queries
from marketplace.committee.draw.invitations import tell_seated
from marketplace.committee.draw.seating import seat
from marketplace.committee.models import (
    Panel,
    PanelMember,
    Report,
    Sheet,
    SheetStage,
    SheetState,
)
from marketplace.committee.signing.queries import unsaid
from marketplace.files import storage
from marketplace.ledger import receipts
from marketplace.scenarios.models import Criterion, Envelope, Scenario, State
from tests import world

NUMBERS = count(1)
TECHNICAL = {
    "approach": "以流量基线与协议解析结合检测。",
    "commitments": {"M1": "98.5"},
    "plan": [{"month": 2, "result": "样机"}],
    "risks": "现场数据不足。",
    "resources": "八人，自备测试环境。",
}


def scenario_in_review(bids: int = 2, **fields: Any) -> Scenario:
    """In review, with `bids` eligible bids called B1, B2, …; the first is the cheapest."""
    fields = {"profile": world.profile("D"), "state": State.REVIEW} | fields
    scenario = world.published_scenario(**fields)
    for number in range(1, bids + 1):
        opened_bid(scenario, code=f"B{number}")
    return scenario


def opened_bid(
    scenario: Scenario,
    *,
    code: str,
    state: str = BidState.ELIGIBLE,
    organisation: Any = None,
    files: int = 1,
    consortium: list[dict[str, str]] | None = None,
    business: dict[str, Any] | None = None,
) -> Bid:
    actor = world.member(organisation) if organisation else world.vendor()
    organisation = actor.organisation
    bid = Bid.objects.create(
        scenario=scenario,
        organisation=organisation,
        state=state,
        versions_count=1,
        blind_code=code,
    )
    version = BidVersion.objects.create(
        bid=bid,
        number=1,
        kind=VersionKind.SUBMITTED,
        received_at=clock.now() - timedelta(days=1) + timedelta(seconds=bid.pk),
        user=actor.user,
        receipt=receipts.issue("bid", subject_uid=bid.uid, body={"bid": bid.uid}),
    )
    business = business or {
        "legal_representative": "法人某",
        "project_leader": f"{organisation.name}负责人",
        "team": [{"name": f"{organisation.name}组员", "role": "研发", "years": 5}],
        "consortium": consortium or [],
        "condition_statements": {"Q1": "满足。"},
        "accepts_terms": True,
    }
    for envelope, form in [(Envelope.BUSINESS, business), (Envelope.TECHNICAL, TECHNICAL)]:
        opened = open_envelope(version, envelope, form)
        for number in range(files):
            with storage.incoming("opened") as incoming:
                incoming.writer.write(f"{envelope} of {code} {number}".encode())
            OpenedFile.objects.create(
                envelope=opened,
                name=f"{organisation.name}-{number}.pdf",
                stored_name=incoming.stored.name,
                sha256=incoming.stored.sha256,
                size=incoming.stored.size,
            )
    return bid


def open_envelope(version: BidVersion, envelope: str, form: dict[str, Any]) -> OpenedEnvelope:
    sealed = SealedEnvelope.objects.create(
        version=version,
        envelope=envelope,
        stored_name=f"sealed/{next(NUMBERS)}-{version.pk}",
        sha256="0" * 64,
        size=65536,
        recipient="age1test",
    )
    return OpenedEnvelope.objects.create(
        sealed=sealed, outcome=Outcome.OPENED, form=form, opened_at=clock.now()
    )


def open_prices(scenario: Scenario, prices: dict[str, str]) -> None:
    """Prices by blind code, and the price opening finished with its record."""
    now = clock.now()
    for code, price in prices.items():
        Bid.objects.filter(scenario=scenario, blind_code=code).update(
            price_cny=Decimal(price), price_opened_at=now
        )
    opening, _made = Opening.objects.update_or_create(
        scenario=scenario,
        stage=OpeningStage.PRICE,
        defaults={
            "state": OpeningState.FINISHED,
            "finished_at": now,
            "confirmations_needed": 2,
        },
    )
    stated, salts = making.compose(opening, 0)
    OpeningRecord.objects.create(
        opening=opening,
        receipt=receipts.issue(making.KIND, subject_uid=opening.uid, body=stated),
        salts=salts,
    )


def experts(number: int = 3) -> list[Actor]:
    return [world.person(Role.EXPERT) for _ in range(number)]


def seated_panel(
    scenario: Scenario, judges: list[Actor] | None = None, secretary: Actor | None = None
) -> tuple[Panel, list[Actor]]:
    """A panel of chosen people, by the inner function that gives seats; no door can do so."""
    judges = judges or experts()
    by = (secretary or world.secretary()).person
    panel = Panel.objects.create(scenario=scenario, appointed_by=by)
    for judge in judges:
        add(panel, judge)
    return panel, judges


@transaction.atomic
def add(panel: Panel, judge: Actor) -> PanelMember:
    """One more seat, told as an accepted invitation is."""
    [member] = seat(Panel.objects.select_for_update().get(pk=panel.pk), [judge.person])
    tell_seated(panel, member, actor=judge)
    return member


def scoring_panel(
    scenario: Scenario, judges: list[Actor] | None = None
) -> tuple[Panel, list[Actor]]:
    secretary = world.secretary()
    panel, judges = seated_panel(scenario, judges, secretary)
    for judge in judges:
        actions.declare_interest(actor=judge, panel_uid=panel.uid, free=True)
    actions.start_scoring(actor=secretary, panel_uid=panel.uid)
    panel.refresh_from_db()
    return panel, judges


def sheets(judge: Actor, stage: str = SheetStage.TECHNICAL, scenario: Scenario | None = None):
    """By blind code. Those by name follow the second declaration, made here where it is due."""
    if stage == SheetStage.NAMED:
        declare_again([judge])
    rows = Sheet.objects.filter(member__user=judge.user, stage=stage)
    if scenario:
        rows = rows.filter(bid__scenario=scenario)
    return rows.order_by("bid__blind_code")


def fill(judge: Actor, sheet: Sheet, share: Decimal = Decimal("0.8")) -> Sheet:
    kind = "technical" if sheet.stage == SheetStage.TECHNICAL else "team"
    criteria = Criterion.objects.filter(scenario=sheet.bid.scenario, kind=kind)
    return actions.save_scores(
        actor=judge,
        sheet_uid=sheet.uid,
        revision=sheet.revision,
        scores={c.code: ((c.weight * share).quantize(Decimal("0.01")), "理由") for c in criteria},
    )


def declare_again(judges: list[Actor]) -> None:
    """The second declaration of those whose it is: the sheets by name follow."""
    for judge in judges:
        for member in queries.second_due().filter(user=judge.user):
            actions.declare_against_bidders(actor=judge, panel_uid=member.panel.uid, free=True)


def lock_stage(judges: list[Actor], stage: str, shares: dict[str, Decimal] | None = None) -> None:
    """Every open sheet of the stage filled (a share of the full points by bid) and locked."""
    for judge in judges:
        for sheet in sheets(judge, stage).filter(state=SheetState.OPEN):
            share = (shares or {}).get(sheet.bid.blind_code, Decimal("0.8"))
            fill(judge, sheet, share)
            actions.lock_sheet(actor=judge, sheet_uid=sheet.uid)


def scored(
    scenario: Scenario, shares: dict[str, Decimal] | None = None, judges: int = 3
) -> tuple[Panel, list]:
    """Both stages locked: the prices are asked for."""
    panel, seated = scoring_panel(scenario, experts(judges))
    lock_stage(seated, SheetStage.TECHNICAL, shares)
    lock_stage(seated, SheetStage.NAMED, shares)
    panel.refresh_from_db()
    return panel, seated


def reported(
    bids: int = 2, shares: dict[str, Decimal] | None = None, judges: int = 3, **fields: Any
) -> Scenario:
    """Reviewed, prices opened, to be decided. B1 is the best unless shares say otherwise."""
    scenario = scenario_in_review(bids, **fields)
    codes = [f"B{n}" for n in range(1, bids + 1)]
    default = {code: Decimal(90 - 5 * n) / 100 for n, code in enumerate(codes)}
    scored(scenario, shares or default, judges)
    open_prices(scenario, {code: str(800000 + 10000 * n) for n, code in enumerate(codes)})
    finish(scenario)
    scenario.refresh_from_db()
    return scenario


def finish(scenario: Scenario, actor: Actor | None = None) -> Report:
    """Added up by the secretary and signed by everybody."""
    report = actions.finish_review(actor=actor or world.secretary(), scenario_uid=scenario.uid)
    sign_all(scenario)
    return report


def sign_all(scenario: Scenario) -> None:
    for member in unsaid().filter(panel__scenario=scenario).order_by("pk"):
        judge = Actor(Role.EXPERT, member.user)
        actions.sign_report(actor=judge, panel_uid=member.panel.uid)
