"""The sequencer: on a fixed cadence, what was committed becomes leaves under a signed checkpoint.

An event wakes nobody. Each batch is filled up with random leaves to a multiple of LOG_BATCH_QUANTUM,
an empty one too, so that the tree's growth does not count bids; docs/log.md says what it does tell.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
import structlog
from django.conf import settings
from django.db import connection, transaction

from marketplace.base import clock
from marketplace.base.prepared import fetch_all
from marketplace.ledger import keys, leaves
from marketplace.ledger.log import anchor, tiles
from marketplace.ledger.log.models import Checkpoint
from marketplace.ledger.models import Event
from marketplace.ledger.tree import grow
from marketplace.ledger.verify import base64_of, leaf_hash, named

log = structlog.get_logger()
LOCK = "hashtextextended('log.sequencer', 0)"
BATCH_MOST = 10_000
# Deleting names what is sealed: nothing in flight is skipped, and no two runs take the same row.
# The commitment is computed where the bodies are; it is `leaves.event_commitment`.
TAKE = """
WITH taken AS (
    DELETE FROM marketplace_pendingevent WHERE id IN (
        SELECT id FROM marketplace_pendingevent ORDER BY id LIMIT %(most)s::bigint
    ) RETURNING event_id
)
SELECT event.id, CASE WHEN event.audience = 'public' THEN NULL
    ELSE sha256(%(prefix)s::bytea || event.salt || event.body) END
FROM marketplace_event event JOIN taken ON taken.event_id = event.id ORDER BY event.id
"""
INSERT = "COPY marketplace_leaf (index, data, event_id) FROM STDIN (FORMAT binary)"


@dataclass(frozen=True)
class Entry:
    data: bytes
    event_id: int | None = None

    @property
    def readable(self) -> bool:
        return len(self.data) != leaves.OPAQUE


def seal_due() -> Checkpoint | None:
    """Seal all that is pending, once in each slot of the cadence. The newest checkpoint if it did.

    Late or killed anywhere, the next run goes on. Raises LogDamaged when the tree is not the one
    that was last signed: then nothing more is signed until somebody has looked.
    """
    sealed = seal_batch(only_when_due=True)
    while sealed and more_waits():
        sealed = seal_batch() or sealed
    return sealed


def more_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM (SELECT 1 FROM marketplace_pendingevent LIMIT %s) s", [BATCH_MOST]
        )
        return bool(cursor.fetchone()[0] == BATCH_MOST)


def seal_batch(*, only_when_due: bool = False) -> Checkpoint | None:
    """Leaves, tiles and checkpoint of one batch in one transaction; None if there was no need."""
    with transaction.atomic(durable=True):
        if not alone():
            return None
        now = clock.now()
        last = tiles.newest()
        if only_when_due and last and slot(last.at) == slot(now):
            return None
        anchor.require_agreement(last)
        keys.publish_keys()
        checkpoint = append_leaves(last, batch(), now)
    if checkpoint:
        anchor.remember(checkpoint)
    return checkpoint


def alone() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pg_try_advisory_xact_lock({LOCK})")
        return bool(cursor.fetchone()[0])


def slot(at: datetime) -> int:
    return int(at.timestamp() // settings.LOG_CADENCE_SECONDS)


def batch() -> list[Entry]:
    """What waits, and padding.

    Readable entries keep their order; where an opaque one stands says nothing, since padding and
    commitments are shuffled.
    """
    taken = fetch_all(TAKE, {"most": BATCH_MOST, "prefix": leaves.PREFIX})
    public = Event.objects.in_bulk([pk for pk, commitment in taken if commitment is None])
    entries = [
        Entry(leaves.leaf_data(public[pk]) if commitment is None else bytes(commitment), pk)
        for pk, commitment in taken
    ]
    quantum = settings.LOG_BATCH_QUANTUM
    total = -(-max(len(entries), 1 if quantum > 1 else 0) // quantum) * quantum
    entries += [Entry(leaves.padding()) for _ in range(total - len(entries))]
    return mixed(entries)


def mixed(entries: list[Entry]) -> list[Entry]:
    chance = secrets.SystemRandom()
    opaque = [entry for entry in entries if not entry.readable]
    chance.shuffle(opaque)
    in_order = iter([entry for entry in entries if entry.readable])
    places = list(range(len(entries)))
    chance.shuffle(places)
    where = set(places[: len(entries) - len(opaque)])
    rest = iter(opaque)
    return [next(in_order) if at in where else next(rest) for at in range(len(entries))]


def append_leaves(
    last: Checkpoint | None, entries: list[Entry], now: datetime
) -> Checkpoint | None:
    size = last.size if last else 0
    if not entries and last:
        return None
    store(size, entries)
    hashes = (leaf_hash(entry.data) for entry in entries)
    tiles.save_tiles(grow(size, hashes, tiles.read_tile))
    size += len(entries)
    return sign(size, tiles.root(size), now)


def store(size: int, entries: list[Entry]) -> None:
    """As COPY takes them: a third of what the same rows cost as parameters of a statement."""
    with connection.wrap_database_errors:
        connection.ensure_connection()
        bare: Any = psycopg.Cursor(connection.connection)
        with bare, bare.copy(INSERT) as copy:
            copy.set_types(["int8", "bytea", "int8"])
            for index, entry in enumerate(entries, size):
                copy.write_row((index, entry.data, entry.event_id))


def sign(size: int, root: bytes, now: datetime) -> Checkpoint:
    """The checkpoint as a C2SP signed note, kept."""
    key, origin = keys.log_key(), settings.LOG_ORIGIN
    text = f"{origin}\n{size}\n{base64_of(root)}\n"
    vkey = named(origin, key.public_raw)
    line = f"— {origin} {base64_of(vkey.id + key.sign(text.encode()))}\n"
    return Checkpoint.objects.create(
        size=size,
        origin=origin,
        root=root,
        note=f"{text}\n{line}",
        key_id=key.key_id,
        algorithm=key.algorithm,
        at=now,
    )
