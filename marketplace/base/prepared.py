"""Statements that the server parses and plans once per connection, not once per call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import psycopg
from django.db import connection


def fetch_one(statement: str, given: Mapping[str, Any]) -> tuple[Any, ...] | None:
    """Run a constant statement with server-side parameters in the current transaction.

    For the few whose planning costs more than their work; Django itself merges parameters into
    the text. Give every parameter a cast, since its type is settled at the first call. Raises
    Django's database errors.
    """
    with connection.wrap_database_errors:
        connection.ensure_connection()
        with psycopg.Cursor(connection.connection) as cursor:
            return cursor.execute(statement, given, prepare=True).fetchone()
