"""Approaches, inspections and tips: what people say, and what inspectors ask to read."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _
from rest_framework import serializers as s
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from marketplace.api.authentication import beneath, put_on
from marketplace.api.bodies import Body, Choice, Flag, Instant, Text, Uid
from marketplace.api.calls import calling
from marketplace.api.deeds import Answer, Given, deed
from marketplace.api.lists import Listed, listing, reading
from marketplace.api.moves import told
from marketplace.api.scenarios import said
from marketplace.api.shapes import Links, Shape, actions, instant, text
from marketplace.api.views import Resource, absolute, actor_of
from marketplace.base import clock
from marketplace.base.actor import VISITOR
from marketplace.base.errors import Invalid, NotFound, TooMany
from marketplace.scenarios.models import Scenario
from marketplace.supervision import actions as supervision
from marketplace.supervision import queries
from marketplace.supervision.actions.approaches import WHAT_MOST, WHO_MOST
from marketplace.supervision.actions.inspections import NUMBER_MOST, REASON_MOST, SUBJECTS_MOST
from marketplace.supervision.actions.tips import TIP_MOST
from marketplace.supervision.limits import within
from marketplace.supervision.models import Approach, Inspection, Scope

STATES = ["before", "in_force", "over", "ended"]


# -- Approaches --------------------------------------------------------------------------------------
class ApproachRow(Shape):
    uid = s.UUIDField()
    filer = text("The name of whoever was approached.")
    role = text("In which capacity.")
    scenario = s.UUIDField(allow_null=True, help_text="The demand that it was about.")
    who = text()
    what = text()
    happened_at = instant()
    created_at = instant()
    links = Links()
    actions = actions()


class NewApproach(Body):
    who = Text(WHO_MOST)
    happened_at = Instant()
    what = Text(WHAT_MOST)
    scenario = Uid(required=False, allow_null=True, source="scenario_uid")


def approach_shape(request: Request, row: Approach) -> dict[str, Any]:
    return {
        "uid": str(row.uid),
        "filer": row.filer.name,
        "role": row.role,
        "scenario": said(row.scenario_uid),
        "who": row.who,
        "what": row.what,
        "happened_at": said(row.happened_at),
        "created_at": said(row.created_at),
        "links": {
            "self": absolute(request, "api-approach", row.uid),
            "html": absolute(request, "approaches"),
        },
        "actions": [],
    }


def approach_shown(request: Request, uid: UUID) -> dict[str, Any]:
    row = queries.approaches(actor_of(request)).filter(uid=uid).first()
    if row is None:
        raise NotFound
    return approach_shape(request, row)


class Approaches(Listed):
    @listing(
        "approaches_list",
        "Registered approaches",
        rows=ApproachRow,
        description="One's own; to an inspector those that a request in force opens.",
    )
    def get(self, request: Request) -> Any:
        rows = queries.approaches(actor_of(request))
        return rows, lambda page: [approach_shape(request, row) for row in page]

    @deed(
        "approaches_register",
        "Register an approach",
        scope=None,
        description="In person, by whoever was approached; no pledge stands before it.",
        takes=NewApproach,
        example={
            "who": "某单位王某，代揭榜方说情",
            "happened_at": "2026-11-20T15:00:00+08:00",
            "what": "电话询问评审专家名单，当场拒绝。",
        },
        shows=approach_shown,
        answers=ApproachRow,
        status=201,
    )
    def post(self, given: Given) -> UUID:
        scenario = given.body.get("scenario_uid")
        seen = Scenario.objects.visible_to(given.actor)
        if scenario and not seen.filter(uid=scenario).exists():
            raise Invalid(errors={"scenario": [_("There is no such demand.")]})
        return supervision.register_approach(actor=given.actor, **given.body).uid


class ApproachOne(Resource):
    @reading("approaches_retrieve", "One registered approach", shape=ApproachRow)
    def get(self, request: Request, uid: UUID) -> Response:
        return Response(approach_shown(request, uid))


# -- Inspections -------------------------------------------------------------------------------------
class InspectionRow(Shape):
    uid = s.UUIDField()
    number = text()
    scope = s.ChoiceField(Scope.choices)
    subjects = s.ListField(child=s.UUIDField(), help_text="The demands or organisations named.")
    drafts = s.BooleanField()
    reason = text()
    state = s.ChoiceField(STATES)
    from_at = instant()
    until_at = instant()
    ended_at = instant("By hand, before its time.", null=True)
    links = Links()
    actions = actions()


class NewInspection(Body):
    number = Text(NUMBER_MOST)
    scope = Choice(Scope.values)
    subjects = s.ListField(
        child=Uid(),
        max_length=SUBJECTS_MOST,
        required=False,
        source="subject_uids",
        help_text="Demands or organisations, where the scope names some.",
    )
    drafts = Flag(required=False)
    reason = Text(REASON_MOST)
    from_at = Instant(required=False, allow_null=True, help_text="At once where it is left out.")
    until_at = Instant()


def inspection_shape(request: Request, row: Inspection, now: datetime) -> dict[str, Any]:
    state = queries.state_of(row, now)
    names = ["end_inspection"] if state in {"before", "in_force"} else []
    end = getattr(row, "end", None)
    return {
        "uid": str(row.uid),
        "number": row.number,
        "scope": row.scope,
        "subjects": [str(one.subject_uid) for one in row.subjects.all()],
        "drafts": row.drafts,
        "reason": row.reason,
        "state": state,
        "from_at": said(row.from_at),
        "until_at": said(row.until_at),
        "ended_at": said(end.ended_at) if end else None,
        "links": {
            "self": absolute(request, "api-inspection", row.uid),
            "html": absolute(request, "inspection", row.uid),
        },
        "actions": told(request, names, row.uid),
    }


def inspections_of(request: Request) -> Any:
    return queries.my_inspections(actor_of(request)).prefetch_related("subjects")


def inspection_shown(request: Request, uid: UUID) -> dict[str, Any]:
    row = inspections_of(request).filter(uid=uid).first()
    if row is None:
        raise NotFound
    return inspection_shape(request, row, clock.now())


INSPECTION: dict[str, Any] = {"shows": inspection_shown, "answers": InspectionRow}


class Inspections(Listed):
    @listing(
        "inspections_list",
        "Requests to read",
        rows=InspectionRow,
        description="An inspector's own; nobody else learns of them.",
    )
    def get(self, request: Request) -> Any:
        now = clock.now()
        return inspections_of(request), lambda page: [
            inspection_shape(request, row, now) for row in page
        ]

    @deed(
        "inspections_request",
        "Record a request to read",
        scope=None,
        description="By an inspector, in person. It opens nothing before it is recorded.",
        takes=NewInspection,
        example={
            "number": "沪临纪〔2026〕12号",
            "scope": "everything",
            "reason": "年度抽查。",
            "until_at": "2027-01-31T00:00:00+08:00",
        },
        status=201,
        **INSPECTION,
    )
    def post(self, given: Given) -> UUID:
        named = given.body.get("subject_uids", [])
        if given.body["scope"] == Scope.SCENARIOS:
            known = Scenario.objects.filter(uid__in=named).count()
            if known != len(set(named)):
                raise Invalid(errors={"subjects": [_("There is no such demand.")]})
        return supervision.request_inspection(actor=given.actor, **given.body).uid


class InspectionOne(Resource):
    @reading("inspections_retrieve", "One request to read", shape=InspectionRow)
    def get(self, request: Request, uid: UUID) -> Response:
        return Response(inspection_shown(request, uid))


InspectionEnd = calling(
    supervision.end_inspection,
    "inspection_uid",
    "inspections_end",
    "End a request to read before its time",
    scope=None,
    **INSPECTION,
)


# -- Tips --------------------------------------------------------------------------------------------
class TipSent(Shape):
    number = text()
    secret = text("Told this once; number and secret open the answer at /tips/answer/.")


class NewTip(Body):
    text = Text(TIP_MOST)


class Tips(Resource):
    """Whoever sends a tip is nobody here: neither a session nor a token is looked at."""

    authentication_classes = []

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        put_on(beneath(request), VISITOR)
        super().initial(request, *args, **kwargs)

    def get_permissions(self) -> list[Any]:
        return [AllowAny()]

    @deed(
        "tips_send",
        "Send a tip to the inspectors",
        scope=None,
        description="By a visitor: a session or a token is not looked at, and nothing about the"
        " sender is kept, so that Idempotency-Key is not honoured. Limited as the page is.",
        takes=NewTip,
        example={"text": "某需求的指标为某一家量身设置，依据是公开的产品手册第12页。"},
        answers=TipSent,
        status=201,
        own_key=True,
    )
    def post(self, given: Given) -> Answer:
        if not within(beneath(given.request), "tip"):
            raise TooMany
        sent = supervision.send_tip(**given.body)
        return Answer({"number": sent.number, "secret": sent.secret})
