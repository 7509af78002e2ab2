import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from marketplace.accounts.uscc import (
    ALPHABET,
    check_character,
    faults,
    organisation_check_character,
)
from marketplace.accounts.validators import SENTENCES, validate_uscc

# domain examples, all fictitious, both digits valid
GOOD = ["91310115MAXXX0015B", "91310115MAXXX00236", "91310120MAXXX020X7", "91310115MAXXX004XQ"]


@pytest.mark.parametrize("code", GOOD)
def test_good_codes(code):
    assert faults(code) == []
    validate_uscc(code)


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("91310115maxxx0015b", ["lower_case"]),
        ("９1310115MAXXX0015B", ["full_width"]),
        ("９1310115maxxx0015B", ["full_width", "lower_case"]),
        ("91310115MAXXX0015", ["length"]),
        ("91310115MAXXX0015I", ["alphabet"]),
        ("91310115MAXXX00154", ["check"]),
        ("91310115MAXXX0025B", ["organisation_check", "check"]),
        ("9131011XMAXXX0015B", ["region", "check"]),
        ("", ["length"]),
    ],
)
def test_each_fault_has_its_own_name(code, found):
    assert faults(code) == found
    with pytest.raises(ValidationError) as refused:
        validate_uscc(code)
    assert [e.code for e in refused.value.error_list] == found
    assert refused.value.messages == [str(SENTENCES[name]) for name in found]


def slow_check(first17: str) -> str:
    """GB 32100 by its own words: try each character until the sum is a multiple of 31."""
    for last in ALPHABET:
        code = first17 + last
        weights = [3**i % 31 for i in range(17)] + [1]
        if sum(ALPHABET.index(c) * w for c, w in zip(code, weights, strict=True)) % 31 == 0:
            return last
    raise AssertionError


bodies = st.text(alphabet=ALPHABET, min_size=8, max_size=8)


@given(bodies, st.integers(100000, 999999))
def test_check_digit_agrees_with_the_standard_read_slowly(body, region):
    first17 = f"91{region}{body}{organisation_check_character(body)}"
    if set(first17) <= set(ALPHABET):
        assert check_character(first17) == slow_check(first17)
        assert faults(first17 + check_character(first17)) == []


@given(bodies, st.integers(0, 17), st.sampled_from(ALPHABET))
def test_one_wrong_character_never_passes(body, place, other):
    first17 = "91310115" + body + organisation_check_character(body)
    if not set(first17) <= set(ALPHABET):
        return
    code = first17 + check_character(first17)
    changed = code[:place] + other + code[place + 1 :]
    assert (faults(changed) == []) == (changed == code)
