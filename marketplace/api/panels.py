"""Panels: drawn by lot; each member sees the own seat and nobody else's."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Prefetch
from rest_framework import serializers as s
from rest_framework.request import Request
from rest_framework.response import Response

from marketplace.accounts.tokens.models import Scope
from marketplace.api.bid_shapes import subject
from marketplace.api.bodies import Body, Flag, Text
from marketplace.api.calls import calling
from marketplace.api.deeds import Given, deed
from marketplace.api.lists import Filter, Listed, listing, reading
from marketplace.api.moves import told
from marketplace.api.reports import ReportDetail, report_shown
from marketplace.api.scenarios import said
from marketplace.api.shapes import Links, Shape, Subject, actions, instant, text
from marketplace.api.views import Resource, absolute, actor_of
from marketplace.base.actor import Actor, Role
from marketplace.base.errors import NotFound
from marketplace.base.rules import require_confidentiality
from marketplace.committee import actions as committee
from marketplace.committee import queries
from marketplace.committee.fees.models import Basis
from marketplace.committee.models import MemberState, Panel, PanelMember, PanelState
from marketplace.committee.rules import can_see_progress
from marketplace.desk import moves
from marketplace.desk.queries import desk_for
from marketplace.files.access import record_access

FILTERS = (
    Filter("scenario", "scenario__uid", "The demand."),
    Filter("state", "state", "The state.", tuple(PanelState.values)),
)


class MemberSerializer(Shape):
    uid = s.UUIDField()
    code = text("J1, J2, …")
    name = text("Empty before the result, but for inspectors and one's own seat.")
    state = s.ChoiceField(MemberState.choices)
    declared_at = instant(null=True)
    recused_at = instant(null=True)
    sheets = s.IntegerField(help_text="To score.")
    locked = s.IntegerField(help_text="Of them locked.")


class PanelRow(Shape):
    uid = s.UUIDField()
    scenario = Subject()
    state = s.ChoiceField(PanelState.choices)
    links = Links()
    actions = actions()


class PanelDetail(PanelRow):
    bidders = s.ListField(
        child=s.CharField(),
        help_text="For a member, once the own blind sheets are locked: against whom to declare.",
    )
    members = MemberSerializer(many=True, help_text="For a member only the own seat.")


class Declaration(Body):
    free = Flag(help_text="Free of interests. False recuses at once.")
    reason = Text(2000, required=False)


class ReportWordBody(Body):
    dissents = Flag(required=False, help_text="A dissent needs its reasons.")
    reason = Text(4000, required=False)
    signature = Text(
        4000,
        required=False,
        help_text="Base64; only where the installation signs through a provider.",
    )


class Fee(Body):
    basis = s.ChoiceField(Basis.choices)
    half_days = s.IntegerField(required=False, min_value=0, max_value=60)
    note = Text(500, required=False, help_text="A correction says why.")


class Recusal(Body):
    reason = Text(2000)


def panels_of(actor: Actor) -> Any:
    rows = Panel.objects.visible_to(actor).select_related("scenario")
    members = PanelMember.objects.select_related("user").prefetch_related("words")
    members = members.order_by("pk")
    return rows.prefetch_related(Prefetch("members", members))


def row_shape(request: Request, panel: Panel, desk: Any) -> dict[str, Any]:
    names = moves.on_panel(desk, panel, list(panel.members.all()))
    office = desk.actor.is_office
    html = ("panel", panel.scenario.address) if office else ("panel-desk", panel.uid)
    return {
        "uid": str(panel.uid),
        "scenario": subject(request, panel.scenario),
        "state": panel.state,
        "links": {
            "self": absolute(request, "api-panel", panel.uid),
            "html": absolute(request, *html),
        },
        "actions": told(request, [name for name in names if name != "recuse_member"], panel.uid),
    }


def panel_shown(request: Request, uid: UUID) -> dict[str, Any]:
    actor = actor_of(request)
    panel = panels_of(actor).filter(uid=uid).first()
    if panel is None:
        raise NotFound
    require_confidentiality(actor)
    rows = queries.progress(panel)
    named = queries.names_are_public(panel.scenario)
    bidders: list[str] = []
    if can_see_progress(actor, panel):
        if not named and actor.role == Role.INSPECTOR:
            record_access(actor=actor, subject_uid=uid, what="panel.names")
            named = True
    else:
        named = True
        rows = [row for row in rows if row.member.user_id == actor.user_id]
        bidders = [
            name
            for row in rows
            for bid, members in queries.shown_bidders(panel, row.member)
            for name in (bid.organisation.name, *members)
        ]
        if bidders:
            record_access(actor=actor, subject_uid=uid, what="panel.bidders")
    return row_shape(request, panel, desk_for(actor)) | {
        "bidders": bidders,
        "members": [
            {
                "uid": str(row.member.uid),
                "code": row.member.code,
                "name": row.member.user.name if named else "",
                "state": row.member.state,
                "declared_at": said(row.member.declared_at),
                "recused_at": said(row.member.recused_at),
                "sheets": row.total,
                "locked": row.locked,
            }
            for row in rows
        ],
    }


SHOWN: dict[str, Any] = {"shows": panel_shown, "answers": PanelDetail}


class Panels(Listed):
    @listing("panels_list", "Panels", rows=PanelRow, filters=FILTERS)
    def get(self, request: Request) -> Any:
        actor = actor_of(request)

        def shape(page: list[Panel]) -> list[dict[str, Any]]:
            desk = desk_for(actor)
            return [row_shape(request, row, desk) for row in page]

        return panels_of(actor), shape


class PanelOne(Resource):
    about = (Panel, "scenario__uid")

    @reading("panels_retrieve", "One panel", shape=PanelDetail)
    def get(self, request: Request, uid: UUID) -> Response:
        return Response(panel_shown(request, uid))


def visible_panel(given: Given, uid: UUID) -> Panel:
    panel = Panel.objects.visible_to(given.actor).filter(uid=uid).first()
    if panel is None:
        raise NotFound
    return panel


ABOUT: dict[str, Any] = {"about": (Panel, "scenario__uid")}
PanelDeclare = calling(
    committee.declare_interest,
    "panel_uid",
    "panels_declare",
    "Declare one's interests",
    scope=Scope.COMMITTEE,
    takes=Declaration,
    example={"free": True},
    **ABOUT,
)


PanelDeclareNamed = calling(
    committee.declare_against_bidders,
    "panel_uid",
    "panels_declare_named",
    "Declare against those who bid in fact",
    scope=Scope.COMMITTEE,
    takes=Declaration,
    example={"free": True},
    description="Once one's blind sheets are locked; the sheets by name follow it.",
    **ABOUT,
)
PanelSign = calling(
    committee.sign_report,
    "panel_uid",
    "panels_sign_report",
    "Sign the report, or dissent in writing",
    scope=None,
    proof=True,
    takes=ReportWordBody,
    example={"dissents": False},
    **ABOUT,
)


class MemberFee(Resource):
    about = (Panel, "scenario__uid")

    @deed(
        "panels_record_fee",
        "Record what a member is owed",
        scope=Scope.OFFICE,
        description="By the office's table and the time; a second one corrects the first.",
        takes=Fee,
        example={"basis": "review", "half_days": 2},
        shows=None,
    )
    def post(self, given: Given, uid: UUID, member: UUID) -> UUID:
        visible_panel(given, uid)
        if not PanelMember.objects.filter(panel__uid=uid, uid=member).exists():
            raise NotFound
        return committee.record_fee(actor=given.actor, member_uid=member, **given.body).uid


class MemberRecuse(Resource):
    about = (Panel, "scenario__uid")

    @deed(
        "panels_recuse_member",
        "Recuse a member",
        scope=Scope.OFFICE,
        description="Oneself, or by the secretary. Ends every right at once and voids the sheets.",
        takes=Recusal,
        example={"reason": "曾任揭榜方顾问。"},
        shows=None,
    )
    def post(self, given: Given, uid: UUID, member: UUID) -> UUID:
        visible_panel(given, uid)
        if not PanelMember.objects.filter(panel__uid=uid, uid=member).exists():
            raise NotFound
        committee.recuse_member(actor=given.actor, member_uid=member, **given.body)
        return member


PanelStart = calling(
    committee.start_scoring,
    "panel_uid",
    "panels_start_scoring",
    "Start the scoring",
    sees=Panel,
    scope=None,
    proof=True,
    **ABOUT,
    **SHOWN,
)


class PanelFinish(Resource):
    about = (Panel, "scenario__uid")

    @deed(
        "panels_finish_review",
        "Finish the review and make the report",
        scope=Scope.OFFICE,
        shows=report_shown,
        answers=ReportDetail,
        status=201,
    )
    def post(self, given: Given, uid: UUID) -> UUID:
        panel = visible_panel(given, uid)
        report = committee.finish_review(actor=given.actor, scenario_uid=panel.scenario.uid)
        return report.uid
