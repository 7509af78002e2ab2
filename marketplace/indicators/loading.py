from __future__ import annotations

from typing import Any

from django.db import transaction

from marketplace.indicators.models import Indicator


@transaction.atomic
def load_indicators(seed: dict[str, Any]) -> int:
    """The twelve targets as the plan words them. Returns how many there are."""
    plan = seed["plan"]
    for position, row in enumerate(seed["indicators"]):
        values = {**row, "counted_by": row["counted_by"] or "", "position": position}
        key = values.pop("key")
        values["period_starts_on"] = plan["starts_date"]
        values["period_ends_on"] = plan["ends_date"]
        Indicator.objects.update_or_create(key=key, defaults=values)
    return len(seed["indicators"])
