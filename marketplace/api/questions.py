"""Questions and answers: asked under a pseudonym, answered to all within the class of a file."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Prefetch
from rest_framework import serializers as s
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from marketplace.accounts.tokens.models import Scope
from marketplace.api.attachments import UID_EXAMPLE
from marketplace.api.bid_shapes import subject
from marketplace.api.bodies import Body, Text, Uid
from marketplace.api.calls import calling, its_uid
from marketplace.api.lists import Filter, Listed, listing, reading
from marketplace.api.scenarios import said
from marketplace.api.shapes import Links, Shape, Subject, actions, instant, text
from marketplace.api.views import NONE, OfScenario, PublicRead, absolute, actor_of
from marketplace.base.actor import Actor
from marketplace.base.errors import NotFound
from marketplace.scenarios.questions import actions as questions
from marketplace.scenarios.questions.models import ANSWER_MOST, TEXT_MOST, Answer, Question, Reply
from marketplace.scenarios.questions.queries import due_of

FILTERS = (Filter("scenario", "scenario__uid", "The demand."),)
UNDER = "Under a pseudonym of this demand, which is all that anybody learns."


class QuestionRow(Shape):
    uid = s.UUIDField()
    scenario = Subject()
    number = s.IntegerField(help_text="Of the question, on this demand.")
    asker = s.IntegerField(help_text=UNDER)
    own = s.BooleanField(help_text="Asked by the organisation that one acts for.")
    text = text()
    attachment = s.UUIDField(allow_null=True, help_text="The file that it speaks of.")
    asked_at = instant()
    due_at = instant("Until when the owner is to answer; null once it is answered.", null=True)
    answer = s.UUIDField(allow_null=True, help_text="Null where none is there to be read.")
    receipt = s.URLField(allow_null=True, help_text="Of one's own question.")
    links = Links()
    actions = actions()


class AnswerRow(Shape):
    uid = s.UUIDField()
    scenario = Subject()
    number = s.IntegerField(help_text="Of the answer, on this demand.")
    questions = s.ListField(child=s.UUIDField(), help_text="What it answers.")
    text = text()
    attachment = s.UUIDField(
        allow_null=True, help_text="The file that it speaks of, whose readers alone see it."
    )
    by_office = s.BooleanField(help_text="By the park office, where the owner was silent.")
    answered_at = instant()
    links = Links()
    actions = actions()


class Ask(Body):
    text = Text(TEXT_MOST)
    attachment = Uid(
        source="attachment_uid",
        required=False,
        allow_null=True,
        help_text="A file of the demand that the question speaks of.",
    )


class AnswerBody(Body):
    questions = s.ListField(child=Uid(), min_length=1, max_length=100, source="question_uids")
    text = Text(ANSWER_MOST)
    attachment = Uid(source="attachment_uid", required=False, allow_null=True)


def questions_of(actor: Actor) -> Any:
    rows = Question.objects.visible_to(actor)
    return rows.select_related(
        "scenario__organisation", "scenario__profile", "asker", "attachment", "receipt", "reply"
    )


def answers_seen(actor: Actor) -> Any:
    replies = Reply.objects.select_related("question").order_by("question__number")
    rows = Answer.objects.visible_to(actor).select_related("scenario__organisation", "attachment")
    return rows.prefetch_related(Prefetch("replies", replies))


def question_rows(request: Request, actor: Actor, rows: list[Question]) -> list[dict[str, Any]]:
    """All at once: which answers the reader may see is asked once."""
    ids = [row.reply.answer_id for row in rows if hasattr(row, "reply")]
    seen = dict(Answer.objects.visible_to(actor).filter(pk__in=ids).values_list("pk", "uid"))
    return [question_row(request, actor, row, seen) for row in rows]


def question_row(
    request: Request, actor: Actor, row: Question, seen: dict[int, UUID]
) -> dict[str, Any]:
    own = actor.organisation_id is not None and row.asker.organisation_id == actor.organisation_id
    reply = getattr(row, "reply", None)
    answer = seen.get(reply.answer_id) if reply else None
    return {
        "uid": str(row.uid),
        "scenario": subject(request, row.scenario),
        "number": row.number,
        "asker": row.asker.number,
        "own": own,
        "text": row.text,
        "attachment": str(row.attachment.uid) if row.attachment else None,
        "asked_at": said(row.asked_at),
        "due_at": None if reply else said(due_of(row, row.scenario.profile)),
        "answer": str(answer) if answer else None,
        "receipt": absolute(request, "api-receipt", row.receipt.uid) if own else None,
        "links": {
            "self": absolute(request, "api-question", row.uid),
            "html": absolute(request, "scenario-questions", row.scenario.address),
        },
        "actions": [],
    }


def answer_row(request: Request, row: Answer) -> dict[str, Any]:
    return {
        "uid": str(row.uid),
        "scenario": subject(request, row.scenario),
        "number": row.number,
        "questions": [str(reply.question.uid) for reply in row.replies.all()],
        "text": row.text,
        "attachment": str(row.attachment.uid) if row.attachment else None,
        "by_office": row.by_office,
        "answered_at": said(row.answered_at),
        "links": {
            "self": absolute(request, "api-answer", row.uid),
            "html": absolute(request, "scenario-questions", row.scenario.address),
        },
        "actions": [],
    }


def question_shown(request: Request, uid: UUID) -> dict[str, Any]:
    actor = actor_of(request)
    row = questions_of(actor).filter(uid=uid).first()
    if row is None:
        raise NotFound
    return question_rows(request, actor, [row])[0]


def answer_shown(request: Request, uid: UUID) -> dict[str, Any]:
    row = answers_seen(actor_of(request)).filter(uid=uid).first()
    if row is None:
        raise NotFound
    return answer_row(request, row)


class Questions(Listed):
    permission_classes = [AllowAny]

    @listing(
        "questions_list",
        "Questions",
        rows=QuestionRow,
        filters=FILTERS,
        description="Those that were answered to everybody; besides, one's own, and to the demand's"
        " owner and the office all.",
        public=True,
    )
    def get(self, request: Request) -> Any:
        actor = actor_of(request)
        return questions_of(actor), lambda page: question_rows(request, actor, page)


class QuestionOne(PublicRead):
    about = (Question, "scenario__uid")
    parameters = NONE

    @reading("questions_retrieve", "One question", shape=QuestionRow, public=True)
    def get(self, request: Request, uid: UUID) -> Response:
        return Response(question_shown(request, uid))


class Answers(Listed):
    permission_classes = [AllowAny]

    @listing(
        "answers_list",
        "Answers",
        rows=AnswerRow,
        filters=FILTERS,
        description="To everybody; what speaks of a restricted file to its readers only.",
        public=True,
    )
    def get(self, request: Request) -> Any:
        rows = answers_seen(actor_of(request))
        return rows, lambda page: [answer_row(request, row) for row in page]


class AnswerOne(PublicRead):
    about = (Answer, "scenario__uid")
    parameters = NONE

    @reading("answers_retrieve", "One answer", shape=AnswerRow, public=True)
    def get(self, request: Request, uid: UUID) -> Response:
        return Response(answer_shown(request, uid))


QuestionAsk = calling(
    questions.ask_question,
    "scenario_uid",
    "questions_ask",
    "Ask about a demand",
    base=OfScenario,
    scope=Scope.BIDS,
    description="By who may bid, until the profile's day before the deadline. " + UNDER,
    takes=Ask,
    example={"text": "验收测试的流量样本由谁提供？"},
    shows=question_shown,
    answers=QuestionRow,
    status=201,
    makes=its_uid,
    also=(429,),
)
QuestionAnswer = calling(
    questions.answer_questions,
    "scenario_uid",
    "questions_answer",
    "Answer questions about a demand",
    base=OfScenario,
    scope=Scope.SCENARIOS,
    description="By who writes for its owner; by an officer once the owner's time is over. One"
    " answer may serve several questions; it goes to everybody, or to the readers of the file that"
    " it names.",
    takes=AnswerBody,
    example={"questions": [UID_EXAMPLE], "text": "样本由需求方提供，为合成数据。"},
    shows=answer_shown,
    answers=AnswerRow,
    status=201,
    makes=its_uid,
)
