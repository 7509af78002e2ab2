"""Pieces of pages that are made once for all who are shown the same.

A piece is known by everything that it says, its language included: what has changed is another
piece, so nothing has to be told of a change, and nobody is shown what was made of another's words.
Nothing that runs with the clock belongs into one.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from typing import Any

from django.utils.safestring import SafeString
from django.utils.translation import get_language

MOST = 2_000  # per process, about 1 kB each; the least used go first

_kept: OrderedDict[Hashable, SafeString] = OrderedDict()
_guard = threading.Lock()


def known_by(values: Iterable[Any]) -> Hashable:
    """Plain values and lists of them; what is markup already is another than the same as words."""
    return tuple(
        known_by(value)
        if isinstance(value, list | tuple)
        else (isinstance(value, SafeString), value)
        for value in values
    )


def fragment(says: Hashable, make: Callable[[], str]) -> SafeString:
    """says: what `make` is made of, all of it."""
    key = (get_language(), says)
    with _guard:
        found = _kept.get(key)
        if found is not None:
            _kept.move_to_end(key)
            return found
    made = SafeString(make())
    with _guard:
        _kept[key] = made
        while len(_kept) > MOST:
            _kept.popitem(last=False)
    return made
