"""The whole log computed anew: leaves from events, tiles from leaves, roots and signatures.

Whoever has all rights in the database can change a row together with its trigger, but not so that
this still holds, unless every hash above it is changed too; then saved checkpoints tell. Memory
does not grow with the log.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import structlog
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.db import connection

from marketplace.base.canonical import canonical
from marketplace.base.prepared import fetch_all
from marketplace.ledger import keys, leaves
from marketplace.ledger.actions import leaf as plain_event
from marketplace.ledger.log import anchor, tiles
from marketplace.ledger.log.models import Checkpoint, Leaf, LogCheck, PublishedKey
from marketplace.ledger.models import Event, PendingEvent, Receipt
from marketplace.ledger.verify import (
    HASH,
    TILE,
    NotValid,
    Stories,
    leaf_hash,
    named,
    node_hash,
    open_checkpoint,
    tree_root,
    unbase64,
)

log = structlog.get_logger()
CHUNK = 16 * TILE
LEAVES = """
SELECT index, data, event_id FROM marketplace_leaf
WHERE index >= %(start)s::bigint AND index < %(end)s::bigint ORDER BY index
"""
LEFT_OUT = """
SELECT event.id FROM marketplace_event event
WHERE NOT EXISTS (SELECT 1 FROM marketplace_leaf leaf WHERE leaf.event_id = event.id)
  AND NOT EXISTS (SELECT 1 FROM marketplace_pendingevent waits WHERE waits.event_id = event.id)
