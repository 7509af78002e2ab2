"""Row locks. Parents before children; never upgrade a shared lock to an exclusive one."""

from typing import Any, TypeVar

from django.db import connection, models

from marketplace.base.errors import NotFound

M = TypeVar("M", bound=models.Model)


def lock(model: type[M], **lookup: Any) -> M:
    """The row, locked FOR UPDATE until the transaction ends. Raises NotFound."""
    row = model._default_manager.select_for_update(of=("self",)).filter(**lookup).first()
    if row is None:
        raise NotFound
    return row


def lock_shared(model: type[M], **lookup: Any) -> M:
    """The row, locked FOR SHARE: adders do not wait for one another, a mover waits for them all.

    Raw SQL, since Django has no FOR SHARE. The row is read after the lock is held, so what the
    caller sees is what the last mover left. Raises NotFound.
    """
    pk = model._default_manager.filter(**lookup).values_list("pk", flat=True).first()
    if pk is None:
        raise NotFound
    table = connection.ops.quote_name(model._meta.db_table)
    column = connection.ops.quote_name(str(model._meta.pk.column))
    with connection.cursor() as cursor:
        # Both names come from the model, never from a request.
        cursor.execute(f"SELECT 1 FROM {table} WHERE {column} = %s FOR SHARE", [pk])  # noqa: S608
    return model._default_manager.get(pk=pk)


def transaction_id() -> int:
    """Of the whole transaction, whatever savepoints it has; the triggers ask for it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT txid_current()")
        return int(cursor.fetchone()[0])
