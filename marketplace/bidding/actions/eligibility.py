"""资格审查: each listed condition of each opened bid, then the conclusion."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import override

from marketplace.base import clock
from marketplace.base.actor import Actor
from marketplace.base.errors import Invalid, NotFound, StateConflict
from marketplace.base.locks import lock, lock_shared
from marketplace.base.rules import require
from marketplace.base.states import move
from marketplace.bidding.actions.opening import fail_without_enough_bids
from marketplace.bidding.models import Bid, BidState, EligibilityCheck, Verdict
from marketplace.bidding.queries import Relation, enough_bids, related_bids, standing_verdicts
from marketplace.bidding.rules import can_check_eligibility
from marketplace.ledger import actions as ledger
from marketplace.ledger.models import Audience
from marketplace.scenarios.actions import record_failure
from marketplace.scenarios.models import Condition, Scenario, State

REASON_MAX = 2000


@transaction.atomic
def start_eligibility(*, actor: Actor, scenario_uid: UUID) -> Scenario:
    scenario = find(actor, scenario_uid)
    require(can_check_eligibility, actor, scenario)
    require_running(scenario)
    left = move(scenario, State.ELIGIBILITY)
    ledger.append(
        "eligibility.started",
        actor=actor,
        subjects=[scenario.uid],
        audience=Audience.PARTIES,
        from_state=left,
        to_state=scenario.state,
    )
    return scenario


@transaction.atomic
def check_condition(
    *, actor: Actor, bid_uid: UUID, condition_code: str, verdict: str, reason: str = ""
) -> EligibilityCheck:
    """Add a verdict; of several the last one stands. A fail needs its reason, told the same day."""
    found = Bid.objects.visible_to(actor).filter(uid=bid_uid).values("scenario_id").first()
    if found is None:
        raise NotFound
    scenario = lock_shared(Scenario, pk=found["scenario_id"])
    bid = lock_shared(Bid, uid=bid_uid)
    require(can_check_eligibility, actor, scenario)
    require_running(scenario)
    if scenario.state != State.ELIGIBILITY or bid.state != BidState.OPENED:
        raise StateConflict(
            _("Conditions are checked between the opening and the review."),
            code="eligibility.not_running",
        )
    condition = Condition.objects.filter(scenario=scenario, code=condition_code).first()
    words = reason.strip()
    errors = verdict_errors(condition, verdict, words)
    if condition is None or errors:
        raise Invalid(
            code="eligibility.invalid", errors={name: [*told] for name, told in errors.items()}
        )
    assert actor.user is not None, "the rule asked for a person"
    check = EligibilityCheck.objects.create(
        bid=bid,
        condition=condition,
        verdict=verdict,
        reason=words,
        checked_by=actor.user,
        checked_at=clock.now(),
    )
    ledger.append(
        "condition.checked",
        actor=actor,
        subjects=[scenario.uid, bid.uid],
        audience=Audience.PARTIES,
        reason=words,
        data={"condition": condition.code, "verdict": verdict},
    )
    return check


def verdict_errors(condition: Condition | None, verdict: str, words: str) -> dict[str, list[str]]:
    errors: dict[str, list[str]] = {}
    if condition is None:
        errors["condition_code"] = [_("This demand has no such condition.")]
    if verdict not in Verdict.values:
        errors["verdict"] = [_("Say whether the condition is met or not.")]
    if verdict == Verdict.FAIL and not words:
        errors["reason"] = [_("Say why the condition is not met; the bidder is told.")]
    if len(words) > REASON_MAX:
        errors["reason"] = [_("At most %(limit)s characters.") % {"limit": REASON_MAX}]
    return errors


@transaction.atomic
def conclude_eligibility(*, actor: Actor, scenario_uid: UUID) -> Scenario:
    """Void related bids, tell eligible from ineligible, and go on to the review or fail.

    Raises StateConflict while a verdict is missing.
    """
    scenario = find(actor, scenario_uid)
    require(can_check_eligibility, actor, scenario)
    require_running(scenario)
    if scenario.state != State.ELIGIBILITY:
        raise StateConflict(code="scenario.state")
    opened = Bid.objects.filter(scenario=scenario, state=BidState.OPENED)
    bids = list(opened.select_for_update(of=("self",)).order_by("pk"))
    verdicts = standing_verdicts(bids)
    conditions = list(scenario.conditions.order_by("position", "pk"))
    missing = sum((bid.pk, c.pk) not in verdicts for bid in bids for c in conditions)
    if missing:
        raise StateConflict(
            _("Verdicts still missing: %(missing)s."),
            code="eligibility.incomplete",
            missing=missing,
        )
    relations = related_bids(scenario)
    eligible = 0
    for bid in bids:
        if bid.pk in relations:
            void_bid(actor=actor, scenario=scenario, bid=bid, reason=void_words(relations[bid.pk]))
            continue
        met = all(verdicts[bid.pk, c.pk].verdict == Verdict.PASS for c in conditions)
        eligible += met
        left = move(bid, BidState.ELIGIBLE if met else BidState.INELIGIBLE)
        ledger.append(
            "bid.qualified" if met else "bid.disqualified",
            actor=actor,
            subjects=[scenario.uid, bid.uid],
            audience=Audience.PARTIES,
            from_state=left,
            to_state=bid.state,
        )
    close_eligibility(actor=actor, scenario=scenario, eligible=eligible)
    return scenario


def close_eligibility(*, actor: Actor, scenario: Scenario, eligible: int) -> None:
    subjects = [scenario.uid]
    if not eligible:
        ledger.append(
            "eligibility.concluded", actor=actor, subjects=subjects, audience=Audience.PARTIES
        )
        with override(settings.LANGUAGE_CODE):
            reason = _("No bid met all conditions of this demand.")
        record_failure(scenario=scenario, actor=actor, failure="none_eligible", reason=reason)
        return
    if not enough_bids(scenario):
        ledger.append(
            "eligibility.concluded", actor=actor, subjects=subjects, audience=Audience.PARTIES
        )
        fail_without_enough_bids(scenario=scenario, actor=actor)
        return
    left = move(scenario, State.REVIEW)
    ledger.append(
        "eligibility.concluded",
        actor=actor,
        subjects=subjects,
        audience=Audience.PARTIES,
        from_state=left,
        to_state=scenario.state,
    )


def void_bid(*, actor: Actor, scenario: Scenario, bid: Bid, reason: str) -> None:
    """The bid is locked by the caller. Its reason stays here, the ledger gets a salted hash."""
    bid.void_reason = reason[:REASON_MAX]
    left = move(bid, BidState.VOID, also=("void_reason",))
    ledger.append(
        "bid.voided",
        actor=actor,
        subjects=[scenario.uid, bid.uid],
        audience=Audience.PARTIES,
        from_state=left,
        to_state=bid.state,
        reason=bid.void_reason,
    )


def void_words(relations: list[Relation]) -> str:
    """Why related bids are void, in the language of the installation (L2 §34, §37)."""
    with override(settings.LANGUAGE_CODE):
        lines = []
        for relation in relations:
            names = {"other": relation.other, "member": relation.member}
            if relation.kind == "control":
                line = _("Under the same control as “%(other)s”, which bid as well.")
            else:
                line = _("“%(member)s” takes part in the bid of “%(other)s” as well.")
            lines.append(line % names)
        return "\n".join([*lines, _("By the rules all such bids are void.")])


def find(actor: Actor, scenario_uid: UUID) -> Scenario:
    if not Scenario.objects.visible_to(actor).filter(uid=scenario_uid).exists():
        raise NotFound
    return lock(Scenario, uid=scenario_uid)


def require_running(scenario: Scenario) -> None:
    if scenario.suspended:
        raise StateConflict(
            _("This demand is suspended; nothing is decided until it goes on."),
            code="scenario.suspended",
        )
