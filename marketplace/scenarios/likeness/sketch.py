"""How much two texts have in common, and a short sketch by which like ones are found. Pure.

Shingles are what the search indexes: pairs of neighbouring Chinese characters, stems of other
words. Likeness is Jaccard's: what both have, of all that either has. The sketch is MinHash with
SIGNS independent minima, looked up by BANDS bands of ROWS: two texts with likeness j share a band
with probability 1 - (1 - j^ROWS)^BANDS, 0.93 at one half.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b, shake_128

from marketplace.scenarios.search.words import pieces, plain, query_pairs, simplified, stem

BANDS, ROWS = 20, 3
SIGNS = BANDS * ROWS
WHOLE = 2**32
# A phrase is worth showing from so many characters on.
WINDOW = 8
PHRASE_MOST = 60
PHRASES = 3

Shingles = frozenset[str]


def shingles(text: str) -> Shingles:
    found: set[str] = set()
    for piece in pieces(simplified(plain(text))):
        found.update(query_pairs(piece.text) if piece.han else [stem(piece.text)])
    return frozenset(found)


def jaccard(one: Shingles, other: Shingles) -> float:
    """0 to 1; of nothing and nothing 0."""
    both = len(one & other)
    return both / (len(one) + len(other) - both) if both else 0.0


@lru_cache(maxsize=20_000)
def _hashes(shingle: str) -> tuple[int, ...]:
    """SIGNS numbers below 2^32 that look as if drawn for this shingle."""
    return struct.unpack(f"<{SIGNS}I", shake_128(shingle.encode()).digest(4 * SIGNS))


def signature(of: Collection[str]) -> list[int]:
    """The least number of each of the SIGNS hashes; [] of nothing."""
    return [min(column) for column in zip(*map(_hashes, of), strict=True)]


def estimate(one: Sequence[int], other: Sequence[int]) -> float:
    """The likeness that two signatures tell; its standard error is at most 0.065."""
    if not one or not other:
        return 0.0
    return sum(a == b for a, b in zip(one, other, strict=True)) / SIGNS


def bands(signs: Sequence[int]) -> list[int]:
    """Each band as a signed number of 32 bits; those of two texts meet where a band is equal."""
    found = []
    for start in range(0, len(signs), ROWS):
        told = struct.pack(f"<B{ROWS}I", start // ROWS, *signs[start : start + ROWS])
        found.append(int.from_bytes(blake2b(told, digest_size=4).digest(), "big", signed=True))
    return found


def signed(signs: Iterable[int]) -> list[int]:
    """As a database keeps 32 bits."""
    return [sign - WHOLE if sign >= WHOLE // 2 else sign for sign in signs]


@dataclass(frozen=True)
class Compared:
    """parts: {part: 0 to 1} of those that both have; whole: of everything together."""

    whole: float
    parts: Mapping[str, float]

    def percent(self, part: str) -> int:
        """Rounded down, so that 100 means the same."""
        return int(self.parts.get(part, 0.0) * 100)


def compare(one: Mapping[str, Shingles], other: Mapping[str, Shingles]) -> Compared:
    shared = [part for part in one if one[part] and other.get(part)]
    whole = jaccard(
        frozenset().union(*one.values()),
        frozenset().union(*other.values()),
    )
    return Compared(whole, {part: jaccard(one[part], other[part]) for part in shared})


def shared_phrases(text: str, other: str) -> list[str]:
    """What stands word for word in both, the longest first, as it is written in `text`."""
    written, there = " ".join(text.split()), _folded(" ".join(other.split()))
    here = _folded(written)
    known = {there[at : at + WINDOW] for at in range(len(there) - WINDOW + 1)}
    found: list[str] = []
    at = 0
    while at <= len(here) - WINDOW:
        if here[at : at + WINDOW] not in known:
            at += 1
            continue
        stop = _shared_until(here, there, known, at)
        found.append(written[at:stop])
        at = stop
    words = {phrase.strip(" ，。；、,.;:：") for phrase in found}
    kept = sorted(
        (one for one in words if len(one) >= WINDOW - 2), key=lambda one: (-len(one), one)
    )
    return [one if len(one) <= PHRASE_MOST else f"{one[:PHRASE_MOST]}…" for one in kept[:PHRASES]]


def _shared_until(here: str, there: str, known: set[str], at: int) -> int:
    """Where the run from `at` on ends that stands in both: windows lead there, a search makes sure.

    What begins it is shared as well, so the end is found by halving.
    """
    least = most = at + WINDOW
    while most < len(here) and here[most - WINDOW + 1 : most + 1] in known:
        most += 1
    while least < most:
        middle = (least + most + 1) // 2
        if here[at:middle] in there:
            least = middle
        else:
            most = middle - 1
    return least


def _folded(text: str) -> str:
    """Sign for sign, so that places stay what they were."""
    low = text.lower()
    return low if len(low) == len(text) else text
