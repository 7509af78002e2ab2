"""Reading and checking a design: pure, so no database."""

from __future__ import annotations

import copy
import json
from decimal import Decimal
from pathlib import Path

import pytest
import yaml
from django.utils import translation
from hypothesis import given, settings
from hypothesis import strategies as st

from marketplace.base.canonical import canonical
from marketplace.races.design.checks import Demand, faults, grants_cny, runners
from marketplace.races.design.content import read
from tests.races.factories import content, heat, measure

DEMAND = Demand(3, Decimal(2_000_000), 12)
SEEDS = Path(__file__).resolve().parents[2] / "seeds" / "demo"


def told(design, demand=DEMAND):
    clean, unread = read(design)
    assert unread == []
    return {(fault.field, fault.rule) for fault in faults(clean, demand)}


def unread(design):
    return {(fault.field, fault.rule) for fault in read(design)[1]}


def test_what_is_read_reads_the_same_again():
    clean, wrong = read(content())
    assert wrong == []
    again, wrong = read(json.loads(canonical(clean)))
    assert (again, wrong) == (clean, [])
    assert told(content()) == set()


def test_figures_are_kept_as_text():
    clean, _wrong = read(
        content(heat(grant_cny="100,000", pass_score=60, measures=[measure(target="0.950")]))
    )
    [row] = clean["heats"]
    assert (row["grant_cny"], row["pass_score"]) == ("100000.00", "60.00")
    assert row["measures"][0]["target"] == "0.95"


def test_absurd_content_is_refused_at_its_place():
    bad = content(
        heat(days="0", settings="x", measures=[measure(code="Ä", weight="101", foo=1)]),
        entrants=6,
        tie=["price"],
        bar="1",
    )
    assert unread(bad) == {
        ("entrants", "number.range"),
        ("tie", "ties.form"),
        ("bar", "field.unknown"),
        ("heats-0-days", "number.range"),
        ("heats-0-settings", "settings.form"),
        ("heats-0-measures-0-code", "code.form"),
        ("heats-0-measures-0-weight", "number.range"),
        ("heats-0-measures-0-foo", "field.unknown"),
    }
    assert unread({"heats": [heat()] * 7}) == {("heats", "rows.most")}
    assert unread({"heats": ["x"]}) == {("heats", "rows.kind")}
    assert unread(content(heat(settings={"a": 0.5}))) == {("heats-0-settings", "settings.float")}
    assert unread(content(heat(settings={"a": ["x" * 4001]}))) == {
        ("heats-0-settings", "text.length")
    }


def test_an_empty_design_says_everything_that_is_missing():
    assert told({}) == {("entrants", "required"), ("heats", "heats.none")}
    needed = ("name", "days", "grant_cny", "keep", "objection_days", "tester")
    assert told({"heats": [{"name_en": "x"}]}) == {
        ("entrants", "required"),
        *((f"heats-0-{name}", "required") for name in needed if name != "name_en"),
        ("heats-0-measures", "measures.none"),
    }


