"""赛马协议: offered to each who is shortlisted, accepted by both parties, each proving anew who he is."""

from __future__ import annotations

import hashlib
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from marketplace.base import clock
from marketplace.base.actor import Actor
from marketplace.base.canonical import canonical
from marketplace.base.errors import DeadlinePassed, Invalid, NotFound, StateConflict, TooEarly
from marketplace.base.locks import lock, lock_shared
from marketplace.base.rules import require
from marketplace.base.states import move
from marketplace.bidding.actions.eligibility import require_running
from marketplace.committee.queries import rules_of
from marketplace.ledger import actions as ledger
from marketplace.races.entry.actions.shortlist import find_race
from marketplace.races.entry.text import agreement as text_of
from marketplace.races.models import (
    AgreementAcceptance,
    AgreementState,
    Entrant,
    EntrantState,
    Race,
    RaceAgreement,
    RaceState,
    ShortlistNotice,
)
from marketplace.races.numbers import agree_until
from marketplace.races.queries import still_in
from marketplace.races.rules import (
    can_accept_agreement,
    can_decline_agreement,
    can_run_entry,
    side_of,
)
from marketplace.scenarios.models import Scenario


@transaction.atomic
def offer_agreements(*, actor: Actor, race_uid: UUID) -> Race:
    """After the notice's window: compose the agreement of each, and start the window to accept.

    Raises TooEarly while the publicity runs, StateConflict, and CalendarMissing.
    """
    scenario = lock_shared(Scenario, race__uid=race_uid)
    race = find_race(actor, race_uid)
    require(can_run_entry, actor, race)
    require_running(scenario)
    notice = ShortlistNotice.objects.filter(race=race).first()
    if race.state != RaceState.SHORTLISTED or notice is None:
        raise StateConflict(
            _("Agreements follow the publicity of the shortlist."), code="race.state"
        )
    now = clock.now()
    if now < notice.ends_at:
        raise TooEarly(_("The publicity is still running."), code="publicity.running")
    race.agree_by = agree_until(rules_of(scenario), now)
    left = move(race, RaceState.AGREEING, also=("agree_by",))
    for entrant in still_in(race).select_related("race__scenario__organisation", "organisation"):
        body = canonical(text_of(entrant, version=1))
        RaceAgreement.objects.create(
            entrant=entrant,
            version=1,
            body=body,
            sha256=hashlib.sha256(body).hexdigest(),
            offered_at=now,
            offered_by=actor.person,
        )
    ledger.append(
        "race.agreements_offered",
        actor=actor,
        subjects=[race.uid, scenario.uid],
        from_state=left,
        to_state=race.state,
        profile_version=rules_of(scenario).label,
        data={"until": race.agree_by},
    )
    return race


@transaction.atomic
def accept_agreement(*, actor: Actor, agreement_uid: UUID, sha256: str) -> RaceAgreement:
    """Bind one's party to this text. The door has asked for a fresh proof of who acts.

    sha256: of the text that was read; another version is refused (Invalid). Half-open: at the end
    of the window it is late. The second party's acceptance makes it an agreement.
    """
    race, agreement = _offered(actor, agreement_uid)
    require(can_accept_agreement, actor, agreement)
    side = side_of(actor, agreement)
    _require_open(race, agreement)
    if sha256 != agreement.sha256:
        raise Invalid(
            errors={"sha256": [_("This is not the text that is offered; read it again.")]},
            code="agreement.text",
        )
    if agreement.acceptances.filter(side=side).exists():
        raise StateConflict(_("Your side has accepted already."), code="agreement.accepted")
    now = clock.now()
    AgreementAcceptance.objects.create(
        agreement=agreement,
        side=side,
        sha256=sha256,
        user=actor.person,
        organisation=actor.party,
        accepted_at=now,
    )
    left = agreement.state
    if agreement.acceptances.count() == 2:
        agreement.settled_at = now
        move(agreement, AgreementState.AGREED, also=("settled_at",))
        Entrant.objects.filter(pk=agreement.entrant_id).update(agreed_at=now)
    ledger.append(
        "race.agreement_accepted",
        actor=actor,
        subjects=[race.scenario.uid, race.uid, agreement.uid],
        from_state=left,
        to_state=agreement.state,
        data={"side": side, "version": agreement.version, "sha256": sha256},
    )
    return agreement


@transaction.atomic
def decline_agreement(*, actor: Actor, agreement_uid: UUID, reason: str) -> RaceAgreement:
    """A shortlisted vendor does not race. Nobody moves up: the shortlist is as it was publicised."""
    race, agreement = _offered(actor, agreement_uid)
    require(can_decline_agreement, actor, agreement)
    _require_open(race, agreement)
    words = reason.strip()
    if not words or len(words) > 4000:
        raise Invalid(errors={"reason": [_("Give the reason.")]}, code="agreement.reason")
    agreement.reason, agreement.settled_at = words, clock.now()
    left = move(agreement, AgreementState.DECLINED, also=("reason", "settled_at"))
    entrant = lock(Entrant, pk=agreement.entrant_id)
    entrant.reason, entrant.ended_at = words, agreement.settled_at
    move(entrant, EntrantState.LEFT, also=("reason", "ended_at"))
    ledger.append(
        "race.agreement_declined",
        actor=actor,
        subjects=[race.scenario.uid, race.uid, agreement.uid],
        from_state=left,
        to_state=agreement.state,
        reason=words,
    )
    return agreement


def _offered(actor: Actor, agreement_uid: UUID) -> tuple[Race, RaceAgreement]:
    """The race, held shared, and the agreement, locked. Raises NotFound for what is not visible."""
    if not RaceAgreement.objects.visible_to(actor).filter(uid=agreement_uid).exists():
        raise NotFound
    race = lock_shared(Race, entrants__agreements__uid=agreement_uid)
    return race, lock(RaceAgreement, uid=agreement_uid)


def _require_open(race: Race, agreement: RaceAgreement) -> None:
    require_running(race.scenario)
    if race.state != RaceState.AGREEING or agreement.state != AgreementState.OFFERED:
        raise StateConflict(_("This agreement is settled already."), code="agreement.settled")
    assert race.agree_by is not None, "agreements are offered with a window"
    if clock.now() >= race.agree_by:
        raise DeadlinePassed(_("The time to accept race agreements is over."))
