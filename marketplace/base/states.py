from django.db import models

from marketplace.base.errors import StateConflict


def can_move(row: models.Model, to: str) -> bool:
    return to in row.MOVES.get(row.state, ())


def move(row: models.Model, to: str, *, also: tuple[str, ...] = ()) -> str:
    """Walk one edge of the row's MOVES table and save. Returns the state left.

    The row must be locked by the caller. `also` names further changed fields to save with it.
    Raises StateConflict if the table has no such edge.
    """
    left = row.state
    if not can_move(row, to):
        raise StateConflict(code=f"{row._meta.model_name}.state")
    row.state = to
    row.save(update_fields=["state", *also])
    return left
