from __future__ import annotations

import hashlib
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_lazy as _
from django.utils.translation import override

from marketplace.awards import queries
from marketplace.awards.challenges import queries as challenges
from marketplace.awards.challenges.models import ChallengeState
from marketplace.awards.models import Award, Decision, DecisionState, Publicity
from marketplace.awards.notice import notice
from marketplace.awards.rules import (
    can_choose_winner,
    can_confirm_award,
    can_decide_by_minutes,
    can_publicise,
    can_refuse_award,
)
from marketplace.base import clock
from marketplace.base.actor import Actor
from marketplace.base.canonical import canonical
from marketplace.base.errors import Invalid, NotFound, StateConflict, TooEarly
from marketplace.base.locks import lock
from marketplace.base.rules import require
from marketplace.base.states import move
from marketplace.bidding.actions.eligibility import require_running
from marketplace.bidding.models import Bid, BidState
from marketplace.committee.models import Ranking
from marketplace.committee.queries import rules_of
from marketplace.ledger import actions as ledger
from marketplace.ledger.models import Audience
from marketplace.races.queries import require_award_may_be_decided, require_nothing_runs
from marketplace.scenarios.actions import record_failure
from marketplace.scenarios.models import AwardMode, Scenario
from marketplace.scenarios.models import State as ScenarioState
from marketplace.scenarios.windows import window_end

REASON_MIN = 20


@transaction.atomic
def choose_winner(*, actor: Actor, scenario_uid: UUID, bid_uid: UUID, reason: str = "") -> Decision:
    """The owner picks one of the candidates; any but the best one left only with reasons."""
    scenario = lock(Scenario, uid=scenario_uid)
    require(can_choose_winner, actor, scenario)
    best, chosen = _to_be_decided(scenario, bid_uid, AwardMode.OWNER_CHOICE)
    reason = reason.strip()
    if chosen != best and len(reason) < REASON_MIN:
        raise Invalid(
            errors={
                "reason": [
                    _("Another than the first is chosen only with reasons of 20 characters.")
                ]
            },
            code="award.reason",
        )
    return _decide(scenario, chosen, actor=actor, reason=reason, minutes_number="")


@transaction.atomic
def decide_by_minutes(
    *, actor: Actor, scenario_uid: UUID, bid_uid: UUID, minutes_number: str, reason: str = ""
) -> Decision:
    """Enter a collective decision: the first, or the next one after a refusal, by its minutes."""
    scenario = lock(Scenario, uid=scenario_uid)
    require(can_decide_by_minutes, actor, scenario)
    best, chosen = _to_be_decided(scenario, bid_uid, AwardMode.COLLECTIVE)
    if not minutes_number.strip():
        raise Invalid(
            errors={"minutes_number": [_("Give the number of the minutes.")]},
            code="award.minutes",
        )
    if chosen != best:
        raise Invalid(
            errors={"bid": [_("The first of the ranking wins; the next only after a refusal.")]},
            code="award.not_first",
        )
    return _decide(
        scenario, chosen, actor=actor, reason=reason.strip(), minutes_number=minutes_number.strip()
    )


@transaction.atomic
def choose_nobody(*, actor: Actor, scenario_uid: UUID, reason: str) -> Scenario:
    """None of the candidates is taken, with reasons: the listing fails 流榜 and stays visible.

    By the owner, or where a meeting decides by an officer. Raises StateConflict, Invalid.
    """
    scenario = lock(Scenario, uid=scenario_uid)
    collective = scenario.award_mode == AwardMode.COLLECTIVE
    require(can_decide_by_minutes if collective else can_choose_winner, actor, scenario)
    _require_undecided(scenario)
    require_nothing_runs(scenario)
    words = reason.strip()
    if len(words) < REASON_MIN:
        raise Invalid(
            errors={"reason": [_("Give the reasons in at least 20 characters.")]},
            code="award.reason",
        )
    candidates = Bid.objects.select_for_update().filter(scenario=scenario, state=BidState.CANDIDATE)
    for bid in candidates.order_by("pk"):
        move(bid, BidState.LOST)
    return record_failure(scenario=scenario, actor=actor, failure="none_chosen", reason=words)


