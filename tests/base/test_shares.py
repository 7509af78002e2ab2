"""Two of three shares give the secret back; what is altered, doubled or foreign is named."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.base import shares
from marketplace.base.canonical import canonical

PAIRS = [(0, 1), (0, 2), (1, 2), (0, 1, 2)]


def named(made, places):
    return {f"share-{place + 1}.json": made[place] for place in places}


@given(st.binary(min_size=1, max_size=300), st.sampled_from(PAIRS))
def test_any_two_give_the_secret_back(secret, places):
    made = shares.split(secret, label="age1x")
    assert shares.restore(named(made, places)) == (secret, "age1x")


@given(st.binary(min_size=32, max_size=80), st.integers(0, 2))
def test_one_alone_fits_any_secret(secret, place):
    """Whatever secret is guessed, some missing part would give it: the share tells nothing."""
    share = json.loads(shares.split(secret, label="")[place])
    assert str(place + 1) not in share["parts"]
    one, other = (bytes.fromhex(part) for part in share["parts"].values())
    for guess in (bytes(len(secret)), secret, b"\xff" * len(secret)):
        missing = shares.xor(guess, one, other)
        assert shares.xor(missing, one, other) == guess
    with pytest.raises(shares.BadShare, match="one share alone"):
        shares.restore({"a": canonical(share)})


def refusal(given):
    with pytest.raises(shares.BadShare) as refused:
        shares.restore(given)
    return refused.value.name, refused.value.reason


def changed(raw, **values):
    return json.dumps(json.loads(raw) | values).encode()


def test_an_altered_share_is_named():
    made = shares.split(b"secret", label="age1x")
    share = json.loads(made[1])
    parts = share["parts"] | {"1": "00" * 6}
    for values in ({"parts": parts}, {"salt": "00"}, {"label": "age1y"}, {"set": "0"}):
        given = {"a": made[0], "b": changed(made[1], **values)}
        assert refusal(given) == ("b", "was altered")
    for values in (
        {"share": "1"},
        {"share": "4"},
        {"parts": {}},
        {"parts": {"1": "00", "3": "zz"}},
    ):
        given = {"a": made[0], "b": changed(made[1], **values)}
        assert refusal(given)[0] == "b"
    cleverly = share | {"parts": parts}
    cleverly["checks"] = [share["checks"][0], shares.check(cleverly), share["checks"][2]]
    given = {"a": made[0], "b": canonical(cleverly)}
    assert refusal(given) == ("b", "was altered, or a was: they disagree about the shares")


def test_a_share_twice_is_named():
    made = shares.split(b"secret", label="age1x")
    assert refusal({"a": made[2], "b": made[2]}) == ("b", "is the same share as a")


def test_a_foreign_share_is_named():
    one, other = (shares.split(b"secret", label="age1x") for _ in range(2))
    assert refusal({"a": one[0], "b": one[1], "c": other[2]}) == ("c", "is of another set than a")


@pytest.mark.parametrize("raw", [b"", b"{}", b"[]", b"null", b"[" * 9000, b"x" * 20_000, b"\xff"])
def test_what_is_no_share_is_named(raw):
    made = shares.split(b"secret", label="age1x")
    assert refusal({"a": made[0], "b": raw}) == ("b", "is no share, or is damaged")


@given(st.data())
def test_a_changed_letter_never_gives_another_secret(data):
    made = shares.split(b"secret", label="age1x")
    raw = bytearray(made[1])
    raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    try:
        assert shares.restore({"a": made[0], "b": bytes(raw)}) == (b"secret", "age1x")
    except shares.BadShare as bad:
        assert bad.name == "b"
