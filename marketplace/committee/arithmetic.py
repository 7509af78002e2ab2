"""Score arithmetic, pure: no Django, no database. Plain values in, plain values out.

The formula "jiebang-score/2", frozen into every report:

    stage score   of a bid = mean of the judges' totals of that stage, half-up to 2 places
                  (a judge's total = the sum of the points given to the bid in that stage)
    trimming      only if frozen and at least five judges sat: of the totals of one bid in one
                  stage the highest and the lowest are left out, one of each
    veto          of an item stands when more than the frozen share of the judges declared it
    minimum       of a criterion is held against the mean of all judges' points, half-up to 2
                  places; that of the technical stage against its stage score
    price score   lowest_price: lowest valid price ÷ the bid's price × weight
                  benchmark_mean: weight less, for each percent by which the price lies above
                  (below) the benchmark, the published share of the weight; never below 0. The
                  benchmark 评标基准价 is the mean of all valid prices, half-up to 0.01 yuan
                  both half-up to 2 places
    total         = technical + team + price
    pass line     total ≥ full score × percent ÷ 100
    place         by total; ties by the published order of technical score, team score, lower
                  price, earlier receipt

A bid is valid if no veto stands against it, it reaches every minimum, its price was opened and
does not exceed the budget; other bids are not ranked and have no part in the lowest price or the
benchmark. Totals are trimmed stage by stage, so that a technical score is fixed once the blind
stage is locked and no later point moves it.

"jiebang-score/1", in older reports, is the same without veto and minimum, with lowest_price, with
ties by technical score, price and receipt, and trimmed from the frozen number of judges on, three
at least.
Source: price and mean as customary in 综合评分法 (87号令), trimming by custom and only where it was
frozen at publication; domain rules "Scoring" and "Race, tie".
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext
from typing import Any

FORMULA_1 = "jiebang-score/1"
FORMULA = "jiebang-score/2"
LOWEST, BENCHMARK = "lowest_price", "benchmark_mean"
PRICE_FORMULAS = (LOWEST, BENCHMARK)
TIES_1 = ("technical", "price", "receipt")
# Statute knows no trimming and custom none below this number of judges.
TRIM_LEAST = 5
TECHNICAL = "technical"  # names the stage among the minimums that a bid missed
CENT = Decimal("0.01")
ZERO = Decimal("0.00")
HUNDRED = Decimal(100)
# Enough digits that a quotient of our figures is never rounded onto a tie.
EXACT = Context(prec=60, rounding=ROUND_HALF_UP)


class NoJudges(ValueError):
    """A mean of nobody's points was asked for."""


@dataclass(frozen=True)
class PriceRule:
    """`above`, `below`: percent of the weight lost for each percent off the benchmark."""

    kind: str = LOWEST
    above: Decimal = ZERO
    below: Decimal = ZERO


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
    price: PriceRule = PriceRule()
    # A veto stands when more than so many percent of the judges declared it.
    veto_over_percent: Decimal = HUNDRED
    # {criterion: least mean of its points}
    minimums: Mapping[str, Decimal] = field(default_factory=dict)
    # The least technical score, in points.
    technical_minimum: Decimal = ZERO
    ties: Sequence[str] = TIES_1


@dataclass(frozen=True)
class Stage:
    """One stage of one bid: each judge's total, who was left out, raw and final mean."""

    totals: dict[str, Decimal]
    left_out: tuple[str, ...]
    raw: Decimal
    score: Decimal


@dataclass(frozen=True)
class BidInput:
    """`technical` and `team`: {judge: total}. `receipt` orders by arrival, never two alike.

    `vetoes`: {criterion: judges who declared it}; `points`: {criterion: {judge: points}}, needed
    for the criteria that have a minimum.
    """

    code: str
    technical: Mapping[str, Decimal]
    team: Mapping[str, Decimal]
    price_cny: Decimal | None
    receipt: tuple[Any, ...]
    vetoes: Mapping[str, Collection[str]] = field(default_factory=dict)
    points: Mapping[str, Mapping[str, Decimal]] = field(default_factory=dict)


@dataclass(frozen=True)
class Line:
    """One line of the ranking. `place` is None below the pass line and where `invalid` says why.

    `vetoed`: criteria whose veto stands; `below`: criteria (or the stage "technical") whose
    minimum was missed, in the order of their codes.
    """

    code: str
    technical: Stage
    team: Stage
    price: Decimal
    total: Decimal
    place: int | None
    candidate: bool
    invalid: str  # "", "vetoed", "below_minimum", "no_price" or "over_budget"
    vetoed: tuple[str, ...] = ()
    below: tuple[str, ...] = ()


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