ORDER BY event.id LIMIT 1
"""


class Wrong(Exception):
    """The first row that is not as it must be. The text names it."""


@dataclass
class Checked:
    leaves: int = 0
    checkpoints: int = 0
    receipts: int = 0


def run() -> LogCheck:
    """Check, and keep what came of it for readiness. An alarm in the log if something is wrong."""
    checked, problem = Checked(), ""
    try:
        check(checked)
    except Wrong as wrong:
        problem = str(wrong)
    if problem:
        log.error("log.check_failed", problem=problem)
    return LogCheck.objects.create(problem=problem, **vars(checked))


def check(checked: Checked) -> None:
    """Raises Wrong. `checked` tells how far it came."""
    check_published_keys()
    damage = anchor.damage()
    if damage:
        raise Wrong(str(damage))
    newest = tiles.newest()
    contradictions: list[str] = []
    if newest:
        check_tree(newest, checked, contradictions)
    check_receipts(checked)
    with connection.cursor() as cursor:
        cursor.execute(LEFT_OUT)
        for (event_id,) in cursor.fetchall():
            raise Wrong(f"Event {event_id} has no leaf and waits for none.")
    # Last, since such an entry stays: what else is wrong must not hide behind it.
    if contradictions:
        raise Wrong(contradictions[0])


def check_published_keys() -> None:
    """Each was announced in the log: a row that somebody slipped in vouches for nothing."""
    for row in PublishedKey.objects.order_by("id"):
        told = Event.objects.filter(kind="key.published", subjects__contains=[row.uid]).first()
        if told is None or told.data != keys.announced(row):
            raise Wrong(f"Published key {row.pk} was never announced in the log.")


# -- Leaves, tiles, checkpoints --------------------------------------------------------------------
class Tree:
    """Grows leaf by leaf and holds each tile, once it is full, against the stored one."""

    def __init__(self) -> None:
        self.size = 0
        self.waiting: list[list[bytes]] = [[]]  # of each level, the tile that is being filled
        self.peaks: list[tuple[int, bytes]] = []

    def add(self, leaf: bytes) -> None:
        self.size += 1
        count, node = 1, leaf
        while self.peaks and self.peaks[-1][0] == count:
            node, count = node_hash(self.peaks.pop()[1], node), count * 2
        self.peaks.append((count, node))
        self.waiting[0].append(leaf)
        level = 0
        while len(self.waiting[level]) == TILE:
            self.hold(level, (self.size - 1) >> 8 * (level + 1))
            if level + 1 == len(self.waiting):
                self.waiting.append([])
            self.waiting[level + 1].append(tree_root(self.waiting[level]))
            self.waiting[level].clear()
            level += 1

    def root(self) -> bytes:
        if not self.peaks:
            return tree_root([])
        root = self.peaks[-1][1]
        for _count, node in reversed(self.peaks[:-1]):
            root = node_hash(node, root)
        return root

    def hold(self, level: int, index: int) -> None:
        computed = b"".join(self.waiting[level])
        # A batch that is sealed meanwhile makes the last tiles longer.
        if tiles.read_tile(level, index)[: len(computed)] != computed:
            raise Wrong(f"Tile {level}/{index} is not what the leaves give.")

    def hold_the_last(self) -> None:
        for level, hashes in enumerate(self.waiting):
            if hashes:
                self.hold(level, self.size >> 8 * (level + 1))


def check_tree(newest: Checkpoint, checked: Checked, contradictions: list[str]) -> None:
    """contradictions: of the public entries, in words; they are added to it."""
    tree, signers = Tree(), Signers()
    rows = Checkpoint.objects.filter(pk__lte=newest.pk).order_by("size", "pk")
    waiting = rows.iterator(chunk_size=500)
    upcoming = next(waiting, None)
    for leaf in leaf_hashes(newest.size, contradictions):
        while upcoming and upcoming.size == tree.size:
            check_checkpoint(upcoming, tree.root(), signers)
            checked.checkpoints += 1
            upcoming = next(waiting, None)
        if leaf is not None:
            tree.add(leaf)
            checked.leaves += 1
    tree.hold_the_last()
    if upcoming:
        raise Wrong(f"Checkpoint {upcoming.pk} is larger than the log.")


def leaf_hashes(size: int, contradictions: list[str]) -> Iterator[bytes | None]:
    """Every leaf's hash in order, the leaf held against event and tile; None behind the last."""
    stories = Stories()
    for start in range(0, size, CHUNK):
        end = min(start + CHUNK, size)
        rows = fetch_all(LEAVES, {"start": start, "end": end})
        events = Event.objects.in_bulk([row[2] for row in rows if row[2] is not None])
        stored = b"".join(
            tiles.read_tile(0, index).ljust(TILE * HASH)
            for index in range(start // TILE, -(-end // TILE))
        )
        for offset in range(end - start):
            index = start + offset
            if offset >= len(rows) or rows[offset][0] != index:
                raise Wrong(f"Leaf {index} is missing.")
            data, event_id = bytes(rows[offset][1]), rows[offset][2]
            leaf = leaf_hash(data)
            fits = stored[offset * HASH : (offset + 1) * HASH] == leaf
            if event_id is not None:
                check_event(events.get(event_id), event_id, index, data, fits=fits)
            if not fits:
                raise Wrong(f"Leaf {index} does not fit its hash in tile 0/{index // TILE}.")
            if told := stories.told(index, data):
                contradictions.append(str(told))
            yield leaf
    yield None


def check_event(event: Event | None, event_id: int, index: int, data: bytes, *, fits: bool) -> None:
    """fits: whether the leaf is the one whose hash was sealed."""
    if event is None:
        raise Wrong(f"Event {event_id} of leaf {index} is gone.")
    if canonical(plain_event(event)) != bytes(event.body):
        raise Wrong(f"Event {event_id} (leaf {index}) was changed: its columns and body differ.")
    if leaves.leaf_data(event) != data:
        changed = f"Event {event_id}" if fits else f"Leaf {index}"
        raise Wrong(f"{changed} was changed: event {event_id} does not give leaf {index}.")


class Signers:
    """The published keys of checkpoints in their order: one that was replaced signs no more."""

    def __init__(self) -> None:
        rows = PublishedKey.objects.filter(use=keys.CHECKPOINT).order_by("id")
        self.keys = {row.key_id: (rank, row) for rank, row in enumerate(rows)}
        self.latest = 0

    def key_of(self, checkpoint: Checkpoint) -> PublishedKey:
        if checkpoint.algorithm != keys.ED25519:
            raise Wrong(unknown(f"Checkpoint {checkpoint.pk}", checkpoint.algorithm))
        if checkpoint.key_id not in self.keys:
            raise Wrong(f"Checkpoint {checkpoint.pk} is signed with a key that is not published.")
        rank, row = self.keys[checkpoint.key_id]
        if rank < self.latest:
            raise Wrong(
                f"Checkpoint {checkpoint.pk} is signed with a key that was replaced before."
            )
        self.latest = rank
        return row


def unknown(what: str, algorithm: str) -> str:
    return f"{what} is signed with {algorithm}, which this program does not know."


def check_checkpoint(checkpoint: Checkpoint, root: bytes, signers: Signers) -> None:
    if bytes(checkpoint.root) != root:
        raise Wrong(
            f"Checkpoint {checkpoint.pk}: the first {checkpoint.size} leaves give another root."
        )
    key = signers.key_of(checkpoint)
    try:
        vkey = named(checkpoint.origin, unbase64(key.public_key))
        signed = open_checkpoint(checkpoint.note, [vkey])
    except NotValid as error:
        raise Wrong(f"Checkpoint {checkpoint.pk}: {error}") from error
    if (signed.origin, signed.size, signed.root) != (checkpoint.origin, checkpoint.size, root):
        raise Wrong(f"Checkpoint {checkpoint.pk} is not what its note says.")


# -- Receipts --------------------------------------------------------------------------------------
def check_receipts(checked: Checked) -> None:
    published = {row.key_id: row for row in PublishedKey.objects.filter(use=keys.RECEIPT)}
    last = 0
    while rows := list(Receipt.objects.filter(pk__gt=last).order_by("pk")[:1000]):
        last = rows[-1].pk
        promised = [row.event_id for row in rows if row.event_id is not None]
        events = Event.objects.in_bulk(promised)
        # Pending first: what is sealed in between has a leaf by then.
        known: set[int | None] = set(
            PendingEvent.objects.filter(event_id__in=promised).values_list("event_id", flat=True)
        )
        known |= set(Leaf.objects.filter(event_id__in=promised).values_list("event_id", flat=True))
        for receipt in rows:
            check_signature(receipt, published.get(receipt.key_id))
            if receipt.event_id is not None:
                check_promise(receipt, events.get(receipt.event_id))
                if receipt.event_id not in known:
                    raise Wrong(f"Receipt {receipt.pk}: its event has no leaf and waits for none.")
            checked.receipts += 1


def check_signature(receipt: Receipt, key: PublishedKey | None) -> None:
    if receipt.algorithm != keys.ED25519:
        raise Wrong(unknown(f"Receipt {receipt.pk}", receipt.algorithm))
    text = key.public_key if key else keys.public_key(receipt.key_id)
    if not text:
        if receipt.event_id is None:
            return  # from before the log, under a key that was replaced before it was kept
        raise Wrong(f"Receipt {receipt.pk} is signed with a key that is not published.")
    try:
        public = Ed25519PublicKey.from_public_bytes(unbase64(text))
        public.verify(bytes(receipt.signature), bytes(receipt.body))
    except InvalidSignature as error:
        raise Wrong(f"Receipt {receipt.pk}: its signature does not fit.") from error


def check_promise(receipt: Receipt, event: Event | None) -> None:
    if event is None:
        raise Wrong(f"Receipt {receipt.pk}: its event is gone.")
    told = json.loads(bytes(receipt.body))["log"]["leaf"]
    if told != leaves.event_commitment(event).hex():
        raise Wrong(f"Receipt {receipt.pk} promises another leaf than its event gives.")
