"""The lot "jiebang-draw/1": what is committed, the seed, and the order that follows from both.

Plain values in, plain values out; docs/draw.md tells the rule in words, and verify_draw.py is a
second writing of it that shares nothing with this one.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

ALGORITHM = "jiebang-draw/1"
CODE_BYTES = 16
WORD = 8  # bytes of one number of the stream
SECRETARY, WITNESS = "secretary", "witness"
DEPOSITORS = (SECRETARY, WITNESS)
# What stands for a checkpoint's root where the log has none yet.
EMPTY_ROOT = hashlib.sha256(b"").digest()


class EmptyStratum(ValueError):
    """Somebody is to be drawn from a stratum in which nobody is left."""


@dataclass(frozen=True)
class Stratum:
    """One specialty: whom its places may fall to, and how heavily.

    seats: places on the panel. reserve: how many more are put in order behind them.
    candidates: {code: weight}, weights whole numbers of at least 1.
    """

    code: str
    seats: int
    reserve: int
    candidates: Mapping[str, int]


# -- What is committed -----------------------------------------------------------------------------
def candidate_code(salt: bytes, expert_uid: str) -> str:
    """What stands for an expert in the document: 16 bytes in hex."""
    return hashlib.sha256(salt + expert_uid.encode("ascii")).digest()[:CODE_BYTES].hex()


def document(draw_uid: str, strata: Iterable[Stratum]) -> bytes:
    """The RFC 8785 JSON that is committed: strata and candidates by code."""
    rows = [
        {
            "code": stratum.code,
            "seats": stratum.seats,
            "reserve": stratum.reserve,
            "candidates": [[code, stratum.candidates[code]] for code in sorted(stratum.candidates)],
        }
        for stratum in sorted(strata, key=lambda stratum: stratum.code)
    ]
    value = {"algorithm": ALGORITHM, "draw": draw_uid, "strata": rows}
    # Names and codes are ASCII and numbers whole: sorted names are all that RFC 8785 adds.
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def read_document(raw: bytes) -> list[Stratum]:
    return [
        Stratum(row["code"], row["seats"], row["reserve"], dict(row["candidates"]))
        for row in json.loads(raw)["strata"]
    ]


def commitment(salt: bytes, committed: bytes) -> bytes:
    return hashlib.sha256(salt + committed).digest()


def nonce_hash(nonce: bytes, draw_uid: str, role: str) -> bytes:
    """What a depositor shows in clear. The draw and the role are in it, so none is used twice."""
    return hashlib.sha256(nonce + draw_uid.encode("ascii") + role.encode("ascii")).digest()


# -- The seed --------------------------------------------------------------------------------------
def fallback_root(last_root: bytes, committed_leaf: bytes) -> bytes:
    """In place of a later checkpoint's root, where none came in time.

    last_root: of the last checkpoint before the commitment. committed_leaf: the leaf's hash.
    """
    return hashlib.sha256(ALGORITHM.encode() + b"/fallback" + last_root + committed_leaf).digest()


def seed(
    draw_uid: str, committed: bytes, nonce_secretary: bytes, nonce_witness: bytes, root: bytes
) -> bytes:
    parts = (ALGORITHM.encode(), draw_uid.encode(), committed, nonce_secretary, nonce_witness, root)
    return hashlib.sha256(b"".join(parts)).digest()


# -- The order -------------------------------------------------------------------------------------
def order(seed_: bytes, strata: Iterable[Stratum]) -> dict[str, list[str]]:
    """{stratum: candidates in the order in which they are invited}, `seats + reserve` of each.

    Who has one of the first `seats` places of a stratum is in no later one; a place in a reserve
    takes nobody out of another stratum. Raises EmptyStratum if the seats cannot be filled.
    """
    placed: set[str] = set()
    found: dict[str, list[str]] = {}
    for stratum in sorted(strata, key=lambda stratum: stratum.code):
        left = {code: w for code, w in stratum.candidates.items() if code not in placed}
        row = list(drawn(seed_, stratum.code, left, stratum.seats + stratum.reserve))
        if len(row) < stratum.seats:
            raise EmptyStratum(stratum.code)
        found[stratum.code] = row
        placed.update(row[: stratum.seats])
    return found


def drawn(seed_: bytes, stratum: str, weights: Mapping[str, int], most: int) -> Iterator[str]:
    """Up to `most` codes, each with a chance in proportion to its weight among those left."""
    codes = sorted(weights)
    heap = Sums([weights[code] for code in codes])
    numbers = stream(seed_, stratum)
    for _place in range(min(most, len(codes))):
        at = heap.find(below(numbers, heap.total))
        yield codes[at]
        heap.remove(at)


def stream(seed_: bytes, stratum: str) -> Iterator[int]:
    """Whole numbers of 64 bits: HMAC-SHA256(seed, stratum 0x00 counter), four of each block."""
    counter = 0
    while True:
        message = stratum.encode() + b"\x00" + counter.to_bytes(WORD, "big")
        block = hmac.digest(seed_, message, "sha256")
        for start in range(0, len(block), WORD):
            yield int.from_bytes(block[start : start + WORD], "big")
        counter += 1


def below(numbers: Iterator[int], total: int) -> int:
    """A number in [0, total), each as likely: what does not divide evenly is thrown away."""
    space = 1 << (8 * WORD)
    limit = space - space % total
    return next(number for number in numbers if number < limit) % total


class Sums:
    """Weights in a Fenwick tree: whom a number falls to, and taking him out, in log n steps."""

    def __init__(self, weights: Sequence[int]) -> None:
        if any(weight < 1 for weight in weights):
            raise ValueError("weights are whole numbers of at least 1")
        self.weights = list(weights)
        self.total = sum(weights)
        self.tree = [0, *weights]
        for at in range(1, len(self.tree)):
            above = at + (at & -at)
            if above < len(self.tree):
                self.tree[above] += self.tree[at]

    def find(self, number: int) -> int:
        """The first place whose running total is above the number."""
        at = 0
        step = 1 << (len(self.tree).bit_length() - 1)
        while step:
            further = at + step
            if further < len(self.tree) and self.tree[further] <= number:
                at = further
                number -= self.tree[further]
            step >>= 1
        return at

    def remove(self, place: int) -> None:
        weight, self.weights[place] = self.weights[place], 0
        self.total -= weight
        at = place + 1
        while at < len(self.tree):
            self.tree[at] -= weight
            at += at & -at


# -- Who is asked next -----------------------------------------------------------------------------
def next_of(row: Sequence[str], asked: Iterable[str]) -> str | None:
    """The first of a stratum's order who has not been asked, in whichever stratum."""
    known = set(asked)
    return next((code for code in row if code not in known), None)
