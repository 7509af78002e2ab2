"""What may be typed: numbers, texts, codes, rows; refused field by field."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.scenarios import models
from marketplace.scenarios.content import (
    ROWS_MOST,
    TAGS,
    TERMS,
    TEXTS,
    Content,
    Fault,
    Known,
    read,
)
from marketplace.scenarios.readers import SHANGHAI, Wrong, code, deadline, decimal, text

NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
KNOWN = Known(
    {name: frozenset({"a", "b"}) for name in {*TERMS.values(), *TAGS.values()}}, frozenset("ABCD")
)
FULL_WIDTH = str.maketrans("0123456789.,-", "０１２３４５６７８９．，－")


def content_of(**data: Any) -> tuple[Content, list[Fault]]:
    return read({"title": "x"} | data, base={}, known=KNOWN, now=NOW)


def rules(**data: Any) -> dict[str, str]:
    return {fault.field: fault.rule for fault in content_of(**data)[1]}


@pytest.mark.parametrize(
    ("field", "value", "rule"),
    [
        ("title", "", "required"),
        ("title", "长" * 121, "text.length"),
        ("title", 5, "text.kind"),
        ("title", "a\x00b", "text.signs"),
        ("title", "a\u202eb", "text.signs"),
        ("title", "a\ud800b", "text.signs"),
        ("summary", "长" * 1001, "text.length"),
        ("contact", "长" * 201, "text.length"),
        ("budget_cny", "0", "number.range"),
        ("budget_cny", "-5", "number.range"),
        ("budget_cny", "10000000000.01", "number.range"),
        ("budget_cny", "1.001", "number.places"),
        ("budget_cny", "1e5", "number.form"),
        ("budget_cny", "NaN", "number.form"),
        ("budget_cny", "10²", "number.form"),
        ("budget_cny", "1,00", "number.form"),
        ("budget_cny", True, "number.form"),
        ("budget_cny", [1], "number.form"),
        ("budget_cny", "9" * 31, "number.form"),
        ("duration_months", "2.5", "number.whole"),
        ("duration_months", "0", "number.range"),
        ("duration_months", 121, "number.range"),
        ("pass_line_percent", "100.01", "number.range"),
        ("domain", "c", "choice.unknown"),
        ("profile", "E", "choice.unknown"),
        ("technologies", ["a", "c"], "choice.unknown"),
        ("technologies", "a", "choice.unknown"),
        ("award_mode", "none", "choice.unknown"),
        ("consortium_allowed", "maybe", "flag.form"),
        ("consortium_members_max", "21", "number.range"),
        ("deadline_at", "yesterday", "time.form"),
        ("deadline_at", 17, "time.form"),
        ("deadline_at", NOW, "deadline.past"),
        ("deadline_at", "0001-01-01T00:00", "deadline.past"),
        ("deadline_at", "9999-12-31T23:59", "deadline.far"),
        ("deadline_at", NOW + timedelta(days=731, microseconds=1), "deadline.far"),
        ("no_such_field", "1", "field.unknown"),
        ("state", "published", "field.unknown"),
        ("metrics", "M1", "rows.kind"),
        ("metrics", ["M1"], "rows.kind"),
    ],
)
def test_absurd_values_are_refused_at_once(field, value, rule):
    assert rules(**{field: value}) == {field: rule}


@pytest.mark.parametrize(
    ("part", "row", "field", "rule"),
    [
        ("metrics", {"operator": ">=", "value": "很多"}, "value", "number.form"),
        ("metrics", {"operator": ">=", "value": ""}, "value", "row.incomplete"),
        ("metrics", {"operator": "~", "value": "1"}, "operator", "choice.unknown"),
        ("metrics", {"operator": ">=", "value": "1", "code": "M1234"}, "code", "code.form"),
        ("metrics", {"operator": ">=", "value": "1", "name": "长" * 121}, "name", "text.length"),
        ("metrics", {"operator": ">=", "value": "0.0000001"}, "value", "number.places"),
        ("metrics", {"operator": ">=", "value": "1", "id": 3}, "id", "field.unknown"),
        ("criteria", {"kind": "price", "weight": "0"}, "weight", "number.range"),
        ("criteria", {"kind": "price", "weight": "100.01"}, "weight", "number.range"),
        ("criteria", {"kind": "luck", "weight": "10"}, "kind", "choice.unknown"),
        ("criteria", {"kind": "price", "weight": "1", "levels": "x"}, "levels", "levels.form"),
        (
            "criteria",
            {"kind": "price", "weight": "1", "levels": [{"points_percent": 101, "text": "x"}]},
            "levels",
            "number.range",
        ),
        ("payment_nodes", {"name": "x", "percent": "-30"}, "percent", "number.range"),
        ("payment_nodes", {"name": "x"}, "percent", "row.incomplete"),
        ("milestones", {"name": "x", "month": "3月"}, "month", "number.form"),
        ("conditions", {"text": "长" * 401}, "text", "text.length"),
    ],
)
def test_absurd_rows_are_refused_by_row_and_field(part, row, field, rule):
    assert rules(**{part: [row]}) == {f"{part}-0-{field}": rule}


@pytest.mark.parametrize("part", sorted(ROWS_MOST))
def test_there_is_a_most_of_rows(part):
    row = {
        "metrics": {"operator": ">=", "value": 1},
        "criteria": {"kind": "team", "weight": 1},
        "payment_nodes": {"percent": 1},
        "milestones": {"month": 1},
        "conditions": {"text": "x"},
    }[part]
    most = ROWS_MOST[part]
    assert rules(**{part: [row] * most}) == {}
    assert rules(**{part: [row] * (most + 1)}) == {part: "rows.most"}


def test_every_fault_comes_at_once():
    found = rules(
        title="",
        budget_cny="x",
        deadline_at="x",
        organising_mode="race",
        metrics=[{"operator": "?", "value": "x"}, {"operator": ">=", "value": "y"}],
    )
    assert set(found) == {
        "title",
        "budget_cny",
        "deadline_at",
        "race_entrants",
        "metrics-0-operator",
        "metrics-0-value",
        "metrics-1-value",
    }


def test_a_code_stands_once_and_missing_ones_are_numbered():
    row = {"operator": ">=", "value": 1}
    assert rules(metrics=[row | {"code": "M1"}, row | {"code": "ｍ１"}]) == {
        "metrics-1-code": "code.twice"
    }
    content, faults = content_of(metrics=[row, row | {"code": "M1"}, row])
    assert faults == []
    assert [each["code"] for each in content.rows["metrics"]] == ["M2", "M1", "M3"]


def test_empty_rows_are_left_out_but_keep_the_places_of_the_others():
    row = {"name": "x", "percent": "x"}
    assert rules(payment_nodes=[{"name": " ", "percent": ""}, row]) == {
        "payment_nodes-1-percent": "number.form"
    }


def test_race_and_entrants_belong_together():
    assert rules(organising_mode="race") == {"race_entrants": "race.entrants"}
    assert rules(organising_mode="best", race_entrants="3") == {"race_entrants": "race.not_a_race"}
    base = {"title": "x", "organising_mode": "race", "race_entrants": 3}
    content, faults = read({"organising_mode": "best"}, base=base, known=KNOWN, now=NOW)
    assert (faults, content.values["race_entrants"]) == ([], None)


def test_limits_of_texts_are_those_of_the_columns():
    for name, (most, _lines) in TEXTS.items():
        assert models.Scenario._meta.get_field(name).max_length == most
    for model, names in {
        models.Metric: ("name", "name_en", "unit", "test_method", "dataset", "tester"),
        models.Criterion: ("name", "name_en", "guidance"),
        models.PaymentNode: ("name", "condition"),
        models.Milestone: ("name",),
        models.Condition: ("text", "text_en", "evidence"),
    }.items():
        part = {
            models.Metric: "metrics",
            models.Criterion: "criteria",
            models.PaymentNode: "payment_nodes",
            models.Milestone: "milestones",
            models.Condition: "conditions",
        }[model]
        needed = {
            "metrics": {"operator": ">=", "value": 1},
            "criteria": {"kind": "team", "weight": 1},
            "payment_nodes": {"percent": 1},
            "milestones": {"month": 1},
            "conditions": {},
        }[part]
        for name in names:
            most = model._meta.get_field(name).max_length
            assert rules(**{part: [needed | {name: "长" * most}]}) == {}
            assert rules(**{part: [needed | {name: "长" * (most + 1)}]}) == {
                f"{part}-0-{name}": "text.length"
            }


def test_a_time_without_zone_is_beijing_time():
    at = deadline(NOW)("2026-12-24T17:00")
    assert at == datetime(2026, 12, 24, 17, 0, tzinfo=SHANGHAI)
    assert deadline(NOW)(NOW + timedelta(microseconds=1)) == NOW + timedelta(microseconds=1)


def test_texts_are_trimmed_and_lines_kept_only_where_meant():
    assert text(20)("  a \r\n b ") == "a b"
    assert text(20, lines=True)(" a \r\n b ") == "a \n b"
    assert code(" ｍ２ ") == "M2"


amounts = st.decimals(min_value="0.01", max_value="9999999999.99", places=2, allow_nan=False)


@given(amounts, st.booleans(), st.booleans())
def test_a_number_reads_the_same_however_it_is_typed(value, full_width, grouped):
    typed = f"{value:,f}" if grouped else f"{value:f}"
    if full_width:
        typed = typed.translate(FULL_WIDTH)
    reader = decimal(places=2, above=Decimal(0), most=Decimal(10_000_000_000))
    assert reader(f" {typed} ") == value


@given(st.text(max_size=60))
def test_no_text_breaks_the_reader_of_numbers(typed):
    reader = decimal(places=2, least=Decimal(-5), most=Decimal(5))
    try:
        value = reader(typed)
    except Wrong:
        return
    assert value is None or Decimal(-5) <= value <= Decimal(5)


@given(
    st.dictionaries(
        st.sampled_from(
            ["title", "metrics", "budget_cny", "deadline_at", "technologies", "levels"]
        ),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(st.sampled_from(["code", "value", "levels"]), inner, max_size=3)
            ),
            max_leaves=8,
        ),
    )
)
def test_whatever_comes_is_read_or_refused(data):
    content, faults = read(data, base={}, known=KNOWN, now=NOW)
    assert isinstance(content, Content)
    assert all(isinstance(fault, Fault) for fault in faults)
