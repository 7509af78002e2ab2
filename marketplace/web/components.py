"""The living page of components: each of them once, with sample content."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from hashlib import sha256
from typing import Any

from django import forms
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from marketplace.scenarios.models import OrganisingMode
from marketplace.web.states import STATES

SHANGHAI = dt.timezone(dt.timedelta(hours=8))
NOW = dt.datetime(2026, 11, 22, 9, 41, 7, 250_000, tzinfo=SHANGHAI)


class SampleForm(forms.Form):
    """Not a form of the platform: it shows every kind of control and its errors."""

    title = forms.CharField(
        label=gettext_lazy("Title"), help_text=gettext_lazy("One sentence, 8 to 60 characters.")
    )
    budget = forms.DecimalField(label=gettext_lazy("Budget"))
    domain = forms.ChoiceField(
        label=gettext_lazy("Domain"),
        choices=[("", "—"), ("data", gettext_lazy("Data")), ("city", gettext_lazy("City"))],
    )
    why = forms.CharField(
        label=gettext_lazy("What hurts"), widget=forms.Textarea(attrs={"rows": 3}), required=False
    )
    mode = forms.ChoiceField(
        label=gettext_lazy("Award mode"),
        choices=[("best", gettext_lazy("Best bid")), ("race", gettext_lazy("Race of three"))],
        widget=forms.RadioSelect,
        help_text=gettext_lazy("A race pays several vendors for measured heats."),
    )
    honest = forms.BooleanField(label=gettext_lazy("I have read the rules of this call."))


class SampleRow(forms.Form):
    name = forms.CharField(label=gettext_lazy("Metric"))
    value = forms.DecimalField(label=gettext_lazy("Value"))


SampleRows = forms.formset_factory(SampleRow, extra=1, can_delete=True)


def sample_steps() -> list[dict[str, Any]]:
    return [
        {"label": _("Published"), "state": "done", "at": NOW - dt.timedelta(days=21)},
        {"label": _("Deadline"), "state": "done", "at": NOW - dt.timedelta(days=1)},
        {"label": _("Opening"), "state": "done", "at": NOW - dt.timedelta(hours=20)},
        {"label": _("Review"), "state": "now", "note": _("3 of 5 sheets are locked")},
        {"label": _("Publicity"), "state": "next"},
        {"label": _("Award"), "state": "next"},
        {"label": _("Implementation"), "state": "next"},
        {"label": _("Acceptance"), "state": "next", "date": dt.date(2027, 6, 30)},
    ]


def sample_criteria() -> list[dict[str, Any]]:
    return [
        {"name": _("Fit of the solution"), "weight": Decimal(35)},
        {"name": _("Measured results"), "weight": Decimal(25)},
        {"name": _("Plan and risks"), "weight": Decimal(15)},
        {"name": _("Team"), "weight": Decimal(10)},
        {"name": _("Price"), "weight": Decimal("12.5")},
        {"name": _("Local service"), "weight": Decimal("2.5")},
    ]


def sample_entries() -> list[dict[str, Any]]:
    return [
        {
            "url": "#entry",
            "ref": "LG-2026-0042",
            "state": "published",
            "title": "港航跨境数据流转中的个人信息自动识别与出境风险预警",
            "summary": "现有规则库对多语种提单和舱单误报率高，人工复核占用每天六个人时，"
            "需要在不出域的前提下把漏报率降到百分之一以下。",
            "meta": ["洋山港航数据有限公司（虚构）", "数据安全", "港航", "洋山特殊综合保税区"],
            "amount": Decimal(1680000),
            "mode": _("Race × %(n)s") % {"n": 3},
            "deadline": NOW + dt.timedelta(days=12, hours=7, minutes=19),
        },
        {
            "url": "#entry-2",
            "ref": "LG-2026-0039",
            "state": "review",
            "title": "智能网联汽车测试道路侧设备固件的可信启动与远程证明",
            "meta": ["临港智行测试场（虚构）", "车联网安全", "智能网联汽车", "主城区"],
            "amount": Decimal("955000.50"),
            "mode": OrganisingMode.BEST.label,
        },
    ]


def sample_cells() -> list[dict[str, str]]:
    return [
        {
            "ref": f"LG-2025-{place:04d}",
            "title": _("Example demand"),
            "url": "#fifty",
            "period": "in" if place <= 31 else "after",
        }
        for place in range(1, 38)
    ]


def sample_history() -> list[dict[str, Any]]:
    return [
        {
            "at": NOW - dt.timedelta(days=21),
            "title": _("Published"),
            "who": "组织方",
            "proof_url": "#proof",
            "tone": "good",
        },
        {
            "at": NOW - dt.timedelta(days=9),
            "title": _("Answer given"),
            "text": "测试数据由需求方在隔离区内提供，不得带出。",
            "tone": "info",
        },
        {
            "at": NOW - dt.timedelta(hours=20),
            "precision": "second",
            "title": _("Bids opened"),
            "text": _("4 of 4 packages opened, one refused as late."),
            "proof_url": "#proof",
        },
    ]


def sample_table() -> dict[str, Any]:
    """More rows than a screen has, so that the head is seen to stay."""
    heads = [{"label": _("Reference")}, {"label": _("Deadline")}, {"label": _("Budget")}]
    heads[2]["numeric"] = "yes"
    rows = [
        [
            {"label": heads[0]["label"], "value": f"LG-2026-{place:04d}"},
            {"label": heads[1]["label"], "value": f"{NOW + dt.timedelta(days=place):%Y-%m-%d}"},
            {"label": heads[2]["label"], "value": f"{place * 35_000:,}.00", "numeric": True},
        ]
        for place in range(1, 31)
    ]
    return {"long_heads": heads, "long_rows": rows}


@login_not_required
def living_page(request: HttpRequest) -> HttpResponse:
    digest = sha256(b"sample").hexdigest()
    wrong = SampleForm({"title": "", "budget": "一百", "why": "误报率高"})
    context = {
        "now": NOW,
        "soon": NOW + dt.timedelta(hours=5, minutes=12, seconds=30),
        "later": NOW + dt.timedelta(days=12, hours=7),
        "past": NOW - dt.timedelta(days=1),
        "millions": Decimal(1680000),
        "odd": Decimal("955000.50"),
        "small": Decimal(9800),
        "states": list(STATES),
        "steps": sample_steps(),
        "failed_steps": [
            {"label": _("Published"), "state": "done", "at": NOW - dt.timedelta(days=21)},
            {"label": _("Deadline"), "state": "done", "at": NOW - dt.timedelta(days=1)},
            {"label": _("No valid bid"), "state": "failed", "date": NOW.date()},
        ],
        "criteria": sample_criteria(),
        "entries": sample_entries(),
        "cells": sample_cells(),
        "history": sample_history(),
        "rows": SampleRows(prefix="rows"),
        "wrong": wrong,
        "digest": digest,
        "facts": [
            (_("Domain"), "数据安全"),
            (_("Carrier"), "港航"),
            (_("Rule profile"), "A · 自筹，参照招投标"),
        ],
        "metrics": [
            ("漏报率", "≤ 1 %", "第三方机构在需求方样本上测试", True),
            ("单批处理时间", "≤ 200 ms", "现场连续运行 72 小时", False),
            ("可识别语种", "≥ 12", "抽样核对", False),
        ],
        "bids": [
            ("示例信息技术有限公司（虚构）", Decimal(1520000), Decimal("88.25"), 1),
            ("虚构安全科技有限公司", Decimal(1475000), Decimal("84.50"), 2),
        ],
        "receipt": {
            "ref": "LG-2026-0042",
            "organisation": "示例信息技术有限公司（虚构）",
            "version": 2,
            "received_at": NOW,
            "sha256": digest,
            "key_id": digest[:16],
            "url": "#receipt",
            "verify_url": "#verify",
            "sealed": True,
        },
        "receipt_waits": {
            "ref": "LG-2026-0042",
            "received_at": NOW,
            "url": "#receipt",
            "verify_url": "#verify",
            "proof_by": NOW + dt.timedelta(minutes=10),
        },
        **sample_table(),
        "refusal": {
            "code": "deadline.passed",
            "message": _("The deadline has passed."),
            "rule": _("A deadline is met strictly before its moment"),
            "rule_url": "#rule",
            "since": NOW - dt.timedelta(minutes=3),
        },
        "chart": {
            "xAxis": {"type": "category", "data": ["2022", "2023", "2024", "2025", "2026"]},
            "yAxis": {"type": "value"},
            "tooltip": {"trigger": "axis"},
            "series": [{"type": "bar", "data": [3, 7, 12, 9, 6], "barMaxWidth": 36}],
        },
        "tabs": [
            {"url": "#qa", "label": _("Answers"), "count": 7, "current": True},
            {"url": "#changes", "label": _("Changes"), "count": 1},
            {"url": "#history", "label": _("History")},
        ],
        "consequences": [
            _("The sealed package is kept, unread, until the retention date."),
            _("You may submit again until the deadline."),
        ],
    }
    return render(request, "base/living.html", context)
