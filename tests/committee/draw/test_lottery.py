"""The lot as arithmetic: fair, weighted, of the right size, the same again."""

from collections import Counter
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketplace.committee.draw import lottery, verify_draw
from marketplace.committee.draw.lottery import Stratum

DRAWS = 10_000
UID = "7b0c6a51-6f0a-4a8e-9a5e-0a1b2c3d4e5f"
# Critical values of chi-square at 1 in 100,000, by degrees of freedom: the seeds are fixed, so a
# fair lottery passes for good and an unfair one never does.
CRITICAL = {11: 45.1, 7: 36.9, 3: 25.9}


def seeds(number=DRAWS):
    return (sha256(n.to_bytes(4, "big")).digest() for n in range(number))


def even(*codes, weight=1):
    return dict.fromkeys(codes, weight)


def chi_square(counts, expected):
    return sum((counts[key] - expected[key]) ** 2 / expected[key] for key in expected)


CODES = [sha256(bytes([n])).hexdigest()[:32] for n in range(20)]


def test_each_candidate_of_a_stratum_is_as_likely_at_each_place():
    strata = [Stratum("a", 3, 0, even(*CODES[:12])), Stratum("b", 1, 0, even(*CODES[12:20]))]
    first, sits, other = Counter(), Counter(), Counter()
    for seed in seeds():
        found = lottery.order(seed, strata)
        first[found["a"][0]] += 1
        sits.update(found["a"])
        other[found["b"][0]] += 1
    assert chi_square(first, dict.fromkeys(CODES[:12], DRAWS / 12)) < CRITICAL[11]
    assert chi_square(sits, dict.fromkeys(CODES[:12], DRAWS * 3 / 12)) < CRITICAL[11]
    assert chi_square(other, dict.fromkeys(CODES[12:20], DRAWS / 8)) < CRITICAL[7]


def test_weights_are_chances():
    weights = dict(zip(CODES, [1, 2, 3, 4], strict=False))
    counts = Counter(lottery.order(seed, [Stratum("a", 1, 0, weights)])["a"][0] for seed in seeds())
    expected = {code: DRAWS * weight / 10 for code, weight in weights.items()}
    assert chi_square(counts, expected) < CRITICAL[3]


STRATA = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.integers(0, 4),
        st.dictionaries(st.sampled_from(CODES), st.integers(1, 9), max_size=12),
    ),
    min_size=1,
    max_size=4,
).map(lambda rows: [Stratum(f"s{n}", *row) for n, row in enumerate(rows)])


def drawn(seed, strata):
    try:
        return lottery.order(seed, strata)
    except lottery.EmptyStratum:
        return None


@given(st.binary(min_size=32, max_size=32), STRATA)
def test_nobody_sits_twice_and_each_stratum_has_its_size(seed, strata):
    found = drawn(seed, strata)
    if found is None:
        return
    first = [code for stratum in strata for code in found[stratum.code][: stratum.seats]]
    assert len(set(first)) == len(first) == sum(stratum.seats for stratum in strata)
    before = set()
    for stratum in strata:
        row = found[stratum.code]
        open_to = set(stratum.candidates) - before
        assert len(set(row)) == len(row) == min(stratum.seats + stratum.reserve, len(open_to))
        assert set(row) <= open_to
        before |= set(row[: stratum.seats])


@given(st.binary(min_size=32, max_size=32), STRATA)
def test_the_same_seed_gives_the_same_order_and_both_writings_agree(seed, strata):
    found = drawn(seed, strata)
    again = drawn(seed, lottery.read_document(lottery.document(UID, reversed(strata))))
    assert found == again
    taken = set()
    for stratum in strata if found else []:
        pool = [(c, w) for c, w in stratum.candidates.items() if c not in taken]
        row = verify_draw.draw(seed, stratum.code, pool, stratum.seats + stratum.reserve)
        assert row == found[stratum.code]
        taken |= set(row[: stratum.seats])


@given(st.integers(1, 2**40), st.integers(0, 2**64 - 1))
def test_what_does_not_divide_evenly_is_thrown_away(total, number):
    limit = 2**64 // total * total
    numbers = iter([number, 5])
    assert lottery.below(numbers, total) == (number % total if number < limit else 5 % total)


@given(st.lists(st.integers(1, 50), min_size=1, max_size=40), st.data())
def test_the_tree_finds_whom_the_running_total_names(weights, data):
    tree = lottery.Sums(weights)
    left = list(weights)
    while tree.total:
        number = data.draw(st.integers(0, tree.total - 1))
        running, expected = 0, None
        for place, weight in enumerate(left):
            running += weight
            if number < running:
                expected = place
                break
        assert tree.find(number) == expected
        tree.remove(expected)
        left[expected] = 0
    assert sum(left) == 0


def test_a_weight_below_one_is_refused():
    with pytest.raises(ValueError, match="at least 1"):
        lottery.Sums([1, 0])


def test_too_few_candidates_are_refused_by_name():
    with pytest.raises(lottery.EmptyStratum, match="a"):
        lottery.order(bytes(32), [Stratum("a", 2, 0, even(CODES[0]))])


def test_the_document_has_one_form_whatever_the_order_of_its_rows():
    one = lottery.document(UID, [Stratum("b", 1, 2, {CODES[1]: 2, CODES[0]: 1})])
    two = lottery.document(UID, [Stratum("b", 1, 2, {CODES[0]: 1, CODES[1]: 2})])
    low, high = sorted([[CODES[0], 1], [CODES[1], 2]])
    text = (
        '{"algorithm":"jiebang-draw/1","draw":"%s","strata":[{"candidates":'
        '[["%s",%d],["%s",%d]],"code":"b","reserve":2,"seats":1}]}'
    )
    assert one == two == (text % (UID, *low, *high)).encode()


@settings(max_examples=30)
@given(st.sampled_from(["draw", "committed", "secretary", "witness", "root"]))
def test_every_part_of_the_seed_counts(part):
    parts = {
        "draw": UID,
        "committed": bytes(32),
        "secretary": bytes([1]) * 32,
        "witness": bytes([2]) * 32,
        "root": bytes([3]) * 32,
    }
    other = parts | {part: "x" if part == "draw" else bytes([9]) * 32}
    seed, changed = (lottery.seed(*one.values()) for one in (parts, other))
    assert seed != changed


def test_a_nonce_serves_one_draw_and_one_role():
    nonce = bytes(range(32))
    told = {
        lottery.nonce_hash(nonce, uid, role) for uid in (UID, "x") for role in lottery.DEPOSITORS
    }
    assert len(told) == 4


def test_the_next_is_the_first_who_was_not_asked():
    assert lottery.next_of(["a", "b", "c"], ["a", "x"]) == "b"
    assert lottery.next_of(["a"], ["a"]) is None
