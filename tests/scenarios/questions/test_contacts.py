"""What would tell who asks is found; what is no contact is left alone."""

import pytest
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from marketplace.scenarios.questions.contacts import contacts_found

TOLD = [
    ("请回复 li.ming@example.com", "an e-mail address"),
    ("请回复 li@示例.中国", "an e-mail address"),
    ("电话13812345678", "a phone number"),
    ("电话 138-1234-5678", "a phone number"),
    ("电话１３８１２３４５６７８", "a phone number"),
    ("+86 138 1234 5678", "a phone number"),
    ("座机 021-61234567", "a phone number"),
    ("座机 (0571) 87654321", "a phone number"),
    ("微信号: demo_shield", "an account of a messenger"),
    ("加 QQ 123456789", "an account of a messenger"),
    ("见 https://demo.invalid/x", "an address on the web"),
    ("见 www.demo.invalid", "an address on the web"),
    ("代码 91310115MAXXX0111L", "a credit code of an organisation"),
    ("我们示盾安全想问", "your own name"),
    ("Demo-Shield asks", "your own name"),
]
PLAIN = [
    "10⁷×10⁷ 条记录须在 30 分钟内完成吗？",
    "检出率 99.5%，误报率 0.5% 是否按月统计？",
    "预算 2800000.00 元是否含税？",
    "GB/T 39786-2021 第 8.2 条是否适用？",
    "截止时间 2026-12-31 17:00 之后能补交吗？",
    "数据集 20261123 是否提供？",
    "50000 台设备如何接入？",
    "What is the packet rate, 10000000000 per day?",
]


def kinds_found(text, names):
    with translation.override("en"):
        return [str(one) for one in contacts_found(text, names)]


@pytest.mark.parametrize(("text", "kind"), TOLD)
def test_what_tells_is_named(text, kind):
    assert kinds_found(text, ["示盾安全", "Demo-Shield", ""]) == [kind]


@pytest.mark.parametrize("text", PLAIN)
def test_a_plain_question_is_left_alone(text):
    assert contacts_found(text, ["示盾安全", "Demo-Shield"]) == []


@given(st.text(max_size=2000))
def test_any_text_is_looked_at_without_a_fault_and_each_kind_once(text):
    found = kinds_found(text, ["示盾安全"])
    assert len(found) == len(set(found))


@given(st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True), st.sampled_from(["", " ", "-"]))
def test_every_mobile_number_however_it_is_grouped(number, gap):
    written = gap.join([number[:3], number[3:7], number[7:]])
    assert kinds_found(f"请打{written}。", []) == ["a phone number"]
