"""What a form says in plain text: numbers and uids."""

from uuid import UUID

import pytest
from django.http import Http404

from marketplace.web.pages import typed_number, uid_or_404


@pytest.mark.parametrize(
    ("raw", "number"),
    [
        ("0", 0),
        ("042", 42),
        ("999999999", 999_999_999),
        ("1000000000", None),
        ("9" * 5000, None),  # int() refuses so many of its own accord
        ("-1", None),
        ("1.0", None),
        ("１", None),
        ("²", None),
        ("", None),
        (None, None),
    ],
)
def test_a_whole_number_is_few_plain_digits(raw, number):
    assert typed_number(raw) == number


def test_fewer_digits_where_less_is_meant():
    assert (typed_number("1234", digits=4), typed_number("12345", digits=4)) == (1234, None)


def test_what_is_no_uid_names_nothing():
    assert uid_or_404("0" * 32) == UUID(int=0)
    with pytest.raises(Http404):
        uid_or_404("1")
