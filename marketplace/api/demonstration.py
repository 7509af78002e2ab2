"""需求论证: asking experts, their opinions, the conclusion."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers as s
from rest_framework.request import Request
from rest_framework.response import Response

from marketplace.accounts.tokens.models import Scope
from marketplace.api.bodies import Body, Choice, Flag, Instant, Text, Uid
from marketplace.api.calls import call, calling
from marketplace.api.gate import Reason, on_demand
from marketplace.api.lists import Filter, Listed, listing, reading
from marketplace.api.moves import told
from marketplace.api.shapes import Links, Shape, instant, text
from marketplace.api.shapes import actions as moves_shape
from marketplace.api.views import OfScenario, Resource, absolute, actor_of
from marketplace.base import clock
from marketplace.base.actor import Actor
from marketplace.base.canonical import plain
from marketplace.base.errors import NotFound
from marketplace.base.rules import require
from marketplace.scenarios import actions
from marketplace.scenarios.demonstration.conclusion import QUESTIONS
from marketplace.scenarios.demonstration.models import (
    Demonstration,
    DemonstrationOpinion,
    Outcome,
    SeatState,
    Verdict,
)
from marketplace.scenarios.demonstration.queries import candidates, standing
from marketplace.scenarios.models import Scenario
from marketplace.scenarios.rules import can_conclude_demonstration, can_invite_experts

ABOUT: Any = (Demonstration, "scenario__uid")
FILTERS = (Filter("scenario", "scenario__uid", "The demand."),)


class OpinionShape(Shape):
    expert = text("The name, for the office; empty for everybody else.")
    own = s.BooleanField()
    answers = s.DictField(child=s.BooleanField(), help_text="{question: yes}")
    answers_words = s.DictField(child=s.CharField(), help_text="{question: words}")
    verdict = s.ChoiceField(Verdict.choices)
    words = text()
    given_at = instant()


class DemonstrationShape(Shape):
    uid = s.UUIDField()
    scenario = s.UUIDField()
    number = s.IntegerField(help_text="Of the round.")
    due_at = instant("Until when opinions are asked.")
    outcome = text("Empty while it is open.")
    words = text("The summary, to who reads the opinions; empty while it is open.")
    concluded_at = instant(null=True)
    waited = s.IntegerField(help_text="How many experts are asked and silent.")
    outcomes = s.ListField(child=s.CharField(), help_text="That may be concluded now.")
    opinions = OpinionShape(many=True, help_text="As far as this reader may read them yet.")
    links = Links()
    actions = moves_shape()


class Invitation(Body):
    experts = s.ListField(child=Uid(), min_length=1, max_length=20, source="expert_uids")
    due_at = Instant(required=False, allow_null=True)


class Answer(Body):
    yes = Flag()
    words = Text(2000, required=False)


class Answers(Body):
    real = Answer()
    tight = Answer()
    measurable = Answer()
    neutral = Answer()


class Opinion(Body):
    answers = Answers(help_text="Real? Tight? Measurable? Not tailored to one vendor?")
    verdict = Choice(Verdict.values)
    words = Text(4000, required=False)


class Conclusion(Body):
    outcome = Choice([str(o) for o in Outcome if o != Outcome.BROKEN_OFF])
    opinion = Text(4000)


def rows_shape(
    request: Request, actor: Actor, rows: Iterable[Demonstration]
) -> list[dict[str, Any]]:
    """Queries do not grow with the rows but for what may be concluded, which is asked of open ones."""
    found = list(rows)
    seen = DemonstrationOpinion.objects.visible_to(actor)
    opinions = seen.filter(seat__demonstration__in=found).select_related("seat__user")
    by_round: dict[int, list[DemonstrationOpinion]] = {row.pk: [] for row in found}
    for opinion in opinions.order_by("seat_id"):
        by_round[opinion.seat.demonstration_id].append(opinion)
    return [row_shape(request, actor, row, by_round[row.pk]) for row in found]


def row_shape(
    request: Request, actor: Actor, row: Demonstration, opinions: list[DemonstrationOpinion]
) -> dict[str, Any]:
    inside = actor.is_office or actor.organisation_id == row.scenario.organisation_id
    seats = list(row.seats.all())
    moves, outcomes = [], []
    if row.concluded_at is None:
        own = [seat for seat in seats if seat.user_id == actor.user_id]
        if own and actor.role == "expert" and own[0].state == SeatState.INVITED:
            moves = ["give_opinion", "decline_demonstration"]
        if can_conclude_demonstration(actor, row.scenario):
            outcomes = sorted(standing(row, clock.now()).outcomes)
    return {
        "uid": str(row.uid),
        "scenario": str(row.scenario.uid),
        "number": row.number,
        "due_at": plain(row.due_at),
        "outcome": row.outcome,
        "words": row.words if inside else "",
        "concluded_at": plain(row.concluded_at),
        "waited": sum(seat.state == SeatState.INVITED for seat in seats),
        "outcomes": outcomes,
        "opinions": [opinion_shape(actor, opinion) for opinion in opinions],
        "links": {
            "self": absolute(request, "api-demonstration", row.uid),
            "html": absolute(request, "scenario-demonstration", row.scenario.address),
        },
        "actions": told(request, moves, row.uid),
    }


def opinion_shape(actor: Actor, row: DemonstrationOpinion) -> dict[str, Any]:
    return {
        "expert": row.seat.user.name if actor.is_office else "",
        "own": row.seat.user_id == actor.user_id,
        "answers": {name: getattr(row, name) for name in QUESTIONS},
        "answers_words": {name: getattr(row, f"{name}_words") for name in QUESTIONS},
        "verdict": row.verdict,
        "words": row.words,
        "given_at": plain(row.given_at),
    }


def visible(actor: Actor) -> Any:
    rows = Demonstration.objects.visible_to(actor).select_related("scenario__profile")
    return rows.prefetch_related("seats")


def demonstration_shown(request: Request, uid: UUID) -> dict[str, Any]:
    actor = actor_of(request)
    row = visible(actor).filter(uid=uid).first()
    if row is None:
        raise NotFound
    return rows_shape(request, actor, [row])[0]


SHOWN: dict[str, Any] = {"shows": demonstration_shown, "answers": DemonstrationShape}


class Demonstrations(Listed):
    @listing(
        "demonstrations_list",
        "Rounds of demonstration",
        description="Of one's own demands, those on which one is asked, or all for the office.",
        rows=DemonstrationShape,
        filters=FILTERS,
    )
    def get(self, request: Request) -> Any:
        actor = actor_of(request)
        return visible(actor), lambda rows: rows_shape(request, actor, rows)


class DemonstrationOne(Resource):
    about = ABOUT

    @reading("demonstrations_retrieve", "One round of demonstration", shape=DemonstrationShape)
    def get(self, request: Request, uid: UUID) -> Response:
        return Response(demonstration_shown(request, uid))


class CandidateShape(Shape):
    uid = s.UUIDField(help_text="Of the person.")
    name = text()
    email = text("As the office knows the person.")
    barred = s.BooleanField()
    ties = s.ListField(child=s.CharField())


class DemonstrationOfScenario(OfScenario):
    @extend_schema(
        operation_id="scenarios_demonstration_candidates",
        summary="Who may be asked to demonstrate",
        responses=CandidateShape(many=True),
        extensions={"x-problems": [400, 401, 403, 404]},
    )
    def get(self, request: Request, uid: UUID) -> Response:
        actor = actor_of(request)
        rows = Scenario.objects.visible_to(actor).select_related("organisation")
        scenario = rows.filter(uid=uid).first()
        if scenario is None:
            raise NotFound
        require(can_invite_experts, actor, scenario)
        return Response(
            [
                {
                    "uid": str(row.user.uid),
                    "name": row.user.name,
                    "email": row.user.email,
                    "barred": row.barred,
                    "ties": [tie.sentence for tie in row.ties],
                }
                for row in candidates(scenario)
            ]
        )

    post = call(
        actions.invite_experts,
        "scenario_uid",
        "scenarios_invite_experts",
        "Ask experts for their opinion",
        scope=Scope.OFFICE,
        description="A new round, or more experts in the open one.",
        takes=Invitation,
        example={"experts": ["5f0c7f3e-0b0e-4d5e-9a53-0a5a4f7a7c11"]},
        makes=lambda row: row.uid,
        **SHOWN,
    )


ScenarioConclude = on_demand(
    actions.conclude_demonstration,
    "scenarios_conclude",
    "Conclude the demonstration",
    scope=Scope.OFFICE,
    description="By the secretary, with an outcome that the opinions carry.",
    takes=Conclusion,
    example={"outcome": "pass", "opinion": "需求真实，指标可测，条件中立，同意发榜。"},
)
DemonstrationOpine = calling(
    actions.give_opinion,
    "demonstration_uid",
    "demonstrations_opine",
    "Give one's opinion on a demand",
    scope=None,
    description="Once, in person, by an expert who was asked.",
    takes=Opinion,
    example={
        "answers": {name: {"yes": True} for name in QUESTIONS},
        "verdict": "pass",
        "words": "指标可由第三方测量，条件中立。",
    },
    about=ABOUT,
    **SHOWN,
)
DemonstrationDecline = calling(
    actions.decline_demonstration,
    "demonstration_uid",
    "demonstrations_decline",
    "Stand back from a demonstration",
    scope=None,
    takes=Reason,
    example={"reason": "与需求方有合作。"},
    about=ABOUT,
)
