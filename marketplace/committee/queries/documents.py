"""The frozen text of a report, from rows to plain values. See committee.arithmetic for its formula."""

from __future__ import annotations

import secrets
from decimal import Decimal
from typing import Any

from marketplace.bidding.models import Bid, BidState, BidVersion, EligibilityCheck, Verdict
from marketplace.committee import arithmetic
from marketplace.committee.draw.models import DrawInvitation
from marketplace.committee.models import (
    Correction,
    MemberState,
    Panel,
    PanelMember,
    Score,
    SheetState,
)
from marketplace.committee.queries.panels import active, rules_of
from marketplace.scenarios.models import Criterion, RuleProfile, Scenario

SCORES_TYPE = "jiebang-scores/1"
BODY_TYPES = {arithmetic.FORMULA_1: "jiebang-report/1", arithmetic.FORMULA: "jiebang-report/2"}


# 推荐的中标候选人应当限定在一至三名. Source: L2 §53.
RECOMMEND_MOST = 3


def formula_of(profile: RuleProfile) -> str:
    """What was frozen at publication: older profiles name no formula for the price."""
    return arithmetic.FORMULA if "price_formula" in profile.values else arithmetic.FORMULA_1


def recommended(scenario: Scenario) -> int:
    """How many are recommended. A race takes as many as it has places, each to be tried, not awarded."""
    most = min(rules_of(scenario).count("recommend_max"), RECOMMEND_MOST)
    return max(most, scenario.race_entrants or 0)


def report_document(scenario: Scenario, panel: Panel, bids: list[Bid]) -> dict[str, Any]:
    """Everything from which the ranking follows, as plain values. See arithmetic.recompute.

    Under the older formula nothing stands in it that the older formula does not know.
    """
    profile = rules_of(scenario)
    assert scenario.budget_cny is not None, "a published scenario has a budget"
    criteria = Criterion.objects.filter(scenario=scenario).order_by("position", "pk")
    pass_line = scenario.pass_line_percent
    if pass_line is None:
        pass_line = profile.number("pass_line")
    received = _received(bids)
    arrival = sorted(bids, key=lambda bid: (received[bid.pk].received_at, received[bid.pk].pk))
    formula = formula_of(profile)
    newer = formula != arithmetic.FORMULA_1
    points, vetoes = _given(panel)
    recused = PanelMember.objects.filter(panel=panel, state=MemberState.RECUSED).order_by("pk")
    return {
        "type": BODY_TYPES[formula],
        "formula": formula,
        "scenario": {"uid": scenario.uid, "ref": scenario.ref},
        "profile": profile.label,
        **({"salt": secrets.token_hex(32)} if newer else {}),
        "rules": {
            "trim_extremes": profile.says("trim_extremes"),
            "trim_panel_min": profile.count("trim_panel_min"),
            "pass_line_percent": pass_line,
            "recommend_max": recommended(scenario),
            "budget_cny": scenario.budget_cny,
            **(_newer_rules(profile) if newer else {}),
        },
        "criteria": [
            {"code": c.code, "name": c.name, "kind": c.kind, "weight": c.weight}
            | ({"veto": c.veto, "minimum": c.minimum} if newer else {})
            for c in criteria
        ],
        "judges": list(active(panel).values_list("code", flat=True)),
        "recused": list(recused.values_list("code", flat=True)),
        **({"corrections": _corrections(panel)} if newer else {}),
        **({"panel": composition(panel), "rejected": _rejected(scenario)} if newer else {}),
        "bids": [
            {
                "uid": bid.uid,
                "blind_code": bid.blind_code,
                "organisation": bid.organisation.name,
                "price_cny": bid.price_cny,
                "received_at": received[bid.pk].received_at,
                "receipt_order": arrival.index(bid) + 1,
                "points": points.get(bid.pk, {}),
            }
            | ({"vetoes": vetoes.get(bid.pk, {})} if newer else {})
            for bid in sorted(bids, key=lambda bid: bid.blind_code)
        ],
    }


def _newer_rules(profile: RuleProfile) -> dict[str, Any]:
    def percent(name: str) -> Decimal:
        return profile.number(name) if name in profile.values else arithmetic.ZERO

    return {
        "trim_panel_min": max(profile.count("trim_panel_min"), arithmetic.TRIM_LEAST),
        "price": {
            "formula": profile.rule("price_formula")["value"],
            "deduct_above": percent("price_deduct_above"),
            "deduct_below": percent("price_deduct_below"),
        },
        "veto_over_percent": percent("veto_over"),
        "technical_minimum_percent": percent("technical_minimum"),
        "ties": str(profile.rule("ties")["value"]).split(),
    }


def blinded(body: dict[str, Any]) -> dict[str, Any]:
    """A report's body without who bid, when and why a judge said what: enough to recompute it.

    The salt of the newer reports keeps its hash, which the log tells, from being guessed.
    """
    kept = ("formula", "profile", "rules", "judges", "ranking", "price_basis_cny", "salt")
    return {
        "type": SCORES_TYPE,
        "scenario": {"ref": body["scenario"]["ref"]},
        **{name: body[name] for name in kept if name in body},
        "criteria": body["criteria"],
        "bids": [
            {name: bid[name] for name in ("blind_code", "price_cny", "receipt_order", "points")}
            | (
                {"vetoes": {c: sorted(who) for c, who in bid["vetoes"].items()}}
                if "vetoes" in bid
                else {}
            )
            for bid in body["bids"]
        ],
    }


