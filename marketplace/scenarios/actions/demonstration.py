"""需求论证: asking experts, their opinions, and what the secretary concludes from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from marketplace.accounts.actions import end_grants, grant
from marketplace.accounts.models import Capability, PersonRole, User
from marketplace.base import clock
from marketplace.base.actor import Actor, Role
from marketplace.base.errors import Invalid, NotFound, StateConflict
from marketplace.base.rules import require
from marketplace.base.states import move
from marketplace.ledger import actions as ledger
from marketplace.ledger.models import Audience
from marketplace.scenarios.actions.documents import keep_document
from marketplace.scenarios.actions.found import find, keep_note, profile_label, stated
from marketplace.scenarios.demonstration.conclusion import QUESTIONS
from marketplace.scenarios.demonstration.models import (
    Demonstration,
    DemonstrationOpinion,
    DemonstrationSeat,
    Outcome,
    SeatState,
    Verdict,
)
from marketplace.scenarios.demonstration.numbers import experts_least, experts_most
from marketplace.scenarios.demonstration.queries import (
    candidates,
    open_round,
    snapshot,
    standing,
    time_for_opinions,
)
from marketplace.scenarios.documents.kinds import DocumentKind
from marketplace.scenarios.documents.models import GateDocument
from marketplace.scenarios.models import Scenario, State
from marketplace.scenarios.readers import Wrong, text
from marketplace.scenarios.readers import deadline as deadline_reader
from marketplace.scenarios.rules import (
    can_conclude_demonstration,
    can_give_opinion,
    can_invite_experts,
)

QUESTION_MOST, WORDS_MOST = 2000, 4000
TO = {
    Outcome.PASS: (State.DEMONSTRATED, "scenario.demonstrated"),
    Outcome.REVISE: (State.RETURNED, "scenario.returned"),
    Outcome.REJECT: (State.REJECTED, "scenario.rejected"),
}


@transaction.atomic
def invite_experts(
    *,
    actor: Actor,
    scenario_uid: UUID,
    expert_uids: Sequence[UUID],
    due_at: datetime | str | None = None,
) -> Demonstration:
    """Ask experts of the pool for their opinion: a new round, or more of them in the open one.

    expert_uids: of users. due_at: until when, else the profile's time. Each gets to read the demand
    until the round is over. Raises Invalid with one sentence per reason: too few or too many, no
    expert, a tie to the owner; StateConflict unless the demand is in demonstration.
    """
    scenario = find(actor, scenario_uid)
    require(can_invite_experts, actor, scenario)
    if scenario.state != State.DEMONSTRATING:
        raise StateConflict(
            gettext_lazy("Experts are asked once the demand is taken up for demonstration."),
            code="scenario.state",
        )
    now, current = clock.now(), open_round(scenario)
    errors: dict[str, list[Any]] = {}
    until = _until(due_at, now, scenario, errors) if current is None else current.due_at
    users = _experts(scenario, expert_uids, current, errors)
    if errors:
        raise Invalid(errors=errors, code="demonstration.experts")
    if current is None:
        current = Demonstration.objects.create(
            scenario=scenario,
            number=scenario.demonstrations.count() + 1,
            revision=scenario.revision,
            body=snapshot(scenario),
            due_at=until,
            opened_by=actor.person,
            opened_at=now,
        )
    for user in users:
        DemonstrationSeat.objects.create(demonstration=current, user=user, invited_by=actor.person)
        grant(subject_uid=scenario.uid, capability=Capability.READ, user=user)
    ledger.append(
        "demonstration.invited",
        actor=actor,
        subjects=[scenario.uid, current.uid],
        audience=Audience.OFFICE,
        profile_version=profile_label(scenario),
        inputs=[user.uid for user in users],
        data={"number": current.number, "experts": len(users), "due_at": current.due_at},
    )
    return current


@transaction.atomic
def give_opinion(
    *,
    actor: Actor,
    demonstration_uid: UUID,
    answers: Mapping[str, Any],
    verdict: str,
    words: str = "",
) -> DemonstrationOpinion:
    """One expert's opinion, once.

    answers: {question: {"yes": bool, "words": str}} for the four questions of conclusion.py; a no
    needs words, and so does every verdict but pass. Raises Invalid with every fault, StateConflict
    once the round is over or the opinion was given.
    """
    seat = _own_seat(actor, demonstration_uid)
    values = _read(answers, verdict, words)
    opinion = DemonstrationOpinion.objects.create(seat=seat, given_at=clock.now(), **values)
    left = move(seat, SeatState.OPINED)
    _tell(actor, seat, "demonstration.opined", left=left, inputs=values)
    return opinion


@transaction.atomic
def decline_demonstration(
    *, actor: Actor, demonstration_uid: UUID, reason: str
) -> DemonstrationSeat:
    """An expert who was asked stands back: an interest, or no time. The office may ask another."""
    words = stated(reason)
    seat = _own_seat(actor, demonstration_uid)
    seat.reason = words
    left = move(seat, SeatState.DECLINED, also=("reason",))
    _end_reading(seat.demonstration, [seat.user])
    _tell(actor, seat, "demonstration.declined", left=left, reason=words)
    return seat


@transaction.atomic
def conclude_demonstration(
    *, actor: Actor, scenario_uid: UUID, outcome: str, opinion: str
) -> Scenario:
    """The secretary concludes the open round with an outcome that the opinions carry.

    opinion: the summary that the owner reads, and the document 论证意见 of the five where it
    passes. Raises Invalid, and StateConflict while opinions are waited for or the outcome is not
    carried (conclusion.py says when).
    """
    words = stated(opinion, field="opinion")
    scenario = find(actor, scenario_uid)
    require(can_conclude_demonstration, actor, scenario)
    current = open_round(scenario)
    if scenario.state != State.DEMONSTRATING or current is None:
        raise StateConflict(
            gettext_lazy("There is no round of demonstration to conclude."), code="scenario.state"
        )
    if outcome not in TO:
        raise Invalid(errors={"outcome": [_("Choose the outcome.")]})
    stands = standing(current, clock.now())
    if not stands.concludable:
        raise StateConflict(
            gettext_lazy(
                "At least %(least)s opinions are needed, and nobody may be waited for unless the"
                " time is over."
            ),
            code="demonstration.waiting",
            least=experts_least(scenario.profile),
        )
    if outcome not in stands.outcomes:
        raise StateConflict(
            gettext_lazy("The opinions do not carry this outcome; the page says which they do."),
            code="demonstration.outcome",
        )
    to, kind = TO[Outcome(outcome)]
    _close(current, actor, Outcome(outcome), words)
    left = move(scenario, to)
    keep_note(actor, scenario, words)
    count = {
        "experts": stands.count.opinions,
        **{f"yes_{name}": yes for name, yes in stands.count.yes.items()},
        **{f"verdict_{name}": many for name, many in stands.count.verdicts.items()},
    }
    ledger.append(
        kind,
        actor=actor,
        subjects=[scenario.uid],
        from_state=left,
        to_state=scenario.state,
        reason=words,
        profile_version=profile_label(scenario),
        inputs=count,
        data={"revision": scenario.revision, "demonstration": current.number, "outcome": outcome},
    )
    if outcome == Outcome.PASS:
        row = GateDocument(scenario=scenario, kind=DocumentKind.OPINION)
        keep_document(row, actor=actor, words=words, answers=count)
    return scenario


def break_off(scenario: Scenario, actor: Actor, words: str) -> None:
    """Inside the office's own step: an open round ends without an outcome."""
    current = open_round(scenario)
    if current is not None:
        _close(current, actor, Outcome.BROKEN_OFF, words)


