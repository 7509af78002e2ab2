"""What was read: columns as arrays, each row belonging to a published id."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Table:
    """Columns of a file that was read strictly.

    Where each id has one row (`places` is None) the columns lie in the order of the published ids
    and `seen` tells which have a row; a truth may leave some out. Otherwise the rows are as in the
    file and `places` tells each row's id. What stands where nothing was read is nobody's to use. Numbers are float64 or int64 arrays, labels int16 codes
    in the order of the vocabulary, texts polars series. An empty cell, which only a truth may
    have, is NaN or null.
    """

    ids: Any
    columns: dict[str, Any]
    seen: np.ndarray
    places: np.ndarray | None = None
