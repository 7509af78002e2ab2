"""Score arithmetic, pure: no Django, no database. Plain values in, plain values out.

The formula "jiebang-score/1", frozen into every report:

    stage score   of a bid = mean of the judges' totals of that stage, half-up to 2 places
                  (a judge's total = the sum of the points given to the bid in that stage)
    trimming      only if the profile says so and enough judges sat: of the totals of one bid in
                  one stage the highest and the lowest are left out, one of each
    price score   = lowest valid price ÷ the bid's price × weight, half-up to 2 places
    total         = technical + team + price
    pass line     total ≥ full score × percent ÷ 100
    place         by total; ties by technical score, then the lower price, then the earlier receipt

A price is valid if it was opened and does not exceed the budget; other bids are not ranked and
do not set the lowest price. Totals are trimmed stage by stage, so that a technical score is fixed
once the blind stage is locked and no later point moves it.
Source: price and mean as customary in 综合评分法 (87号令), trimming by custom and only where it was
frozen at publication; domain rules "Scoring" and "Race, tie".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext
from typing import Any

FORMULA = "jiebang-score/1"
CENT = Decimal("0.01")
ZERO = Decimal("0.00")
# Enough digits that a quotient of our figures is never rounded onto a tie.
EXACT = Context(prec=60, rounding=ROUND_HALF_UP)


class NoJudges(ValueError):
    """A mean of nobody's points was asked for."""


@dataclass(frozen=True)
class Rules:
    """What was frozen at publication. `full` is the sum of all weights."""

    trim_extremes: bool
    trim_panel_min: int
    pass_line_percent: Decimal
    recommend_max: int
    price_weight: Decimal
    full: Decimal
    budget_cny: Decimal


@dataclass(frozen=True)
class Stage:
    """One stage of one bid: each judge's total, who was left out, raw and final mean."""

    totals: dict[str, Decimal]
    left_out: tuple[str, ...]
    raw: Decimal
    score: Decimal


@dataclass(frozen=True)
class BidInput:
    """`technical` and `team`: {judge: total}. `receipt` orders by arrival, never two alike."""

    code: str
    technical: Mapping[str, Decimal]
    team: Mapping[str, Decimal]
    price_cny: Decimal | None
    receipt: tuple[Any, ...]


@dataclass(frozen=True)
class Line:
    """One line of the ranking. `place` is None below the pass line and where `invalid` says why."""

    code: str
    technical: Stage
    team: Stage
    price: Decimal
    total: Decimal
    place: int | None
    candidate: bool
    invalid: str  # "", "no_price" or "over_budget"


def half_up(value: Decimal) -> Decimal:
    return value.quantize(CENT, rounding=ROUND_HALF_UP, context=EXACT)


def mean(totals: Sequence[Decimal]) -> Decimal:
    """Half-up to 2 places. Raises NoJudges if there are none."""
    if not totals:
        raise NoJudges
    with localcontext(EXACT):
        return half_up(sum(totals, ZERO) / len(totals))


def aggregate(totals: Mapping[str, Decimal], *, trim: bool) -> Stage:
    """The stage score of one bid.

    totals: {judge: total of the stage}. With `trim` one highest and one lowest total are left
    out; of equal ones it does not matter which, since only the totals enter the mean.
    Raises NoJudges for an empty stage, or when trimming would leave nobody.
    """
    order = sorted(totals, key=lambda judge: (totals[judge], judge))
    left_out = (order[0], order[-1]) if trim else ()
    if trim and len(order) < 3:
        raise NoJudges
    kept = [totals[judge] for judge in order if judge not in left_out]
    return Stage(
        totals=dict(totals),
        left_out=left_out,
        raw=mean(list(totals.values())),
        score=mean(kept),
    )


def price_score(price_cny: Decimal, *, lowest_cny: Decimal, weight: Decimal) -> Decimal:
    """Lowest ÷ price × weight, half-up to 2 places. Both prices positive, lowest ≤ price."""
    with localcontext(EXACT):
        return half_up(lowest_cny * weight / price_cny)


