"""Statements that the server parses and plans once per connection, not once per call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
from django.db import connection, models

Row = tuple[Any, ...]


def fetch_all(statement: str, given: Mapping[str, Any]) -> list[Row]:
    """Run a constant statement with server-side parameters in the current transaction.

    For the few whose planning costs more than their work; Django itself merges parameters into
    the text. Give every parameter a cast, since its type is settled at the first call. Raises
    Django's database errors.
    """
    with connection.wrap_database_errors:
        connection.ensure_connection()
        bare: Any = psycopg.Cursor(connection.connection)
    # Counted and timed like every other query; psycopg prepares what comes back often.
    make = connection.make_debug_cursor if connection.queries_logged else connection.make_cursor
    with make(bare) as cursor:
        cursor.execute(statement, given)
        return list(cursor.fetchall())


def fetch_one(statement: str, given: Mapping[str, Any]) -> Row | None:
    """The first row of `fetch_all`, or None."""
    return next(iter(fetch_all(statement, given)), None)


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


def _plain_fields(model: type[models.Model]) -> list[Any]:
    fields = model._meta.concrete_fields
    return [field for field in fields if not field.get_db_converters(connection)]
