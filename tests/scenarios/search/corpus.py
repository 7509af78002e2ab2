"""Demands to search in: those of the demo, and a few hundred made from topics. Always the same."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import yaml

from marketplace.base import clock
from marketplace.base.actor import VISITOR
from marketplace.scenarios.board import facets, page_of
from marketplace.scenarios.models import Metric, RuleProfile, Scenario, State, Term
from marketplace.scenarios.search.indexing import index_again
from tests import world

HERE = Path(__file__).parent
DEMO = HERE.parents[2] / "seeds" / "demo" / "scenarios"
SECTORS = {
    "port": ("港口集团", "port operator"),
    "car": ("车企", "car maker"),
    "aviation": ("航空公司", "airline"),
    "chip": ("芯片企业", "chip maker"),
    "bank": ("银行", "bank"),
    "hospital": ("医院", "hospital"),
    "power": ("电力公司", "power company"),
    "logistics": ("物流企业", "logistics company"),
}
FIRST = 10


@dataclass(frozen=True)
class Label:
    """A query, and the keys of the demands that are right for it."""

    q: str
    right: frozenset[str]


def topics() -> list[dict]:
    return yaml.safe_load((HERE / "topics.yaml").read_text("utf-8"))


def labels() -> list[Label]:
    known = {topic["code"]: topic for topic in topics()}
    found = []
    for row in yaml.safe_load((HERE / "queries.yaml").read_text("utf-8")):
        right = set(row.get("demo", ()))
        for code in row.get("only", row.get("topics", ())):
            sectors = [row["sector"]] if "sector" in row else SECTORS
            right |= {f"{code}/{sector}" for sector in sectors}
            if "sector" not in row:
                right |= set(known[code]["demo"])
        found.append(Label(str(row["q"]), frozenset(right)))
    return found


def load() -> dict[int, str]:
    """Post them all. Returns {id: key}; a key is a topic and a sector, or the demo's code."""
    terms = {(row.vocabulary, row.code): row for row in Term.objects.all()}
    owner = world.owner().organisation
    people = {"author": world.make_user(), "published_by": world.make_user()}
    profile = RuleProfile.objects.filter(code="A").latest("version")
    now = clock.now()
    rows, keys, tags, metrics = [], [], [], []
    for number, (key, fields, technologies, named) in enumerate([*_made(), *_demo()]):
        rows.append(
            Scenario(
                organisation=owner,
                ref=f"LG-2025-{number + 1:04d}",
                state=State.DEMONSTRATED,
                profile=profile,
                budget_cny=Decimal(1_000_000),
                deadline_at=now + timedelta(days=10 + number % 30),
                contact="联系人 021-00000000",
                **people,
                **{
                    name: terms[name, value] if name == "domain" else value
                    for name, value in fields.items()
                },
            )
        )
        keys.append(key)
        tags.append([terms["technology", code] for code in technologies])
        metrics.append(named)
    Scenario.objects.bulk_create(rows)
    through = Scenario.technologies.through
    through.objects.bulk_create(
        through(scenario=row, term=term)
        for row, few in zip(rows, tags, strict=True)
        for term in few
    )
    Metric.objects.bulk_create(
        Metric(scenario=row, code=f"M{at}", name=name, operator=">=", value=1, position=at)
        for row, named in zip(rows, metrics, strict=True)
        for at, name in enumerate(named, 1)
    )
    # What is posted is frozen: the rows beside it come first.
    for number, row in enumerate(rows):
        row.state, row.published_at = State.PUBLISHED, now - timedelta(hours=number % 50)
    Scenario.objects.bulk_update(rows, ["state", "published_at"])
    index_again(every=True)
    return {row.pk: key for row, key in zip(rows, keys, strict=True)}


def _made():
    for topic in topics():
        for at, (sector, (zh, en)) in enumerate(SECTORS.items()):
            said = topic["zh"][at % len(topic["zh"])]
            other = topic["zh"][(at + 1) % len(topic["zh"])]
            need = topic["need"][at % 2]
            english = topic["en"][at // 2 % 2]
            yield (
                f"{topic['code']}/{sector}",
                {
                    "title": f"{zh}{said}",
                    # Half of them have an English side, as in life.
                    "title_en": f"{english} for a {en}" if at % 2 else "",
                    "summary": f"{zh}征集方案：{need}。"
                    + (f"涉及{other}。" if at % 3 else "需能在现有系统上试点。"),
                    "summary_en": f"A {en} looks for: {english.lower()}." if at % 4 == 1 else "",
                    "pain": f"目前{topic['pain']}，{zh}没有成熟产品可买。",
                    "need": f"1. {need}。2. {topic['need'][(at + 1) % 2]}。3. 有第三方测试报告。",
                    "deliverables": "软件、部署手册、测试报告和培训。",
                    "domain": topic["domain"],
                },
                [topic["technology"]],
                [f"{said}准确率", "平均响应时间"],
            )


def _demo():
    for path in sorted(DEMO.glob("*.yaml")):
        seed = yaml.safe_load(path.read_text("utf-8"))
        fields = {
            "title": seed["title_zh"],
            "summary": seed["summary_zh"],
            "pain": seed["pain_zh"],
            "need": seed["need_zh"],
            "deliverables": seed["deliverables_zh"],
            "title_en": seed["title_en"],
            "summary_en": seed["summary_en"],
            "domain": seed["domain"],
        }
        yield seed["code"], fields, seed["technologies"], [m["name_zh"] for m in seed["metrics"]]


def found(q: str) -> list[int]:
    """The ids on the first half of the first page, as a visitor gets it."""
    told = facets(VISITOR, {"q": q})
    near = max(0, FIRST - told["total"])
    rows = page_of(VISITOR, {"q": q}, "best", 0, FIRST, found=told, near=near)
    return [row.pk for row in rows]


def recall(label: Label, keys: dict[int, str]) -> float:
    """How many of the right ones are among the first ten, of as many as could be."""
    there = {keys[pk] for pk in found(label.q)}
    return len(there & label.right) / min(FIRST, len(label.right))
