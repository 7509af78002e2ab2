"""Codes of terms and profiles by their ids, remembered by each process.

A term keeps its code for good, and a profile is never changed, so what was once read stays true; an
id that is not known yet is read.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db import connection

from marketplace.scenarios.reference import RuleProfile, Term

_known: dict[tuple[str, type], dict[int, str]] = {}


def term_codes(ids: Iterable[int | None]) -> dict[int | None, str]:
    """{id: code}. At most one query, and none for what is known."""
    return _read(Term, ids)


def profile_labels(ids: Iterable[int | None]) -> dict[int | None, str]:
    """{id: "A/1"}."""
    return _read(RuleProfile, ids)


def _read(model: type[Term | RuleProfile], ids: Iterable[int | None]) -> dict[int | None, str]:
    # Databases of one process, as tests have several, give the same id to different rows.
    known = _known.setdefault((str(connection.settings_dict["NAME"]), model), {})
    wanted = set(ids) - {None}
    if not wanted <= known.keys():
        rows = model._default_manager.all()
        known |= {row.pk: row.label if isinstance(row, RuleProfile) else row.code for row in rows}
    return {pk: known[pk] for pk in wanted if pk in known}
