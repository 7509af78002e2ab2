from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from math import floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.committee import arithmetic
from marketplace.committee.arithmetic import (
    PRICE_FORMULAS,
    BidInput,
    NoJudges,
    PriceRule,
    Rules,
    aggregate,
    benchmark_score,
    mean,
    rank,
    standing_vetoes,
)

CENTS = st.integers(0, 7000).map(lambda c: Decimal(c) / 100)
JUDGES = [f"J{n}" for n in range(1, 8)]
TOTALS = st.dictionaries(st.sampled_from(JUDGES), CENTS, min_size=1)
MANY = st.dictionaries(st.sampled_from(JUDGES), CENTS, min_size=3)
RULES = Rules(
    trim_extremes=False,
    trim_panel_min=5,
    pass_line_percent=Decimal(60),
    recommend_max=3,
    price_weight=Decimal(10),
    full=Decimal(100),
    budget_cny=Decimal(1000000),
)


# -- An independent implementation: whole fractions, no decimals -------------------------------------
def rounded(value: Fraction) -> Fraction:
    return Fraction(floor(value * 100 + Fraction(1, 2)), 100)


def average(values):
    return rounded(sum(values, Fraction(0)) / len(values))


def fraction_stage(totals, trim):
    values = sorted(Fraction(v) for v in totals.values())
    return average(values[1:-1] if trim else values)


def fraction_price(price, prices, rules):
    weight = Fraction(rules.price_weight)
    if rules.price.kind == "lowest_price":
        return rounded(min(prices) / price * weight)
    benchmark = average(prices)
    percent_off = (price - benchmark) / benchmark * 100
    rate = Fraction(rules.price.above if percent_off > 0 else rules.price.below)
    return max(Fraction(0), rounded(weight * (1 - rate * abs(percent_off) / 100)))


def fraction_faults(b, technical, rules):
    judges = len(b.technical)
    for who in b.vetoes.values():
        if Fraction(len(who), judges) > Fraction(rules.veto_over_percent) / 100:
            return "vetoed"
    for code, least in rules.minimums.items():
        if average([Fraction(p) for p in b.points[code].values()]) < Fraction(least):
            return "below_minimum"
    if technical < Fraction(rules.technical_minimum):
        return "below_minimum"
    if b.price_cny is None:
        return "no_price"
    return "over_budget" if b.price_cny > rules.budget_cny else ""


def fraction_ranking(bids, rules):
    """[(code, total, place or None, why invalid)] in order."""
    trim = rules.trim_extremes and len(bids[0].technical) >= max(rules.trim_panel_min, 3)
    technical = {b.code: fraction_stage(b.technical, trim) for b in bids}
    team = {b.code: fraction_stage(b.team, trim) for b in bids}
    why = {b.code: fraction_faults(b, technical[b.code], rules) for b in bids}
    prices = [Fraction(b.price_cny) for b in bids if not why[b.code]]
    total = {}
    for b in bids:
        price = Fraction(0) if why[b.code] else fraction_price(Fraction(b.price_cny), prices, rules)
        total[b.code] = technical[b.code] + team[b.code] + price
    rows = sorted(bids, key=lambda b: b.receipt)
    keys = {
        "technical": lambda b: -technical[b.code],
        "team": lambda b: -team[b.code],
        "price": lambda b: b.price_cny or 0,
        "receipt": lambda b: b.receipt,
    }
    for tie in reversed(rules.ties):
        rows.sort(key=keys[tie])
    rows.sort(key=lambda b: -total[b.code])
    rows.sort(key=lambda b: why[b.code] != "")
    ranking, place = [], 0
    line = Fraction(rules.full * rules.pass_line_percent) / 100
    for b in rows:
        passed = not why[b.code] and total[b.code] >= line
        place += passed
        ranking.append((b.code, total[b.code], place if passed else None, why[b.code]))
    return ranking


