"""Statements that the server parses and plans once per connection, not once per call."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connection, connections, models

from marketplace.base.trips import Connection, Row, Trip


def fetch_all(statement: str, given: Mapping[str, Any], *, ends: bool = False) -> list[Row]:
    """Run a constant statement with server-side parameters in the current transaction.

    For the few whose planning costs more than their work; Django itself merges parameters into
    the text. Give every parameter a cast, since its type is settled at the first call.

    ends: nothing more is asked or written in this transaction, so it is committed in the same trip
    unless it is part of another one. Raises Django's database errors.
    """
    database: Any = connections[DEFAULT_DB_ALIAS]
    database.ensure_connection()
    outermost = database.in_atomic_block and not database.savepoint_ids
    trip: Any = Trip(database.connection, ends=ends and outermost)
    # Counted and timed like every other query.
    make = database.make_debug_cursor if database.queries_logged else database.make_cursor
    with make(trip) as cursor:
        cursor.execute(statement, given)
        return trip.rows


def fetch_one(statement: str, given: Mapping[str, Any], *, ends: bool = False) -> Row | None:
    """The first row of `fetch_all`, or None."""
    return next(iter(fetch_all(statement, given, ends=ends)), None)


@contextmanager
def borrowed() -> Iterator[Connection | None]:
    """A connection of Django's for trips of one's own, which is given back without a transaction.

    None within a transaction of Django's.
    """
    database: Any = connections[DEFAULT_DB_ALIAS]
    if database.in_atomic_block:
        yield None
    elif database.pool is None:
        database.ensure_connection()
        yield database.connection
    else:
        connection = database.pool.getconn()
        try:
            yield connection
        finally:
            database.pool.putconn(connection)


def columns(model: type[models.Model], alias: str) -> str:
    """The model's columns for the list of a statement, in the order that `instances` takes."""
    return ", ".join(f'{alias}."{field.column}"' for field in _plain_fields(model))


def instances(values: Sequence[Any], *made_of: type[models.Model]) -> list[Any]:
    """Rows of the models, one after the other in `values`, as Django would have read them.

    Fields whose values need converting are deferred.
    """
    found, at = [], 0
    for model in made_of:
        names = [field.attname for field in _plain_fields(model)]
        found.append(model.from_db("default", names, values[at : at + len(names)]))
        at += len(names)
    return found


@cache
def _plain_fields(model: type[models.Model]) -> list[Any]:
    fields = model._meta.concrete_fields
    return [field for field in fields if not field.get_db_converters(connection)]
