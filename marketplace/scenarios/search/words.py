"""Text cut into what the search index holds. Pure: no database.

Chinese is indexed as pairs of neighbouring characters, so that what is found never depends on how
a dictionary cuts a sentence; English as stems. The dictionary cuts queries alone.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import combinations, pairwise
from threading import Lock
from typing import Any

import opencc
import snowballstemmer

# Han, kana and hangul: written without spaces.
HAN = "\u3005\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
HAN_RUN = re.compile(f"[{HAN}]+|[\U00020000-\U0003ffff]+")
PIECE = re.compile(
    f"(?P<han>[{HAN}\U00020000-\U0003ffff]+)|(?P<word>[^\\W_{HAN}\U00020000-\U0003ffff]+)"
)
# A lexeme holds 2,046 bytes, a position is at most 16,383.
WORD_MOST = 64
POSITION_MOST = 16_383
POSITIONS_MOST = 30
GAP = 20
STOP_ENGLISH = frozenset(
    "a an and are as at be but by can do does for from has have how i if in into is it its my no not"
    " of on or our so such that the their then there these they this to us was we were what when"
    " where which who why will with without you your".split()
)
STOP_CHINESE = frozenset(
    "的 了 和 与 及 或 在 是 对 把 被 将 从 到 向 为 以 用 有 等 其 之 并 而 于 也 都 就 还 能 可 可以 怎么"
    " 如何 怎样 什么 哪些 一个 一种 我们 他们 进行 以及 需要 想 要 请 吗 呢 啊 里 中 上 下 不 让 给 去"
    " 做 找 谁 何 这 那 这个 那个 有关 关于 相关".split()
)

# The stemmer keeps its state between steps; the cutter may be taught by another thread.
_stemmer_lock, _cutter_lock = Lock(), Lock()


@dataclass(frozen=True)
class Piece:
    """A run of Chinese or one word of another script, at its place in the text."""

    text: str
    han: bool
    start: int
    stop: int


@cache
def _simplified() -> Any:
    return opencc.OpenCC("t2s")


@cache
def _stemmer() -> Any:
    return snowballstemmer.stemmer("english")


@cache
def _cutter() -> Any:
    import rjieba  # noqa: PLC0415 - its dictionary: only for who searches

    return rjieba.Jieba()


def plain(text: str) -> str:
    """Full width, case and control characters fall away on both sides of a search."""
    kept = unicodedata.normalize("NFKC", text).lower()
    return "".join(sign if sign.isprintable() else " " for sign in kept)


def simplified(text: str) -> str:
    """Traditional characters typed for simplified ones."""
    return str(_simplified().convert(text)) if HAN_RUN.search(text) else text


def pieces(text: str) -> Iterator[Piece]:
    """text: as `plain` gives it."""
    for found in PIECE.finditer(text):
        yield Piece(found.group()[:WORD_MOST] if found["word"] else found.group(),
                    found["han"] is not None, found.start(), found.end())  # fmt: skip


@cache
def _stem(word: str) -> str:
    with _stemmer_lock:
        return str(_stemmer().stemWord(word))


def stem(word: str) -> str:
    # ICS is no plural.
    return _stem(word) if word.isascii() and len(word) > 3 else word


def pairs(run: str) -> list[str]:
    """港口网 → 港口, 口网, 网: each lexeme at the place of its first character.

    The last character stands alone, so that a prefix of one character finds it too.
    """
    return [run[place : place + 2] for place in range(len(run))]


def query_pairs(word: str) -> list[str]:
    """港口网 → 港口, 口网."""
    return [word[place : place + 2] for place in range(max(1, len(word) - 1))]


def vector(parts: Iterable[tuple[str, str]]) -> str:
    """A tsvector in its written form.

    parts: (weight A to D, text) in the order of their importance; what lies behind the last
    position that PostgreSQL counts is found but in no phrase.
    """
    places: dict[str, list[str]] = {}
    at = 1
    for weight, text in parts:
        for piece in pieces(simplified(plain(text))):
            lexemes = pairs(piece.text) if piece.han else [stem(piece.text)]
            for lexeme in lexemes:
                known = places.setdefault(lexeme, [])
                if len(known) < POSITIONS_MOST:
                    known.append(f"{min(at, POSITION_MOST)}{weight}")
                at += 1
        at += GAP
    return " ".join(f"{quoted(lexeme)}:{','.join(known)}" for lexeme, known in places.items())


def quoted(lexeme: str) -> str:
    return "'" + lexeme.replace("\\", "\\\\").replace("'", "''") + "'"


def cut(run: str) -> list[str]:
    """A Chinese run as words."""
    with _cutter_lock:
        return [str(word) for word in _cutter().cut(run)]


def parts_of(word: str) -> list[str]:
    """A long Chinese word as the shorter ones that make it up; [] where they do not cover it."""
    if len(word) < 4:
        return []
    with _cutter_lock:
        shorter = [str(part) for part in _cutter().cut_for_search(word)]
    shorter = [part for part in shorter if 1 < len(part) < len(word)]
    covered: set[int] = set()
    for part in shorter:
        at = word.find(part)
        covered.update(range(at, at + len(part)))
    return shorter if len(covered) == len(word) else []


def teach(words: Iterable[str]) -> None:
    """Words of the field that the dictionary does not have."""
    with _cutter_lock:
        for word in words:
            if HAN_RUN.fullmatch(word) and len(word) > 1:
                _cutter().add_word(word, 100_000, "n")


@dataclass(frozen=True)
class Lexeme:
    text: str
    offset: int
    prefix: bool = False

    @property
    def tsquery(self) -> str:
        return quoted(self.text) + (":*" if self.prefix else "")


@dataclass(frozen=True)
class Way:
    """One way to say a word: lexemes that must all be there, or stand in their order."""

    text: str
    lexemes: tuple[Lexeme, ...]
    in_order: bool = False

    @property
    def tsquery(self) -> str:
        if not self.in_order:
            return "(" + " & ".join(lexeme.tsquery for lexeme in self.lexemes) + ")"
        said = self.lexemes[0].tsquery
        for before, lexeme in pairwise(self.lexemes):
            said += f" <{lexeme.offset - before.offset}> {lexeme.tsquery}"
        return f"({said})"


@dataclass(frozen=True)
class Word:
    """One thing that was asked for, as it was typed, and the ways to say it."""

    text: str
    ways: tuple[Way, ...]

    @property
    def tsquery(self) -> str:
        return "(" + " | ".join(way.tsquery for way in self.ways) + ")"


@dataclass(frozen=True)
class Query:
    """What was typed. Without words it finds nothing."""

    typed: str
    words: tuple[Word, ...] = ()
    # How many more words were typed than are looked for.
    left_out: int = 0

    @property
    def tsquery(self) -> str:
        return " & ".join(word.tsquery for word in self.words)

    @property
    def any_tsquery(self) -> str:
        return " | ".join(word.tsquery for word in self.words)

    @property
    def most_tsquery(self) -> str:
        """At least two of the words; of two, either."""
        if len(self.words) < 3:
            return self.any_tsquery
        two = combinations(self.words, 2)
        return " | ".join(f"({first.tsquery} & {second.tsquery})" for first, second in two)

    def without(self, word: Word) -> Query:
        return Query(self.typed, tuple(one for one in self.words if one != word))


def way_of(text: str, *, in_order: bool = False) -> Way | None:
    """How a word or phrase stands in the index; None where nothing of it does.

    text: as `plain` gives it.
    """
    lexemes: list[Lexeme] = []
    offset = 0
    found = list(pieces(text))
    for piece in found:
        if not piece.han:
            lexemes.append(Lexeme(stem(piece.text), offset))
            offset += 1
            continue
        shorter = [] if in_order else parts_of(piece.text)
        if shorter:
            # 日志审计 is also 日志…审计: its words, not the pairs that join them.
            told = dict.fromkeys(pair for part in shorter for pair in query_pairs(part))
            lexemes += [Lexeme(pair, offset) for pair in told]
            continue
        for place, lexeme in enumerate(query_pairs(piece.text)):
            lexemes.append(Lexeme(lexeme, offset + place, prefix=len(lexeme) == 1))
        offset += len(piece.text)
    if not lexemes:
        return None
    # A run of Chinese is nearly as exact by its pairs alone, and they need no look at positions.
    latin = not any(piece.han for piece in found)
    return Way(text, tuple(lexemes), in_order=len(lexemes) > 1 and (in_order or latin))
