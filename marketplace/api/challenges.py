"""Challenges to members of a panel: filed by bidders after the result, heard by the office."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from rest_framework import serializers as s
from rest_framework.request import Request
from rest_framework.response import Response

from marketplace.accounts.tokens.models import Scope
from marketplace.api.bid_shapes import party, subject
from marketplace.api.bids import UID_EXAMPLE
from marketplace.api.bodies import Body, Choice, Flag, Text, Uid
from marketplace.api.calls import call, calling, its_uid
from marketplace.api.lists import Filter, Listed, listing, reading
from marketplace.api.moves import told
from marketplace.api.scenarios import said
from marketplace.api.shapes import Links, Party, Shape, Subject, actions, instant, text
from marketplace.api.views import Resource, absolute, actor_of
from marketplace.awards.challenges import actions as challenges
from marketplace.awards.challenges.models import ChallengeState, MemberChallenge, RedoStep
from marketplace.base.actor import Actor
from marketplace.base.errors import NotFound
from marketplace.desk import moves
from marketplace.desk.queries import desk_for

DEMAND = "publicity__decision__scenario"
FILTERS = (
    Filter("scenario", f"{DEMAND}__uid", "The demand."),
    Filter("state", "state", "The state.", tuple(ChallengeState.values)),
)


class ChallengeRow(Shape):
    uid = s.UUIDField()
    scenario = Subject()
    member = s.UUIDField()
    code = text("Of the member: J1, J2, …")
    organisation = Party(help_text="Who filed it.")
    state = s.ChoiceField(ChallengeState.choices)
    filed_at = instant()
    admission_at = instant(null=True)
    ruled_at = instant(null=True)
    redo_step = s.ChoiceField(RedoStep.choices, allow_blank=True)
    redone_at = instant(null=True)
    ranking_holds = s.BooleanField(allow_null=True, help_text="After what was redone.")
    links = Links()
    actions = actions()


class ChallengeDetail(ChallengeRow):
    reason = text()
    admission_reason = text()
    ruling = text()
    redo_document = text()
    redo_result = text()


class Challenge(Body):
    member = Uid(source="member_uid", help_text="As the award names its panel.")
    reason = Text(challenges.TEXT_MOST, help_text="At least 20 characters.")


class Admission(Body):
    admissible = Flag()
    reason = Text(challenges.TEXT_MOST, required=False, help_text="Needed for a no.")


class Ruling(Body):
    upheld = Flag()
    redo_step = Choice(RedoStep.values, required=False, help_text="Needed for an upheld one.")
    reason = Text(challenges.TEXT_MOST)


class Redone(Body):
    document = Text(80)
    result = Text(challenges.TEXT_MOST)
    ranking_holds = Flag(help_text="False annuls the decision and ends the listing.")


def challenges_of(actor: Actor) -> Any:
    rows = MemberChallenge.objects.visible_to(actor)
    return rows.select_related(f"{DEMAND}__organisation", "member__panel", "organisation")


def row_shape(request: Request, row: MemberChallenge, desk: Any) -> dict[str, Any]:
    scenario = row.publicity.decision.scenario
    return {
        "uid": str(row.uid),
        "scenario": subject(request, scenario),
        "member": str(row.member.uid),
        "code": row.member.code,
        "organisation": party(row.organisation),
        "state": row.state,
        "filed_at": said(row.filed_at),
        "admission_at": said(row.admission_at),
        "ruled_at": said(row.ruled_at),
        "redo_step": row.redo_step,
        "redone_at": said(row.redone_at),
        "ranking_holds": row.ranking_holds,
        "links": {
            "self": absolute(request, "api-challenge", row.uid),
            "html": absolute(request, "challenges", scenario.address),
        },
        "actions": told(request, moves.on_challenge(desk, row), row.uid),
    }


def challenge_shown(request: Request, uid: UUID) -> dict[str, Any]:
    actor = actor_of(request)
    row = challenges_of(actor).filter(uid=uid).first()
    if row is None:
        raise NotFound
    kept = ("reason", "admission_reason", "ruling", "redo_document", "redo_result")
    return row_shape(request, row, desk_for(actor)) | {name: getattr(row, name) for name in kept}


SHOWN: dict[str, Any] = {"shows": challenge_shown, "answers": ChallengeDetail}
ABOUT: dict[str, Any] = {"about": (MemberChallenge, f"{DEMAND}__uid")}


class Challenges(Listed):
    @listing("challenges_list", "Challenges to members", rows=ChallengeRow, filters=FILTERS)
    def get(self, request: Request) -> Any:
        actor = actor_of(request)

        def shape(page: list[MemberChallenge]) -> list[dict[str, Any]]:
            desk = desk_for(actor)
            return [row_shape(request, row, desk) for row in page]

        return challenges_of(actor), shape

    post = call(
        challenges.file_challenge,
        "",
        "challenges_file",
        "Challenge a member",
        scope=Scope.AWARDS,
        description="By a bidder whose bid was opened, by name, after the result is public.",
        takes=Challenge,
        example={
            "member": UID_EXAMPLE,
            "reason": "该评委上月起担任中选单位的技术顾问，附聘书编号。",
        },
        status=201,
        makes=its_uid,
        **SHOWN,
    )


class ChallengeOne(Resource):
    about = (MemberChallenge, f"{DEMAND}__uid")

    @reading("challenges_retrieve", "One challenge", shape=ChallengeDetail)
    def get(self, request: Request, uid: UUID) -> Response:
        return Response(challenge_shown(request, uid))


ChallengeAdmit = calling(
    challenges.admit_challenge,
    "challenge_uid",
    "challenges_admit",
    "Admit a challenge, or not",
    scope=Scope.OFFICE,
    takes=Admission,
    example={"admissible": True},
    **ABOUT,
    **SHOWN,
)
ChallengeRule = calling(
    challenges.rule_challenge,
    "challenge_uid",
    "challenges_rule",
    "Rule on an admitted challenge",
    scope=Scope.OFFICE,
    takes=Ruling,
    example={"upheld": False, "reason": "经核实，该评委与中选单位三年内没有聘用关系。"},
    **ABOUT,
    **SHOWN,
)
ChallengeRedone = calling(
    challenges.record_redo,
    "challenge_uid",
    "challenges_record_redo",
    "Record what was redone",
    scope=Scope.OFFICE,
    takes=Redone,
    example={"document": "评〔2026〕7号", "result": "补抽一人重新评分。", "ranking_holds": True},
    **ABOUT,
    **SHOWN,
)