def ranked(document: dict[str, Any], lines: list[arithmetic.Line]) -> dict[str, Any]:
    """What follows from the document: the ranking and, since the newer formula, the price basis."""
    newer = document["formula"] != arithmetic.FORMULA_1
    found: dict[str, Any] = {"ranking": [as_row(line, newer=newer) for line in lines]}
    if newer:
        inputs, rules = arithmetic.inputs_of(document), arithmetic.rules_of(document)
        found["price_basis_cny"] = arithmetic.basis_of(inputs, rules)
    return found


def as_row(line: arithmetic.Line, *, newer: bool) -> dict[str, Any]:
    """A line of the ranking as it stands in the report's body."""
    return {
        **({"vetoed": line.vetoed, "below": line.below} if newer else {}),
        "place": line.place,
        "candidate": line.candidate,
        "invalid": line.invalid,
        "blind_code": line.code,
        "technical": _stage(line.technical),
        "team": _stage(line.team),
        "price": line.price,
        "total": line.total,
    }


def _stage(stage: arithmetic.Stage) -> dict[str, Any]:
    return {
        "totals": stage.totals,
        "left_out": stage.left_out,
        "raw": stage.raw,
        "score": stage.score,
    }


def _received(bids: list[Bid]) -> dict[int, BidVersion]:
    """{bid id: its last version, the one that was opened}."""
    versions = BidVersion.objects.filter(bid__in=bids).order_by("number")
    return {version.bid_id: version for version in versions}


def _corrections(panel: Panel) -> list[dict[str, Any]]:
    """Every correction of a sheet that counts, with what stood before."""
    rows = Correction.objects.filter(
        sheet__member__in=active(panel), sheet__state=SheetState.LOCKED
    ).select_related("sheet__member", "sheet__bid")
    return [
        {
            "judge": row.sheet.member.code,
            "blind_code": row.sheet.bid.blind_code,
            "stage": row.sheet.stage,
            "version": row.version,
            "kind": row.kind,
            "reason": row.reason,
            "at": row.created_at,
            "changes": row.changes,
        }
        for row in rows.order_by("created_at", "pk")
    ]


def composition(panel: Panel) -> list[dict[str, Any]]:
    """Who sits and who was recused, by code, each with the specialty that was drawn, if any."""
    drawn = DrawInvitation.objects.filter(draw__scenario=panel.scenario, answer="accepted")
    strata = dict(drawn.values_list("place__expert__user_id", "place__stratum"))
    rows = PanelMember.objects.filter(panel=panel).order_by("pk")
    return [
        {"code": row.code, "specialty": strata.get(row.user_id, ""), "state": row.state}
        for row in rows
    ]


# Before it was scored: not opened, refused at the check of eligibility, or void.
REJECTED = {BidState.UNOPENED, BidState.INELIGIBLE, BidState.VOID}


def _rejected(scenario: Scenario) -> list[dict[str, Any]]:
    """The bids that were not scored, with the reasons that their bidders were told."""
    bids = Bid.objects.filter(scenario=scenario, state__in=REJECTED).select_related("organisation")
    rows = EligibilityCheck.objects.filter(bid__in=bids).select_related("condition")
    last: dict[tuple[int, int], EligibilityCheck] = {
        (row.bid_id, row.condition_id): row for row in rows.order_by("pk")
    }
    return [
        {
            "uid": bid.uid,
            "organisation": bid.organisation.name,
            "state": bid.state,
            "reasons": [
                *([bid.void_reason] if bid.void_reason else []),
                *(
                    f"{row.condition.code} {row.reason}"
                    for (pk, _condition), row in last.items()
                    if pk == bid.pk and row.verdict == Verdict.FAIL
                ),
            ],
        }
        for bid in bids.order_by("pk")
    ]


Points = dict[int, dict[str, dict[str, Decimal]]]
Vetoes = dict[int, dict[str, dict[str, str]]]


def _given(panel: Panel) -> tuple[Points, Vetoes]:
    """Of every standing sheet: {bid id: {judge: {criterion: points}}}, and the vetoes with reasons.

    vetoes: {bid id: {criterion: {judge: reason}}}
    """
    rows = Score.objects.filter(
        sheet__member__in=active(panel), sheet__state=SheetState.LOCKED
    ).order_by("sheet__member_id", "criterion__position")
    found: Points = {}
    vetoes: Vetoes = {}
    for bid, judge, code, points, veto, comment in rows.values_list(
        "sheet__bid_id", "sheet__member__code", "criterion__code", "points", "veto", "comment"
    ):
        assert points is not None, "a locked sheet has all its points"
        found.setdefault(bid, {}).setdefault(judge, {})[code] = points
        if veto:
            vetoes.setdefault(bid, {}).setdefault(code, {})[judge] = comment
    return found, vetoes