def _require_undecided(scenario: Scenario) -> None:
    """The scenario is locked FOR UPDATE."""
    require_running(scenario)
    if scenario.state != ScenarioState.DECISION:
        raise StateConflict(_("There is nothing to decide at this stage."), code="award.state")
    if Decision.objects.filter(scenario=scenario).exclude(state=DecisionState.REFUSED).exists():
        raise StateConflict(_("The award is decided already."), code="award.decided")


def _to_be_decided(scenario: Scenario, bid_uid: UUID, mode: str) -> tuple[Ranking, Ranking]:
    """(the best candidate left, the one asked for). The scenario is locked FOR UPDATE."""
    _require_undecided(scenario)
    require_award_may_be_decided(scenario)
    if scenario.award_mode != mode:
        raise StateConflict(_("This demand's award is decided in another way."), code="award.mode")
    if not Bid.objects.filter(scenario=scenario, uid=bid_uid).exists():
        raise NotFound
    left = queries.standing_candidates(scenario)
    chosen = next((row for row in left if row.bid.uid == bid_uid), None)
    if chosen is None:
        raise Invalid(
            errors={"bid": [_("This bid is not among the recommended candidates.")]},
            code="award.not_candidate",
        )
    return left[0], chosen


def _decide(
    scenario: Scenario, chosen: Ranking, *, actor: Actor, reason: str, minutes_number: str
) -> Decision:
    assert actor.user is not None, "owners and officers are people"
    decision = Decision.objects.create(
        scenario=scenario,
        bid=chosen.bid,
        reason=reason,
        minutes_number=minutes_number,
        decided_by=actor.user,
        decided_at=clock.now(),
    )
    ledger.append(
        "award.decided",
        actor=actor,
        subjects=[scenario.uid, chosen.bid.uid, decision.uid],
        audience=Audience.OFFICE,
        to_state=decision.state,
        reason=reason,
        profile_version=rules_of(scenario).label,
        data={"place": chosen.place, "mode": scenario.award_mode},
    )
    return decision


@transaction.atomic
def publicise(*, actor: Actor, decision_uid: UUID, ends_at: datetime | None = None) -> Publicity:
    """Publish the notice and start its window.

    ends_at: a later end than the profile asks for, never an earlier one (Invalid). Raises
    CalendarMissing where the window needs a calendar that is not on file.
    """
    scenario = lock(Scenario, decisions__uid=decision_uid)
    decision = lock(Decision, uid=decision_uid)
    require(can_publicise, actor, decision)
    require_running(scenario)
    if scenario.award_mode == AwardMode.COLLECTIVE and not decision.minutes_number:
        raise Invalid(
            _("Without the number of the minutes there is no publicity."), code="award.minutes"
        )
    move(decision, DecisionState.PUBLICISED)
    left = move(scenario, ScenarioState.PUBLICITY)
    starts_at = clock.now()
    least = window_end(rules_of(scenario), "publicity_min", starts_at)
    if ends_at is not None and ends_at < least:
        raise Invalid(
            errors={"ends_at": [_("The publicity is shorter than the rules allow.")]},
            code="publicity.short",
        )
    ends_at = ends_at or least
    body = canonical(notice(decision, starts_at=starts_at, ends_at=ends_at))
    assert actor.user is not None, "an officer is a person"
    publicity = Publicity.objects.create(
        decision=decision,
        body=body,
        sha256=hashlib.sha256(body).hexdigest(),
        starts_at=starts_at,
        ends_at=ends_at,
        challenges_until=challenges.window_of(rules_of(scenario), starts_at, ends_at),
        published_by=actor.user,
    )
    ledger.append(
        "award.publicised",
        actor=actor,
        subjects=[decision.uid, publicity.uid, scenario.uid],
        audience=Audience.PUBLIC,
        from_state=left,
        to_state=scenario.state,
        profile_version=rules_of(scenario).label,
        data={"ref": scenario.ref, "ends_at": ends_at, "sha256": publicity.sha256},
    )
    return publicity


