"""Setting and recording defences, asking bidders in writing, and answering. All by name."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from marketplace.base import clock
from marketplace.base.actor import Actor
from marketplace.base.errors import (
    DeadlinePassed,
    Invalid,
    NotFound,
    StateConflict,
    Text,
    TooEarly,
    TooMany,
)
from marketplace.base.locks import lock, lock_shared
from marketplace.base.rules import require
from marketplace.base.texts import read_all, text
from marketplace.bidding.actions.eligibility import require_running
from marketplace.committee.defence import timing
from marketplace.committee.defence.models import DefenceOrder, DefenceSlot, PanelQuestion
from marketplace.committee.defence.queries import STAGE, in_order
from marketplace.committee.models import Panel, Sheet, SheetStage, SheetState
from marketplace.committee.queries import rules_of
from marketplace.committee.rules import (
    can_answer_panel_question,
    can_ask_bidder,
    can_hold_defence,
    can_set_aside_answer,
)
from marketplace.ledger import actions as ledger
from marketplace.ledger.models import Audience
from marketplace.scenarios.models import Scenario

QUESTION_MOST, ANSWER_MOST, REASON_MOST, ATTENDANCE_MOST = 2000, 5000, 2000, 1000
# Of one member to one bidder.
QUESTIONS_MOST = 10
MINUTES_MOST, PAUSE_MOST = 240, 240
ONLY_NAMED = gettext_lazy("This belongs to the stage by name: it has not begun, or is over.")


@transaction.atomic
def set_defences(
    *,
    actor: Actor,
    panel_uid: UUID,
    first_at: datetime,
    minutes: int,
    pause: int = 0,
    order: str = DefenceOrder.LOT,
    place: str = "",
    link: str = "",
) -> list[DefenceSlot]:
    """One slot for every bid, one after the other; again, until the first is recorded.

    minutes, pause: of each slot, and between two. Raises Invalid where the first comes sooner than
    the profile lets it, StateConflict outside the named stage.
    """
    scenario, panel = _panel(actor, panel_uid)
    require(can_hold_defence, actor, panel)
    _require_stage(scenario, panel)
    known = {row.bid_id: row for row in DefenceSlot.objects.select_for_update().filter(panel=panel)}
    if any(row.recorded_at for row in known.values()):
        raise StateConflict(
            _("A defence is recorded already: the times stay as they are."), code="defence.begun"
        )
    now = clock.now()
    given = read_all({"place": text(200), "link": text(500)}, {"place": place, "link": link})
    errors = _plan_errors(given, minutes, pause, order)
    if first_at < timing.end(rules_of(scenario), timing.NOTICE, now):
        errors["first_at"] = [_("This is sooner than the rules let a defence be announced.")]
    if errors:
        raise Invalid(errors=errors, code="defence.plan")
    slots = []
    for position, bid in enumerate(in_order(panel, order), start=1):
        slot = known.get(bid.pk) or DefenceSlot(panel=panel, bid=bid)
        slot.order_by, slot.position = order, position
        slot.starts_at = first_at + timedelta(minutes=(minutes + pause) * (position - 1))
        slot.minutes, slot.place, slot.link = minutes, given["place"], given["link"]
        slot.set_by, slot.set_at = actor.person, now
        slot.save()
        slots.append(slot)
        ledger.append(
            "defence.set",
            actor=actor,
            subjects=[scenario.uid, panel.uid, slot.uid],
            audience=Audience.OFFICE,
            profile_version=rules_of(scenario).label,
            data={"position": position, "order": order, "starts_at": slot.starts_at},
        )
    return slots


def _plan_errors(
    given: dict[str, str], minutes: int, pause: int, order: str
) -> dict[str, list[Text]]:
    errors: dict[str, list[Text]] = {}
    if not 1 <= minutes <= MINUTES_MOST:
        errors["minutes"] = [_("From 1 to %(most)s minutes.") % {"most": MINUTES_MOST}]
    if not 0 <= pause <= PAUSE_MOST:
        errors["pause"] = [_("From 0 to %(most)s minutes.") % {"most": PAUSE_MOST}]
    if order not in DefenceOrder.values:
        errors["order"] = [_("Choose one of the two orders.")]
    if not given["place"] and not given["link"]:
        errors["place"] = [_("Name the place, or the link of the meeting.")]
    if given["link"]:
        try:
            URLValidator(schemes=["https"])(given["link"])
        except ValidationError:
            errors["link"] = [_("A link begins with https:// .")]
    return errors


@transaction.atomic
def record_attendance(
    *, actor: Actor, slot_uid: UUID, attended: bool, attendance: str
) -> DefenceSlot:
    """Whether the bidder came, and who; once, from the slot's beginning on."""
    found = DefenceSlot.objects.visible_to(actor).filter(uid=slot_uid).first()
    if found is None:
        raise NotFound
    scenario, panel = _panel(actor, found.panel.uid)
    slot = lock(DefenceSlot, pk=found.pk)
    require(can_hold_defence, actor, panel)
    _require_stage(scenario, panel)
    if slot.recorded_at:
        raise StateConflict(_("This defence is recorded already."), code="defence.recorded")
    now = clock.now()
    if now < slot.starts_at:
        raise TooEarly(_("This defence has not begun yet."), code="defence.early")
    readers = {"attendance": text(ATTENDANCE_MOST, lines=True)}
    given = read_all(readers, {"attendance": attendance}, needed=["attendance"])
    slot.attended, slot.attendance = attended, given["attendance"]
    slot.recorded_by, slot.recorded_at = actor.person, now
    slot.save(update_fields=["attended", "attendance", "recorded_by", "recorded_at"])
    ledger.append(
        "defence.recorded",
        actor=actor,
        subjects=[scenario.uid, panel.uid, slot.uid],
        audience=Audience.OFFICE,
        reason=slot.attendance,
        data={"attended": attended},
    )
    return slot


