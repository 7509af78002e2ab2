"""Triggers that keep a tally: what one row of a table adds to its cell and takes out of it."""

from __future__ import annotations

from collections.abc import Callable

import pgtrigger


def tally_triggers(
    prefix: str, *, step: Callable[[str, int], str], change: str
) -> list[pgtrigger.Trigger]:
    """One trigger each for insert, update and delete, named `{prefix}_{deed}`.

    step: (OLD or NEW, -1 or 1) as a SELECT of the row's cell and that number. change: the body of
    the trigger with `{steps}` where those SELECTs go.
    """
    old, new = step("OLD", -1), step("NEW", 1)
    made = (
        ("inserted", pgtrigger.Insert, new),
        ("updated", pgtrigger.Update, f"{old} UNION ALL {new}"),
        ("deleted", pgtrigger.Delete, old),
    )
    return [
        pgtrigger.Trigger(
            name=f"{prefix}_{name}",
            when=pgtrigger.After,
            operation=operation,
            func=change.format(steps=steps),
        )
        for name, operation, steps in made
    ]