@transaction.atomic
def confirm_award(*, actor: Actor, decision_uid: UUID) -> Award:
    """After the publicity's window, half-open: at its end the award may be confirmed."""
    scenario = lock(Scenario, decisions__uid=decision_uid)
    decision = lock(Decision, uid=decision_uid)
    require(can_confirm_award, actor, decision)
    _require_publicised(decision)
    require_running(scenario)
    now = clock.now()
    if now < decision.publicity.ends_at:
        raise TooEarly(_("The publicity is still running."), code="publicity.running")
    _require_unchallenged(decision, now)
    bids = list(
        Bid.objects.select_for_update()
        .filter(scenario=scenario, state=BidState.CANDIDATE)
        .order_by("pk")
    )
    winner = next(bid for bid in bids if bid.pk == decision.bid_id)
    for bid in bids:
        move(bid, BidState.WON if bid is winner else BidState.LOST)
    move(decision, DecisionState.CONFIRMED)
    left = move(scenario, ScenarioState.AWARDED)
    assert actor.user is not None, "an officer is a person"
    assert winner.price_cny is not None, "a ranked bid has a price"
    award = Award.objects.create(
        scenario=scenario,
        decision=decision,
        amount_cny=winner.price_cny,
        confirmed_by=actor.user,
        confirmed_at=now,
    )
    ledger.append(
        "award.confirmed",
        actor=actor,
        subjects=[decision.uid, winner.uid, award.uid, scenario.uid],
        audience=Audience.PUBLIC,
        from_state=left,
        to_state=scenario.state,
        profile_version=rules_of(scenario).label,
        data={"ref": scenario.ref, "amount_cny": award.amount_cny},
    )
    return award


@transaction.atomic
def refuse_award(*, actor: Actor, decision_uid: UUID, reason: str) -> Decision:
    """The winner steps back before confirmation: the next ranked may be decided, or nobody is left."""
    scenario = lock(Scenario, decisions__uid=decision_uid)
    decision = lock(Decision, uid=decision_uid)
    if not Decision.objects.visible_to(actor).filter(pk=decision.pk).exists():
        raise NotFound
    require(can_refuse_award, actor, decision)
    _require_publicised(decision)
    if not reason.strip():
        raise Invalid(errors={"reason": [_("Give the reason.")]}, code="award.refusal_reason")
    bid = lock(Bid, pk=decision.bid_id)
    move(bid, BidState.LOST)
    decision.refusal_reason = reason.strip()
    move(decision, DecisionState.REFUSED, also=("refusal_reason",))
    left = scenario.state
    remaining = queries.standing_candidates(scenario)
    if remaining:
        move(scenario, ScenarioState.DECISION)
    ledger.append(
        "award.refused",
        actor=actor,
        subjects=[decision.uid, bid.uid, scenario.uid],
        audience=Audience.PUBLIC,  # as public as the notice that it ends
        from_state=left,
        to_state=scenario.state,
        reason=decision.refusal_reason,
        profile_version=rules_of(scenario).label,
        data={"ref": scenario.ref},
    )
    if not remaining:
        with override(settings.LANGUAGE_CODE):
            words = str(_("The winner refused the award and no candidate is left."))
        record_failure(scenario=scenario, actor=actor, failure="refused", reason=words)
    return decision


def _require_unchallenged(decision: Decision, now: datetime) -> None:
    """No member may be challenged any more, and every challenge is heard and, if upheld, redone."""
    if now < challenges.until(decision.publicity):
        raise TooEarly(_("Members of the panel may still be challenged."), code="challenge.running")
    states = challenges.blocking(decision)
    if ChallengeState.UPHELD in states:
        raise StateConflict(
            _("A challenge was upheld: an officer first records what was redone."),
            code="challenge.redo",
        )
    if states:
        raise StateConflict(
            _("A challenge to a member is not heard yet."), code="challenge.unheard"
        )


def _require_publicised(decision: Decision) -> None:
    if decision.state != DecisionState.PUBLICISED:
        raise StateConflict(
            _("This is possible only for an award in publicity."), code="decision.state"
        )