def benchmark_score(
    price_cny: Decimal, *, benchmark_cny: Decimal, weight: Decimal, rule: PriceRule
) -> Decimal:
    """The weight less what each percent off the benchmark costs, from 0 on, half-up to 2 places."""
    with localcontext(EXACT):
        off = price_cny - benchmark_cny
        rate = rule.above if off > 0 else rule.below
        # off ÷ benchmark × 100 percent, each of which costs rate ÷ 100 of the weight
        return max(ZERO, half_up(weight - weight * rate * abs(off) / benchmark_cny))


def price_basis(prices: Iterable[Decimal], rule: PriceRule) -> Decimal:
    """What every price is held against: the lowest, or the benchmark. 0 if there are none."""
    given = list(prices)
    if rule.kind == LOWEST:
        return min(given, default=ZERO)
    return mean(given) if given else ZERO


def why_invalid(price_cny: Decimal | None, budget_cny: Decimal) -> str:
    if price_cny is None:
        return "no_price"
    return "over_budget" if price_cny > budget_cny else ""


def standing_vetoes(
    vetoes: Mapping[str, Collection[str]], *, judges: int, over_percent: Decimal
) -> tuple[str, ...]:
    """The criteria against which more than so many percent of the judges declared a veto."""
    return tuple(sorted(c for c, who in vetoes.items() if len(who) * 100 > judges * over_percent))


def passes(total: Decimal, rules: Rules) -> bool:
    with localcontext(EXACT):
        return total * 100 >= rules.full * rules.pass_line_percent


@dataclass(frozen=True)
class _Scored:
    """A bid after its two stages, before any price."""

    bid: BidInput
    technical: Stage
    team: Stage
    vetoed: tuple[str, ...]
    below: tuple[str, ...]
    invalid: str


def rank(bids: Sequence[BidInput], rules: Rules) -> list[Line]:
    """The whole ranking: placed ones in order, then those under the pass line, then invalid ones.

    Every bid must have been judged by the same judges. The order of `bids` and the names of the
    judges do not matter.
    """
    scored = [_scored(bid, rules) for bid in bids]
    basis = price_basis(_valid_prices(scored), rules.price)
    priced: list[tuple[_Scored, Decimal, Decimal]] = []
    for row in scored:
        price = ZERO
        if not row.invalid and row.bid.price_cny is not None:
            price = _price(row.bid.price_cny, basis, rules)
        priced.append((row, price, row.technical.score + row.team.score + price))

    def order(found: tuple[_Scored, Decimal, Decimal]) -> tuple[Any, ...]:
        row, _price_score, total = found
        by = {
            "technical": -row.technical.score,
            "team": -row.team.score,
            "price": row.bid.price_cny or ZERO,
            "receipt": row.bid.receipt,
        }
        ties = (*(by[tie] for tie in rules.ties), row.bid.receipt)
        return (bool(row.invalid), -total, *ties)

    lines = []
    for position, (row, price, total) in enumerate(sorted(priced, key=order), start=1):
        placed = not row.invalid and passes(total, rules)
        lines.append(
            Line(
                code=row.bid.code,
                technical=row.technical,
                team=row.team,
                price=price,
                total=total,
                place=position if placed else None,
                candidate=placed and position <= rules.recommend_max,
                invalid=row.invalid,
                vetoed=row.vetoed,
                below=row.below,
            )
        )
    return lines


def basis_of(bids: Sequence[BidInput], rules: Rules) -> Decimal:
    """The lowest valid price, or the benchmark, against which the prices were scored."""
    return price_basis(_valid_prices([_scored(bid, rules) for bid in bids]), rules.price)


def _scored(bid: BidInput, rules: Rules) -> _Scored:
    technical, team = (_stage(totals, rules) for totals in (bid.technical, bid.team))
    vetoed = standing_vetoes(
        bid.vetoes,
        judges=len(bid.technical) or len(bid.team),
        over_percent=rules.veto_over_percent,
    )
    missed = {
        code
        for code, least in rules.minimums.items()
        if mean(list(bid.points[code].values())) < least
    }
    if technical.score < rules.technical_minimum:
        missed.add(TECHNICAL)
    invalid = why_invalid(bid.price_cny, rules.budget_cny)
    if missed:
        invalid = "below_minimum"
    if vetoed:
        invalid = "vetoed"
    return _Scored(bid, technical, team, vetoed, tuple(sorted(missed)), invalid)


