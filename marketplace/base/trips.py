"""Statements of a constant text, each in one trip to the server together with what surrounds it.

Under Django a transaction of two statements is four trips: BEGIN, the two, COMMIT. Here BEGIN goes
with the first statement that runs in a transaction, and COMMIT with the one that is said to be the
last. This is libpq's pipeline mode; psycopg's own layer over it costs more time than it spares.
"""

from __future__ import annotations

import hashlib
import re
import select
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, cast
from weakref import WeakKeyDictionary

import psycopg
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, DiagnosticField, ExecStatus, TransactionStatus
from psycopg.pq.abc import PGconn, PGresult

Row = tuple[Any, ...]
Connection = psycopg.Connection[Any]
NAMED = re.compile(r"%\((\w+)\)s|%(%)")
INVALID_STATEMENT_NAME = b"26000"
SYNC = ExecStatus.PIPELINE_SYNC
FAILED = {ExecStatus.FATAL_ERROR, ExecStatus.PIPELINE_ABORTED, ExecStatus.BAD_RESPONSE}
BEGIN, COMMIT = b"BEGIN", b"COMMIT"


class Statement:
    """A text with `%(name)s` as the server takes it, and the names in the order of `$1, $2, …`."""

    def __init__(self, text: str) -> None:
        self.names: list[str] = []
        self.query = NAMED.sub(self._numbered, text).encode()
        self.label = b"jb_" + hashlib.sha256(self.query).hexdigest()[:24].encode()
        self.formats = [PyFormat.TEXT] * len(self.names)

    def _numbered(self, found: re.Match[str]) -> str:
        if found[2]:
            return "%"
        if found[1] not in self.names:
            self.names.append(found[1])
        return f"${self.names.index(found[1]) + 1}"


made = cache(Statement)
# What each connection's server has parsed, and the ways of its values to and from Python.
_parsed: WeakKeyDictionary[Connection, set[Statement]] = WeakKeyDictionary()
_ways: WeakKeyDictionary[Connection, dict[Statement, Any]] = WeakKeyDictionary()


class Trip:
    """Stands where Django's cursors wrap one of psycopg's; `ends` commits with its statement.

    Raises psycopg's errors. A statement that fails leaves the transaction to be rolled back, and
    the COMMIT that came with it undone.
    """

    def __init__(self, connection: Connection, *, ends: bool = False) -> None:
        self.connection, self.ends = connection, ends
        self.rows: list[Row] = []
        # By this name Django's log of queries finds the text that was sent.
        self._query: Statement | None = None

    def execute(self, text: str, given: Mapping[str, Any]) -> None:
        self._query = statement = made(text)
        known = _ways.setdefault(self.connection, {})
        ways = known.get(statement)
        if ways is None:
            ways = known[statement] = Transformer.from_context(self.connection)
        values = ways.dump_sequence([given[name] for name in statement.names], statement.formats)
        result = exchange(
            self.connection,
            statement,
            values,
            begins=not self.connection.autocommit,
            ends=self.ends,
        )
        ways.set_pgresult(result)
        self.rows = cast("list[Row]", ways.load_rows(0, result.ntuples, tuple))

    def fetchall(self) -> list[Row]:
        return self.rows

    def close(self) -> None:
        pass


def exchange(
    connection: Connection,
    statement: Statement,
    values: Sequence[Any],
    *,
    begins: bool,
    ends: bool,
) -> PGresult:
    """Send a statement and wait for its result. Raises psycopg's errors.

    values: as the wire has them, in the order of the statement's names. begins: within a transaction, which
    is begun where there is none yet. ends: committed with it.
    """
    pg = connection.pgconn
    parsed = _parsed.setdefault(connection, set())
    known = statement in parsed
    begins = begins and pg.transaction_status == TransactionStatus.IDLE
    try:
        pg.enter_pipeline_mode()
        if begins:
            pg.send_query_params(BEGIN, None)
        if not known:
            pg.send_prepare(statement.label, statement.query)
        pg.send_query_prepared(statement.label, values)
        if ends:
            pg.send_query_params(COMMIT, None)
        pg.pipeline_sync()
        results = answers(pg)
        pg.exit_pipeline_mode()
    except BaseException:
        # Nobody knows what is still under way: this connection is of no use any more.
        connection.close()
        raise
    if not known and results[int(begins)].status == ExecStatus.COMMAND_OK:
        parsed.add(statement)  # and stays so, even if what follows fails
    for result in results:
        if result.status in FAILED:
            if result.error_field(DiagnosticField.SQLSTATE) == INVALID_STATEMENT_NAME:
                parsed.discard(statement)
            raise error_from_result(result, encoding=connection.info.encoding)
    return results[-2 if ends else -1]


def answers(pg: PGconn) -> list[PGresult]:
    """One result per command sent, up to the sync. Waits without holding up other threads."""
    wire = select.poll()
    wire.register(pg.socket, select.POLLIN)
    if pg.flush():
        wire.modify(pg.socket, select.POLLIN | select.POLLOUT)
        while pg.flush():
            wire.poll()
            pg.consume_input()
        wire.modify(pg.socket, select.POLLIN)
    found: list[PGresult] = []
    while True:
        while pg.is_busy():
            wire.poll()
            pg.consume_input()
        result = pg.get_result()
        if result is None:  # between two commands
            if pg.status != ConnStatus.OK:
                raise psycopg.OperationalError("the connection is lost")
            continue
        if result.status == SYNC:
            return found
        found.append(result)
