"""The office's way with a filed demand, and what may happen to a posted one."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers as s
from rest_framework.request import Request
from rest_framework.response import Response

from marketplace.accounts.tokens.models import Scope
from marketplace.api.bodies import Body, Instant, Text, Uid, Whole
from marketplace.api.calls import calling
from marketplace.api.scenarios import scenario_shown
from marketplace.api.shapes import ScenarioDetail, Shape, text
from marketplace.api.views import OfScenario, Resource, actor_of
from marketplace.base.rules import require
from marketplace.scenarios import actions
from marketplace.scenarios.models import Scenario
from marketplace.scenarios.queries import key_holder_candidates
from marketplace.scenarios.rules import can_publish_scenario
from marketplace.scenarios.suspensions.actions import resume_scenario, suspend_scenario
from marketplace.scenarios.suspensions.models import Suspension

SHOWN: dict[str, Any] = {"shows": scenario_shown, "answers": ScenarioDetail}
HOLDERS_MAX = 20


class Reason(Body):
    reason = Text(4000)


class Publish(Body):
    key_holders = s.ListField(
        child=Uid(),
        min_length=1,
        max_length=HOLDERS_MAX,
        source="key_holder_uids",
        help_text="Of the candidates; at least as many as the profile asks to confirm an opening.",
    )
    deadline_at = Instant(required=False, allow_null=True)


class Relist(Body):
    parts = Whole(
        required=False, default=1, help_text="1: another round; 2 to 5: split into so many parts."
    )


def of_its_demand(row: Suspension) -> UUID:
    return row.scenario.uid


def first_made(rows: list[Scenario]) -> UUID:
    return rows[0].uid


def on_demand(*of: Any, **said: Any) -> type[Resource]:
    return calling(of[0], "scenario_uid", *of[1:], base=OfScenario, **SHOWN, **said)


ScenarioDemonstrate = on_demand(
    actions.start_demonstration,
    "scenarios_demonstrate",
    "Take up a filed demand",
    scope=Scope.OFFICE,
)
ScenarioReturn = on_demand(
    actions.return_scenario,
    "scenarios_return",
    "Give a demand back to its owner",
    scope=Scope.OFFICE,
    takes=Reason,
    example={"reason": "指标缺少测试方法。"},
)
ScenarioReject = on_demand(
    actions.reject_scenario,
    "scenarios_reject",
    "Reject a demand for good",
    scope=Scope.OFFICE,
    takes=Reason,
    example={"reason": "不属于本平台的领域。"},
)
ScenarioPublish = on_demand(
    actions.publish_scenario,
    "scenarios_publish",
    "Post a demand",
    scope=None,
    description="Everybody reads it from here on, and nothing of it changes any more.",
    takes=Publish,
    example={
        "key_holders": [
            "5f0c7f3e-0b0e-4d5e-9a53-0a5a4f7a7c11",
            "8a6f2c1d-7f43-4f0e-8f19-3c1f0d9b2e22",
        ],
        "deadline_at": "2026-12-31T17:00:00+08:00",
    },
    proof=True,
)
ScenarioWithdraw = on_demand(
    actions.withdraw_scenario,
    "scenarios_withdraw",
    "Take back a posted demand",
    scope=Scope.SCENARIOS,
    description="Strictly before its deadline; it stays visible, with the reason.",
    takes=Reason,
    example={"reason": "生产计划调整，需求取消。"},
)


ScenarioSuspend = on_demand(
    suspend_scenario,
    "scenarios_suspend",
    "Suspend a posted demand",
    scope=Scope.OFFICE,
    description="No bid is taken until it goes on, and its deadline waits.",
    takes=Reason,
    example={"reason": "收到对需求内容的异议，待核实。"},
    makes=of_its_demand,
)
ScenarioResume = on_demand(
    resume_scenario,
    "scenarios_resume",
    "Let a suspended demand go on",
    scope=Scope.OFFICE,
    description="Its deadline moves later by the time that it stood still.",
    takes=Reason,
    example={"reason": "异议已核实，不影响申报。"},
    makes=of_its_demand,
)
ScenarioRelist = on_demand(
    actions.relist_scenario,
    "scenarios_relist",
    "List anew what failed or was withdrawn",
    scope=Scope.SCENARIOS,
    description="Shows the first of the drafts that were made; all rounds name one root.",
    takes=Relist,
    example={"parts": 1},
    status=201,
    makes=first_made,
)


class CandidateSerializer(Shape):
    uid = s.UUIDField(help_text="Of the person.")
    name = text()


class KeyHolderCandidates(OfScenario):
    """Who may be appointed. For the officers who may publish."""

    @extend_schema(
        operation_id="scenarios_key_holder_candidates",
        summary="Who may hold a key",
        description="People who may be appointed to confirm the opening, for who publishes.",
        responses=CandidateSerializer(many=True),
        extensions={"x-problems": [400, 401, 403, 404]},
    )
    def get(self, request: Request, uid: UUID) -> Response:
        actor = actor_of(request)
        scenario = self.demand(actor, uid)
        require(can_publish_scenario, actor, scenario)
        people = key_holder_candidates(scenario).values("uid", "name")
        return Response([{**row, "uid": str(row["uid"])} for row in people])
