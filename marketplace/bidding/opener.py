"""Carrying out confirmed openings. Only the opener's own process holds the master identity.

Every bid is a transaction of its own: a fault in one stops no other, and after a kill at any
point the next run goes on where this one ended.
"""

from __future__ import annotations

import secrets
from contextlib import ExitStack
from datetime import timedelta
from decimal import Decimal

import pyrage
import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import override

from marketplace.accounts.models import Capability, Grant, PersonRole
from marketplace.base import clock, sealing
from marketplace.base.actor import OPENER, Role
from marketplace.base.locks import lock, lock_shared
from marketplace.base.states import move
from marketplace.bidding.actions.opening import STAGE_STATE, fail_without_enough_bids
from marketplace.bidding.by_log import Refused, verify_by_log
from marketplace.bidding.consortia.opening import settle_consortia
from marketplace.bidding.examining import (
    Examined,
    StoredFile,
    blame_names,
    examine,
    files_of,
)
from marketplace.bidding.forms_schema import Demands
from marketplace.bidding.in_force import demands_of_bid
from marketplace.bidding.in_time import Doubt, doubts
from marketplace.bidding.models import (
    STAGE_ENVELOPES,
    Bid,
    BidState,
    OpenedEnvelope,
    OpenedFile,
    Opening,
    OpeningStage,
    OpeningState,
    Outcome,
)
from marketplace.bidding.pauses import Pauses
from marketplace.bidding.queries import last_submitted
from marketplace.bidding.record import making as record
from marketplace.bidding.replay import LogNotTrusted, Replay
from marketplace.bidding.sealing import storage_is_there
from marketplace.bidding.time_token import attest
from marketplace.files import storage
from marketplace.ledger import actions as ledger
from marketplace.ledger.models import Audience
from marketplace.scenarios.models import EnvelopeKey, Scenario, State

log = structlog.get_logger()

SAID_EVERY = timedelta(hours=1)

# The bid's state in which a stage finds it, and those in which it leaves it.
STAGE_FINDS = {OpeningStage.FIRST: BidState.SUBMITTED, OpeningStage.PRICE: BidState.ELIGIBLE}


def open_confirmed(
    master_identity: str, replay: Replay | None = None, pauses: Pauses | None = None
) -> int:
    """Carry out every confirmed opening. Returns how many were finished.

    master_identity: the age identity (AGE-SECRET-KEY-…) to which envelope identities are wrapped.
    replay: what was read of the log so far; without one all of it is read.
    pauses: what failed in earlier rounds; without them everything is tried now.
    One opening that cannot be carried out is logged and left; the others go on.
    """
    pauses = pauses or Pauses()
    say_openable(master_identity, pauses)
    finished = 0
    waiting = Opening.objects.filter(state=OpeningState.CONFIRMED).order_by("pk")
    if not waiting.exists():
        return 0
    replay = replay or Replay(settings.OPENER_LOG_VKEY)
    try:
        replay.advance()
    except LogNotTrusted as refusal:
        log.warning("opener.log_not_trusted", reason=str(refusal))
        return 0
    for opening in waiting.select_related("scenario__profile"):
        try:
            finished += carry_out(opening, master_identity, replay, pauses)
        except (Refused, LogNotTrusted, sealing.Unreadable) as refusal:
            log.warning("opener.refused", opening=str(opening.uid), reason=str(refusal))
    return finished


def say_openable(master_identity: str, pauses: Pauses) -> None:
    """Leave word, once an hour, of what waits and could be opened with this identity.

    Nothing is opened for it. As long as the word is fresh nobody can declare the identity lost.
    """
    now = clock.now()
    waiting = Opening.objects.filter(state__in=[OpeningState.WAITING, OpeningState.CONFIRMED])
    silent = waiting.filter(Q(openable_at=None) | Q(openable_at__lt=now - SAID_EVERY))
    for opening in silent.order_by("pk"):
        key = ("identity", opening.pk)
        if pauses.rests(key):
            continue
        try:
            unwrap(opening, master_identity)
        except sealing.Unreadable as refusal:
            if pauses.failed(key):
                log.warning("opener.not_ours", opening=str(opening.uid), reason=str(refusal))
            continue
        pauses.went_well(key)
        waiting.filter(pk=opening.pk).update(openable_at=now)


def carry_out(opening: Opening, master_identity: str, replay: Replay, pauses: Pauses) -> bool:
    """Open every bid that this stage finds, then finish. Returns whether it finished now."""
    verify(opening)
    closing_size = verify_by_log(opening, replay)
    attest(opening, replay.announced(opening.scenario.uid))
    identities = unwrap(opening, master_identity)
    doubt = doubts(replay, opening.scenario, closing_size)
    begin(opening)
    for bid in due_bids(opening):
        key = ("bid", bid.pk)
        if pauses.rests(key):
            continue
        if bid.scenario.uid != opening.scenario.uid:  # what was verified is another demand
            raise Refused("scenario_changed")
        demands = demands_of_bid(opening.scenario, bid)
        try:
            open_bid(bid, opening, identities, demands, doubt)
        except (OperationalError, InterfaceError):
            raise
        except Exception:  # nobody's fault is known yet: the others go on, this one is tried again
            # docs/operations.md, "One bid fails for an unknown reason", says what to do.
            if pauses.failed(key):
                log.exception("opener.bid_failed", bid=str(bid.uid))
            tell_stuck(opening)
        else:
            pauses.went_well(key)
    return finish(opening, closing_size)


