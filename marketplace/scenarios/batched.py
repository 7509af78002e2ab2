"""Rows of demands made anew, some at a time, beside everything else."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from django.db import transaction

from marketplace.scenarios.models import Scenario


def in_batches(
    batch: Callable[[int], Sequence[Scenario]],
    write: Callable[[Sequence[Scenario]], None],
    told: Callable[[int], None],
) -> int:
    """Write what each batch holds, in a transaction of its own. Returns how many demands.

    batch: the next ones behind this primary key, in its order. told: called with the number done
    so far after each.
    """
    done, behind = 0, 0
    while rows := batch(behind):
        with transaction.atomic():
            write(rows)
        behind = rows[-1].pk
        done += len(rows)
        told(done)
    return done
