"""The review report 评审报告 as a paper: made from the frozen JSON and the members' words."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils.translation import override

from marketplace.base.canonical import stamp
from marketplace.base.printing import beijing, dated, printed
from marketplace.committee.arithmetic import TECHNICAL, TIES_1
from marketplace.committee.models import PanelMember, PanelState, Report
from marketplace.committee.queries import names_are_public
from marketplace.committee.signing.queries import said
from marketplace.scenarios.reference import Term

Both = dict[str, str]
STAGES: dict[str, Both] = {
    "technical": {"zh": "技术", "en": "Technical"},
    "team": {"zh": "团队与业绩", "en": "Team and record"},
    "named": {"zh": "团队与业绩", "en": "Team and record"},
    "price": {"zh": "报价", "en": "Price"},
}
INVALID: dict[str, Both] = {
    "vetoed": {"zh": "被一票否决", "en": "Vetoed"},
    "below_minimum": {"zh": "低于最低要求", "en": "Below a minimum"},
    "no_price": {"zh": "无可读报价", "en": "No readable price"},
    "over_budget": {"zh": "报价超过榜额", "en": "Price above the budget"},
}
CORRECTIONS: dict[str, Both] = {
    "sum": {"zh": "汇总错误", "en": "Adding up"},
    "range": {"zh": "超出分值范围", "en": "Out of range"},
    "objective": {"zh": "客观分不一致", "en": "Objective item"},
    "extreme": {"zh": "认定畸高畸低", "en": "Abnormally high or low"},
}
REJECTED: dict[str, Both] = {
    "unopened": {"zh": "未能打开", "en": "Could not be opened"},
    "ineligible": {"zh": "资格审查不合格", "en": "Not eligible"},
    "void": {"zh": "无效", "en": "Void"},
}
SEATS: dict[str, Both] = {
    "recused": {"zh": "已回避，评分作废", "en": "Recused, scores void"},
    "": {"zh": "参加评审", "en": "Sat"},
}
WORDS: dict[str, Both] = {
    "signed": {"zh": "签署", "en": "Signed"},
    "dissented": {"zh": "书面保留意见", "en": "Dissented in writing"},
    "silent": {
        "zh": "逾期未签署也未书面说明，视为同意",
        "en": "Said nothing in time: consent by the rule",
    },
    "": {"zh": "待签署", "en": "Waiting"},
}
ROUTES: dict[str, Both] = {
    "reauthentication": {"zh": "再次验证身份", "en": "Re-authentication"},
    "": {"zh": "—", "en": ""},
}
TIES: dict[str, Both] = {
    "technical": {"zh": "技术得分高者", "en": "higher technical score"},
    "team": {"zh": "团队得分高者", "en": "higher team score"},
    "price": {"zh": "报价低者", "en": "lower price"},
    "receipt": {"zh": "收件在先者", "en": "earlier receipt"},
}


def pdf(report: Report) -> bytes:
    return printed("review_report", values(report))


def values(report: Report) -> dict[str, Any]:
    """Plain data for the paper. Statistical signals are no part of the JSON, nor of this."""
    body = json.loads(bytes(report.body))
    scenario, panel = report.scenario, report.scenario.panel
    rules = body["rules"]
    words = said(report, panel)
    signing = panel.state == PanelState.SIGNING
    earlier = not signing and not any(row.word for row in words)
    corrections = body.get("corrections", [])
    return {
        "ref": scenario.ref,
        "title": scenario.title,
        "title_en": scenario.title_en,
        "profile": body["profile"],
        "formula": body["formula"],
        "made_at": beijing(stamp(report.created_at)),
        "date": dated(stamp(report.created_at)),
        "sha256": report.sha256,
        **addresses(report),
        "criteria": [
            {**row, "kind": STAGES[row["kind"]], "minimum": row.get("minimum")}
            for row in body["criteria"]
        ],
        "rules": {
            "trims": rules["trim_extremes"],
            "trim_least": rules["trim_panel_min"],
            "pass_line": rules["pass_line_percent"],
            "budget": rules["budget_cny"],
            "price": rules.get("price", {"formula": "lowest_price"}),
            "basis": body.get("price_basis_cny"),
            "veto_over": rules.get("veto_over_percent"),
            "minimum": rules.get("technical_minimum_percent"),
            "ties": _joined(TIES[tie] for tie in rules.get("ties", TIES_1)),
        },
        "lines": lines(body),
        "corrections": [
            {
                **{name: row[name] for name in ("judge", "blind_code", "reason")},
                "at": beijing(row["at"]),
                "kind": CORRECTIONS[row["kind"]],
                "stage": STAGES[row["stage"]],
                "changes": [
                    {"code": code, "before": c["before"]["points"], "after": c["after"]["points"]}
                    for code, c in sorted(row["changes"].items())
                ],
            }
            for row in corrections
        ],
        "rejected": [
            {
                "name": row["organisation"],
                "state": REJECTED[row["state"]],
                "reasons": row["reasons"],
            }
            for row in body.get("rejected", [])
        ],
        "seats": seats(report, body),
        "earlier": earlier,
        "signing": signing,
        "signed_at": beijing(stamp(max(row.word.said_at for row in words if row.word)))
        if not (earlier or signing)
        else "",
        "words": []
        if earlier
        else [
            {
                "judge": row.member.code,
                "word": WORDS[row.word.word if row.word else ""],
                "at": beijing(stamp(row.word.said_at)) if row.word else "—",
                "route": _route(
                    row.word.signature.route if row.word and row.word.signature else ""
                ),
                "reason": row.word.reason if row.word else "",
            }
            for row in words
        ],
        "signers": [row.member.code for row in words],
    }


def addresses(report: Report) -> dict[str, str]:
    with override(settings.LANGUAGE_CODE):
        return {
            "address": settings.SITE_URL + reverse("report-json", args=[report.scenario.address]),
            "verify": settings.SITE_URL + reverse("scores-verify"),
        }


def lines(body: dict[str, Any]) -> list[dict[str, Any]]:
    """Each line of the ranking with the judges' totals, raw and trimmed side by side."""
    bids = {bid["blind_code"]: bid for bid in body["bids"]}
    rows = []
    for row in body["ranking"]:
        bid = bids[row["blind_code"]]
        rows.append(
            {
                **{name: row[name] for name in ("place", "candidate", "blind_code", "total")},
                "price": row["price"],
                "name": bid["organisation"],
                "price_cny": bid["price_cny"],
                "outcome": outcome(row),
                "stages": [
                    {
                        "name": STAGES[stage],
                        "raw": row[stage]["raw"],
                        "score": row[stage]["score"],
                        "totals": [
                            {
                                "judge": judge,
                                "points": points,
                                "out": judge in row[stage]["left_out"],
                            }
                            for judge, points in sorted(row[stage]["totals"].items(), key=_numbered)
                        ],
                    }
                    for stage in ("technical", "team")
                ],
                "vetoes": [
                    {"code": code, "judge": judge, "reason": reason}
                    for code, given in bid.get("vetoes", {}).items()
                    for judge, reason in given.items()
                ],
                "below": [
                    STAGES[code] if code == TECHNICAL else {"zh": code, "en": ""}
                    for code in row.get("below", [])
                ],
            }
        )
    return rows