PERCENTS = st.sampled_from([Decimal("0.00"), Decimal("33.33"), Decimal("50.00"), Decimal("66.66")])
RATES = st.sampled_from([Decimal("0.00"), Decimal("0.50"), Decimal("1.00"), Decimal("2.25")])


@st.composite
def competitions(draw):
    judges = draw(st.lists(st.sampled_from(JUDGES), min_size=1, unique=True))
    technical = st.fixed_dictionaries(dict.fromkeys(judges, CENTS))
    team = st.fixed_dictionaries(
        dict.fromkeys(judges, st.integers(0, 2000).map(lambda c: Decimal(c) / 100))
    )
    # Few different prices, so that ties occur.
    price = st.one_of(
        st.none(), st.integers(1, 120).map(lambda w: Decimal(w) * Decimal("10000.01"))
    )
    who = st.lists(st.sampled_from(judges), unique=True)
    bids = []
    for n in range(draw(st.integers(1, 6))):
        # One technical and one team criterion: their points are the totals.
        given = {"C1": draw(technical), "C2": draw(team)}
        vetoes = draw(st.dictionaries(st.sampled_from(["C1", "C2"]), who))
        bids.append(BidInput(f"B{n}", *given.values(), draw(price), (n,), vetoes, given))
    rules = Rules(
        trim_extremes=draw(st.booleans()),
        trim_panel_min=draw(st.sampled_from([3, 5])),
        pass_line_percent=draw(st.sampled_from([Decimal("0.00"), Decimal("60.00")])),
        recommend_max=3,
        price_weight=Decimal(10),
        full=Decimal(100),
        budget_cny=Decimal(1000000),
        price=PriceRule(draw(st.sampled_from(PRICE_FORMULAS)), draw(RATES), draw(RATES)),
        veto_over_percent=draw(PERCENTS),
        minimums=draw(st.dictionaries(st.sampled_from(["C1", "C2"]), CENTS, max_size=1)),
        technical_minimum=draw(st.sampled_from([Decimal(0), Decimal("17.501")])),
        ties=draw(st.permutations(["technical", "team", "price"]).map(lambda t: (*t, "receipt"))),
    )
    return bids, rules


@given(competitions())
def test_the_ranking_agrees_with_fractions(competition):
    bids, rules = competition
    found = [(x.code, Fraction(x.total), x.place, x.invalid) for x in rank(bids, rules)]
    assert found == fraction_ranking(bids, rules)


@given(competitions(), st.randoms())
def test_neither_the_order_of_bids_nor_the_judges_names_matter(competition, random):
    bids, rules = competition
    names = list(bids[0].technical)
    other = dict(zip(names, random.sample(names, len(names)), strict=True))
    renamed = [
        BidInput(
            b.code,
            {other[j]: p for j, p in b.technical.items()},
            {other[j]: p for j, p in b.team.items()},
            b.price_cny,
            b.receipt,
            {code: [other[j] for j in who] for code, who in b.vetoes.items()},
            {c: {other[j]: p for j, p in points.items()} for c, points in b.points.items()},
        )
        for b in random.sample(bids, len(bids))
    ]
    key = [(line.code, line.total, line.place) for line in rank(bids, rules)]
    assert [(line.code, line.total, line.place) for line in rank(renamed, rules)] == key


@given(competitions())
def test_places_run_from_one_without_gaps_and_only_the_best_are_candidates(competition):
    bids, rules = competition
    lines = rank(bids, rules)
    places = [line.place for line in lines if line.place is not None]
    assert places == list(range(1, len(places) + 1))
    assert [line.code for line in lines if line.candidate] == [
        line.code for line in lines if line.place is not None and line.place <= 3
    ]
    assert all(0 <= line.price <= rules.price_weight for line in lines)


@given(MANY, st.booleans())
def test_a_stage_score_lies_between_the_extremes(totals, trim):
    stage = aggregate(totals, trim=trim)
    assert min(totals.values()) <= stage.score <= max(totals.values())


