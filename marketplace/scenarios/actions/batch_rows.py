"""What every action on a batch does the same way: find it, read what was typed, tell the log."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from marketplace.base import clock
from marketplace.base.actor import Actor
from marketplace.base.errors import (
    NotFound,
)
from marketplace.base.locks import lock, lock_shared
from marketplace.ledger import actions as ledger
from marketplace.ledger.models import Audience
from marketplace.scenarios.batches.models import (
    Batch,
)
from marketplace.scenarios.readers import Wrong, text
from marketplace.scenarios.readers import deadline as deadline_reader


def find_batch(actor: Actor, uid: UUID) -> Batch:
    if not Batch.objects.visible_to(actor).filter(uid=uid).exists():
        raise NotFound
    return lock(Batch, uid=uid)


def shared_batch(actor: Actor, uid: UUID) -> Batch:
    if not Batch.objects.visible_to(actor).filter(uid=uid).exists():
        raise NotFound
    return lock_shared(Batch, uid=uid)


def tell_batch(
    actor: Actor,
    batch: Batch,
    kind: str,
    *,
    left: str = "",
    audience: str = Audience.OFFICE,
    **more: Any,
) -> None:
    moved: dict[str, Any] = {"from_state": left, "to_state": batch.state} if left else {}
    ledger.append(
        kind,
        actor=actor,
        subjects=[batch.uid],
        audience=Audience(audience),
        **moved,
        **({"data": {"number": batch.number}} | more),
    )


def instant_in(raw: Any, field: str, errors: dict[str, list[Any]]) -> datetime | None:
    # A meeting may lie behind us when its minutes are entered; calls are asked again when called.
    since = clock.now() - timedelta(days=366)
    try:
        found: datetime | None = deadline_reader(since)(raw)
    except Wrong as wrong:
        errors[field] = [wrong.message]
        return None
    return found


def text_in(
    raw: Any, most: int, field: str, errors: dict[str, list[Any]], *, lines: bool = False
) -> str:
    try:
        return str(text(most, lines=lines)(raw))
    except Wrong as wrong:
        errors[field] = [wrong.message]
        return ""
