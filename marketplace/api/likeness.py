"""Earlier demands that one is like, and what its owner says of them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers as s
from rest_framework.request import Request
from rest_framework.response import Response

from marketplace.accounts.tokens.models import Scope
from marketplace.api.bid_shapes import subject
from marketplace.api.bodies import Body, Choice, Text, Uid
from marketplace.api.calls import call
from marketplace.api.moves import told
from marketplace.api.scenarios import scenario_shown
from marketplace.api.shapes import ScenarioDetail, Shape, Subject, actions, text
from marketplace.api.views import OfScenario, actor_of
from marketplace.base.errors import NotAllowed
from marketplace.scenarios.likeness.actions import answer_likeness
from marketplace.scenarios.likeness.keeping import PARTS
from marketplace.scenarios.likeness.models import REASON_MOST, Verdict
from marketplace.scenarios.likeness.queries import likes, told_to
from marketplace.scenarios.models import OWNER_EDITS
from marketplace.scenarios.rules import can_edit_scenario


class PartLike(Shape):
    part = s.ChoiceField(PARTS)
    percent = s.IntegerField()


class LikenessRow(Shape):
    other = Subject()
    owner = text("As this reader may know it.")
    percent = s.IntegerField(help_text="Of all words that either has, those that both have.")
    parts = PartLike(many=True)
    phrases = s.ListField(child=s.CharField(), help_text="Word for word in both.")
    strong = s.BooleanField(help_text="The owner says of it what it is before filing.")
    verdict = s.ChoiceField(Verdict.choices, allow_null=True)
    reason = text()
    actions = actions()


class LikenessAnswerBody(Body):
    other = Uid(source="other_uid")
    verdict = Choice(Verdict.values)
    reason = Text(REASON_MOST, required=False)


class ScenarioLikeness(OfScenario):
    @extend_schema(
        operation_id="scenarios_likeness",
        summary="Earlier demands that it is like",
        description="For its owner and the office, each as far as they may see those demands.",
        responses=LikenessRow(many=True),
        extensions={"x-problems": [400, 401, 403, 404]},
    )
    def get(self, request: Request, uid: UUID) -> Response:
        actor = actor_of(request)
        scenario = self.demand(actor, uid)
        if not told_to(actor, scenario):
            raise NotAllowed
        speaks = can_edit_scenario(actor, scenario) and scenario.state in OWNER_EDITS
        return Response(
            [
                {
                    "other": subject(request, like.other),
                    "owner": like.owner,
                    "percent": like.percent,
                    "parts": [{"part": part, "percent": percent} for part, percent in like.parts],
                    "phrases": like.phrases,
                    "strong": like.strong,
                    "verdict": like.answer.verdict if like.answer else None,
                    "reason": like.answer.reason if like.answer else "",
                    "actions": told(
                        request, ["answer_likeness"] if speaks and like.strong else [], scenario.uid
                    ),
                }
                for like in likes(actor, scenario)
            ]
        )

    said: dict[str, Any] = {"shows": scenario_shown, "answers": ScenarioDetail}
    post = call(
        answer_likeness,
        "scenario_uid",
        "scenarios_answer_likeness",
        "Say of a like demand what it is",
        scope=Scope.SCENARIOS,
        description="That this one differs and why, or that it is that one, listed anew.",
        takes=LikenessAnswerBody,
        example={
            "other": "5f0c7f3e-0b0e-4d5e-9a53-0a5a4f7a7c11",
            "verdict": "different",
            "reason": "前一个需求只测流量，本需求测设备固件。",
        },
        makes=lambda row: row.scenario.uid,
        **said,
    )
