"""What must not be posted is found however it is written, and little else is."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.base.errors import Invalid
from marketplace.scenarios.disclosure.patterns import REASONS, findings, refuse_forbidden
from marketplace.scenarios.disclosure.plain import plain
from tests.scenarios.disclosure.lines import ALLOWED, REFUSED

WIDE = str.maketrans("0123456789.:/", "０１２３４５６７８９．：／")


@pytest.mark.parametrize(("rule", "line"), REFUSED)
def test_what_must_not_be_posted_is_found_by_its_rule(rule: str, line: str) -> None:
    assert rule in {finding.rule for finding in findings(line)}


@pytest.mark.parametrize("line", ALLOWED)
def test_what_only_looks_like_it_may_be_posted(line: str) -> None:
    assert findings(line) == []


def test_every_rule_has_its_reason() -> None:
    assert {rule for rule, _line in REFUSED} == set(REASONS)


octets = st.integers(0, 255)
dots = st.sampled_from([".", "。", "．", "·", " . ", "点", "[.]", ".\u200b"])


@given(st.tuples(st.integers(1, 255), octets, octets, octets), dots, st.booleans())
def test_no_way_of_writing_hides_an_address(
    numbers: tuple[int, int, int, int], dot: str, wide: bool
) -> None:
    typed = dot.join(map(str, (numbers[0], numbers[1], numbers[2], numbers[3] | 100)))
    typed = typed.translate(WIDE) if wide else typed
    found = findings(f"地址为（{typed}），请核对")
    assert [(one.rule, one.typed) for one in found] == [("address", typed)]


@given(st.integers(1999, 2026), st.integers(1000, 9_999_999), st.sampled_from("-–—_ －"))
def test_no_way_of_writing_hides_a_vulnerability(year: int, number: int, dash: str) -> None:
    typed = f"CVE{dash}{year}{dash}{number}"
    assert [one.rule for one in findings(f"有{typed}。")] == ["vulnerability"]


@given(st.decimals(min_value=0, max_value=10**9, places=2), st.sampled_from(["万元", "%", "ms"]))
def test_values_of_metrics_are_never_taken_for_anything(value: object, unit: str) -> None:
    assert findings(f"指标 ≥ {value} {unit}") == []


@given(st.dates(), st.sampled_from(["%Y-%m-%d", "%Y.%m.%d", "%Y/%m/%d", "%Y年%m月%d日"]))
def test_dates_are_never_taken_for_anything(day: object, form: str) -> None:
    assert findings(f"于 {day:{form}} 前") == []


@given(st.text(max_size=400))
def test_what_is_found_stands_where_it_is_said(text: str) -> None:
    for one in findings(text):
        line = text.split("\n")[one.line - 1]
        assert line[one.column - 1 :].split()[0].startswith(one.typed.split()[0][:1])


@given(st.text(max_size=200))
def test_plain_text_leads_back_to_what_was_typed(text: str) -> None:
    read = plain(text)
    assert len(read.text) == len(read.origins)
    assert list(read.origins) == sorted(read.origins)


def test_the_place_is_that_of_the_typed_text() -> None:
    found = findings("第一行\n网关 １０．０．０．１ 在此")
    assert [(one.rule, one.line, one.column, one.typed) for one in found] == [
        ("address", 2, 4, "１０．０．０．１")
    ]


def test_phones_and_mail_may_stand_in_the_contact_alone() -> None:
    refuse_forbidden({"contact": "林工 13812345678 lin@port-demo.com.cn"})
    with pytest.raises(Invalid) as refused:
        refuse_forbidden({"contact": "10.0.0.1", "need": "13812345678", "pain": "慢"})
    assert {name: len(said) for name, said in refused.value.errors.items()} == {
        "contact": 1,
        "need": 1,
    }


@pytest.mark.parametrize(
    "text",
    ["a" * 10_000, "a." * 5_000, "1." * 5_000, "1 " * 5_000, ":" * 10_000, "a-" * 5_000,
     "PLC-1 " * 1_600, "a,b\n" * 2_500, "主机名,型号\n" * 1_200, "0:" * 5_000, "密码：" * 3_000,
     "a@" * 5_000, "http://" * 1_400],
)  # fmt: skip
def test_no_text_keeps_the_server_busy(text: str) -> None:
    began = time.perf_counter()
    findings(text)
    assert time.perf_counter() - began < 2
