"""Asking for an opening and confirming it. Carrying it out is the opener's own process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, override

from marketplace.accounts.models import User
from marketplace.base import clock
from marketplace.base.actor import SYSTEM, Actor
from marketplace.base.assertions import NotConfirmed
from marketplace.base.errors import Invalid, NotFound, StateConflict, TooEarly
from marketplace.base.locks import lock, lock_shared
from marketplace.base.rules import require
from marketplace.base.states import move
from marketplace.bidding.challenges import NOT_SEALED, opening_challenge
from marketplace.bidding.confirmations import holder_of
from marketplace.bidding.models import (
    Opening,
    OpeningConfirmation,
    OpeningStage,
    OpeningState,
)
from marketplace.bidding.queries import enough_bids, standing_bids
from marketplace.bidding.rules import can_confirm_opening
from marketplace.ledger import actions as ledger
from marketplace.ledger.models import Audience
from marketplace.scenarios.actions import record_failure
from marketplace.scenarios.models import Scenario, State

REFUSED = {
    "malformed": gettext_lazy("This is not the answer of a security key."),
    "challenge": gettext_lazy(
        "The key signed something else. Load the page again and confirm once more."
    ),
    "not_verified": gettext_lazy(
        "The key did not check who holds it: use its PIN or your fingerprint."
    ),
    "signature": gettext_lazy("The signature of the key does not hold."),
    "unknown_key": gettext_lazy(
        "This key was not announced with the demand as yours; it opens nothing."
    ),
}
# In which state of the scenario each stage may be confirmed and carried out.
STAGE_STATE = {OpeningStage.FIRST: State.CLOSED, OpeningStage.PRICE: State.REVIEW}


def request_first_opening(*, scenario: Scenario) -> Opening | None:
    """What follows from closing, inside the closing's transaction (the row is locked).

    None if too few bids stand: the listing then fails in a step of its own.
    """
    profile = scenario.profile
    if profile is None or not profile.takes_bids:
        return None
    if not enough_bids(scenario):
        return None
    return request_opening(scenario=scenario, stage=OpeningStage.FIRST, actor=SYSTEM)


def request_price_opening(*, scenario: Scenario, actor: Actor) -> Opening:
    """Called by the committee, in its transaction, once every sheet is locked."""
    return request_opening(scenario=scenario, stage=OpeningStage.PRICE, actor=actor)


def request_opening(*, scenario: Scenario, stage: OpeningStage, actor: Actor) -> Opening:
    assert transaction.get_connection().in_atomic_block, "an opening belongs to its cause"
    assert scenario.profile is not None, "published scenarios have one"
    opening, fresh = Opening.objects.standing().get_or_create(
        scenario=scenario,
        stage=stage,
        defaults={"confirmations_needed": scenario.profile.count("open_confirmations")},
    )
    if fresh:
        ledger.append(
            "opening.requested",
            actor=actor,
            subjects=[scenario.uid, opening.uid],
            audience=Audience.PARTIES,
            to_state=opening.state,
            profile_version=scenario.profile.label,
            data={"stage": stage, "confirmations_needed": opening.confirmations_needed},
        )
    return opening


@transaction.atomic
def fail_thin_listing(*, scenario_uid: UUID, actor: Actor = SYSTEM) -> bool:
    """流榜 for want of bids, after the closing. Returns whether it failed now; twice is once.

    The public learns the code of the failure, never a number.
    """
    scenario = lock(Scenario, uid=scenario_uid)
    profile = scenario.profile
    if scenario.state != State.CLOSED or profile is None or not profile.takes_bids:
        return False
    return fail_without_enough_bids(scenario=scenario, actor=actor)


def fail_without_enough_bids(*, scenario: Scenario, actor: Actor) -> bool:
    """The same wherever bids fall away: at the closing, at the opening and after it.

    scenario: locked by the caller. Returns whether it failed now.
    """
    if enough_bids(scenario):
        return False
    with override(settings.LANGUAGE_CODE):
        failure, reason = (
            ("too_few_bids", _("Fewer bids than the rules of this demand ask for."))
            if standing_bids(scenario).exists()
            else ("no_bids", _("No bid stood at the deadline."))
        )
    record_failure(scenario=scenario, actor=actor, failure=failure, reason=reason)
    return True


@transaction.atomic
def confirm_opening(
    *,
    actor: Actor,
    scenario_uid: UUID,
    stage: str,
    tree_size: int | None = None,
    assertion: Mapping[str, Any] | None = None,
) -> Opening:
    """One key holder says: open. Saying it twice counts once.

    assertion: by the holder's key over the challenge of `queries.opening_challenge`, whose
    tree_size is repeated here. The opener asks the same again of the log. Raises TooEarly before
    the deadline by the database's clock, StateConflict when nothing waits for a confirmation, and
    NotConfirmed (422) for an assertion that does not hold.
    """
    seen = Opening.objects.visible_to(actor).filter(scenario__uid=scenario_uid, stage=stage)
    asked_for = seen.first()
    if asked_for is None:
        refuse_early(actor, scenario_uid)
    scenario = lock_shared(Scenario, uid=scenario_uid)
    opening = lock(Opening, pk=asked_for.pk)
    require(can_confirm_opening, actor, scenario)
    assert actor.user is not None, "the rule asked for a person"
    if opening.state == OpeningState.SUPERSEDED:
        raise StateConflict(code="scenario.state")
    if OpeningConfirmation.objects.filter(opening=opening, user=actor.user).exists():
        return opening
    if opening.state != OpeningState.WAITING:
        raise StateConflict(_("Enough key holders have confirmed already."), code="opening.state")
    if scenario.state != STAGE_STATE[OpeningStage(stage)] or scenario.suspended:
        raise StateConflict(code="scenario.state")
    now = clock.now()
    if scenario.deadline_at is None or now < scenario.deadline_at:
        raise TooEarly
    require_assertion(actor.user, opening, tree_size, assertion)
    OpeningConfirmation.objects.create(
        opening=opening,
        user=actor.user,
        confirmed_at=now,
        tree_size=tree_size,
        assertion=assertion,
    )
    given = OpeningConfirmation.objects.filter(opening=opening).count()
    subjects = [scenario.uid, opening.uid]
    ledger.append(
        "confirmation.given",
        actor=actor,
        subjects=subjects,
        audience=Audience.PARTIES,
        data={"stage": stage, "given": given, "needed": opening.confirmations_needed},
    )
    if given >= opening.confirmations_needed:
        left = move(opening, OpeningState.CONFIRMED)
        ledger.append(
            "opening.confirmed",
            actor=actor,
            subjects=subjects,
            audience=Audience.PARTIES,
            from_state=left,
            to_state=opening.state,
            data={"stage": stage},
        )
    return opening


def require_assertion(
    user: User, opening: Opening, tree_size: int | None, assertion: Mapping[str, Any] | None
) -> None:
    """Raise Invalid unless the holder's own announced key signed what the page asked for."""
    if assertion is None or tree_size is None:
        raise Invalid(
            _("Confirm with your security key: nothing else opens bids."),
            code="opening.assertion_missing",
        )
    asked = opening_challenge(opening, tree_size)
    if asked is None:
        raise StateConflict(NOT_SEALED, code="opening.not_sealed")
    try:
        number = holder_of(assertion, asked.keys, challenge=asked.challenge)
    except NotConfirmed as error:
        raise Invalid(REFUSED[str(error)], code=f"opening.{error}") from error
    if asked.holders[number] != user.uid:
        raise Invalid(REFUSED["unknown_key"], code="opening.unknown_key")


def refuse_early(actor: Actor, scenario_uid: UUID) -> NoReturn:
    """No opening is there yet: a key holder is told that it is too early, others nothing."""
    scenario = Scenario.objects.visible_to(actor).filter(uid=scenario_uid).first()
    if scenario and scenario.state == State.PUBLISHED and can_confirm_opening(actor, scenario):
        raise TooEarly
    raise NotFound