@given(MANY, st.booleans(), st.sampled_from(JUDGES), CENTS)
def test_more_points_never_lower_a_score(totals, trim, judge, more):
    if judge not in totals:
        return
    raised = {**totals, judge: totals[judge] + more}
    assert aggregate(raised, trim=trim).score >= aggregate(totals, trim=trim).score


@given(MANY, st.booleans(), CENTS)
def test_the_same_for_all_shifts_the_score_by_it(totals, trim, more):
    shifted = {judge: points + more for judge, points in totals.items()}
    assert aggregate(shifted, trim=trim).score == aggregate(totals, trim=trim).score + more


@given(TOTALS)
def test_the_mean_agrees_with_fractions(totals):
    assert Fraction(mean(list(totals.values()))) == fraction_stage(totals, trim=False)


def test_half_is_rounded_up():
    assert mean([Decimal("0.00"), Decimal("0.01")]) == Decimal("0.01")
    assert mean([Decimal("80.00"), Decimal("80.01")]) == Decimal("80.01")


def test_nobody_has_no_mean():
    with pytest.raises(NoJudges):
        aggregate({}, trim=False)
    with pytest.raises(NoJudges):
        aggregate({"J1": Decimal(1), "J2": Decimal(2)}, trim=True)


def test_trimming_leaves_out_one_of_each_and_shows_both_means():
    totals = {"J1": Decimal(10), "J2": Decimal(50), "J3": Decimal(60), "J4": Decimal(60)}
    stage = aggregate(totals, trim=True)
    assert stage.left_out == ("J1", "J4")
    assert (stage.raw, stage.score) == (Decimal("45.00"), Decimal("55.00"))


def one(code, technical, team, price, receipt):
    return BidInput(code, {"J1": Decimal(technical)}, {"J1": Decimal(team)}, price, receipt)


def test_ties_go_to_technique_then_price_then_receipt():
    same = Decimal(500000)
    bids = [
        one("A", "50", "20", same, (4,)),
        one("B", "60", "10", same, (3,)),
        one("C", "50", "20", same, (2,)),
    ]
    assert [line.code for line in rank(bids, RULES)] == ["B", "C", "A"]
    # 10 and 5 price points: the dearer one makes it up by technique and comes first on a tie.
    bids = [one("A", "60", "15", Decimal(1000), (1,)), one("B", "60", "10", Decimal(500), (2,))]
    assert [(line.code, line.total) for line in rank(bids, RULES)] == [
        ("B", Decimal("80.00")),
        ("A", Decimal("80.00")),
    ]


def test_the_pass_line_is_met_at_the_line():
    at, below = one("A", "40", "10", same := Decimal(5), (1,)), one("B", "39.99", "10", same, (2,))
    assert [(line.code, line.place) for line in rank([at, below], RULES)] == [("A", 1), ("B", None)]


def test_a_price_above_the_budget_neither_counts_nor_sets_the_lowest():
    bids = [
        one("A", "60", "15", Decimal("1000000.00"), (1,)),
        one("B", "70", "20", Decimal("1000000.01"), (2,)),
        one("C", "70", "20", None, (3,)),
    ]
    found = [(line.code, line.place, line.price, line.invalid) for line in rank(bids, RULES)]
    assert found == [
        ("A", 1, Decimal("10.00"), ""),
        ("C", None, Decimal("0.00"), "no_price"),
        ("B", None, Decimal("0.00"), "over_budget"),
    ]


def test_the_module_is_pure():
    source = arithmetic.__spec__.loader.get_source(arithmetic.__name__)
    assert "django" not in source.replace("no Django", "")


# -- The second formula ------------------------------------------------------------------------------
BENCHMARK = PriceRule("benchmark_mean", Decimal("1.00"), Decimal("0.50"))


