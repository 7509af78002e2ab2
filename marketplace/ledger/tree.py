"""Growing the tiles of the Merkle tree (RFC 9162, C2SP tlog-tiles).

Pure: hashes are 32 bytes, sizes and indexes are counts of leaves. A tile holds up to 256 hashes of
one level; a hash of level L covers 256**L leaves. Roots and proofs are read from tiles by
`verify.py`, which whoever checks us runs as well.
"""

from __future__ import annotations

from collections.abc import Iterable

from marketplace.ledger.verify import HASH, TILE, ReadTile, tree_root


def grow(size: int, leaf_hashes: Iterable[bytes], read: ReadTile) -> dict[tuple[int, int], bytes]:
    """{(level, index): hashes} of the tiles that are new or longer once the hashes are appended.

    size: leaves there are. read: gives the tiles of that size.
    """
    changed: dict[tuple[int, int], bytearray] = {}

    def put(level: int, at: int, given: bytes) -> None:
        index, offset = divmod(at, TILE)
        tile = changed.get((level, index))
        if tile is None:
            before = read(level, index)[: offset * HASH] if offset else b""
            if len(before) != offset * HASH:
                raise ValueError(f"tile {level}/{index} is shorter than a tree of {size} has it")
            tile = changed[level, index] = bytearray(before)
        tile += given
        if offset == TILE - 1:
            put(level + 1, index, tree_root(split(tile)))

    for number, given in enumerate(leaf_hashes):
        put(0, size + number, given)
    return {place: bytes(tile) for place, tile in changed.items()}


def split(hashes: bytes | bytearray) -> list[bytes]:
    """One tile as its hashes."""
    return [bytes(hashes[at : at + HASH]) for at in range(0, len(hashes), HASH)]
