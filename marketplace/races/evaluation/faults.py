"""What a result file is refused for: codes with parameters, put into words by the pages.

A fault speaks of the sender's own file and of what is published (ids of the inputs, labels,
columns, bounds), never of the truth.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from marketplace.races.evaluation.limits import SHOWN_MOST, TOLD_MOST


@dataclass(frozen=True)
class Fault:
    """`row`: the line of a CSV file (its header is line 1), the row of a Parquet file (from 1)."""

    code: str
    row: int | None = None
    column: str | None = None
    params: dict[str, Any] = field(default_factory=dict)

    def plain(self) -> dict[str, Any]:
        return {"code": self.code, "row": self.row, "column": self.column, "params": self.params}


class Refused(Exception):
    """A file that cannot be counted. `more` says that there are faults beyond those told."""

    def __init__(self, faults: list[Fault], *, more: bool = False) -> None:
        self.faults = tuple(faults[:TOLD_MOST])
        self.more = more or len(faults) > TOLD_MOST
        super().__init__(", ".join(sorted({fault.code for fault in self.faults})))


def refused(code: str, row: int | None = None, column: str | None = None, **params: Any) -> Refused:
    """A fault after which nothing more can be read."""
    return Refused([Fault(code, row, column, params)])


def shown(value: object) -> str:
    """A value of the sender's, short and harmless enough to be shown."""
    text = value if isinstance(value, str) else str(value)
    cut = text[:SHOWN_MOST]
    plain = "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in cut)
    return plain + ("…" if len(text) > SHOWN_MOST else "")
