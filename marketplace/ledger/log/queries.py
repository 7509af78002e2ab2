"""What pages and doors ask of the log."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from marketplace.ledger import leaves
from marketplace.ledger.log import tiles
from marketplace.ledger.log.models import Anchor, Checkpoint, Cosignature, Leaf, PublishedKey
from marketplace.ledger.verify import (
    COSIGNATURE,
    CannotCheck,
    NotValid,
    base64_of,
    named,
    parse_vkey,
    unbase64,
)

INDEX_MOST = 2**63 - 1


def sealed(event_ids: Iterable[int | None]) -> dict[int, int]:
    """By the event's id, the index of its leaf; those that still wait are not in it."""
    rows = Leaf.objects.filter(event_id__in=[pk for pk in event_ids if pk is not None])
    return {pk: index for pk, index in rows.values_list("event_id", "index") if pk is not None}


def promised_by(at: datetime) -> datetime:
    """When what happened then is in the log at the latest."""
    return at + timedelta(seconds=settings.LOG_MERGE_DELAY_SECONDS)


def public_proof(index: int) -> dict[str, Any] | None:
    """A readable entry with its proof under the newest checkpoint; None for any other."""
    leaf = Leaf.objects.filter(index=index).first() if index <= INDEX_MOST else None
    checkpoint = tiles.covering(index) if leaf else None
    if leaf is None or checkpoint is None or len(leaf.data) == leaves.OPAQUE:
        return None
    data = bytes(leaf.data)
    return {
        "leaf": base64_of(data),
        "text": json.loads(data),
        "inclusion": tiles.inclusion(leaf, checkpoint),
    }


def newest_vkey() -> str:
    """The verifier key that was published last; empty before the log has begun."""
    row = PublishedKey.objects.filter(use="checkpoint").order_by("id").last()
    return named(settings.LOG_ORIGIN, unbase64(row.public_key)).text() if row else ""


@dataclass(frozen=True)
class Standing:
    """How the log stands: what its page says."""

    checkpoint: Checkpoint | None
    witnesses: list[tuple[str, Cosignature | None]]  # name, and what it said last
    anchor: Anchor | None


def standing() -> Standing:
    names = [name for name in map(witness_name, settings.LOG_WITNESSES) if name]
    lines = Cosignature.objects.filter(witness__in=names).select_related("checkpoint")
    last = {line.witness: line for line in lines.order_by("witness", "-id").distinct("witness")}
    anchor = Anchor.objects.select_related("checkpoint").order_by("-id").first()
    return Standing(tiles.newest(), [(name, last.get(name)) for name in names], anchor)


def witness_name(vkey: str) -> str:
    """Empty for one that no cosignature could be checked with."""
    try:
        key = parse_vkey(vkey)
    except (NotValid, CannotCheck):
        return ""
    return key.name if key.kind == COSIGNATURE else ""
