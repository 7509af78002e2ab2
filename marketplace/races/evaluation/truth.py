"""The hidden truth of a heat, and which of its ids are shown on the public board meanwhile."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from marketplace.races.evaluation.evaluators import Split
from marketplace.races.evaluation.ids import Ids
from marketplace.races.evaluation.kinds import Evaluator, Settings
from marketplace.races.evaluation.reading import read_truth_table
from marketplace.races.evaluation.table import Table

RULE = b"jiebang-split/1\0"
SALT_LEAST = 16


@dataclass(frozen=True)
class Truth:
    """`public` marks the ids of the public split; an id without truth is measured in none."""

    ids: Ids
    table: Table
    public: np.ndarray

    def rows(self, split: Split) -> np.ndarray | None:
        """A mask over the ids; None for all of them."""
        if split == "all":
            return None if self.table.seen.all() else self.table.seen
        return self.table.seen & (self.public if split == "public" else ~self.public)


def read_truth(
    path: Path,
    chosen: Evaluator,
    settings: Settings,
    ids: Ids,
    *,
    salt: bytes,
    public_percent: int,
) -> Truth:
    """Raises Refused; what it tells is for the owner alone."""
    table = read_truth_table(path, chosen, settings, ids)
    chosen.module().check_truth(table, settings)
    return Truth(ids=ids, table=table, public=public_ids(ids, salt, public_percent))


def public_ids(ids: Ids, salt: bytes, percent: int) -> np.ndarray:
    """By HMAC-SHA-256 of each id under the salt, which is part of the truth.

    So whoever knows the truth can repeat it, and nobody else can tell which ids the board counts.
    An id is public where the first 8 bytes, as a number from 0 to 2^64, lie below percent of it.
    """
    if len(salt) < SALT_LEAST:
        raise ValueError(f"a salt has at least {SALT_LEAST} bytes")
    if not 0 <= percent <= 100:
        raise ValueError("percent of a whole")
    bound = percent * 2**64 // 100
    found = np.empty(len(ids), bool)
    for place, value in enumerate(ids.values.to_list()):
        keyed = hmac.digest(salt, RULE + str(value).encode(), "sha256")
        found[place] = int.from_bytes(keyed[:8]) < bound
    return found


def among(values: Any, rows: np.ndarray | None) -> Any:
    """The values of those rows, without a copy where that is all of them; None stays None."""
    return values if rows is None or values is None else values[rows]
