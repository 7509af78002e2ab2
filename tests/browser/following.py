"""What becomes of demands after their publication, where the demo stops earlier: for their pages."""

from __future__ import annotations

from marketplace.base.actor import Actor
from marketplace.management.season.content import Content
from marketplace.management.season.people import People
from marketplace.scenarios.actions import withdraw_scenario
from marketplace.scenarios.amendments.actions import draft_amendment, publish_amendment
from marketplace.scenarios.models import Scenario
from marketplace.scenarios.questions.actions import answer_questions, ask_question
from marketplace.scenarios.suspensions.actions import suspend_scenario


def follow(content: Content) -> None:
    people = People(content)
    amend(people, demand(content, "S05"))
    ask(people, demand(content, "S05"))
    officer = people.actor("officer")
    suspended, given_up = demand(content, "S02"), demand(content, "S03")
    suspend_scenario(
        actor=officer, scenario_uid=suspended.uid, reason="收到异议，核实期间暂停（虚构）。"
    )
    withdraw_scenario(
        actor=owner_of(people, given_up),
        scenario_uid=given_up.uid,
        reason="建设计划调整（虚构）。",
    )


def demand(content: Content, code: str) -> Scenario:
    return Scenario.objects.get(title=content.scenario(code)["title_zh"])


def owner_of(people: People, scenario: Scenario) -> Actor:
    """`o5-owner` of the organisation that its e-mail addresses call o5."""
    for code in range(1, 9):
        actor = people.actor(f"o{code}-owner")
        if actor.organisation == scenario.organisation:
            return actor
    raise LookupError(scenario)


def amend(people: People, scenario: Scenario) -> None:
    """One change in force, with words, a figure and a row; another that waits for the office."""
    owner, officer = owner_of(people, scenario), people.actor("officer")
    metrics = [
        {
            "code": row.code,
            "name": row.name,
            "name_en": row.name_en,
            "operator": row.operator,
            "value": str(row.value),
            "unit": row.unit,
            "test_method": row.test_method,
            "dataset": row.dataset,
            "tester": row.tester,
            "critical": row.critical,
        }
        for row in scenario.metrics.order_by("position")
    ]
    changed = [metrics[0] | {"test_method": "由第三方按公开数据集测试，连续七天。"}, *metrics[1:]]
    row = draft_amendment(
        actor=owner,
        scenario_uid=scenario.uid,
        data={
            "need": scenario.need.replace("可回退", "可随时回退，并留存回退记录"),
            "budget_cny": "2600000.00",
            "metrics": changed,
        },
        reason="答疑中发现测试方法写得不够清楚（虚构）。",
    )
    publish_amendment(actor=officer, amendment_uid=row.uid)
    draft_amendment(
        actor=owner,
        scenario_uid=scenario.uid,
        data={"deliverables": f"{scenario.deliverables}\n源代码托管协议"},
        reason="补充一项交付物（虚构）。",
    )


def ask(people: People, scenario: Scenario) -> None:
    """Two questions, one of them answered."""
    asked = [
        ask_question(actor=people.actor(who), scenario_uid=scenario.uid, text=text)
        for who, text in (
            ("v9", "台架测试所用的报文样本由谁提供？"),
            ("v5", "车端软件包是否须支持两种芯片平台？"),
        )
    ]
    answer_questions(
        actor=owner_of(people, scenario),
        scenario_uid=scenario.uid,
        question_uids=[asked[0].uid],
        text="由需求方提供脱敏样本，随数据条款一并交付。",
    )
