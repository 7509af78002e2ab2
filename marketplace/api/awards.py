"""Awards: a decision, its publicity, its confirmation. Public from publicity on."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from rest_framework import serializers as s
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from marketplace.accounts.tokens.models import Scope
from marketplace.api.bid_shapes import party, subject
from marketplace.api.bids import UID_EXAMPLE
from marketplace.api.bodies import Body, Instant, Text, Uid
from marketplace.api.calls import calling, its_uid
from marketplace.api.gate import Reason
from marketplace.api.lists import Filter, Listed, listing, reading
from marketplace.api.moves import told
from marketplace.api.scenarios import said, scenario_shown
from marketplace.api.shapes import (
    Free,
    Links,
    Party,
    ScenarioDetail,
    Shape,
    Subject,
    actions,
    instant,
    text,
)
from marketplace.api.views import NONE, OfScenario, PublicRead, Resource, absolute, actor_of
from marketplace.awards import actions as awards
from marketplace.awards.challenges.queries import members_named, until
from marketplace.awards.models import Decision, DecisionState
from marketplace.base.actor import Actor
from marketplace.base.errors import NotFound
from marketplace.committee.queries import names_are_public
from marketplace.desk import moves
from marketplace.desk.queries import desk_for
from marketplace.scenarios.models import Scenario

FILTERS = (
    Filter("scenario", "scenario__uid", "The demand."),
    Filter("state", "state", "The state.", tuple(DecisionState.values)),
)


class PublicitySerializer(Shape):
    uid = s.UUIDField()
    starts_at = instant()
    ends_at = instant("Half-open: at this instant the award may be confirmed.")
    challenges_until = instant("Bidders may challenge a member of the panel until then.")
    sha256 = text("Of the frozen text (RFC 8785).")


class AwardRow(Shape):
    uid = s.UUIDField()
    scenario = Subject()
    state = s.ChoiceField(DecisionState.choices)
    bid = s.UUIDField()
    organisation = Party(help_text="The proposed or confirmed winner.")
    decided_at = instant()
    publicity = PublicitySerializer(allow_null=True)
    amount_cny = s.DecimalField(14, 2, allow_null=True, help_text="Once confirmed.")
    confirmed_at = instant(null=True)
    links = Links()
    actions = actions()


class NamedMember(Shape):
    uid = s.UUIDField()
    code = text("J1, J2, …")
    name = text()


class AwardDetail(AwardRow):
    panel = NamedMember(many=True, help_text="Who reviewed; empty before the result is public.")
    notice = Free(allow_null=True, help_text="What the publicity says.")
    reason = text("Of the decision; for the office and the demand's owner.")
    minutes_number = text("Likewise.")
    refusal_reason = text("Likewise.")


class Winner(Body):
    bid = Uid(source="bid_uid")
    reason = Text(4000, required=False, help_text="Needed for any but the best one left.")


class Minutes(Body):
    bid = Uid(source="bid_uid")
    minutes_number = Text(80)
    reason = Text(4000, required=False)


class Publicise(Body):
    ends_at = Instant(
        required=False, allow_null=True, help_text="Later than the profile asks for, never earlier."
    )


def awards_of(actor: Actor) -> Any:
    rows = Decision.objects.visible_to(actor)
    return rows.select_related("scenario__organisation", "bid__organisation", "publicity", "award")


def row_shape(request: Request, decision: Decision, desk: Any) -> dict[str, Any]:
    publicity = getattr(decision, "publicity", None)
    award = getattr(decision, "award", None)
    names = moves.on_award(
        desk,
        {
            "state": decision.state,
            "decided_by_id": decision.decided_by_id,
            "scenario_id": decision.scenario_id,
            "bid__organisation_id": decision.bid.organisation_id,
        },
        ends_at=max(publicity.ends_at, until(publicity)) if publicity else None,
    )
    page = "publicity" if publicity else "decision"
    return {
        "uid": str(decision.uid),
        "scenario": subject(request, decision.scenario),
        "state": decision.state,
        "bid": str(decision.bid.uid),
        "organisation": party(decision.bid.organisation),
        "decided_at": said(decision.decided_at),
        "publicity": {
            "uid": str(publicity.uid),
            "starts_at": said(publicity.starts_at),
            "ends_at": said(publicity.ends_at),
            "challenges_until": said(until(publicity)),
            "sha256": publicity.sha256,
        }
        if publicity
        else None,
        "amount_cny": said(award.amount_cny) if award else None,
        "confirmed_at": said(award.confirmed_at) if award else None,
        "links": {
            "self": absolute(request, "api-award", decision.uid),
            "html": absolute(request, page, decision.scenario.address),
        },
        "actions": told(request, names, decision.uid),
    }


def award_shown(request: Request, uid: UUID) -> dict[str, Any]:
    actor = actor_of(request)
    decision = awards_of(actor).filter(uid=uid).first()
    if decision is None:
        raise NotFound
    publicity = getattr(decision, "publicity", None)
    mine = actor.organisation_id == decision.scenario.organisation_id
    inside = actor.is_office or (actor.organisation_id is not None and mine)
    kept = ("reason", "minutes_number", "refusal_reason")
    named = names_are_public(decision.scenario)
    members = members_named(decision.scenario) if named else []
    return row_shape(request, decision, desk_for(actor)) | {
        "panel": [
            {"uid": str(row.uid), "code": row.code, "name": row.user.name} for row in members
        ],
        "notice": json.loads(bytes(publicity.body)) if publicity else None,
        **{name: getattr(decision, name) if inside else "" for name in kept},
    }


SHOWN: dict[str, Any] = {"shows": award_shown, "answers": AwardDetail}


class Awards(Listed):
    permission_classes = [AllowAny]

    @listing(
        "awards_list",
        "Awards",
        rows=AwardRow,
        filters=FILTERS,
        description="Decisions from publicity on; to the office and the owner before it.",
        public=True,
    )
    def get(self, request: Request) -> Any:
        actor = actor_of(request)

        def shape(page: list[Decision]) -> list[dict[str, Any]]:
            desk = desk_for(actor)
            return [row_shape(request, row, desk) for row in page]

        return awards_of(actor), shape


class AwardOne(PublicRead):
    about = (Decision, "scenario__uid")
    parameters = NONE

    @reading("awards_retrieve", "One award", shape=AwardDetail, public=True)
    def get(self, request: Request, uid: UUID) -> Response:
        return Response(award_shown(request, uid))


def decided(*of: Any, **said: Any) -> type[Resource]:
    """One of the ways to decide, for a demand that the actor sees."""
    told: dict[str, Any] = {"base": OfScenario, "sees": Scenario, "scope": Scope.AWARDS}
    return calling(of[0], "scenario_uid", *of[1:], **told, **said)


ChooseWinner = decided(
    awards.choose_winner,
    "scenarios_choose_winner",
    "Choose the winner",
    description="By the demand's owner, among the candidates, where the owner chooses.",
    takes=Winner,
    example={"bid": UID_EXAMPLE},
    status=201,
    makes=its_uid,
    **SHOWN,
)
DecideByMinutes = decided(
    awards.decide_by_minutes,
    "scenarios_decide_by_minutes",
    "Enter the decision of a meeting",
    takes=Minutes,
    example={"bid": UID_EXAMPLE, "minutes_number": "纪〔2026〕3号"},
    status=201,
    makes=its_uid,
    **SHOWN,
)
ChooseNobody = decided(
    awards.choose_nobody,
    "scenarios_choose_nobody",
    "End without an award",
    description="With reasons of at least 20 characters; the listing fails and stays visible.",
    takes=Reason,
    example={"reason": "三家候选方案均未覆盖现场改造所需的停机窗口要求。"},
    shows=scenario_shown,
    answers=ScenarioDetail,
)


def on_award(*of: Any, **said: Any) -> type[Resource]:
    told: dict[str, Any] = {"about": (Decision, "scenario__uid"), "sees": Decision, **SHOWN}
    return calling(of[0], "decision_uid", *of[1:], **told, **said)


AwardPublicise = on_award(
    awards.publicise,
    "awards_publicise",
    "Publish the notice and start its window",
    scope=None,
    takes=Publicise,
    example={"ends_at": "2026-12-31T00:00:00+08:00"},
    proof=True,
)
AwardConfirm = on_award(
    awards.confirm_award,
    "awards_confirm",
    "Confirm the award",
    scope=None,
    description="After the window of its publicity.",
    proof=True,
)
AwardRefuse = on_award(
    awards.refuse_award,
    "awards_refuse",
    "Refuse the award",
    scope=Scope.AWARDS,
    description="By the winner, before the confirmation; the next ranked may be decided.",
    takes=Reason,
    example={"reason": "核心人员变动，无法按期交付。"},
)
