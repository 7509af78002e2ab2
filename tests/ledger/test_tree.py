"""The tree of RFC 9162 against published vectors and against the definition in the RFC."""

import hashlib

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from marketplace.ledger import verify
from marketplace.ledger.verify import NotValid, verify_consistency, verify_inclusion

# Published with Certificate Transparency (RFC 6962): eight leaves, the roots of their trees.
LEAVES = [
    bytes.fromhex(text)
    for text in [
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    ]
]  # fmt: skip
ROOTS = """
e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d
fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125
aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77
d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7
4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4
76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef
ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c
5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328
""".split()
H01 = "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"
H0123 = "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"
H23 = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"
H4 = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"
H45 = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"
H67 = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"
H4567 = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"
INCLUSION = [
    (0, 1, []),
    (0, 8, ["96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7", H23, H4567]),
    (5, 8, [H4, H67, H0123]),
    (2, 3, [H01]),
    (1, 5, ["6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d", H23, H4]),
]
CONSISTENCY = [(1, 1, []), (1, 8, ["96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7", H23, H4567]), (6, 8, [H45, H67, H0123]), (2, 5, [H23, H4])]  # fmt: skip


def unhex(texts):
    return [bytes.fromhex(text) for text in texts]


# -- The definition, word by word (RFC 9162 §2.1.1, §2.1.3.1, §2.1.4.1) ------------------------------------
def split(n):
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def mth(data):
    if not data:
        return hashlib.sha256(b"").digest()
    if len(data) == 1:
        return hashlib.sha256(b"\0" + data[0]).digest()
    k = split(len(data))
    return hashlib.sha256(b"\1" + mth(data[:k]) + mth(data[k:])).digest()


def path(m, data):
    if len(data) == 1:
        return []
    k = split(len(data))
    if m < k:
        return [*path(m, data[:k]), mth(data[k:])]
    return [*path(m - k, data[k:]), mth(data[:k])]


def subproof(m, data, whole):
    if m == len(data):
        return [] if whole else [mth(data)]
    k = split(len(data))
    if m <= k:
        return [*subproof(m, data[:k], whole), mth(data[k:])]
    return [*subproof(m - k, data[k:], False), mth(data[:k])]


# -- Published vectors ---------------------------------------------------------------------------------
@pytest.mark.parametrize("size", range(9))
def test_the_published_roots(size):
    assert verify.tree_root(map(verify.leaf_hash, LEAVES[:size])).hex() == ROOTS[size]
    assert mth(LEAVES[:size]).hex() == ROOTS[size]


@pytest.mark.parametrize(("index", "size", "hashes"), INCLUSION)
def test_the_published_inclusion_proofs(index, size, hashes):
    leaf, root = verify.leaf_hash(LEAVES[index]), bytes.fromhex(ROOTS[size])
    verify_inclusion(leaf, index, size, unhex(hashes), root)
    assert path(index, LEAVES[:size]) == unhex(hashes)


@pytest.mark.parametrize(("size1", "size2", "hashes"), CONSISTENCY)
def test_the_published_consistency_proofs(size1, size2, hashes):
    roots = [bytes.fromhex(ROOTS[size]) for size in (size1, size2)]
    verify_consistency(size1, roots[0], size2, roots[1], unhex(hashes))


# -- Every proof of the definition, and nothing else -----------------------------------------------------
def leaves(count):
    return [b"leaf %d" % number for number in range(count)]


def refused(call, *arguments):
    with pytest.raises(NotValid):
        call(*arguments)


def test_every_index_of_every_size_and_no_other():
    data = leaves(33)
    roots = [mth(data[:size]) for size in range(34)]
    for size in range(1, 34):
        for index in range(size):
            leaf, hashes = verify.leaf_hash(data[index]), path(index, data[:size])
            verify_inclusion(leaf, index, size, hashes, roots[size])
            # A proof belongs to one place: no other index leads to this root.
            for other in {index - 1, index + 1, index ^ 1, index ^ 2, size - 1 - index} - {index}:
                refused(verify_inclusion, leaf, other, size, hashes, roots[size])
            refused(verify_inclusion, leaf, index, size, [*hashes, leaf], roots[size])
            refused(verify_inclusion, leaf, index, size, [leaf, *hashes], roots[size])
            if hashes:
                refused(verify_inclusion, leaf, index, size, hashes[:-1], roots[size])
                refused(verify_inclusion, leaf, index, size, hashes[1:], roots[size])


def test_another_size_has_another_root():
    data = leaves(40)
    for size in range(1, 40):
        for index in range(size):
            leaf, hashes = verify.leaf_hash(data[index]), path(index, data[:size])
            for other in (size - 1, size + 1, 2 * size):
                if other <= len(data):
                    refused(verify_inclusion, leaf, index, other, hashes, mth(data[:other]))


def test_consistency_of_all_pairs():
    data = leaves(33)
    roots = [mth(data[:size]) for size in range(34)]
    for size2 in range(1, 34):
        for size1 in range(1, size2 + 1):
            hashes = subproof(size1, data[:size2], True)
            verify_consistency(size1, roots[size1], size2, roots[size2], hashes)
            refused(
                verify_consistency, size1, roots[size1], size2, roots[size2], [*hashes, roots[1]]
            )
            refused(verify_consistency, size2, roots[size2], size1 - 1, roots[size1], hashes)
            if hashes:
                cut = hashes[:-1]
                refused(verify_consistency, size1, roots[size1], size2, roots[size2], cut)
                refused(verify_consistency, size1, roots[size1], size2, roots[0], hashes)
            for other in (size1 - 1, size1 + 1):
                if 0 < other < size2 and size1 < size2:
                    refused(verify_consistency, other, roots[size1], size2, roots[size2], hashes)