@transaction.atomic
def ask_bidder(*, actor: Actor, sheet_uid: UUID, text: str) -> PanelQuestion:
    """A member asks the bidder of an own sheet that is still open, by the bid's code.

    Raises Invalid, StateConflict outside the named stage, TooMany.
    """
    scenario = lock_shared(Scenario, panel__members__sheets__uid=sheet_uid)
    panel = lock(Panel, members__sheets__uid=sheet_uid)
    sheet = Sheet.objects.visible_to(actor).filter(uid=sheet_uid).first()
    if sheet is None:
        raise NotFound
    require(can_ask_bidder, actor, sheet)
    _require_stage(scenario, panel)
    if sheet.stage != SheetStage.NAMED:
        raise StateConflict(ONLY_NAMED, code="panel_question.stage")
    if sheet.state != SheetState.OPEN:
        raise StateConflict(
            _("Your sheet of this bid is locked: an answer could change nothing."),
            code="sheet.locked",
        )
    words = said("text", text, QUESTION_MOST)
    earlier = PanelQuestion.objects.filter(bid=sheet.bid_id)
    if earlier.filter(member=sheet.member_id).count() >= QUESTIONS_MOST:
        raise TooMany(
            gettext_lazy("A member asks a bidder at most %(most)s questions."),
            code="panel_question.limit",
            most=QUESTIONS_MOST,
        )
    now = clock.now()
    question = PanelQuestion.objects.create(
        member=sheet.member,
        bid=sheet.bid,
        number=earlier.count() + 1,
        text=words,
        asked_at=now,
        answer_by=timing.end(rules_of(scenario), timing.ANSWER, now),
    )
    tell("panel_question.asked", question, scenario, actor=actor, inputs={"text": words})
    return question


@transaction.atomic
def answer_panel_question(*, actor: Actor, question_uid: UUID, answer: str) -> PanelQuestion:
    """The bidder answers, once and in time. Raises DeadlinePassed, Invalid, StateConflict."""
    scenario, panel, question = _question(actor, question_uid)
    require(can_answer_panel_question, actor, question)
    if question.answered_at:
        raise StateConflict(_("This is answered already."), code="panel_question.answered")
    now = clock.now()
    if now >= question.answer_by or panel.state != STAGE:
        raise DeadlinePassed(_("The time to answer is over."), code="panel_question.over")
    require_running(scenario)
    question.answer = said("answer", answer, ANSWER_MOST)
    question.answered_by, question.answered_at = actor.person, now
    question.save(update_fields=["answer", "answered_by", "answered_at"])
    tell(
        "panel_question.answered",
        question,
        scenario,
        actor=actor,
        inputs={"answer": question.answer},
    )
    return question


@transaction.atomic
def set_aside_answer(*, actor: Actor, question_uid: UUID, reason: str) -> PanelQuestion:
    """The finding that an answer changes the substance of the bid: it does not count, and stays."""
    scenario, panel, question = _question(actor, question_uid)
    require(can_set_aside_answer, actor, question)
    _require_stage(scenario, panel)
    if not question.answered_at:
        raise StateConflict(_("This is not answered."), code="panel_question.unanswered")
    if question.set_aside_at:
        raise StateConflict(_("This answer is set aside already."), code="panel_question.aside")
    question.set_aside_reason = said("reason", reason, REASON_MOST)
    question.set_aside_by, question.set_aside_at = actor.person, clock.now()
    question.save(update_fields=["set_aside_reason", "set_aside_by", "set_aside_at"])
    tell(
        "panel_question.set_aside",
        question,
        scenario,
        actor=actor,
        reason=question.set_aside_reason,
    )
    return question


# -- What they share -------------------------------------------------------------------------------
def said(field: str, words: str, most: int) -> str:
    clean: str = read_all({field: text(most, lines=True)}, {field: words}, needed=[field])[field]
    return clean


def tell(
    kind: str,
    question: PanelQuestion,
    scenario: Scenario,
    *,
    actor: Actor,
    reason: str = "",
    inputs: dict[str, str] | None = None,
) -> None:
    ledger.append(
        kind,
        actor=actor,
        subjects=[scenario.uid, question.member.panel.uid, question.uid],
        audience=Audience.OFFICE,
        reason=reason,
        inputs=inputs,
        data={"number": question.number, "bid": question.bid.blind_code},
    )


def _panel(actor: Actor, panel_uid: UUID) -> tuple[Scenario, Panel]:
    scenario = lock_shared(Scenario, panel__uid=panel_uid)
    panel = lock(Panel, uid=panel_uid)
    if not Panel.objects.visible_to(actor).filter(pk=panel.pk).exists():
        raise NotFound
    panel.scenario = scenario
    return scenario, panel


def _question(actor: Actor, question_uid: UUID) -> tuple[Scenario, Panel, PanelQuestion]:
    found = PanelQuestion.objects.visible_to(actor).filter(uid=question_uid).first()
    if found is None:
        raise NotFound
    scenario = lock_shared(Scenario, panel__members__questions__pk=found.pk)
    # Against the last sheet's lock, which ends the stage.
    panel = lock_shared(Panel, members__questions__pk=found.pk)
    return scenario, panel, lock(PanelQuestion, pk=found.pk)


def _require_stage(scenario: Scenario, panel: Panel) -> None:
    require_running(scenario)
    if panel.state != STAGE:
        raise StateConflict(ONLY_NAMED, code="panel_question.stage")
