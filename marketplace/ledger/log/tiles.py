"""The tree as it is stored: tiles, entries, roots and proofs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import connection

from marketplace.base.prepared import fetch_all, fetch_one
from marketplace.ledger.log.models import Checkpoint, Leaf
from marketplace.ledger.verify import (
    HASH,
    TILE,
    ReadTile,
    base64_of,
    bundle_of,
    consistency_proof,
    inclusion_proof,
    range_root,
)

TILE_SQL = """
SELECT hashes FROM marketplace_logtile WHERE level = %(level)s::smallint AND index = %(index)s::bigint
"""
SAVE = """
INSERT INTO marketplace_logtile (level, index, hashes)
SELECT * FROM unnest(%s::smallint[], %s::bigint[], %s::bytea[])
ON CONFLICT ON CONSTRAINT tile_once_per_place DO UPDATE SET hashes = excluded.hashes
"""


def read_tile(level: int, index: int) -> bytes:
    row = fetch_one(TILE_SQL, {"level": level, "index": index})
    return bytes(row[0]) if row else b""


def reader() -> ReadTile:
    """`read_tile` that asks for each tile once: for one proof, in one transaction."""
    kept: dict[tuple[int, int], bytes] = {}

    def read(level: int, index: int) -> bytes:
        if (level, index) not in kept:
            kept[level, index] = read_tile(level, index)
        return kept[level, index]

    return read


def save_tiles(tiles: Mapping[tuple[int, int], bytes]) -> None:
    levels, indexes = [place[0] for place in tiles], [place[1] for place in tiles]
    with connection.cursor() as cursor:
        cursor.execute(SAVE, [levels, indexes, list(tiles.values())])


def root(size: int) -> bytes:
    """The root over the first `size` leaves. Raises ValueError if the tiles do not reach."""
    return range_root(reader(), 0, size)


def tile_of(level: int, index: int, width: int) -> bytes | None:
    """The first `width` hashes of a tile, or None if it has fewer. Grows, so a prefix holds."""
    hashes = read_tile(level, index)[: width * HASH]
    return hashes if len(hashes) == width * HASH else None


def bundle(index: int, width: int) -> bytes | None:
    """The first `width` entries of bundle `index` (C2SP tlog-tiles), or None if it has fewer."""
    start = index * TILE
    rows = fetch_all(
        "SELECT data FROM marketplace_leaf WHERE index >= %(start)s::bigint"
        " AND index < %(end)s::bigint ORDER BY index",
        {"start": start, "end": start + width},
    )
    return bundle_of(bytes(row[0]) for row in rows) if len(rows) == width else None


def newest(origin: str = "") -> Checkpoint | None:
    """The checkpoint that the log shows; of an origin, the last one under that name."""
    rows = Checkpoint.objects.filter(origin=origin) if origin else Checkpoint.objects
    return rows.order_by("-id").first()


def covering(index: int) -> Checkpoint | None:
    """The newest checkpoint, if the leaf lies under it."""
    checkpoint = newest()
    return checkpoint if checkpoint and checkpoint.size > index else None


def inclusion(leaf: Leaf, checkpoint: Checkpoint) -> dict[str, Any]:
    """The proof as a receipt carries it."""
    hashes = inclusion_proof(reader(), leaf.index, checkpoint.size)
    return {
        "index": leaf.index,
        "size": checkpoint.size,
        "hashes": [base64_of(item) for item in hashes],
        "checkpoint": shown(checkpoint),
    }


def consistency(earlier: int, later: int) -> list[bytes]:
    return consistency_proof(reader(), earlier, later)


def shown(checkpoint: Checkpoint) -> str:
    """The signed note with the lines of the witnesses that have cosigned it."""
    lines = checkpoint.cosignature_set.order_by("id").values_list("line", flat=True)
    return checkpoint.note + "".join(f"{line}\n" for line in lines)
