"""Words that mean the same: loaded as reference data, remembered by each process for a minute."""

from __future__ import annotations

import time
from itertools import chain

from django.db import connection

from marketplace.scenarios.reference import Term
from marketplace.scenarios.search.asking import Synonyms, key, normal
from marketplace.scenarios.search.models import Synonym
from marketplace.scenarios.search.words import teach

SECONDS = 60
_known: dict[str, tuple[float, Synonyms]] = {}


def synonyms() -> Synonyms:
    """At most two queries a minute; a change is seen by every process within that time."""
    name = str(connection.settings_dict["NAME"])
    read_at, known = _known.get(name, (0.0, Synonyms()))
    if read_at and time.monotonic() - read_at < SECONDS:
        return known
    groups: dict[str, list[str]] = {}
    for meaning, word in Synonym.objects.order_by("id").values_list("meaning", "word"):
        groups.setdefault(meaning, []).append(key(word))
    of: dict[str, dict[str, None]] = {}
    for group in groups.values():
        for word in group:
            of.setdefault(word, {word: None}).update(dict.fromkeys(group))
    terms = Term.objects.values_list("name_zh", flat=True)
    teach(chain(of, (normal(term) for term in terms)))
    known = Synonyms({word: tuple(said) for word, said in of.items()})
    _known[name] = (time.monotonic(), known)
    return known


def forget() -> None:
    _known.clear()
