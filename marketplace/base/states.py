from typing import Any, ClassVar, Protocol

from marketplace.base.errors import StateConflict


class Stateful(Protocol):
    """A model with a state and its table of moves: state left → states it may go to."""

    MOVES: ClassVar[Any]
    state: Any

    def save(self, *, update_fields: Any) -> None: ...


def can_move(row: Stateful, to: str) -> bool:
    return to in row.MOVES.get(row.state, ())


def move(row: Stateful, to: str, *, also: tuple[str, ...] = ()) -> str:
    """Walk one edge of the row's MOVES table and save. Returns the state left.

    The row must be locked by the caller. `also` names further changed fields to save with it.
    Raises StateConflict if the table has no such edge.
    """
    left: str = row.state
    if not can_move(row, to):
        raise StateConflict(code=f"{type(row).__name__.lower()}.state")
    row.state = to
    row.save(update_fields=["state", *also])
    return left