def _close(current: Demonstration, actor: Actor, outcome: Outcome, words: str) -> None:
    current.outcome, current.words = outcome, words
    current.concluded_by, current.concluded_at = actor.person, clock.now()
    current.save(update_fields=["outcome", "words", "concluded_by", "concluded_at"])
    _end_reading(current, [seat.user for seat in current.seats.select_related("user")])


def _end_reading(demonstration: Demonstration, users: list[User]) -> None:
    for user in users:
        end_grants(user=user, subject_uids=[demonstration.scenario.uid], capability=Capability.READ)


def _own_seat(actor: Actor, demonstration_uid: UUID) -> DemonstrationSeat:
    """The demand is held, so that concluding waits for an opinion, and an opinion for concluding."""
    rows = Demonstration.objects.visible_to(actor).filter(uid=demonstration_uid)
    found = rows.select_related("scenario").first()
    if found is None:
        raise NotFound
    scenario = find(actor, found.scenario.uid)
    require(can_give_opinion, actor, found)
    current = Demonstration.objects.get(pk=found.pk)
    current.scenario = scenario
    seat = current.seats.get(user=actor.user)
    seat.demonstration = current
    if current.concluded_at is not None or seat.state != SeatState.INVITED:
        raise StateConflict(
            gettext_lazy("Your opinion is given, or this round is over."), code="demonstration.over"
        )
    return seat


