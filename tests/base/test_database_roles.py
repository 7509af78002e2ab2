"""What the application's role may not do, asked of PostgreSQL itself."""

import os
import subprocess
import sys

import pytest
from celery.signals import worker_init
from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.db import ProgrammingError, connection, connections, transaction
from django.db.utils import InternalError

from marketplace.base import clock
from marketplace.base.actor import SYSTEM
from marketplace.ledger import actions as ledger
from tests import world

in_rollback = pytest.mark.django_db
HISTORY = [model for model in apps.get_models() if getattr(model, "append_only", False)]


def refused(statement: str, using: str = "default") -> str:
    with (
        pytest.raises((ProgrammingError, InternalError)) as error,
        transaction.atomic(using=using),
        connections[using].cursor() as cursor,
    ):
        cursor.execute(statement)
    return str(error.value)


def test_history_is_known():
    names = {model.__name__ for model in HISTORY}
    assert {"Event", "Receipt", "BidVersion", "SealedEnvelope", "Publication", "Report"} <= names


@in_rollback
@pytest.mark.parametrize("model", HISTORY, ids=lambda model: model.__name__)
@pytest.mark.parametrize(
    "deed", ["UPDATE {} SET {key} = {key}", "DELETE FROM {}", "TRUNCATE {} CASCADE"]
)
def test_history_is_not_rewritten(model, deed):
    key = model._meta.pk.column
    assert "permission denied" in refused(deed.format(model._meta.db_table, key=key))


@in_rollback
@pytest.mark.parametrize(
    "deed",
    [
        "ALTER TABLE marketplace_event DISABLE TRIGGER ALL",
        "DROP TABLE marketplace_event",
        "ALTER TABLE marketplace_bid ADD COLUMN x int",
    ],
)
def test_tables_belong_to_the_owner(deed):
    assert "must be owner" in refused(deed)


@in_rollback
def test_the_clock_belongs_to_the_owner():
    body = "CREATE OR REPLACE FUNCTION marketplace_now() RETURNS timestamptz"
    assert refused(f"{body} LANGUAGE sql AS 'SELECT now()'")


@in_rollback
def test_nothing_new_is_created():
    assert "permission denied" in refused("CREATE TABLE mine (id int)")


def test_the_owner_is_held_by_triggers_too(committing_db):
    with transaction.atomic():
        ledger.append("test.done", actor=SYSTEM, subjects=[])
    for deed in ("UPDATE marketplace_event SET kind = 'x'", "DELETE FROM marketplace_event"):
        assert "is_append_only" in refused(deed, using="owner")
    assert "not truncated" in refused("TRUNCATE marketplace_event CASCADE", using="owner")


@in_rollback
def test_published_texts_and_deadlines_are_frozen():
    scenario = world.published_scenario()
    pk = scenario.pk
    earlier = f"UPDATE marketplace_scenario SET deadline_at = now() WHERE id = {pk}"
    assert "deadline_never_earlier" in refused(earlier)
    assert "frozen" in refused(f"UPDATE marketplace_metric SET value = 1 WHERE scenario_id = {pk}")
    assert "frozen" in refused(f"DELETE FROM marketplace_criterion WHERE scenario_id = {pk}")
    assert "not_deleted" in refused(f"DELETE FROM marketplace_scenario WHERE id = {pk}")


@in_rollback
def test_the_shipped_clock_is_required(settings):
    """The test database has another body, which start-up in production refuses."""
    settings.CLOCK_MAY_BE_REPLACED = False
    with pytest.raises(ImproperlyConfigured):
        clock.verify_clock()
    with pytest.raises(ImproperlyConfigured):
        clock.verify_clock_at_start()
    settings.CLOCK_MAY_BE_REPLACED = True
    clock.verify_clock()


@in_rollback
def test_trigram_search_knows_chinese():
    with connection.cursor() as cursor:
        cursor.execute("SELECT show_trgm('上海建工') <> '{}'")
        assert cursor.fetchone() == (True,)


def test_web_does_not_start_with_another_clock(committing_db):
    done = subprocess.run(
        [sys.executable, "-c", "import config.wsgi"],
        env=os.environ | {"CLOCK_MAY_BE_REPLACED": "0"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "is not the shipped clock" in done.stderr


def test_a_worker_does_not_start_with_another_clock(committing_db, settings):
    settings.CLOCK_MAY_BE_REPLACED = False
    with pytest.raises(SystemExit, match="not the shipped clock"):
        worker_init.send(None)