@transaction.atomic
def begin(opening: Opening) -> None:
    """Note that the first envelope is taken up now. Raises Refused if the deadline has moved.

    A moving deadline locks the demand FOR UPDATE and asks for this note: one of the two comes
    first, and the other one finds it.
    """
    scenario = lock_shared(Scenario, pk=opening.scenario_id)
    row = lock(Opening, pk=opening.pk)
    stands = scenario.state == STAGE_STATE[OpeningStage(row.stage)] and not scenario.suspended
    if row.state != OpeningState.CONFIRMED or not stands:
        raise Refused("scenario_state")
    if scenario.deadline_at != opening.scenario.deadline_at:
        raise Refused("deadline_moved")
    if row.begun_at is None:
        row.begun_at = clock.now()
        row.save(update_fields=["begun_at"])


@transaction.atomic
def tell_stuck(opening: Opening) -> None:
    """The office hears of it once, whatever is restarted; the metrics count it until it ends."""
    scenario = lock_shared(Scenario, pk=opening.scenario_id)
    row = lock(Opening, pk=opening.pk)
    if row.stuck_at is not None or row.state != OpeningState.CONFIRMED:
        return
    row.stuck_at = clock.now()
    row.save(update_fields=["stuck_at"])
    ledger.append(
        "opening.stuck",
        actor=OPENER,
        subjects=[scenario.uid, row.uid],
        audience=Audience.OFFICE,
        data={"stage": row.stage},
    )


def due_bids(opening: Opening) -> list[Bid]:
    stage = OpeningStage(opening.stage)
    bids = Bid.objects.filter(scenario=opening.scenario, state=STAGE_FINDS[stage])
    if stage == OpeningStage.PRICE:
        bids = bids.filter(price_opened_at=None)
    return list(bids.select_related("organisation", "scenario").order_by("pk"))


# -- Looking for itself --------------------------------------------------------------------------------
def verify(opening: Opening) -> None:
    """Deadline and confirmations, from the rows themselves. Raises Refused.

    The state column is what the application wrote; a confirmation counts only if its giver, one
    person each, held a key of this scenario at that moment, after the deadline, and is no expert.
    """
    scenario = opening.scenario
    if scenario.suspended or scenario.state != STAGE_STATE[OpeningStage(opening.stage)]:
        raise Refused("scenario_state")
    if scenario.deadline_at is None or clock.now() < scenario.deadline_at:
        raise Refused("deadline_not_reached")
    profile = scenario.profile
    assert profile is not None, "published scenarios have one"
    needed = max(opening.confirmations_needed, profile.count("open_confirmations"))
    if counted_confirmations(opening) < needed:
        raise Refused("confirmations")
    # A storage that is not there at all must not look like many lost bids.
    if not storage_is_there():
        raise Refused("storage_away")


def counted_confirmations(opening: Opening) -> int:
    experts = PersonRole.objects.filter(role=Role.EXPERT).values("user_id")
    given = opening.confirmations.filter(confirmed_at__gte=opening.scenario.deadline_at)
    given = given.exclude(user_id__in=experts)
    counted = set()
    for confirmation in given:
        held = Grant.objects.filter(
            Q(until_at=None) | Q(until_at__gt=confirmation.confirmed_at),
            user_id=confirmation.user_id,
            subject_uid=opening.scenario.uid,
            capability=Capability.KEY_HOLDER,
            from_at__lte=confirmation.confirmed_at,
        )
        if held.exists():
            counted.add(confirmation.user_id)
    return len(counted)


def unwrap(opening: Opening, master_identity: str) -> dict[str, str]:
    """{envelope: identity} of this stage. Raises Unreadable: then no bidder is to blame."""
    wanted = STAGE_ENVELOPES[OpeningStage(opening.stage)]
    keys = EnvelopeKey.objects.filter(scenario=opening.scenario, envelope__in=wanted)
    identities = {}
    for key in keys:
        identity = sealing.unwrap_identity(
            bytes(key.wrapped_identity), master_identity=master_identity
        )
        if str(pyrage.x25519.Identity.from_str(identity).to_public()) != key.recipient:
            raise sealing.Unreadable("envelope_key")
        identities[key.envelope] = identity
    if set(identities) != {str(envelope) for envelope in wanted}:
        raise sealing.Unreadable("envelope_key_missing")
    return identities