def test_sizes_are_bound_even_where_the_hashes_would_fit():
    """A proof between 2 and 3 says nothing about 2 and 4, although both take one hash."""
    data = leaves(4)
    hashes = subproof(2, data[:3], True)
    verify_consistency(2, mth(data[:2]), 3, mth(data[:3]), hashes)
    refused(verify_consistency, 2, mth(data[:2]), 4, mth(data), hashes)
    forged = verify.node_hash(mth(data[:2]), hashes[0])
    assert forged == mth(data[:3])  # the same hash: for size 4 its last node would be another
    with pytest.raises(NotValid) as error:
        verify_consistency(3, mth(data[:3]), 4, mth(data), hashes)
    assert error.value.code == "proof.length"


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 700), st.data())
def test_a_changed_bit_is_seen(size, data):
    items = leaves(size)
    index = data.draw(st.integers(0, size - 1))
    leaf, hashes, root = verify.leaf_hash(items[index]), path(index, items), mth(items)
    verify_inclusion(leaf, index, size, hashes, root)
    place = data.draw(st.integers(-2, len(hashes) - 1))
    bit = data.draw(st.integers(0, 255))
    changed = [leaf, root, *hashes]
    raw = int.from_bytes(changed[place + 2], "big") ^ (1 << bit)
    changed[place + 2] = raw.to_bytes(32, "big")
    refused(verify_inclusion, changed[0], index, size, changed[2:], changed[1])


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 700), st.data())
def test_a_changed_bit_of_a_consistency_proof_is_seen(size2, data):
    items = leaves(size2)
    size1 = data.draw(st.integers(1, size2 - 1))
    hashes = subproof(size1, items, True)
    given_ = [mth(items[:size1]), mth(items), *hashes]
    verify_consistency(size1, given_[0], size2, given_[1], given_[2:])
    place, bit = data.draw(st.integers(0, len(given_) - 1)), data.draw(st.integers(0, 255))
    given_[place] = (int.from_bytes(given_[place], "big") ^ (1 << bit)).to_bytes(32, "big")
    refused(verify_consistency, size1, given_[0], size2, given_[1], given_[2:])


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 1500), st.data())
def test_proofs_made_from_tiles_are_those_of_the_definition(size, data):
    items = leaves(size)
    read = tiles(items)
    index, size1 = data.draw(st.integers(0, size - 1)), data.draw(st.integers(1, size))
    assert verify.range_root(read, 0, size) == mth(items)
    assert verify.inclusion_proof(read, index, size) == path(index, items)
    assert verify.consistency_proof(read, size1, size) == subproof(size1, items, True)


def tiles(items):
    def read(level, index):
        span = 256**level
        width = verify.tile_width(level, index, len(items))
        starts = [(index * 256 + at) * span for at in range(width)]
        return b"".join(mth(items[start : start + span]) for start in starts)

    return read


def test_a_log_of_70000_has_the_tiles_that_the_specification_counts():
    width = verify.tile_width
    assert [width(0, 272, 70_000), width(0, 273, 70_000), width(0, 274, 70_000)] == [256, 112, 0]
    assert [width(1, 0, 70_000), width(1, 1, 70_000), width(2, 0, 70_000)] == [256, 17, 1]
    assert [width(0, 0, 256), width(1, 0, 256), width(0, 1, 256)] == [256, 1, 0]


@pytest.mark.parametrize(
    ("level", "index", "width", "path"),
    [
        (0, 0, 256, "tile/0/000"),
        (1, 1_234_067, 256, "tile/1/x001/x234/067"),
        (0, 1000, 7, "tile/0/x001/000.p/7"),
        ("entries", 5, 255, "tile/entries/005.p/255"),
    ],
)
def test_paths_of_tiles(level, index, width, path):
    assert verify.tile_path(level, index, width) == path


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_a_bundle_gives_its_entries_back_and_a_cut_one_does_not(entries):
    bundle = verify.bundle_of(entries)
    assert verify.entries_of(bundle) == entries
    assume(entries)
    with pytest.raises(ValueError):
        verify.entries_of(bundle + b"\x00\x05abc")


@pytest.mark.parametrize(
    ("index", "size", "code"),
    [
        (-1, 3, "proof.index"), (3, 3, "proof.index"), (0, 0, "proof.index"), (True, 3, "proof.index"),
        (0, 2**63, "proof.size"), (0, 1.0, "proof.size"), (0, True, "proof.size"),
        (0, 3, "proof.length"),
    ],
)  # fmt: skip
def test_what_is_no_place_in_a_tree(index, size, code):
    with pytest.raises(NotValid) as error:
        verify.inclusion_root(bytes(32), index, size, [])
    assert error.value.code == code


@pytest.mark.parametrize("item", [b"short", bytes(33), "a" * 32, None])
def test_what_is_no_hash(item):
    with pytest.raises(NotValid) as error:
        verify.inclusion_root(bytes(32), 0, 2, [item])
    assert error.value.code == "proof.hash"