def _valid_prices(scored: list[_Scored]) -> list[Decimal]:
    return [
        row.bid.price_cny for row in scored if not row.invalid and row.bid.price_cny is not None
    ]


def _price(price_cny: Decimal, basis_cny: Decimal, rules: Rules) -> Decimal:
    if rules.price.kind == LOWEST:
        return price_score(price_cny, lowest_cny=basis_cny, weight=rules.price_weight)
    return benchmark_score(
        price_cny, benchmark_cny=basis_cny, weight=rules.price_weight, rule=rules.price
    )


def _stage(totals: Mapping[str, Decimal], rules: Rules) -> Stage:
    """A stage without criteria has no totals and scores nothing."""
    if not totals:
        return Stage({}, (), ZERO, ZERO)
    enough = len(totals) >= max(rules.trim_panel_min, 3)  # trimming must leave somebody
    return aggregate(totals, trim=rules.trim_extremes and enough)


# -- From a report's body ----------------------------------------------------------------------------
def recompute(document: Mapping[str, Any]) -> list[Line]:
    """The ranking from a report's body (parsed JSON) of either formula, from nothing else."""
    return rank(inputs_of(document), rules_of(document))


def rules_of(document: Mapping[str, Any]) -> Rules:
    """Raises KeyError for a formula that is not ours."""
    weights: dict[str, Decimal] = {"technical": ZERO, "team": ZERO, "price": ZERO}
    for criterion in document["criteria"]:
        weights[criterion["kind"]] += Decimal(criterion["weight"])
    frozen = document["rules"]
    least, more = {FORMULA_1: (3, _rules_1), FORMULA: (TRIM_LEAST, _rules_2)}[document["formula"]]
    return Rules(
        trim_extremes=frozen["trim_extremes"],
        trim_panel_min=max(frozen["trim_panel_min"], least),
        pass_line_percent=Decimal(frozen["pass_line_percent"]),
        recommend_max=frozen["recommend_max"],
        price_weight=weights["price"],
        full=sum(weights.values(), ZERO),
        budget_cny=Decimal(frozen["budget_cny"]),
        **more(document, weights["technical"]),
    )


def _rules_1(_document: Mapping[str, Any], _technical: Decimal) -> dict[str, Any]:
    return {}


def _rules_2(document: Mapping[str, Any], technical: Decimal) -> dict[str, Any]:
    frozen = document["rules"]
    price = frozen["price"]
    with localcontext(EXACT):
        technical_minimum = technical * Decimal(frozen["technical_minimum_percent"]) / 100
    return {
        "price": PriceRule(
            price["formula"], Decimal(price["deduct_above"]), Decimal(price["deduct_below"])
        ),
        "veto_over_percent": Decimal(frozen["veto_over_percent"]),
        "minimums": {
            c["code"]: Decimal(c["minimum"])
            for c in document["criteria"]
            if c["minimum"] is not None
        },
        "technical_minimum": technical_minimum,
        "ties": tuple(frozen["ties"]),
    }


def inputs_of(document: Mapping[str, Any]) -> list[BidInput]:
    kind = {c["code"]: c["kind"] for c in document["criteria"]}

    def totals(bid: Mapping[str, Any], stage: str) -> dict[str, Decimal]:
        if stage not in kind.values():
            return {}
        return {
            judge: sum((Decimal(p) for code, p in points.items() if kind[code] == stage), ZERO)
            for judge, points in bid["points"].items()
        }

    def by_criterion(bid: Mapping[str, Any]) -> dict[str, dict[str, Decimal]]:
        found: dict[str, dict[str, Decimal]] = {}
        for judge, points in bid["points"].items():
            for code, given in points.items():
                found.setdefault(code, {})[judge] = Decimal(given)
        return found

    return [
        BidInput(
            code=bid["blind_code"],
            technical=totals(bid, "technical"),
            team=totals(bid, "team"),
            price_cny=Decimal(bid["price_cny"]) if bid["price_cny"] is not None else None,
            receipt=(bid["received_at"], bid["receipt_order"]),
            vetoes={code: sorted(who) for code, who in bid.get("vetoes", {}).items()},
            points=by_criterion(bid),
        )
        for bid in document["bids"]
    ]
