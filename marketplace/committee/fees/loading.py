"""The office's table from seeds/reference."""

from __future__ import annotations

from typing import Any

from marketplace.committee.fees.models import FeeTable


def load_fees(tables: list[dict[str, Any]]) -> int:
    """Add the versions that are not there yet. Returns how many were new.

    Raises ValueError if a version that is there says something else: a change is a new version.
    """
    known = dict(FeeTable.objects.values_list("version", "values"))
    fresh = []
    for table in tables:
        found = known.get(table["version"])
        if found is not None and found != table["values"]:
            raise ValueError(f"fee table {table['version']} was changed")
        if found is None:
            fresh.append(FeeTable(**table))
    FeeTable.objects.bulk_create(fresh)
    return len(fresh)
