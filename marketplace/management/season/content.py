"""Reads seeds/demo into the mappings that the actions take."""

from __future__ import annotations

from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from django.conf import settings

Mapping = dict[str, Any]


class Content:
    """Everything in seeds/demo, read once."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or settings.BASE_DIR / "seeds" / "demo"

    def read(self, name: str) -> Any:
        return yaml.safe_load((self.folder / f"{name}.yaml").read_text("utf-8"))

    @cached_property
    def organisations(self) -> Mapping:
        return self.read("organisations")

    @cached_property
    def people(self) -> Mapping:
        return self.read("people")

    @cached_property
    def plan(self) -> Mapping:
        return self.read("plan")

    @cached_property
    def bids(self) -> Mapping:
        return self.read("bids")

    @cached_property
    def sheets(self) -> Mapping:
        return self.read("sheets")

    @cached_property
    def races(self) -> Mapping:
        """The designs of the demands that are races, by the demand's code."""
        return self.read("races")

    def scenario(self, code: str) -> Mapping:
        return self.read(f"scenarios/{code}")

    def bid(self, scenario: str, vendor: str) -> Mapping:
        """The three forms of one vendor's bid, without the vendor's code."""
        found = next(bid for bid in self.bids[scenario] if bid["vendor"] == vendor)
        return {name: found[name] for name in ("business", "technical", "price")}

    def scores(self, scenario: str, expert: str, vendor: str) -> dict[str, tuple[int, str]]:
        """Percent of each criterion's full score, and a comment, by criterion code."""
        sheet = next(sheet for sheet in self.sheets[scenario] if sheet["expert"] == expert)
        bid = next(bid for bid in sheet["bids"] if bid["vendor"] == vendor)
        return {
            score["criterion"]: (score["percent"], score["comment_zh"]) for score in bid["scores"]
        }


def draft_data(seed: Mapping, *, profile: str, award_mode: str, deadline_at: datetime) -> Mapping:
    """A scenario file as `create_draft` takes it."""
    same = (
        "domain carrier area focus technologies organising_mode race_entrants budget_cny"
        " duration_months consortium_allowed consortium_members_max title_en summary_en"
    ).split()
    return {
        **{name: seed[name] for name in same},
        "platforms": seed.get("platforms", []),
        "title": seed["title_zh"],
        "summary": seed["summary_zh"],
        "pain": seed["pain_zh"],
        "need": seed["need_zh"],
        "deliverables": seed["deliverables_zh"],
        "ip_terms": seed["ip_zh"],
        "data_terms": seed["data_terms_zh"],
        "contact": "项目联系人 021-00000000（虚构）",
        "funding": seed["funding_source"],
        "profile": profile,
        "award_mode": award_mode,
        "deadline_at": deadline_at,
        "metrics": [metric(row) for row in seed["metrics"]],
        "criteria": [criterion(row) for row in seed["criteria"]],
        "payment_nodes": [payment_node(row) for row in seed["payment_nodes"]],
        "milestones": [
            {"name": row["name_zh"], "month": row["month"]} for row in seed["milestones"]
        ],
        "conditions": [condition(row) for row in seed["conditions"]],
    }


def metric(row: Mapping) -> Mapping:
    return {
        "code": row["code"],
        "name": row["name_zh"],
        "name_en": row["name_en"],
        "operator": row["operator"],
        "value": row["value"],
        "unit": row["unit"],
        "test_method": row["test_method_zh"],
        "dataset": row["dataset_zh"],
        "tester": row["tester_zh"],
        "critical": row["critical"],
    }


def criterion(row: Mapping) -> Mapping:
    levels = [
        {"points_percent": level["points_percent"], "text": level["text_zh"]}
        for level in row["levels"]
    ]
    return {
        "code": row["code"],
        "name": row["name_zh"],
        "name_en": row["name_en"],
        "kind": row["kind"],
        "weight": row["weight"],
        "guidance": row["guidance_zh"],
        "levels": levels,
        "veto": row.get("veto", False),
        "minimum": row.get("minimum"),
    }


def payment_node(row: Mapping) -> Mapping:
    return {"name": row["name_zh"], "percent": row["percent"], "condition": row["due_zh"]}


def condition(row: Mapping) -> Mapping:
    return {
        "code": row["code"],
        "text": row["text_zh"],
        "text_en": row["text_en"],
        "evidence": row["evidence_zh"],
    }
