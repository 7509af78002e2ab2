"""What the fixtures in tests/conftest.py promise to every other test."""

import os
import subprocess
import sys
import urllib.request
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import IntegrityError, ProgrammingError, connection, connections


def current_role(alias):
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT current_user")
        return cursor.fetchone()[0]


def test_the_application_role_connects_and_has_no_ddl(db):
    assert current_role("default") == "jiebang_app"
    with pytest.raises(ProgrammingError, match="permission denied"):
        connection.cursor().execute("CREATE TABLE mine ()")


def test_the_application_role_makes_no_temporary_tables(db):
    with pytest.raises(ProgrammingError, match="permission denied"):
        connection.cursor().execute("CREATE TEMPORARY TABLE mine ()")


def test_chinese_has_trigrams(committing_db):
    with connections["owner"].cursor() as cursor:
        cursor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
        cursor.execute("SELECT cardinality(show_trgm('上海建工'))")
        assert cursor.fetchone() == (5,)


def test_the_clock_freezes_moves_and_runs(db, clock):
    at = datetime(2026, 3, 1, 9, tzinfo=UTC)
    clock.freeze(at)
    assert clock.now() == at
    clock.move(timedelta(hours=2))
    assert clock.now() == at + timedelta(hours=2)
    clock.run()
    assert clock.now() - datetime.now(UTC) < timedelta(minutes=1)


def test_the_clock_was_rolled_back(db, clock):
    assert abs(clock.now() - datetime.now(UTC)) < timedelta(minutes=1)


@pytest.mark.parametrize("attempt", [1, 2])
def test_committing_tests_see_nothing_of_one_another(committing_db, attempt):
    assert not ContentType.objects.filter(app_label="made_here").exists()
    ContentType.objects.create(app_label="made_here", model="thing")
    assert connections["owner"].settings_dict["NAME"] == committing_db.name
    assert current_role("owner") == "jiebang_owner"


def test_two_at_once_meet_in_the_database(two_at_once):
    def create():
        return ContentType.objects.create(app_label="made_here", model="thing").model

    kinds = sorted(str(type(result).__name__) for result in two_at_once(create, create))
    assert kinds == [IntegrityError.__name__, str.__name__]
    assert ContentType.objects.filter(app_label="made_here").count() == 1


def test_another_process_finds_the_same_database(committing_db):
    ContentType.objects.create(app_label="made_here", model="thing")
    program = (
        "import django; django.setup()\n"
        "from django.contrib.contenttypes.models import ContentType\n"
        "print(ContentType.objects.filter(app_label='made_here').count())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=os.environ
    )
    assert done.stdout.strip() == "1"


def test_queries_are_counted(db, count_queries, assert_max_queries):
    with count_queries() as queries:
        ContentType.objects.count()
    assert len(queries) == 1
    too_many = pytest.raises(pytest.fail.Exception, match="1 queries, at most 0 expected")
    with too_many, assert_max_queries(0):
        ContentType.objects.count()


def test_the_site_answers(site):
    with urllib.request.urlopen(f"{site}/static/jiebang/theme.css") as answer:
        assert answer.status == 200


def test_a_worker_runs_what_is_sent(worker):
    assert worker.poll() is None
