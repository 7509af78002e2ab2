"""Domain × carrier: how many posted demands stand in each cell, and where there is none."""

from __future__ import annotations

from dataclasses import dataclass

from marketplace.scenarios.board import labels, tallied
from marketplace.scenarios.reference import Term


@dataclass(frozen=True)
class Cell:
    """Posted demands of one domain and carrier, by where they stand. None: they name none."""

    domain: Term | None
    carrier: Term | None
    open: int = 0
    review: int = 0
    done: int = 0

    @property
    def posted(self) -> int:
        return self.open + self.review + self.done

    @property
    def hole(self) -> bool:
        """A place of the matrix for which nothing was ever posted; outside of it is no place."""
        return self.domain is not None and self.carrier is not None and not self.posted


@dataclass(frozen=True)
class Matrix:
    """Rows in the order of the domains, cells in that of the carriers, what names none last."""

    carriers: list[Term | None]
    rows: list[list[Cell]]

    @property
    def cells(self) -> list[Cell]:
        return [cell for row in self.rows for cell in row]

    @property
    def holes(self) -> list[Cell]:
        return [cell for cell in self.cells if cell.hole]

    @property
    def places(self) -> int:
        return sum(cell.domain is not None and cell.carrier is not None for cell in self.cells)


def matrix() -> Matrix:
    """From the sums that the board keeps. Two queries, however many demands there are.

    A row or a column for what names no domain, or no carrier, is there where there is such a one.
    """
    known = labels()
    sums: dict[tuple[str, str], dict[str, int]] = {}
    for (group, domain, carrier, _area, _mode), rows in tallied().items():
        cell = sums.setdefault((domain or "", carrier or ""), {})
        cell[str(group)] = cell.get(str(group), 0) + rows
    domains = _with_none(known["domain"], none=any(not domain for domain, _carrier in sums))
    carriers = _with_none(known["carrier"], none=any(not carrier for _domain, carrier in sums))
    lines = [
        [
            Cell(domain, carrier, **sums.get((_code(domain), _code(carrier)), {}))
            for carrier in carriers
        ]
        for domain in domains
    ]
    return Matrix(carriers, lines)


def _with_none(terms: dict[str, Term], *, none: bool) -> list[Term | None]:
    return [*terms.values(), *([None] if none else [])]


def _code(term: Term | None) -> str:
    return term.code if term else ""