def test_the_benchmark_is_the_mean_and_each_percent_off_it_costs_its_published_share():
    def points(price):
        return benchmark_score(
            Decimal(price), benchmark_cny=Decimal(1000), weight=Decimal(20), rule=BENCHMARK
        )

    assert [points(p) for p in ("1000", "1010", "990", "1100", "3000", "1")] == [
        Decimal(p) for p in ("20.00", "19.80", "19.90", "18.00", "0.00", "10.01")
    ]
    rules = replace(RULES, price=BENCHMARK)
    bids = [one("A", "50", "20", Decimal(900), (1,)), one("B", "50", "20", Decimal(1100), (2,))]
    assert [(x.code, x.price) for x in rank(bids, rules)] == [
        ("A", Decimal("9.50")),
        ("B", Decimal("9.00")),
    ]


def test_a_vetoed_bid_sets_no_price_and_is_not_ranked():
    cheap = replace(one("A", "70", "20", Decimal(1), (1,)), vetoes={"C1": ["J1"]})
    dear = one("B", "60", "10", Decimal(500000), (2,))
    first, last = rank([cheap, dear], replace(RULES, veto_over_percent=Decimal(50)))
    assert (first.code, first.place, first.price) == ("B", 1, Decimal("10.00"))
    assert (last.code, last.place, last.invalid, last.vetoed) == ("A", None, "vetoed", ("C1",))


@pytest.mark.parametrize(("declared", "stands"), [(2, ()), (3, ("C1",))])
def test_half_of_the_judges_is_not_more_than_half(declared, stands):
    vetoes = {"C1": JUDGES[:declared]}
    assert standing_vetoes(vetoes, judges=4, over_percent=Decimal("50.00")) == stands


def test_a_minimum_is_held_against_the_rounded_mean():
    def below(*points):
        given = {f"J{n}": Decimal(p) for n, p in enumerate(points)}
        bid = BidInput("A", given, given, Decimal(1), (1,), {}, {"C1": given})
        return rank([bid], replace(RULES, minimums={"C1": Decimal("30.00")}))[0].below

    assert below("30.00", "29.99", "29.99") == ("C1",)  # 29.993 is shown as 29.99
    assert below("30.00", "29.99") == ()  # 29.995 is shown as 30.00


def test_the_older_formula_is_still_read():
    document = {
        "formula": "jiebang-score/1",
        "rules": {
            "trim_extremes": True,
            "trim_panel_min": 3,
            "pass_line_percent": "60.00",
            "recommend_max": 3,
            "budget_cny": "1000.00",
        },
        "criteria": [
            {"code": "C1", "kind": "technical", "weight": "90.00"},
            {"code": "C2", "kind": "price", "weight": "10.00"},
        ],
        "bids": [
            {
                "blind_code": "A",
                "price_cny": "500.00",
                "received_at": "2026-11-22T09:00:00.000Z",
                "receipt_order": 1,
                "points": {"J1": {"C1": "10"}, "J2": {"C1": "70"}, "J3": {"C1": "90"}},
            }
        ],
    }
    (line,) = arithmetic.recompute(document)
    assert (line.technical.left_out, line.total) == (("J1", "J3"), Decimal("80.00"))
    newer = {
        "price": {"formula": "lowest_price", "deduct_above": "0", "deduct_below": "0"},
        "veto_over_percent": "50.00",
        "technical_minimum_percent": "63.00",
        "ties": ["technical", "price", "receipt"],
    }
    document |= {"formula": "jiebang-score/2", "rules": document["rules"] | newer}
    document["criteria"] = [c | {"minimum": None} for c in document["criteria"]]
    (line,) = arithmetic.recompute(document)
    # Three judges are too few to be trimmed now; 56.67 is below 63 % of 90.
    assert (line.technical.left_out, line.total) == ((), Decimal("56.67"))
    assert (line.invalid, line.below) == ("below_minimum", ("technical",))
    with pytest.raises(KeyError):
        arithmetic.recompute(document | {"formula": "jiebang-score/3"})
