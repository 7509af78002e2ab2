from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

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


@given(st.datetimes(timezones=st.just(UTC), min_value=datetime(1970, 1, 1)))  # noqa: DTZ001  # hypothesis wants it naive
def test_a_stamp_is_never_later_than_the_instant(at):
    back = datetime.fromisoformat(stamp(at))
    assert timedelta(0) <= at - back < timedelta(milliseconds=1)
