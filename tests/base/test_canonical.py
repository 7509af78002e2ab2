from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from marketplace.base.canonical import canonical, plain, stamp

AT = datetime(2026, 11, 22, 17, 0, 0, 123999, tzinfo=timezone(timedelta(hours=8)))


def test_an_instant_is_utc_with_milliseconds_cut():
    assert stamp(AT) == "2026-11-22T09:00:00.123Z"


def test_plain_values():
    assert plain({"a": Decimal("1.50"), "b": [AT], "c": b"\x01"}) == {
        "a": "1.50",
        "b": ["2026-11-22T09:00:00.123Z"],
        "c": "01",
    }


def test_rfc8785_example():
    """The example of RFC 8785 §3.2.3: keys sorted by UTF-16 code units."""
    names = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\u0080", "\u00f6"]
    text = canonical(dict.fromkeys(names, 0)).decode()
    order = ['"\\r"', '"1"', '"\u0080"', '"ö"', '"€"', '"\U0001f600"', '"\ufb33"']
    assert text == "{" + ",".join(f"{key}:0" for key in order) + "}"


@given(st.dictionaries(st.text(), st.text() | st.integers(-(2**53) + 1, 2**53 - 1)))
def test_order_of_keys_does_not_matter(value):
    backwards = dict(reversed(value.items()))
    assert canonical(value) == canonical(backwards) == rfc8785.dumps(value)


TEXTS = st.text() | st.text('abc"\\/揭榜\x1f\x7f\u2028', max_size=6)
LEAVES = st.none() | st.booleans() | TEXTS | st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(-9, 9)
LEAVES = LEAVES | st.uuids() | st.dates() | st.decimals(allow_nan=False) | st.binary(max_size=4)


@given(
    st.recursive(
        LEAVES | st.just(AT),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
        max_leaves=12,
    )
)
def test_the_short_way_writes_what_the_standard_writes(value):
    assert canonical(value) == rfc8785.dumps(plain(value))


@pytest.mark.parametrize("value", [2**53, -(2**53), "\ud800", [float("nan")], {"a": object()}])
def test_what_the_standard_refuses_is_refused(value):
    with pytest.raises(rfc8785.CanonicalizationError):
        canonical(value)


@given(st.datetimes(timezones=st.just(UTC), min_value=datetime(1970, 1, 1)))  # noqa: DTZ001  # hypothesis wants it naive
def test_a_stamp_is_never_later_than_the_instant(at):
    back = datetime.fromisoformat(stamp(at))
    assert timedelta(0) <= at - back < timedelta(milliseconds=1)
