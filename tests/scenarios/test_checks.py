"""Completeness: every fault at once, each naming its field and its rule."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.base import clock
from marketplace.scenarios import checks
from marketplace.scenarios.content import Content, read
from marketplace.scenarios.queries import known_codes
from tests import world
from tests.scenarios import typed

pytestmark = pytest.mark.django_db


def found(code: str = "A", *, demo: bool = False, **changed: Any) -> set[tuple[str, str]]:
    """(field, rule) of every fault of the typed demand with these changes."""
    now = clock.now()
    data = typed.data(profile=code, **changed)
    content, unread = read(data, base={}, known=known_codes(), now=now)
    assert unread == []
    faults = checks.faults(content, profile=world.profile(code), now=now, demo=demo)
    assert all(fault.message for fault in faults)
    return {(fault.field, fault.rule) for fault in faults}


def row(kind: str, weight: str) -> dict[str, str]:
    return {"name": kind, "kind": kind, "weight": weight}


def test_a_whole_demand_has_no_fault():
    assert found() == set()


def test_an_empty_demand_has_every_fault_at_once():
    faults = checks.faults(Content(), profile=None, now=clock.now(), demo=False)
    fields = [fault.field for fault in faults]
    parts = ["metrics", "criteria", "criteria", "criteria", "payment_nodes"]
    assert fields == [*checks.REQUIRED, *parts, "milestones", "conditions"]


@pytest.mark.parametrize(
    "field",
    [name for name in checks.REQUIRED if name not in {"title", "profile"}],
)
def test_each_required_field_is_named(field):
    assert found(**{field: None}) == {(field, "required")}


def test_metrics_need_a_name_a_method_and_a_tester():
    bare = {"operator": ">=", "value": "1"}
    assert found(metrics=[bare]) == {
        (f"metrics-0-{name}", "required") for name in ("name", "test_method", "tester")
    }
    assert found(metrics=[]) == {("metrics", "metrics.none")}


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ([("technical", "65"), ("team", "20"), ("price", "15")], set()),
        ([("technical", "89.99"), ("price", "10")], {("criteria", "weights.sum")}),
        ([("technical", "90.01"), ("price", "10")], {("criteria", "weights.sum")}),
        ([("technical", "90"), ("price", "10")], set()),
        (
            [("technical", "90.01"), ("price", "9.99")],
            {("criteria-1-weight", "weights.price_min")},
        ),
        ([("technical", "100")], {("criteria", "criteria.one_price")}),
        (
            [("technical", "50"), ("price", "25"), ("price", "25")],
            {("criteria", "criteria.one_price")},
        ),
        ([("team", "85"), ("price", "15")], {("criteria", "criteria.technical")}),
        (
            [],
            {
                ("criteria", rule)
                for rule in ("weights.sum", "criteria.one_price", "criteria.technical")
            },
        ),
    ],
)
def test_weights(weights, expected):
    assert found(criteria=[row(*each) for each in weights]) == expected


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        (["90", "10"], set()),
        (["90.01", "9.99"], {("payment_nodes-1-percent", "payment.last_share")}),
        (["50", "49.99"], {("payment_nodes", "payment.sum")}),
        ([], {("payment_nodes", "payment.sum")}),
    ],
)
def test_payment_nodes(shares, expected):
    nodes = [{"name": f"节点{share}", "percent": share} for share in shares]
    assert found(payment_nodes=nodes) == expected


def test_milestones_stand_in_order_and_within_the_duration():
    rows = [{"name": "a", "month": 5}, {"name": "b", "month": 3}, {"name": "c", "month": 10}]
    assert found(milestones=rows) == {
        ("milestones-1-month", "milestones.order"),
        ("milestones-2-month", "milestones.duration"),
    }


def test_a_demand_without_conditions_or_milestones_is_not_whole():
    assert found(conditions=[], milestones=[]) == {
        ("conditions", "conditions.none"),
        ("milestones", "milestones.none"),
    }


def test_c_only_registers_and_is_refused_with_a_sentence():
    assert found("C") == {("profile", "profile.no_bids")}


def test_d_is_for_demonstrations_only():
    assert found("D") == {("profile", "profile.demo_only")}
    for mode in ("owner_choice", "collective"):
        assert found("D", demo=True, award_mode=mode) == set()


@pytest.mark.parametrize(
    ("code", "mode", "right"),
    [
        ("A", "owner_choice", True),
        ("A", "collective", False),
        ("B", "owner_choice", False),
        ("B", "collective", True),
    ],
)
def test_the_award_mode_follows_the_profile(code, mode, right):
    expected = set() if right else {("award_mode", "award_mode.profile")}
    assert found(code, award_mode=mode) == expected


@pytest.mark.parametrize(
    ("allowed", "members", "rule"),
    [
        (True, 3, None),
        (True, 2, None),
        (True, 4, "consortium.most"),
        (True, 1, "consortium.two"),
        (False, 1, None),
        (False, 2, "consortium.contradiction"),
    ],
)
def test_consortia(allowed, members, rule):
    expected = {("consortium_members_max", rule)} if rule else set()
    assert found(consortium_allowed=allowed, consortium_members_max=members) == expected


def test_a_pass_line_may_only_be_stricter():
    assert found(pass_line_percent="60") == set()
    assert found(pass_line_percent="59.99") == {("pass_line_percent", "pass_line.laxer")}


def test_a_deadline_that_passed_meanwhile_is_a_fault():
    now = clock.now()
    content, _faults = read(typed.data(), base={}, known=known_codes(), now=now)
    later = content.values["deadline_at"]
    profile = world.profile("A")
    assert checks.faults(content, profile=profile, now=later - timedelta(1), demo=False) == []
    faults = checks.faults(content, profile=profile, now=later, demo=False)
    assert [fault.rule for fault in faults] == ["deadline.past"]


def test_what_cannot_be_read_and_what_is_missing_come_together():
    now, data = clock.now(), typed.data(summary="", budget_cny="viel")
    data["criteria"][0]["weight"] = "x"
    content, unread = read(data, base={}, known=known_codes(), now=now)
    faults = checks.with_read(unread, content, profile=world.profile("A"), now=now, demo=False)
    assert [fault.field for fault in faults] == [
        "budget_cny",
        "criteria-0-weight",
        "summary",
        "criteria",
    ]


@given(st.lists(st.integers(1, 10_000), min_size=1, max_size=20))
def test_weights_are_summed_exactly(cents):
    """In hundredths of a point, against whole numbers."""
    weights = [Decimal(cent) / 100 for cent in cents]
    rows = [{"name": "x", "kind": "technical", "weight": weight} for weight in weights]
    faults = checks.faults(Content({}, {"criteria": rows}), profile=None, now=None, demo=False)
    assert ("weights.sum" in {fault.rule for fault in faults}) is (sum(cents) != 10_000)
