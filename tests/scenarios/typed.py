"""A demand as somebody would type it, complete."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from marketplace.base import clock
from marketplace.base.actor import Actor
from marketplace.scenarios.models import Scenario, State
from tests import world


def data(**changed: Any) -> dict[str, Any]:
    return {
        "title": "工控流量异常检测",
        "title_en": "Anomaly detection in OT traffic",
        "summary": "制造企业需要被动的工控流量检测。",
        "pain": "误报多。",
        "need": "检出率和时延可测量。",
        "deliverables": "系统、文档、培训。",
        "ip_terms": "成果归揭榜方，需求方永久使用。",
        "data_terms": "测试只用合成数据。",
        "contact": "张三 021-00000000",
        "domain": "industrial_internet",
        "carrier": None,
        "area": "innovation_zone",
        "focus": "ics_security",
        "funding": "own",
        "technologies": ["ai", "converged"],
        "organising_mode": "race",
        "race_entrants": 3,
        "budget_cny": "2600000.00",
        "duration_months": 9,
        "deadline_at": clock.now() + timedelta(days=30),
        "consortium_allowed": True,
        "consortium_members_max": 3,
        "profile": "A",
        "award_mode": "owner_choice",
        "metrics": [
            {
                "code": "M1",
                "name": "检出率",
                "operator": ">=",
                "value": "98",
                "unit": "%",
                "test_method": "回放标注流量。",
                "tester": "第三方检测机构",
                "critical": True,
            },
            {
                "name": "时延",
                "operator": "<=",
                "value": "2",
                "unit": "s",
                "test_method": "取九十五分位。",
                "tester": "需求方",
            },
        ],
        "criteria": [
            {
                "code": "C1",
                "name": "技术方案",
                "kind": "technical",
                "weight": "65",
                "levels": [{"points_percent": 100, "text": "有同规模实测"}],
            },
            {"code": "C2", "name": "团队", "kind": "team", "weight": "20"},
            {"code": "C3", "name": "报价", "kind": "price", "weight": "15"},
        ],
        "payment_nodes": [
            {"name": "签约", "percent": "30", "condition": "签订后"},
            {"name": "中期", "percent": "40"},
            {"name": "验收", "percent": "30"},
        ],
        "milestones": [{"name": "原型", "month": "3"}, {"name": "验收", "month": 9}],
        "conditions": [{"text": "独立法人", "evidence": "营业执照"}],
    } | changed


def demonstrated(actor: Actor | None = None, **fields: Any) -> Scenario:
    """Waits for its publication, with the five documents."""
    scenario = world.draft_scenario(actor or world.owner(), state=State.DEMONSTRATED, **fields)
    world.documents(scenario)
    return scenario


def holders(count: int = 2) -> list[Any]:
    """Uids of so many people who may hold a key."""
    return [world.make_user().uid for _ in range(count)]
