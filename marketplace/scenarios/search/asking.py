"""What somebody typed, as words to look for. Pure: no database."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from marketplace.scenarios.search.words import (
    STOP_CHINESE,
    STOP_ENGLISH,
    Query,
    Word,
    cut,
    pieces,
    plain,
    simplified,
    way_of,
)

TYPED_MOST = 100
WORDS_MOST = 10
# As many words as one thing with synonyms is said in, at most.
SAID_MOST = 5
QUOTED = re.compile('["“”„«「『]([^"“”„»«」』「『]*)["“”»」』]')
# LG-2026-0042, TLS1.3, SM2/SM3: one thing, in its order.
JOINED = re.compile(r"(?=[^\s]*\d)[^\W_]+(?:[-./_:][^\W_]+)+")


@dataclass(frozen=True)
class Synonyms:
    """{a word as `plain` gives it: all that mean the same, itself among them}."""

    of: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __getitem__(self, text: str) -> tuple[str, ...]:
        return self.of.get(text, (text,))

    def __contains__(self, text: str) -> bool:
        return text in self.of


@dataclass(frozen=True)
class Unit:
    text: str
    han: bool
    quoted: bool = False


def normal(typed: str) -> str:
    return simplified(plain(typed))


def key(word: str) -> str:
    """How a word of the table is looked up: zero-trust as zero trust."""
    return _joined(list(_whole(normal(word))))


def _whole(text: str) -> Iterator[Unit]:
    return (Unit(piece.text, piece.han) for piece in pieces(text))


def ask(typed: str, synonyms: Synonyms | None = None) -> Query:
    """What to look for. Signs that mean nothing here, operators and markup among them, are left.

    "…" or 「…」 holds words that stand together in this order. Everything else must stand
    somewhere, each word or another that means the same.
    """
    known = synonyms or Synonyms()
    words: dict[str, Word] = {}
    for text, quoted in _things(list(_units(normal(typed[:TYPED_MOST]))), known):
        ways = [way_of(text, in_order=True)] if quoted else [way_of(one) for one in known[text]]
        there = tuple(dict.fromkeys(way for way in ways if way))
        if there:
            words.setdefault(text, Word(text, there))
    found = tuple(words.values())
    return Query(typed, found[:WORDS_MOST], max(0, len(found) - WORDS_MOST))


def _units(text: str) -> Iterator[Unit]:
    at = 0
    for found in QUOTED.finditer(text):
        yield from _loose(text[at : found.start()])
        yield Unit(found.group(1).strip(), han=False, quoted=True)
        at = found.end()
    yield from _loose(text[at:])


def _loose(text: str) -> Iterator[Unit]:
    joined = {found.start(): found.group() for found in JOINED.finditer(text)}
    behind = 0
    for piece in pieces(text):
        if piece.start < behind:
            continue
        whole = joined.get(piece.start, "")
        if whole and not any(part.han for part in pieces(whole)):
            behind = piece.start + len(whole)
            yield Unit(whole, han=False)
        elif piece.han:
            yield from (Unit(word, han=True) for word in _words(piece.text))
        else:
            yield Unit(piece.text, han=False)


def _words(run: str) -> list[str]:
    """A Chinese run as words of two characters and more, and those that say nothing.

    A character that the dictionary leaves alone goes with the word behind it, or the one before:
    one character stands in far too much.
    """
    if len(run) <= 2:
        return [run]
    found: list[str] = []
    alone = ""
    for word in cut(run):
        if word in STOP_CHINESE:
            found += [alone, word] if alone else [word]
            alone = ""
        elif len(word) == 1:
            alone += word
        else:
            found.append(alone + word)
            alone = ""
    if alone and found and found[-1] not in STOP_CHINESE:
        found[-1] += alone
    elif alone:
        found.append(alone)
    return found


def _things(units: list[Unit], known: Synonyms) -> Iterator[tuple[str, bool]]:
    """(text, whether in this order): the longest with synonyms first, what says nothing left."""
    found: list[tuple[str, bool]] = []
    empty: list[tuple[str, bool]] = []
    at = 0
    while at < len(units):
        stop = at + 1
        text = units[at].text
        if not units[at].quoted:
            for further in range(min(at + SAID_MOST, len(units)), at + 1, -1):
                longer = _joined(units[at:further])
                if longer in known:
                    stop, text = further, longer
                    break
        nothing = stop == at + 1 and _is_empty(units[at])
        (empty if nothing else found).append((text, units[at].quoted))
        at = stop
    yield from found or empty


def _joined(units: list[Unit]) -> str:
    said = ""
    for before, unit in zip([None, *units], units, strict=False):
        said += unit.text if before is None or (before.han and unit.han) else f" {unit.text}"
    return said


def _is_empty(unit: Unit) -> bool:
    return not unit.quoted and unit.text in (STOP_CHINESE if unit.han else STOP_ENGLISH)
