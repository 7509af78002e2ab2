"""The quality meter: what it asks, what it finds, and that it explains each point."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.scenarios.content import Content
from marketplace.scenarios.drafting.neutral import tailored
from marketplace.scenarios.drafting.quality import WEIGHTS, Quality, Room, assess

NOW = datetime(2026, 11, 23, tzinfo=UTC)


def good(**changed: Any) -> Content:
    metric = {
        "name": "检出率",
        "operator": ">=",
        "value": Decimal(98),
        "unit": "%",
        "test_method": "回放标注流量，三次取最小值。",
        "dataset": "一万条标注流量",
        "tester": "第三方检测机构",
    }
    levels = [{"points_percent": "100", "text": "实测"}, {"points_percent": "50", "text": "估算"}]
    judged = {"kind": "technical", "guidance": "看方法", "levels": levels}
    values = {
        "summary": "征集检测方案",
        "budget_cny": Decimal(100),
        "funding": "own",
        "deadline_at": NOW + timedelta(days=30),
    }
    rows: dict[str, Any] = {
        "metrics": [metric],
        "criteria": [judged, {"kind": "price"}],
        "payment_nodes": [{"percent": Decimal(60)}, {"percent": Decimal(40)}],
    }
    return Content(values | changed.pop("values", {}), rows | changed)


def room(**changed: Any) -> Room:
    return Room(**({"earliest_at": NOW + timedelta(days=20)} | changed))


def point(quality: Quality, code: str) -> Any:
    return next(one for one in quality.points if one.code == code)


def test_a_good_demand_has_all_points_and_nothing_to_do():
    quality = assess(good(), room=room())
    assert quality.score == 100
    assert [one.todo for one in quality.points] == [""] * len(WEIGHTS)
    assert sum(WEIGHTS.values()) == 100


def test_an_empty_demand_has_none_and_says_where_to_begin():
    quality = assess(Content())
    assert quality.score == 0
    judged = [one.code for one in quality.points if one.judged]
    assert judged == ["metrics", "budget", "criteria"]
    assert point(quality, "metrics").field == "metrics"


@pytest.mark.parametrize(
    ("column", "value", "code"),
    [
        ("value", None, "metrics"),
        ("unit", "", "metrics"),
        ("test_method", "测一下", "metrics"),
        ("tester", "", "tester"),
        ("tester", "揭榜方自测", "tester"),
        ("tester", "the bidder", "tester"),
        ("dataset", "", "dataset"),
    ],
)
def test_a_metric_that_is_not_well_costs_its_point(column, value, code):
    content = good()
    content.rows["metrics"].append(content.rows["metrics"][0] | {column: value})
    quality = assess(content, room=room())
    found = point(quality, code)
    assert found.got == WEIGHTS[code] // 2
    assert found.field == f"metrics-1-{column}"
    assert found.todo
    assert quality.score == 100 - WEIGHTS[code] + WEIGHTS[code] // 2


def test_a_tester_apart_from_the_bidder_may_say_so():
    content = good()
    content.rows["metrics"][0]["tester"] = "独立于揭榜方的检测机构"
    assert point(assess(content), "tester").got == WEIGHTS["tester"]


def test_time_and_calendar_are_told_apart():
    early = assess(good(), room=room(earliest_at=NOW + timedelta(days=31)))
    assert (point(early, "room").got, point(early, "room").field) == (0, "deadline_at")
    off = assess(good(), room=room(day_off=True))
    assert point(off, "room").got == WEIGHTS["room"] // 2
    unknown = assess(good(), room=Room(missing_year=2029))
    assert point(unknown, "room").judged is False
    assert "2029" in point(unknown, "room").todo
    assert unknown.score == 100


@pytest.mark.parametrize(
    "words",
    [
        "须采用国产某品牌防火墙",
        "指定型号 X100",
        "仅限华某品牌产品",
        "投标人须在上海注册",
        "注册地在临港新片区",
        "须提供原厂唯一授权",
        "The company must be registered in Shanghai",
        "须在本市设立分支机构",
        "采用示盾安全的探针",
    ],
)
def test_what_favours_somebody_is_found_and_named(words):
    quality = assess(good(values={"need": words}), companies=["示盾安全"], room=room())
    found = point(quality, "neutral")
    assert (found.got, found.field) == (0, "need")
    assert found.todo


@pytest.mark.parametrize(
    "words",
    [
        "不指定品牌和型号",
        "不要求在上海注册",
        "不以职称、学历、注册地或品牌加分",
        "在中国境内依法设立",
        "在上海临港现场测试",
        "使用合成数据",
        "支持多种型号的控制器",
    ],
)
def test_neutral_words_stay_unmarked(words):
    assert tailored(good(values={"need": words}), ["示盾安全"]) == []


cells = st.one_of(st.none(), st.text(max_size=30))
metrics = st.lists(
    st.fixed_dictionaries(
        {
            "name": cells,
            "value": st.one_of(st.none(), st.decimals(allow_nan=False, allow_infinity=False)),
            "unit": cells,
            "test_method": cells,
            "dataset": cells,
            "tester": cells,
        }
    ),
    max_size=5,
)


@given(metrics, cells, st.booleans())
def test_points_stay_in_range_and_every_lost_one_says_what_to_do(rows, need, day_off):
    content = good(metrics=rows, values={"need": need})
    quality = assess(content, companies=["示盾"], room=room(day_off=day_off))
    assert 0 <= quality.score <= 100
    for one in quality.points:
        assert 0 <= one.got <= one.most
        assert bool(one.todo) == bool(one.field)
        assert one.got == one.most or one.todo or not one.judged
