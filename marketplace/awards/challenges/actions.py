"""Challenging a member by name, hearing it, and recording what was redone."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, override

from marketplace.awards.challenges import queries
from marketplace.awards.challenges.models import ChallengeState, MemberChallenge, RedoStep
from marketplace.awards.models import Decision, DecisionState
from marketplace.awards.rules import can_challenge_member, can_hear_challenge, can_record_redo
from marketplace.base import clock
from marketplace.base.actor import Actor
from marketplace.base.errors import DeadlinePassed, Invalid, NotFound, StateConflict
from marketplace.base.locks import lock, lock_shared
from marketplace.base.rules import require
from marketplace.base.states import move
from marketplace.base.texts import read_all, text
from marketplace.bidding.models import Bid, BidState
from marketplace.committee.models import MemberState, PanelMember
from marketplace.committee.queries import names_are_public, rules_of
from marketplace.ledger import actions as ledger
from marketplace.ledger.models import Audience
from marketplace.scenarios.actions import record_failure
from marketplace.scenarios.models import Scenario

REASON_MIN = 20
TEXT_MOST = 4000


@transaction.atomic
def file_challenge(*, actor: Actor, member_uid: UUID, reason: str) -> MemberChallenge:
    """A bidder names a member and says why, while the window after the publicity runs.

    Raises NotFound before names are public, DeadlinePassed, Invalid, StateConflict for a second
    challenge of the same member.
    """
    if not PanelMember.objects.filter(uid=member_uid).exists():
        raise NotFound
    scenario = lock_shared(Scenario, panel__members__uid=member_uid)
    member = PanelMember.objects.select_related("panel__scenario", "user").get(uid=member_uid)
    seen = Scenario.objects.visible_to(actor).filter(pk=scenario.pk).exists()
    if not seen or not names_are_public(scenario):
        raise NotFound
    require(can_challenge_member, actor, member)
    publicity = queries.standing_publicity(scenario)
    if publicity is None:
        raise StateConflict(
            _("Members are challenged while the result is in publicity."), code="challenge.state"
        )
    now = clock.now()
    if now >= queries.until(publicity):
        raise DeadlinePassed(_("The time to challenge a member is over."), code="challenge.over")
    if member.state == MemberState.RECUSED:
        raise StateConflict(
            _("This member was recused: nothing of theirs counts."), code="challenge.recused"
        )
    words = said("reason", reason)
    PanelMember.objects.select_for_update().get(pk=member.pk)
    if MemberChallenge.objects.filter(member=member, organisation=actor.party).exists():
        raise StateConflict(
            _("Your organisation has challenged this member already."), code="challenge.once"
        )
    challenge = MemberChallenge.objects.create(
        publicity=publicity,
        member=member,
        organisation=actor.party,
        filed_by=actor.person,
        filed_at=now,
        reason=words,
    )
    tell("challenge.filed", challenge, scenario, actor=actor, reason=words)
    return challenge


@transaction.atomic
def admit_challenge(
    *, actor: Actor, challenge_uid: UUID, admissible: bool, reason: str = ""
) -> MemberChallenge:
    """The first step: whether it is taken up. What is not admitted is told with its reason."""
    scenario, challenge = _heard(actor, challenge_uid)
    words = said("reason", reason, needed=not admissible)
    challenge.admission_by, challenge.admission_at = actor.person, clock.now()
    challenge.admission_reason = words
    to = ChallengeState.ADMITTED if admissible else ChallengeState.INADMISSIBLE
    left = move(challenge, to, also=("admission_by", "admission_at", "admission_reason"))
    kind = "challenge.admitted" if admissible else "challenge.refused"
    tell(kind, challenge, scenario, actor=actor, reason=words, left=left)
    return challenge


@transaction.atomic
def rule_challenge(
    *, actor: Actor, challenge_uid: UUID, upheld: bool, reason: str, redo_step: str = ""
) -> MemberChallenge:
    """The second step and the last. Upheld, it names the step to be redone.

    The report stands and the prices are known, so nobody's sheets are voided here: the award
    stays unconfirmed until an officer records what was redone.
    """
    scenario, challenge = _heard(actor, challenge_uid)
    words = said("reason", reason)
    if upheld and redo_step not in RedoStep.values:
        raise Invalid(
            errors={"redo_step": [_("Say which step is to be redone.")]}, code="challenge.step"
        )
    challenge.ruled_by, challenge.ruled_at, challenge.ruling = actor.person, clock.now(), words
    challenge.redo_step = redo_step if upheld else ""
    to = ChallengeState.UPHELD if upheld else ChallengeState.REJECTED
    left = move(challenge, to, also=("ruled_by", "ruled_at", "ruling", "redo_step"))
    tell("challenge.ruled", challenge, scenario, actor=actor, reason=words, left=left)
    return challenge


@transaction.atomic
def record_redo(
    *, actor: Actor, challenge_uid: UUID, document: str, result: str, ranking_holds: bool
) -> MemberChallenge:
    """What was redone, by its document. Where the ranking does not hold, there is no award.

    Then the decision is annulled and the listing fails; it may be listed anew.
    """
    scenario, challenge = _found(actor, challenge_uid)
    require(can_record_redo, actor, challenge)
    _require_undecided(scenario)
    given = read_all(
        {"document": text(80), "result": text(TEXT_MOST, lines=True)},
        {"document": document, "result": result},
        needed=["document", "result"],
    )
    challenge.redone_by, challenge.redone_at = actor.person, clock.now()
    challenge.redo_document, challenge.redo_result = given["document"], given["result"]
    challenge.ranking_holds = ranking_holds
    fields = ("redone_by", "redone_at", "redo_document", "redo_result", "ranking_holds")
    left = move(challenge, ChallengeState.REDONE, also=fields)
    tell(
        "challenge.redone",
        challenge,
        scenario,
        actor=actor,
        reason=challenge.redo_result,
        left=left,
        holds=ranking_holds,
    )
    if not ranking_holds:
        annul(scenario, actor=actor)
    return challenge


def annul(scenario: Scenario, *, actor: Actor) -> None:
    """End the listing: its ranking does not stand. The scenario is locked FOR UPDATE."""
    standing = Decision.objects.select_for_update().filter(scenario=scenario)
    for decision in standing.exclude(state=DecisionState.REFUSED):
        move(decision, DecisionState.ANNULLED)
    candidates = Bid.objects.select_for_update().filter(scenario=scenario, state=BidState.CANDIDATE)
    for bid in candidates.order_by("pk"):
        move(bid, BidState.LOST)
    with override(settings.LANGUAGE_CODE):
        words = str(_("A challenge to a member was upheld, and the ranking does not hold."))
    record_failure(scenario=scenario, actor=actor, failure="panel_challenged", reason=words)


# -- What they share -------------------------------------------------------------------------------
SHORT = gettext_lazy("Give the reasons in at least %(least)s characters.")


def said(field: str, words: str, *, needed: bool = True) -> str:
    """Raises Invalid where reasons are needed and too few."""
    clean: str = read_all({field: text(TEXT_MOST, lines=True)}, {field: words})[field]
    if needed and len(clean) < REASON_MIN:
        raise Invalid(errors={field: [str(SHORT) % {"least": REASON_MIN}]}, code="challenge.reason")
    return clean


def tell(
    kind: str,
    challenge: MemberChallenge,
    scenario: Scenario,
    *,
    actor: Actor,
    reason: str,
    left: str = "",
    holds: bool | None = None,
) -> None:
    """Who challenged whom stays with the office; that one was upheld stands in the notices."""
    ledger.append(
        kind,
        actor=actor,
        subjects=[scenario.uid, challenge.uid],
        audience=Audience.OFFICE,
        from_state=left,
        to_state=challenge.state,
        reason=reason,
        profile_version=rules_of(scenario).label,
        data={
            "member": challenge.member.code,
            **({"redo": challenge.redo_step} if challenge.redo_step else {}),
            **({"ranking_holds": holds} if holds is not None else {}),
        },
    )


def _found(actor: Actor, challenge_uid: UUID) -> tuple[Scenario, MemberChallenge]:
    found = MemberChallenge.objects.visible_to(actor).filter(uid=challenge_uid).first()
    if found is None:
        raise NotFound
    scenario = lock(Scenario, decisions__publicity__challenges__pk=found.pk)
    return scenario, lock(MemberChallenge, pk=found.pk)


def _heard(actor: Actor, challenge_uid: UUID) -> tuple[Scenario, MemberChallenge]:
    scenario, challenge = _found(actor, challenge_uid)
    require(can_hear_challenge, actor, challenge)
    _require_undecided(scenario)
    return scenario, challenge


def _require_undecided(scenario: Scenario) -> None:
    """The winner may have refused meanwhile: the panel is the same for whoever follows."""
    if scenario.state not in queries.HEARD_IN:
        raise StateConflict(
            _("A challenge is heard before the award is confirmed."), code="challenge.state"
        )