def outcome(row: dict[str, Any]) -> Both:
    if row["candidate"]:
        return {"zh": "推荐", "en": "Recommended"}
    if row["invalid"]:
        return INVALID[row["invalid"]]
    if row["place"] is None:
        return {"zh": "低于合格线", "en": "Below the pass line"}
    return {"zh": "排序在后，未推荐", "en": "Ranked, not recommended"}


def seats(report: Report, body: dict[str, Any]) -> list[dict[str, Any]]:
    """By code; the names stand beside them once the result is public."""
    listed = body.get("panel") or [
        *({"code": code, "specialty": "", "state": ""} for code in body["judges"]),
        *({"code": code, "specialty": "", "state": "recused"} for code in body["recused"]),
    ]
    members = PanelMember.objects.filter(panel__scenario=report.scenario).select_related("user")
    names = dict(members.values_list("code", "user__name"))
    public = names_are_public(report.scenario)
    known = Term.objects.filter(vocabulary="specialty")
    terms = {row.code: {"zh": row.name_zh, "en": row.name_en} for row in known}
    return [
        {
            "code": row["code"],
            "specialty": terms.get(row["specialty"], {"zh": row["specialty"] or "—", "en": ""}),
            "state": SEATS["recused" if row["state"] == "recused" else ""],
            "name": names[row["code"]] if public and row["state"] != "recused" else None,
        }
        for row in listed
    ]


def _route(code: str) -> Both:
    return ROUTES.get(code, {"zh": f"电子签章（{code}）", "en": "Electronic seal"})


def _joined(parts: Iterable[Both]) -> Both:
    rows = list(parts)
    return {"zh": "、".join(r["zh"] for r in rows), "en": ", then ".join(r["en"] for r in rows)}


def _numbered(item: tuple[str, Any]) -> int:
    return int(item[0][1:])