def _tell(actor: Actor, seat: DemonstrationSeat, kind: str, *, left: str, **more: Any) -> None:
    current = seat.demonstration
    ledger.append(
        kind,
        actor=actor,
        subjects=[current.scenario.uid, current.uid],
        audience=Audience.OFFICE,
        from_state=left,
        to_state=seat.state,
        profile_version=profile_label(current.scenario),
        data={"number": current.number},
        **more,
    )


def _until(
    due_at: datetime | str | None, now: datetime, scenario: Scenario, errors: dict[str, list[Any]]
) -> datetime:
    if not due_at:
        return time_for_opinions(scenario)
    try:
        until: datetime = deadline_reader(now)(due_at)
    except Wrong as wrong:
        errors["due_at"] = [wrong.message]
        return now
    if until <= now:
        errors["due_at"] = [_("The deadline must lie in the future.")]
    return until


def _experts(
    scenario: Scenario,
    uids: Sequence[UUID],
    current: Demonstration | None,
    errors: dict[str, list[Any]],
) -> list[User]:
    wanted = list(dict.fromkeys(uids))
    pool = PersonRole.objects.filter(role=Role.EXPERT).values("user_id")
    users = list(User.objects.filter(uid__in=wanted, pk__in=pool, is_active=True).order_by("pk"))
    said: list[Any] = []
    if len(users) < len(wanted):
        said.append(_("Somebody named here is not an expert of the pool."))
    for row in candidates(scenario, users):
        said += [f"{row.user.name}: {tie.sentence}" for tie in row.ties if tie.hard]
        if row.seated or (current is not None and current.seats.filter(user=row.user).exists()):
            said.append(_("%(name)s was asked already.") % {"name": row.user.name})
    sitting = current.seats.exclude(state=SeatState.DECLINED).count() if current else 0
    least, most = experts_least(scenario.profile), experts_most(scenario.profile)
    if not wanted or not least <= sitting + len(wanted) <= most:
        sentence = _("A demonstration takes %(least)s to %(most)s experts.")
        said.append(sentence % {"least": least, "most": most})
    if said:
        errors["experts"] = said
    return users


def _read(answers: Mapping[str, Any], verdict: str, words: str) -> dict[str, Any]:
    errors: dict[str, list[Any]] = {}
    values: dict[str, Any] = {}
    for name in QUESTIONS:
        given = answers.get(name) or {}
        yes = given.get("yes")
        said = _text(given.get("words", ""), QUESTION_MOST, f"{name}_words", errors)
        if not isinstance(yes, bool):
            errors[name] = [_("Answer yes or no.")]
        elif not yes and not said:
            errors.setdefault(f"{name}_words", [_("Say why, in a sentence at least.")])
        values |= {name: yes, f"{name}_words": said}
    if verdict not in Verdict.values:
        errors["verdict"] = [_("Choose your verdict.")]
    values["verdict"] = verdict
    values["words"] = _text(words, WORDS_MOST, "words", errors)
    if verdict in {Verdict.REVISE, Verdict.REJECT} and not values["words"]:
        errors.setdefault("words", [_("Say what is to be revised, or why it cannot pass.")])
    if verdict == Verdict.PASS and any(values[name] is False for name in QUESTIONS):
        errors["verdict"] = [_("A demand that fails a question does not pass as it stands.")]
    if errors:
        raise Invalid(errors=errors)
    return values


def _text(raw: Any, most: int, field: str, errors: dict[str, list[Any]]) -> str:
    try:
        return str(text(most, lines=True)(raw))
    except Wrong as wrong:
        errors[field] = [wrong.message]
        return ""
