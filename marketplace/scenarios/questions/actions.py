"""Asking, and answering to all."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from django.db import connection, transaction
from django.db.models import Max
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from marketplace.base import clock
from marketplace.base.actor import SYSTEM, Actor
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
from marketplace.base.moments import instant_text
from marketplace.base.rules import require
from marketplace.base.texts import read_all, text
from marketplace.ledger import actions as ledger
from marketplace.ledger import receipts
from marketplace.ledger.models import Audience
from marketplace.scenarios.actions.extension import Cause, postpone
from marketplace.scenarios.actions.found import find, profile_label
from marketplace.scenarios.attachments import Attachment
from marketplace.scenarios.disclosure.mask import refuse_naming, speaking
from marketplace.scenarios.disclosure.patterns import refuse_forbidden
from marketplace.scenarios.models import Scenario, State
from marketplace.scenarios.questions.contacts import contacts_found
from marketplace.scenarios.questions.holding import held, needed
from marketplace.scenarios.questions.models import (
    ANSWER_MOST,
    TEXT_MOST,
    Answer,
    Asker,
    Question,
    Reply,
)
from marketplace.scenarios.questions.timing import answer_due, asked_until
from marketplace.scenarios.rules import (
    can_answer_questions,
    can_ask_question,
    can_edit_scenario,
    can_extend_deadline,
)

# Of one organisation on one demand.
QUESTIONS_MOST = 30
STATEMENT = {
    "zh": "本回执证明在所述时间收到了该提问。提问方在平台上以代号出现，提问不表示已经或将要揭榜。",
    "en": "This receipt proves that the question was received, and when. The asker appears under a"
    " pseudonym; a question is no sign of a bid.",
}


@transaction.atomic
def ask_question(
    *, actor: Actor, scenario_uid: UUID, text: str, attachment_uid: UUID | None = None
) -> Question:
    """Ask under this organisation's pseudonym, until the profile's day before the deadline.

    attachment_uid: the file that the question speaks of, which the asker must see. Raises Invalid,
    also where the text would tell who asks, DeadlinePassed, StateConflict and TooMany.
    """
    words = said(text, "text", TEXT_MOST)
    if not Scenario.objects.visible_to(actor).filter(uid=scenario_uid).exists():
        raise NotFound
    scenario = lock_shared(Scenario, uid=scenario_uid)
    require(can_ask_question, actor, scenario)
    hold_numbers(scenario)
    now = clock.now()
    require_asking(scenario, now)
    about = named_file(actor, scenario, attachment_uid)
    vendor = actor.party
    if told := contacts_found(words, [vendor.name, vendor.name_en]):
        sentence = _("This would tell who asks: it holds %(what)s. Leave it out.")
        raise Invalid(
            errors={"text": [sentence % {"what": _(", ").join(str(one) for one in told)}]},
            code="question.contact",
        )
    own = Question.objects.own(actor).filter(scenario=scenario)
    if own.count() >= QUESTIONS_MOST:
        raise TooMany(
            gettext_lazy("An organisation may ask %(most)s questions here, and it did."),
            code="question.limit",
            most=QUESTIONS_MOST,
        )
    if own.unanswered().filter(text=words).exists():
        raise StateConflict(
            gettext_lazy("Your organisation has asked this already; it waits for its answer."),
            code="question.repeated",
        )
    refuse_forbidden({"text": words})
    asker = pseudonym(scenario, vendor.pk)
    uid, number = uuid4(), last(scenario.questions) + 1
    stated = {
        "scenario": scenario.uid,
        "scenario_ref": scenario.ref,
        "organisation": vendor.uid,
        "question": uid,
        "number": number,
        "asker": asker.number,
        "asked_at": now,
        "text_sha256": sha256(words),
        "statement": STATEMENT,
    }
    event = ledger.append(
        "question.asked",
        actor=actor,
        subjects=[scenario.uid, uid],
        profile_version=profile_label(scenario),
        inputs=stated,
    )
    return Question.objects.create(
        uid=uid,
        scenario=scenario,
        number=number,
        asker=asker,
        user=actor.person,
        text=words,
        attachment=about,
        asked_at=now,
        receipt=receipts.issue("question-asked", subject_uid=uid, body=stated, event=event),
    )


@transaction.atomic
def answer_questions(
    *,
    actor: Actor,
    scenario_uid: UUID,
    question_uids: Sequence[UUID],
    text: str,
    attachment_uid: UUID | None = None,
) -> Answer:
    """One answer to one or several questions, for everybody, or for a restricted file's readers.

    attachment_uid: the file that the answer speaks of. An officer answers once the owner's time is
    over. A late answer moves the deadline where the profile says so. Raises Invalid, TooEarly,
    DeadlinePassed, and StateConflict for what was answered before.
    """
    words = said(text, "text", ANSWER_MOST)
    scenario = find(actor, scenario_uid)
    require(can_answer_questions, actor, scenario)
    now = clock.now()
    require_running(scenario, now)
    rows = asked(scenario, question_uids)
    by_office = not can_edit_scenario(actor, scenario)
    if by_office:
        require_silence(scenario, rows, now)
    about = named_file(actor, scenario, attachment_uid)
    require_class(rows, about)
    if about is None or not about.restricted:
        refuse_forbidden({"text": words})
        refuse_naming(scenario, {"text": words})
        require_unnamed(scenario, rows)
    hold_numbers(scenario)
    answer = Answer.objects.create(
        scenario=scenario,
        number=last(scenario.answers) + 1,
        text=words,
        attachment=about,
        answered_by=actor.person,
        by_office=by_office,
        answered_at=now,
    )
    Reply.objects.bulk_create(Reply(question=row, answer=answer) for row in rows)
    restricted = about is not None and about.restricted
    ledger.append(
        "question.answered",
        actor=speaking(actor, scenario),
        subjects=[scenario.uid, answer.uid],
        audience=Audience.PARTIES if restricted else Audience.PUBLIC,
        profile_version=profile_label(scenario),
        data={
            "ref": scenario.ref,
            "number": answer.number,
            "questions": [row.number for row in rows],
            "sha256": sha256(words),
        },
    )
    to = None if scenario.suspended else needed(scenario, now)
    if to is not None:
        postpone(scenario, actor=actor, to=to, cause=Cause.QUESTION)
    return answer


@transaction.atomic
def hold_deadline(*, scenario_uid: UUID, actor: Actor = SYSTEM) -> bool:
    """Move the deadline on while an answer is overdue. Returns whether it moved now."""
    scenario = lock(Scenario, uid=scenario_uid)
    require(can_extend_deadline, actor, scenario)
    return held(scenario, actor=actor, now=clock.now())


# -- What is asked of them -------------------------------------------------------------------------
def said(raw: Any, field: str, most: int) -> str:
    return str(read_all({field: text(most, lines=True)}, {field: raw}, needed=[field])[field])


def require_running(scenario: Scenario, now: datetime) -> None:
    """Between publication and deadline, which stands still while it is suspended."""
    if scenario.state == State.PUBLISHED and not scenario.suspended:
        if scenario.deadline_at is None or now >= scenario.deadline_at:
            raise DeadlinePassed
    elif scenario.state != State.PUBLISHED:
        raise StateConflict(
            gettext_lazy("Questions are asked and answered while the demand takes bids."),
            code="question.closed",
        )


def require_asking(scenario: Scenario, now: datetime) -> None:
    require_running(scenario, now)
    until = asked_until(scenario)
    if until is None:
        raise StateConflict(
            gettext_lazy("Under this rule profile questions are asked elsewhere."),
            code="question.elsewhere",
        )
    if now >= until:
        raise DeadlinePassed(
            gettext_lazy("Questions were taken until %(until)s, by the published rule."),
            code="question.late",
            until=instant_text(until),
        )


def require_silence(scenario: Scenario, rows: Collection[Question], now: datetime) -> None:
    """The office speaks where the owner had its time and did not."""
    profile = scenario.profile
    if profile is None or any(now < answer_due(profile, row.asked_at) for row in rows):
        raise TooEarly(
            gettext_lazy("The owner still has time to answer; the office may once it is over."),
            code="question.owner_has_time",
        )


def require_class(rows: Collection[Question], about: Attachment | None) -> None:
    """An answer is never read by more than may read what its questions speak of."""
    restricted = {row.attachment for row in rows if row.attachment and row.attachment.restricted}
    errors: list[Text] = []
    if len(restricted) > 1:
        errors = [_("These questions speak of different restricted files: answer them apart.")]
    elif restricted and about not in restricted:
        errors = [
            _(
                "A question speaks of the restricted file “%(title)s”: name it, so that only its"
                " readers see the answer."
            )
            % {"title": next(iter(restricted)).title}
        ]
    if errors:
        raise Invalid(errors={"attachment": errors}, code="question.class")


def require_unnamed(scenario: Scenario, rows: Collection[Question]) -> None:
    """With the answer everybody would read what a question says of a masked owner.

    Whoever asks is told nothing of it: that would confirm a guess.
    """
    for row in rows:
        try:
            refuse_naming(scenario, {"questions": row.text})
        except Invalid as error:
            sentence = _(
                "Question %(number)s names the owner and would be read by all: answer its point"
                " without it, or to the readers of a restricted file."
            )
            told: list[Text] = [sentence % {"number": row.number}]
            raise Invalid(errors={"questions": told}, code=error.code) from error


def asked(scenario: Scenario, uids: Sequence[UUID]) -> list[Question]:
    """These questions, in order. Raises Invalid for none, or one that is not of this demand."""
    rows = Question.objects.filter(scenario=scenario, uid__in=uids)
    found = list(rows.select_related("attachment").order_by("number"))
    if not found or len(found) != len(set(uids)):
        raise Invalid(errors={"questions": [_("Choose the questions that this answers.")]})
    if Reply.objects.filter(question__in=found).exists():
        raise StateConflict(
            gettext_lazy("One of these questions has its answer already."),
            code="question.answered",
        )
    return found


def named_file(actor: Actor, scenario: Scenario, uid: UUID | None) -> Attachment | None:
    if uid is None:
        return None
    rows = Attachment.objects.visible_to(actor).filter(scenario=scenario, uid=uid)
    found = rows.select_related("scenario").first()
    if found is None:
        raise Invalid(errors={"attachment": [_("Choose one of the files of this demand.")]})
    return found


def hold_numbers(scenario: Scenario) -> None:
    """One at a time on a demand, so that each has its number."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"question:{scenario.uid}"]
        )


def pseudonym(scenario: Scenario, organisation_id: int) -> Asker:
    """That of the organisation on this demand, from its first question on."""
    found = Asker.objects.filter(scenario=scenario, organisation_id=organisation_id).first()
    return found or Asker.objects.create(
        scenario=scenario, organisation_id=organisation_id, number=last(scenario.askers) + 1
    )


def last(rows: Any) -> int:
    return rows.aggregate(last=Max("number"))["last"] or 0


def sha256(words: str) -> str:
    return hashlib.sha256(words.encode()).hexdigest()
