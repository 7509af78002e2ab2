"""Where the words that were looked for stand in a text, for its reader's eye. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from marketplace.scenarios.search.words import Query, pieces, stem

EXCERPT = 120
BEFORE = 30


def _same_length(text: str) -> str:
    """As `plain`, one character for one, so that places stay what they were."""
    whole = unicodedata.normalize("NFKC", text).lower()
    return whole if len(whole) == len(text) else "".join(_folded(sign) for sign in text)


@lru_cache(maxsize=8192)
def _folded(sign: str) -> str:
    folded = unicodedata.normalize("NFKC", sign).lower()
    return folded if len(folded) == 1 else sign


def spans(text: str, query: Query | None) -> list[tuple[int, int]]:
    """The places of the words, one behind the other, none touching the next.

    A Chinese word where it stands whole; of English ones each that has the same stem.
    """
    if query is None or not text:
        return []
    folded = _same_length(text)
    runs: set[str] = set()
    stems: set[str] = set()
    for word in query.words:
        for said in word.ways:
            for piece in pieces(said.text):
                if piece.han:
                    runs.add(piece.text)
                else:
                    stems.add(stem(piece.text))
    found: list[tuple[int, int]] = []
    for run in runs:
        at = folded.find(run)
        while at >= 0:
            found.append((at, at + len(run)))
            at = folded.find(run, at + 1)
    found += [
        (piece.start, piece.stop)
        for piece in pieces(folded)
        if not piece.han and stem(piece.text) in stems
    ]
    return list(_joined(sorted(found)))


def _joined(found: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    start = stop = -1
    for first, last in found:
        if first > stop:
            if stop >= 0:
                yield start, stop
            start, stop = first, last
        else:
            stop = max(stop, last)
    if stop >= 0:
        yield start, stop


def marked(text: str, query: Query | None) -> list[tuple[str, bool]]:
    """The text in parts, and whether each was looked for."""
    parts, at = [], 0
    for start, stop in spans(text, query):
        if start > at:
            parts.append((text[at:start], False))
        parts.append((text[start:stop], True))
        at = stop
    if at < len(text):
        parts.append((text[at:], False))
    return parts


def excerpt(text: str, query: Query | None) -> str:
    """A piece of a long text around the first word that was looked for; "" where none stands."""
    plain = " ".join(text.split())
    found = spans(plain, query)
    if not found:
        return ""
    start = max(0, found[0][0] - BEFORE)
    stop = min(len(plain), start + EXCERPT)
    return ("…" if start else "") + plain[start:stop] + ("…" if stop < len(plain) else "")
