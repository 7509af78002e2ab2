"""Writing a demand: what its owner may send, field by field, and the operations on a draft."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers as s
from rest_framework.request import Request
from rest_framework.response import Response

from marketplace.accounts.tokens.models import Scope
from marketplace.api.bodies import Body, Choice, Flag, Instant, Number, Text, Whole
from marketplace.api.calls import call, calling
from marketplace.api.deeds import Given, deed
from marketplace.api.scenarios import ScenarioList, said, scenario_shown
from marketplace.api.shapes import ScenarioDetail
from marketplace.api.views import NONE, OfScenario, PublicRead
from marketplace.base.errors import NotFound
from marketplace.scenarios import actions
from marketplace.scenarios.content import RESTRICTABLE, ROWS_MOST, TEXTS
from marketplace.scenarios.models import (
    AwardMode,
    CriterionKind,
    Operator,
    OrganisingMode,
    Scenario,
)
from marketplace.scenarios.queries import stored_content

FREE: dict[str, Any] = {"required": False}
OPEN: dict[str, Any] = {"required": False, "allow_null": True}


def rows(kind: type[Body], most: int) -> Any:
    options: dict[str, Any] = {"many": True, "max_length": most, "required": False}
    return kind(**options)


class MetricDraft(Body):
    code = Text(4, **FREE)
    name = Text(120, **FREE)
    name_en = Text(200, **FREE)
    operator = Choice(Operator.values)
    value = Number(whole=13, places=6, sign=True)
    unit = Text(40, **FREE)
    test_method = Text(1000, **FREE)
    dataset = Text(400, **FREE)
    tester = Text(200, **FREE)
    critical = Flag(**FREE)


class LevelDraft(Body):
    points_percent = Number(whole=3, places=2)
    text = Text(400)


class CriterionDraft(Body):
    code = Text(4, **FREE)
    name = Text(120, **FREE)
    name_en = Text(200, **FREE)
    kind = Choice(CriterionKind.values)
    weight = Number(whole=3, places=2)
    guidance = Text(1000, **FREE)
    levels = rows(LevelDraft, 10)
    veto = Flag(**FREE)
    minimum = Number(whole=3, places=2, **OPEN)


class PaymentDraft(Body):
    name = Text(120, **FREE)
    percent = Number(whole=3, places=2)
    condition = Text(400, **FREE)


class MilestoneDraft(Body):
    name = Text(200, **FREE)
    month = Whole(min_value=1, max_value=120)


class ConditionDraft(Body):
    code = Text(4, **FREE)
    text = Text(400, **FREE)
    text_en = Text(600, **FREE)
    evidence = Text(400, **FREE)


def words(name: str, **more: Any) -> Text:
    return Text(TEXTS[name][0], **(FREE | more))


def code(vocabulary: str) -> Text:
    return Text(40, help_text=f"A code of the vocabulary `{vocabulary}`.", **OPEN)


class ScenarioEdit(Body):
    """The fields to write; what is not named stays. A part that is named is replaced whole."""

    title = words("title")
    title_en = words("title_en")
    summary = words("summary")
    summary_en = words("summary_en")
    pain = words("pain")
    need = words("need")
    deliverables = words("deliverables")
    ip_terms = words("ip_terms")
    data_terms = words("data_terms")
    contact = words("contact")
    language = Choice(["zh-hans", "en"], **FREE)
    domain = code("domain")
    carrier = code("carrier")
    area = code("area")
    focus = code("focus")
    funding = code("funding_source")
    technologies = s.ListField(child=Text(40), max_length=30, **FREE)
    platforms = s.ListField(child=Text(40), max_length=30, **FREE)
    profile = Text(4, help_text="The rule profile: A, B, C or D.", **OPEN)
    organising_mode = Choice(OrganisingMode.values, **FREE)
    award_mode = Choice(AwardMode.values, **FREE)
    race_entrants = Whole(min_value=2, max_value=5, **OPEN)
    budget_cny = Number(whole=11, places=2, **OPEN)
    duration_months = Whole(min_value=1, max_value=120, **OPEN)
    deadline_at = Instant(**OPEN)
    owner_masked = Flag(**FREE)
    owner_mask = Text(60, **FREE)
    restricted_fields = s.ListField(
        child=Choice(RESTRICTABLE), max_length=len(RESTRICTABLE), **FREE
    )
    consortium_allowed = Flag(**FREE)
    consortium_members_max = Whole(min_value=1, max_value=20, **FREE)
    pass_line_percent = Number(whole=3, places=2, **OPEN)
    metrics = rows(MetricDraft, ROWS_MOST["metrics"])
    criteria = rows(CriterionDraft, ROWS_MOST["criteria"])
    payment_nodes = rows(PaymentDraft, ROWS_MOST["payment_nodes"])
    milestones = rows(MilestoneDraft, ROWS_MOST["milestones"])
    conditions = rows(ConditionDraft, ROWS_MOST["conditions"])


class ScenarioDraft(ScenarioEdit):
    """A new demand; it may be incomplete, but has a title."""

    title = words("title", required=True)


EXAMPLE = {
    "title": "工业控制网络异常检测",
    "profile": "A",
    "domain": "industrial_internet",
    "budget_cny": "1000000.00",
    "duration_months": 6,
    "metrics": [{"name": "检出率", "operator": ">=", "value": "98", "unit": "%", "critical": True}],
    "criteria": [{"name": "技术方案", "kind": "technical", "weight": "70"}],
}


def what_stands(given: Given, uid: UUID) -> dict[str, Any]:
    """The present revision, and the fields of the request that read otherwise now."""
    scenario = Scenario.objects.visible_to(given.actor).filter(uid=uid).first()
    if scenario is None:
        raise NotFound
    content = stored_content(scenario)
    stored = content.values | content.rows
    now = {name: plain_rows(stored[name]) for name in given.body}
    sent = {name: plain_rows(value) for name, value in given.body.items()}
    differs = {name: value for name, value in now.items() if value != sent[name]}
    return {"revision": scenario.revision, "etag": f'"r{scenario.revision}"', **differs}


def plain_rows(value: Any) -> Any:
    if isinstance(value, list):
        return [plain_rows(row) for row in value]
    if isinstance(value, dict):
        return {name: plain_rows(item) for name, item in value.items()}
    return said(value)


class Scenarios(ScenarioList):
    @deed(
        "scenarios_create",
        "Draft a demand",
        scope=Scope.SCENARIOS,
        description="Of the organisation that one acts for; it may still be incomplete.",
        takes=ScenarioDraft,
        example=EXAMPLE,
        shows=scenario_shown,
        answers=ScenarioDetail,
        status=201,
    )
    def post(self, given: Given) -> UUID:
        return actions.create_draft(actor=given.actor, data=given.body).uid


class ScenarioOne(PublicRead):
    parameters = NONE
    scenario_kwarg = "uid"

    @extend_schema(
        operation_id="scenarios_retrieve",
        summary="One scenario",
        description="With its metrics, criteria, payment, conditions and rules as published.",
        responses=ScenarioDetail,
        extensions={"x-problems": [400, 404]},
    )
    def get(self, request: Request, uid: UUID) -> Response:
        return Response(scenario_shown(request, uid))

    @deed(
        "scenarios_edit",
        "Write fields of a demand",
        scope=Scope.SCENARIOS,
        description="While it is a draft or was returned. A part that is named is replaced whole.",
        takes=ScenarioEdit,
        example={"title": "工业控制网络异常检测", "budget_cny": "1200000.00"},
        shows=scenario_shown,
        answers=ScenarioDetail,
        revised=what_stands,
    )
    def patch(self, given: Given, uid: UUID) -> UUID:
        actions.save_draft(
            actor=given.actor, scenario_uid=uid, revision=given.revision, data=given.body
        )
        return uid

    delete = call(
        actions.delete_draft,
        "scenario_uid",
        "scenarios_delete",
        "Delete a draft",
        scope=Scope.SCENARIOS,
        description="Only what was never filed.",
    )


ScenarioSubmit = calling(
    actions.submit_scenario,
    "scenario_uid",
    "scenarios_submit",
    "File a demand with the office",
    base=OfScenario,
    scope=Scope.SCENARIOS,
    description="Everything that is missing is told at once (422).",
    shows=scenario_shown,
    answers=ScenarioDetail,
    revised=what_stands,
)
