"""Telling the evaluation that there is work. A task registers itself here; a sweep tells again."""

from __future__ import annotations

from collections.abc import Callable

from django.db import transaction

WAKERS: list[Callable[[], None]] = []


def wake_later() -> None:
    """Once the transaction has committed; without a broker the sweep does it."""
    transaction.on_commit(wake, robust=True)


def wake() -> None:
    for tell in WAKERS:
        tell()
