from decimal import Decimal
from fractions import Fraction
from math import floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.committee import arithmetic
from marketplace.committee.arithmetic import BidInput, NoJudges, Rules, aggregate, mean, rank

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


def fraction_stage(totals, trim):
    values = sorted(Fraction(v) for v in totals.values())
    if trim:
        values = values[1:-1]
    return rounded(sum(values) / len(values))


def fraction_ranking(bids, rules):
    """[(code, total, place or None)] in order."""
    valid = [b for b in bids if b.price_cny is not None and b.price_cny <= rules.budget_cny]
    lowest = min((Fraction(b.price_cny) for b in valid), default=None)
    rows = []
    for b in bids:
        enough = len(b.technical) >= max(rules.trim_panel_min, 3)
        technical = fraction_stage(b.technical, rules.trim_extremes and enough)
        team = fraction_stage(b.team, rules.trim_extremes and enough)
        price = Fraction(0)
        if b in valid:
            price = rounded(lowest / Fraction(b.price_cny) * Fraction(rules.price_weight))
        rows.append((b, technical, technical + team + price))
    rows.sort(key=lambda r: r[0].receipt)
    rows.sort(key=lambda r: r[0].price_cny or 0)
    rows.sort(key=lambda r: r[1], reverse=True)
    rows.sort(key=lambda r: r[2], reverse=True)
    rows.sort(key=lambda r: r[0] not in valid)
    ranking, place = [], 0
    for b, _technical, total in rows:
        passed = b in valid and total >= Fraction(rules.full * rules.pass_line_percent) / 100
        place += passed
        ranking.append((b.code, total, place if passed else None))
    return ranking


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
    bids = [
        BidInput(f"B{n}", draw(technical), draw(team), draw(price), (n,))
        for n in range(draw(st.integers(1, 6)))
    ]
    rules = Rules(
        trim_extremes=draw(st.booleans()),
        trim_panel_min=draw(st.sampled_from([3, 5])),
        pass_line_percent=draw(st.sampled_from([Decimal("0.00"), Decimal("60.00")])),
        recommend_max=3,
        price_weight=Decimal(10),
        full=Decimal(100),
        budget_cny=Decimal(1000000),
    )
    return bids, rules


@given(competitions())
def test_the_ranking_agrees_with_fractions(competition):
    bids, rules = competition
    found = [(line.code, Fraction(line.total), line.place) for line in rank(bids, rules)]
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