# -- One bid -------------------------------------------------------------------------------------------
def open_bid(
    bid: Bid,
    opening: Opening,
    identities: dict[str, str],
    demands: Demands,
    doubt: Doubt,
) -> None:
    """Examine, then write in one transaction. Running twice writes once."""
    version = last_submitted(bid)
    stage = OpeningStage(opening.stage)
    wanted = STAGE_ENVELOPES[stage]
    sealed = {e.envelope: e for e in version.envelopes.all()} if version else {}
    with ExitStack() as stack:
        examined = [
            Examined(sealed[envelope], Outcome.PLATFORM_FAULT, reason)
            if (reason := doubt(sealed[envelope]))
            else examine(sealed[envelope], bid, identities[envelope], demands, stack)
            for envelope in wanted
            if envelope in sealed
        ]
        blame_names(examined, demands)
        stored: list[StoredFile] = []
        try:
            for found, name in files_of(examined):
                stored.append((found, name, found.store(name)))
            written = write(bid.pk, opening.pk, examined, stored)
        except Exception:
            discard(stored)
            raise
        if not written:
            discard(stored)


def discard(stored: list[StoredFile]) -> None:
    for _found, _name, kept in stored:
        storage.discard(kept.name)


@transaction.atomic
def write(
    bid_pk: int,
    opening_pk: int,
    examined: list[Examined],
    stored: list[StoredFile],
) -> bool:
    """Write what was found. False if another run has written it, or the bid has moved on."""
    opening = Opening.objects.select_related("scenario").get(pk=opening_pk)
    stage = OpeningStage(opening.stage)
    scenario = lock_shared(Scenario, pk=opening.scenario_id)
    lock_shared(Opening, pk=opening_pk)
    bid = lock(Bid, pk=bid_pk)
    if bid.state != STAGE_FINDS[stage] or bid.price_opened_at is not None:
        return False
    now = clock.now()
    rows = {
        found.sealed.pk: OpenedEnvelope.objects.create(
            sealed=found.sealed,
            outcome=found.outcome,
            reason=found.reason,
            form=found.form,
            opened_at=now,
        )
        for found in examined
    }
    OpenedFile.objects.bulk_create(
        OpenedFile(
            envelope=rows[found.sealed.pk],
            name=name,
            stored_name=kept.name,
            sha256=kept.sha256,
            size=kept.size,
        )
        for found, name, kept in stored
    )
    whole = len(examined) == len(STAGE_ENVELOPES[stage]) and all(
        found.outcome == Outcome.OPENED for found in examined
    )
    if stage == OpeningStage.PRICE:
        left = settle_price(bid, examined, whole=whole)
    else:
        left = move(bid, BidState.OPENED if whole else BidState.UNOPENED)
    ledger.append(
        "bid.opened" if whole else "bid.unopened",
        actor=OPENER,
        subjects=[scenario.uid, bid.uid],
        audience=Audience.PARTIES,
        from_state=left,
        to_state=bid.state,
        reason=bid.void_reason,
        data={
            "stage": stage,
            "outcomes": {str(found.sealed.envelope): str(found.outcome) for found in examined},
        },
    )
    return True


def settle_price(bid: Bid, examined: list[Examined], *, whole: bool) -> str:
    """The price becomes readable; a bid whose price cannot be read is void, whoever's fault.

    Returns the state left.
    """
    left = bid.state
    if whole:
        assert examined[0].form is not None, "opened envelopes have a form"
        bid.price_cny = Decimal(examined[0].form["total_cny"])
        bid.price_opened_at = clock.now()
        bid.save(update_fields=["price_cny", "price_opened_at"])
        return left
    with override(settings.LANGUAGE_CODE):
        bid.void_reason = _("The price envelope could not be opened.")
    return move(bid, BidState.VOID, also=("void_reason",))


# -- The end of an opening -----------------------------------------------------------------------------
@transaction.atomic
def finish(opening: Opening, closing_size: int) -> bool:
    """Once no bid waits: blind codes in random order, the next states, and the signed record."""
    scenario = lock(Scenario, pk=opening.scenario_id)
    opening = lock(Opening, pk=opening.pk)
    opening.scenario = scenario
    if opening.state != OpeningState.CONFIRMED or due_bids(opening):
        return False
    opening.finished_at = clock.now()
    move(opening, OpeningState.FINISHED, also=("finished_at",))
    left = scenario.state
    first = opening.stage == OpeningStage.FIRST
    if first:
        settle_consortia(scenario)
        give_blind_codes(scenario)
        move(scenario, State.OPENED)
    composed = record.compose(opening, closing_size)
    event = ledger.append(
        "opening.finished",
        actor=OPENER,
        subjects=[opening.uid, scenario.uid],
        # That the bids are opened is public; when the prices follow is the parties' matter.
        audience=Audience.PUBLIC if first else Audience.PARTIES,
        from_state=left,
        to_state=scenario.state,
        inputs=composed[0],
        data={"stage": opening.stage},
    )
    record.keep(opening, composed, event)
    if first:
        fail_without_enough_bids(scenario=scenario, actor=OPENER)
    return True


def give_blind_codes(scenario: Scenario) -> None:
    """B01, B02, … in an order that neither time of receipt nor name can tell."""
    bids = Bid.objects.filter(scenario=scenario, state=BidState.OPENED, blind_code="")
    shuffled = list(bids.select_for_update().order_by("pk"))
    secrets.SystemRandom().shuffle(shuffled)
    for place, bid in enumerate(shuffled, start=1):
        bid.blind_code = f"B{place:02d}"
        bid.save(update_fields=["blind_code"])