LAST = {"name": "决赛", "keep": 1}
CASES = [
    ({"entrants": 4}, [], {("entrants", "race.entrants")}),
    ({}, [heat(keep=2)], {("heats-0-keep", "keep.last")}),
    ({}, [heat(keep=1), heat(**LAST)], {("heats-0-keep", "keep.few")}),
    ({"entrants": 2}, [heat(keep=3), heat(**LAST)], {("heats-0-keep", "keep.grows")}),
    ({}, [heat(keep=1, grant_cny="700000")], {("heats", "grants.budget")}),
    ({}, [heat(keep=1, days=365, objection_days=30)], {("heats", "heats.long")}),
    ({}, [heat(keep=1, measures=[measure(weight=99)])], {("heats-0-measures", "weights.sum")}),
    (
        {},
        [heat(keep=1, measures=[measure(critical=False)])],
        {("heats-0-measures", "measures.critical")},
    ),
    (
        {},
        [heat(keep=1, measures=[measure(weight=50), measure(weight=50)])],
        {("heats-0-measures-1-code", "code.twice")},
    ),
    (
        {},
        [heat(keep=1, evaluator=None, attempts_day=None)],
        {("heats-0-evaluator", "required"), ("heats-0-attempts_day", "required")},
    ),
    ({}, [heat(keep=1, attempts_day=30)], {("heats-0-attempts_day", "attempts.day")}),
    (
        {},
        [heat(keep=1, evaluator="gone")],
        {
            ("heats-0-evaluator", "evaluator.unknown"),
            ("heats-0-measures-0-metric", "metric.unknown"),
        },
    ),
    ({}, [heat(keep=1, settings={})], {("heats-0-settings", "settings.schema.required")}),
    (
        {},
        [heat(keep=1, measures=[measure(kind="field")])],
        {
            ("heats-0-measures-0-metric", "metric.unused"),
            ("heats-0-evaluator", "evaluator.unused"),
        },
    ),
    (
        {},
        [heat(keep=1, measures=[measure(metric="classification.detection_rate")])],
        {("heats-0-measures-0-metric", "metric.unknown")},
    ),
    (
        {},
        [heat(keep=1, measures=[measure(direction="lower", target="0.5", pass_line="0.6")])],
        {("heats-0-measures-0-direction", "metric.direction")},
    ),
    (
        {},
        [heat(keep=1, measures=[measure(target="1.5")])],
        {("heats-0-measures-0-target", "metric.range")},
    ),
    (
        {},
        [heat(keep=1, measures=[measure(pass_line=None)])],
        {("heats-0-measures-0-pass_line", "line.critical")},
    ),
    (
        {},
        [heat(keep=1, measures=[measure(target="0.8")])],
        {("heats-0-measures-0-target", "target.worse")},
    ),
    (
        {},
        [
            heat(
                keep=1,
                evaluator=None,
                measures=[
                    measure(kind="field", metric=None, weight=50),
                    measure("slow", kind="field", metric=None, weight=50, critical=False)
                    | {"direction": "lower", "target": "1", "pass_line": None},
                ],
            )
        ],
        {("heats-0-measures-1-pass_line", "line.lower")},
    ),
    (
        {},
        [heat(keep=1, tester="测试机 192.168.3.7")],
        {("heats-0-tester", "forbidden.address")},
    ),
]


@pytest.mark.parametrize(("whole", "heats", "expected"), CASES)
def test_each_rule_at_its_place(whole, heats, expected):
    assert told(content(*heats, **whole)) == expected


def test_faults_are_told_all_at_once():
    design = content(heat(keep=3, days=None, measures=[measure(weight=1)]), entrants=2)
    with translation.override("zh-hans"):
        assert told(design) == {
            ("heats-0-keep", "keep.last"),
            ("heats-0-keep", "keep.grows"),
            ("heats-0-days", "required"),
            ("heats-0-measures", "weights.sum"),
        }


KEEPS = st.lists(st.integers(1, 5), min_size=1, max_size=6)


@settings(max_examples=60, deadline=None)
@given(entrants=st.integers(2, 5), keeps=KEEPS, cny=st.integers(0, 10**6))
def test_money_and_cuts_by_another_way_of_counting(entrants, keeps, cny):
    rows = [heat(keep=keep, grant_cny=str(cny)) for keep in keeps]
    clean, _unread = read(content(*rows, entrants=entrants))
    alive, paid, fits = entrants, 0, True
    for place, keep in enumerate(keeps):
        paid += alive * cny
        last = place == len(keeps) - 1
        fits = fits and keep <= (keeps[place - 1] if place else entrants)
        fits = fits and (keep == 1 if last else keep >= 2)
        alive = min(alive, keep)
    assert grants_cny(clean) == Decimal(paid)
    assert runners(clean)[0] == entrants
    found = {f.rule for f in faults(clean, Demand(5, Decimal(paid) + 1, None))}
    assert found & {"keep.last", "keep.few", "keep.grows"} == set() if fits else found
    assert "grants.budget" not in found
    if paid:
        over = faults(clean, Demand(5, Decimal(paid) - 1, None))
        assert "grants.budget" in {f.rule for f in over}


def test_the_seeds_are_complete():
    designs = yaml.safe_load((SEEDS / "races.yaml").read_text("utf-8"))
    racing = {}
    for path in sorted((SEEDS / "scenarios").glob("*.yaml")):
        row = yaml.safe_load(path.read_text("utf-8"))
        if row["organising_mode"] == "race":
            racing[row["code"]] = row
    assert set(designs) == set(racing)
    for code, design in designs.items():
        row = racing[code]
        demand = Demand(row["race_entrants"], Decimal(row["budget_cny"]), row["duration_months"])
        assert told(copy.deepcopy(design), demand) == set(), code
        assert design["entrants"] == row["race_entrants"]
