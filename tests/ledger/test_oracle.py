"""Our tree against another implementation, pymerkle, which knows nothing of tiles."""

import pymerkle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymerkle import InmemoryTree

from marketplace.ledger.tree import grow
from marketplace.ledger.verify import (
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    range_root,
    tree_root,
    verify_consistency,
    verify_inclusion,
)

MOST = 600  # leaves: three tiles of the lowest level, the last a partial one


@pytest.fixture(scope="module")
def theirs():
    tree = InmemoryTree(algorithm="sha256")
    for number in range(MOST):
        tree.append_entry(entry(number))
    return tree


@pytest.fixture(scope="module")
def read():
    tiles = grow(0, (leaf_hash(entry(number)) for number in range(MOST)), lambda *_: b"")
    return lambda level, index: tiles[level, index]


def entry(number):
    return b"entry %d" % number


@settings(max_examples=60, deadline=None)
@given(size=st.integers(1, MOST), data=st.data())
def test_roots_and_paths_are_the_same(theirs, read, size, data):
    root = range_root(read, 0, size)
    assert root == theirs.get_root(size)
    index = data.draw(st.integers(0, size - 1))
    path = inclusion_proof(read, index, size)
    # Theirs counts from one and begins with the leaf itself.
    assert [leaf_hash(entry(index)), *path] == theirs.prove_inclusion(index + 1, size).path
    verify_inclusion(leaf_hash(entry(index)), index, size, path, root)


@settings(max_examples=60, deadline=None)
@given(later=st.integers(1, MOST), data=st.data())
def test_each_side_s_consistency_proof_holds_for_the_other_s_roots(theirs, read, later, data):
    earlier = data.draw(st.integers(1, later))
    # Theirs splits subtrees that RFC 9162 keeps whole, so the paths differ and only roots compare.
    proof = consistency_proof(read, earlier, later)
    verify_consistency(earlier, theirs.get_root(earlier), later, theirs.get_root(later), proof)
    before, after = range_root(read, 0, earlier), range_root(read, 0, later)
    their_proof = theirs.prove_consistency(earlier, later)
    pymerkle.verify_consistency(before, after, their_proof)
    with pytest.raises(pymerkle.InvalidProof):
        pymerkle.verify_consistency(before, leaf_hash(after), their_proof)


def test_the_empty_tree(theirs):
    assert tree_root([]) == theirs.get_root(0)
