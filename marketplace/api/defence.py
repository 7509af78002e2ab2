"""The named stage: times of defences, and written questions of the panel's members."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from rest_framework import serializers as s
from rest_framework.request import Request
from rest_framework.response import Response

from marketplace.accounts.tokens.models import Scope
from marketplace.api.bid_shapes import subject
from marketplace.api.bodies import Body, Choice, Flag, Instant, Text, Whole
from marketplace.api.calls import call, calling, its_uid
from marketplace.api.deeds import Given, deed
from marketplace.api.gate import Reason
from marketplace.api.lists import Filter, Listed, listing, reading
from marketplace.api.moves import told
from marketplace.api.scenarios import said
from marketplace.api.shapes import Links, Shape, Subject, actions, instant, text
from marketplace.api.views import Resource, absolute, actor_of
from marketplace.base.actor import Actor
from marketplace.base.errors import NotFound
from marketplace.base.rules import require_confidentiality
from marketplace.committee.defence import actions as defence
from marketplace.committee.defence import queries
from marketplace.committee.defence.models import DefenceOrder, DefenceSlot, PanelQuestion
from marketplace.committee.models import Panel, Sheet
from marketplace.desk import moves
from marketplace.desk.queries import desk_for

PANEL = "member__panel"
SLOT_FILTERS = (Filter("panel", "panel__uid", "The panel."),)
QUESTION_FILTERS = (
    Filter("panel", f"{PANEL}__uid", "The panel."),
    Filter("bid", "bid__uid", "The bid that is asked about."),
)


class DefenceRow(Shape):
    uid = s.UUIDField()
    scenario = Subject()
    bid = s.UUIDField()
    position = s.IntegerField(allow_null=True, help_text="Null for a bidder: it sees its own.")
    starts_at = instant()
    minutes = s.IntegerField()
    place = text()
    link = text()
    attended = s.BooleanField(allow_null=True, help_text="Null until it is recorded.")
    attendance = text("Who came.")
    links = Links()
    actions = actions()


class PanelQuestionRow(Shape):
    uid = s.UUIDField()
    scenario = Subject()
    bid = s.UUIDField()
    blind_code = text("Of the bid; empty for the bidder.")
    asker = text("J1, J2, …: for whoever asked and the office alone.")
    number = s.IntegerField(help_text="Of the question to this bid.")
    asked_at = instant()
    answer_by = instant()
    answer = text()
    answered_at = instant(null=True)
    set_aside_at = instant("The answer changes substance and does not count.", null=True)
    set_aside_reason = text()
    text = text("The question.")
    links = Links()
    actions = actions()


class Plan(Body):
    first_at = Instant()
    minutes = Whole(min_value=1, max_value=defence.MINUTES_MOST)
    pause = Whole(min_value=0, max_value=defence.PAUSE_MOST, required=False)
    order = Choice(DefenceOrder.values, required=False)
    place = Text(200, required=False)
    link = Text(500, required=False)


class Attendance(Body):
    attended = Flag()
    attendance = Text(defence.ATTENDANCE_MOST)


class AskBidder(Body):
    text = Text(defence.QUESTION_MOST)


class AnswerPanel(Body):
    answer = Text(defence.ANSWER_MOST)


def slots_of(actor: Actor) -> Any:
    return DefenceSlot.objects.visible_to(actor).select_related("panel__scenario", "bid")


def slot_shape(request: Request, row: DefenceSlot, desk: Any) -> dict[str, Any]:
    actor = desk.actor
    bidder = actor.organisation_id is not None and not actor.is_office
    page = ("bid-panel", row.bid.uid) if bidder else ("defence", row.scenario.address)
    if actor.role == "expert":
        page = ("panel-desk", row.panel.uid)
    return {
        "uid": str(row.uid),
        "scenario": subject(request, row.scenario),
        "bid": str(row.bid.uid),
        "position": None if bidder else row.position,
        "starts_at": said(row.starts_at),
        "minutes": row.minutes,
        "place": row.place,
        "link": row.link,
        "attended": row.attended,
        "attendance": row.attendance,
        "links": {
            "self": absolute(request, "api-defence", row.uid),
            "html": absolute(request, *page),
        },
        "actions": told(request, moves.on_defence(desk, row), row.uid),
    }


def slot_shown(request: Request, uid: UUID) -> dict[str, Any]:
    actor = actor_of(request)
    row = slots_of(actor).filter(uid=uid).first()
    if row is None:
        raise NotFound
    require_confidentiality(actor)
    return slot_shape(request, row, desk_for(actor))


def questions_of(actor: Actor) -> Any:
    rows = PanelQuestion.objects.visible_to(actor)
    return rows.select_related(f"{PANEL}__scenario", "bid")


def question_shape(request: Request, row: PanelQuestion, desk: Any) -> dict[str, Any]:
    seen = queries.asked(row, desk.actor, desk.now)
    bidder = desk.actor.organisation_id is not None and not desk.actor.is_office
    page = ("bid-panel", row.bid.uid) if bidder else ("defence", row.scenario.address)
    if desk.actor.role == "expert":
        page = ("panel-desk", row.member.panel.uid)
    return {
        "uid": str(row.uid),
        "scenario": subject(request, row.scenario),
        "bid": str(row.bid.uid),
        "blind_code": seen.code,
        "asker": seen.asker,
        "number": row.number,
        "text": row.text,
        "asked_at": said(row.asked_at),
        "answer_by": said(row.answer_by),
        "answer": row.answer,
        "answered_at": said(row.answered_at),
        "set_aside_at": said(row.set_aside_at),
        "set_aside_reason": row.set_aside_reason,
        "links": {
            "self": absolute(request, "api-panel-question", row.uid),
            "html": absolute(request, *page),
        },
        "actions": told(request, moves.on_panel_question(desk, row), row.uid),
    }


def question_shown(request: Request, uid: UUID) -> dict[str, Any]:
    actor = actor_of(request)
    row = questions_of(actor).filter(uid=uid).first()
    if row is None:
        raise NotFound
    require_confidentiality(actor)
    return question_shape(request, row, desk_for(actor))


class Defences(Listed):
    @listing("defences_list", "Times of defences", rows=DefenceRow, filters=SLOT_FILTERS)
    def get(self, request: Request) -> Any:
        desk = desk_for(actor_of(request))
        return slots_of(desk.actor), lambda page: [slot_shape(request, row, desk) for row in page]


class DefenceOne(Resource):
    about = (DefenceSlot, "panel__scenario__uid")

    @reading("defences_retrieve", "One defence", shape=DefenceRow)
    def get(self, request: Request, uid: UUID) -> Response:
        return Response(slot_shown(request, uid))


class DefencesSet(Resource):
    about = (Panel, "scenario__uid")

    @deed(
        "defences_set",
        "Set the times of all defences",
        scope=Scope.OFFICE,
        description="In the stage by name; again, until the first is recorded.",
        takes=Plan,
        example={"first_at": "2026-12-01T09:00:00+08:00", "minutes": 30, "place": "三楼会议室"},
        status=201,
        shows=slot_shown,
        answers=DefenceRow,
    )
    def post(self, given: Given, uid: UUID) -> UUID:
        return defence.set_defences(actor=given.actor, panel_uid=uid, **given.body)[0].uid


DefenceRecord = calling(
    defence.record_attendance,
    "slot_uid",
    "defences_record",
    "Record who came",
    scope=Scope.OFFICE,
    takes=Attendance,
    example={"attended": True, "attendance": "项目负责人等三人到场。"},
    about=(DefenceSlot, "panel__scenario__uid"),
    shows=slot_shown,
    answers=DefenceRow,
)


class PanelQuestions(Listed):
    @listing(
        "panel_questions_list",
        "Written questions of the panel",
        rows=PanelQuestionRow,
        filters=QUESTION_FILTERS,
    )
    def get(self, request: Request) -> Any:
        desk = desk_for(actor_of(request))
        found = questions_of(desk.actor)
        return found, lambda page: [question_shape(request, row, desk) for row in page]


class PanelQuestionOne(Resource):
    about = (PanelQuestion, f"{PANEL}__scenario__uid")

    @reading("panel_questions_retrieve", "One written question", shape=PanelQuestionRow)
    def get(self, request: Request, uid: UUID) -> Response:
        return Response(question_shown(request, uid))


SHOWN: dict[str, Any] = {"shows": question_shown, "answers": PanelQuestionRow}
ABOUT: dict[str, Any] = {"about": (PanelQuestion, f"{PANEL}__scenario__uid")}


class SheetAsk(Resource):
    about = (Sheet, "member__panel__scenario__uid")

    post = call(
        defence.ask_bidder,
        "sheet_uid",
        "panel_questions_ask",
        "Ask the bidder of a sheet",
        scope=Scope.COMMITTEE,
        description="In the stage by name, while the own sheet is open. Nobody learns who asked.",
        takes=AskBidder,
        example={"text": "请说明第三章所列样机的测试环境。"},
        status=201,
        makes=its_uid,
        **SHOWN,
    )


PanelQuestionAnswer = calling(
    defence.answer_panel_question,
    "question_uid",
    "panel_questions_answer",
    "Answer a question of the panel",
    scope=Scope.BIDS,
    takes=AnswerPanel,
    example={"answer": "样机在两台工控机上测试，参数见第三章表二。"},
    **ABOUT,
    **SHOWN,
)
PanelQuestionAside = calling(
    defence.set_aside_answer,
    "question_uid",
    "panel_questions_set_aside",
    "Set an answer aside",
    scope=Scope.COMMITTEE,
    description="By a member or the secretary: the answer changes the substance of the bid.",
    takes=Reason,
    example={"reason": "答复改变了投入人员，属于实质性内容。"},
    **ABOUT,
    **SHOWN,
)