def why_invalid(price_cny: Decimal | None, budget_cny: Decimal) -> str:
    if price_cny is None:
        return "no_price"
    return "over_budget" if price_cny > budget_cny else ""


def passes(total: Decimal, rules: Rules) -> bool:
    with localcontext(EXACT):
        return total * 100 >= rules.full * rules.pass_line_percent


def rank(bids: Sequence[BidInput], rules: Rules) -> list[Line]:
    """The whole ranking: placed ones in order, then those under the pass line, then invalid ones.

    Every bid must have been judged by the same judges. The order of `bids` and the names of the
    judges do not matter.
    """
    prices = {
        bid.code: bid.price_cny
        for bid in bids
        if bid.price_cny is not None and not why_invalid(bid.price_cny, rules.budget_cny)
    }
    lowest = min(prices.values(), default=ZERO)
    scored = []
    for bid in bids:
        technical, team = (_stage(totals, rules) for totals in (bid.technical, bid.team))
        price = ZERO
        if bid.code in prices:
            price = price_score(prices[bid.code], lowest_cny=lowest, weight=rules.price_weight)
        total = technical.score + team.score + price
        scored.append((bid, technical, team, price, total))

    def order(row: tuple[BidInput, Stage, Stage, Decimal, Decimal]) -> tuple[Any, ...]:
        bid, technical, _team, _price, total = row
        valid = bid.code in prices
        cost = bid.price_cny or ZERO
        return (not valid, -total, -technical.score, cost, bid.receipt)

    lines = []
    for position, (bid, technical, team, price, total) in enumerate(
        sorted(scored, key=order), start=1
    ):
        placed = bid.code in prices and passes(total, rules)
        lines.append(
            Line(
                code=bid.code,
                technical=technical,
                team=team,
                price=price,
                total=total,
                place=position if placed else None,
                candidate=placed and position <= rules.recommend_max,
                invalid=why_invalid(bid.price_cny, rules.budget_cny),
            )
        )
    return lines


def _stage(totals: Mapping[str, Decimal], rules: Rules) -> Stage:
    """A stage without criteria has no totals and scores nothing."""
    if not totals:
        return Stage({}, (), ZERO, ZERO)
    enough = len(totals) >= max(rules.trim_panel_min, 3)
    return aggregate(totals, trim=rules.trim_extremes and enough)


def recompute(document: Mapping[str, Any]) -> list[Line]:
    """The ranking from a report's body (parsed JSON), from nothing else."""
    kind = {c["code"]: c["kind"] for c in document["criteria"]}
    weights = {c["code"]: Decimal(c["weight"]) for c in document["criteria"]}
    frozen = document["rules"]
    rules = Rules(
        trim_extremes=frozen["trim_extremes"],
        trim_panel_min=frozen["trim_panel_min"],
        pass_line_percent=Decimal(frozen["pass_line_percent"]),
        recommend_max=frozen["recommend_max"],
        price_weight=sum((w for code, w in weights.items() if kind[code] == "price"), ZERO),
        full=sum(weights.values(), ZERO),
        budget_cny=Decimal(frozen["budget_cny"]),
    )

    def totals(bid: Mapping[str, Any], stage: str) -> dict[str, Decimal]:
        if stage not in kind.values():
            return {}
        return {
            judge: sum((Decimal(p) for code, p in points.items() if kind[code] == stage), ZERO)
            for judge, points in bid["points"].items()
        }

    bids = [
        BidInput(
            code=bid["blind_code"],
            technical=totals(bid, "technical"),
            team=totals(bid, "team"),
            price_cny=Decimal(bid["price_cny"]) if bid["price_cny"] is not None else None,
            receipt=(bid["received_at"], bid["receipt_order"]),
        )
        for bid in document["bids"]
    ]
    return rank(bids, rules)
