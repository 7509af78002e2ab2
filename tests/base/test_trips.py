"""Statements in one trip: what is begun and committed with them, and what happens when one fails."""

import threading

import psycopg
import pytest
from django.db import (
    DataError,
    IntegrityError,
    OperationalError,
    ProgrammingError,
    connection,
    transaction,
)

from marketplace.base.backend.base import still_there
from marketplace.base.models import IdempotencyKey
from marketplace.base.prepared import fetch_all, fetch_one
from marketplace.base.trips import Statement

CLAIM = """
INSERT INTO marketplace_idempotencykey (owner, route, key, body_hash)
VALUES (%(owner)s::text, 'r', 'k', '') RETURNING owner
"""
LOOK = "SELECT %(one)s::int, %(other)s::text, %(one)s::int %% 2, %(gone)s::uuid"


def status() -> str:
    return connection.connection.info.transaction_status.name


def keys() -> list[str]:
    return list(IdempotencyKey.objects.values_list("owner", flat=True))


def test_names_become_numbers():
    made = Statement(LOOK)
    assert made.query == b"SELECT $1::int, $2::text, $1::int % 2, $3::uuid"
    assert made.names == ["one", "other", "gone"]


@pytest.mark.django_db
def test_values_go_there_and_come_back(assert_max_queries):
    with assert_max_queries(1):
        assert fetch_one(LOOK, {"one": 3, "other": "a 'b' \\ 揭", "gone": None}) == (
            *(3, "a 'b' \\ 揭", 1, None),
        )
    assert fetch_all("SELECT 1 WHERE %(no)s::bool", {"no": False}) == []


def test_a_transaction_begins_with_its_first_statement_and_ends_with_its_last(committing_db):
    with transaction.atomic():
        connection.ensure_connection()
        assert status() == "IDLE"
        fetch_one("SELECT 1", {})
        assert status() == "INTRANS"
        assert fetch_one(CLAIM, {"owner": "a"}, ends=True) == ("a",)
        assert status() == "IDLE"
    assert keys() == ["a"]


def test_what_waits_for_the_commit_runs_after_it(committing_db):
    ran = []
    with transaction.atomic():
        transaction.on_commit(lambda: ran.append(status()))
        fetch_one(CLAIM, {"owner": "a"}, ends=True)
        assert ran == []
    assert ran == ["IDLE"]


def test_nobody_ends_the_transaction_of_another(committing_db):
    with pytest.raises(RuntimeError), transaction.atomic():
        with transaction.atomic():
            fetch_one(CLAIM, {"owner": "a"}, ends=True)
        assert status() == "INTRANS"
        raise RuntimeError
    assert keys() == []


def test_a_statement_that_fails_is_not_committed_and_harms_no_later_one(committing_db):
    fetch_one(CLAIM, {"owner": "a"})
    with pytest.raises(IntegrityError), transaction.atomic():
        fetch_one(CLAIM.replace("'k'", "'other'"), {"owner": "b"})
        fetch_one(CLAIM, {"owner": "a"}, ends=True)
    assert (keys(), status()) == (["a"], "IDLE")
    with pytest.raises(ProgrammingError):
        fetch_one("SELECT nonsense", {})
    for number, result in ((0, None), (2, (1,))):  # the first time it is parsed, and fails
        if result is None:
            with pytest.raises(DataError):
                fetch_one("SELECT 2 / %(by)s::int", {"by": number})
        else:
            assert fetch_one("SELECT 2 / %(by)s::int", {"by": number}) == result
    assert fetch_one(CLAIM, {"owner": "c"}) == ("c",)


DEFERRED = """
INSERT INTO marketplace_bid
    (uid, scenario_id, organisation_id, state, versions_count, blind_code, void_reason,
     last_receipt_sha256)
VALUES (gen_random_uuid(), 0, 0, 'submitted', 0, '', '', '') RETURNING id
"""


def test_what_the_commit_refuses_is_refused(committing_db):
    """No such demand, which the server says at the end of the transaction only."""
    with pytest.raises(IntegrityError), transaction.atomic():
        fetch_one(DEFERRED, {}, ends=True)
    assert fetch_one("SELECT count(*) FROM marketplace_bid", {}) == (0,)


def test_the_server_parses_once_and_a_rollback_changes_nothing_about_it(committing_db):
    for _ in range(3):
        with pytest.raises(RuntimeError), transaction.atomic():
            fetch_one(LOOK, {"one": 1, "other": "", "gone": None})
            raise RuntimeError
    (count,) = fetch_one(
        "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE 'SELECT $1%%'", {}
    )
    assert count == 1
    # And where somebody made it forget, the next but one finds its way back.
    with connection.cursor() as cursor:
        cursor.execute("DEALLOCATE ALL")
    with pytest.raises(ProgrammingError):
        fetch_one(LOOK, {"one": 1, "other": "", "gone": None})
    assert fetch_one(LOOK, {"one": 1, "other": "", "gone": None})


def kill(pid: int, url: str) -> None:
    with psycopg.connect(url, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])


def test_a_lost_connection_is_an_interruption_and_is_seen_without_asking(committing_db):
    connection.ensure_connection()
    bare = connection.connection
    still_there(bare)
    still_there(bare)
    kill(bare.info.backend_pid, committing_db.owner_url)
    with pytest.raises(psycopg.OperationalError):
        still_there(bare)
    connection.close()
    connection.ensure_connection()
    kill(connection.connection.info.backend_pid, committing_db.owner_url)
    with pytest.raises(OperationalError):
        fetch_one("SELECT 1", {})
    assert connection.connection.closed
    connection.close()
    assert fetch_one("SELECT 1", {}) == (1,)


@pytest.mark.django_db
def test_other_threads_go_on_while_one_waits():
    ticks, done = [], threading.Event()

    def tick() -> None:
        while not done.wait(0.01):
            ticks.append(1)

    thread = threading.Thread(target=tick)
    thread.start()
    fetch_one("SELECT pg_sleep(0.5)", {})
    done.set()
    thread.join()
    assert len(ticks) > 10
