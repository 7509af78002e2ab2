import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from django.db import connections

from config.runtime.postgres import APP, DATABASE, OWNER, Postgres, drop_database
from config.runtime.servers import make_folder
from config.runtime.state import State
from config.runtime.supervise import Supervisor
from tests import servers_plugin
from tests.faults.service import Service, ticking


@pytest.fixture
def folder():
    """A folder that PostgreSQL's account can reach, unlike pytest's own."""
    made = Path(tempfile.mkdtemp(prefix="jiebang-faults-"))
    made.chmod(0o711)
    yield made
    shutil.rmtree(made)


@pytest.fixture
def service(committing_db, folder, settings):
    """The programs of an installation on `committing_db`; the test starts those it needs."""
    made = Service(folder)
    # What the test itself seals lies where the programs look for it.
    settings.STORAGE_ROOT = folder / "storage"
    yield made
    made.stop()


def fill(postgres):
    """With the tables and rows of the run's template, which nobody else may enter meanwhile."""
    run, name = servers_plugin.run, f"test_{servers_plugin.worker_id()}_dumped"
    run.clone(name)
    psql = [postgres.binaries / "psql", "-q", "-v", "ON_ERROR_STOP=1", postgres.url(OWNER)]
    dump = [postgres.binaries / "pg_dump", f"{run.owner_url}{name}"]
    with subprocess.Popen(dump, stdout=subprocess.PIPE) as dumping:
        subprocess.run(psql, stdin=dumping.stdout, stdout=subprocess.DEVNULL, check=True)
    assert dumping.returncode == 0
    drop_database(f"{run.owner_url}postgres", name)


@pytest.fixture
def own_postgres(folder, settings, monkeypatch, django_db_blocker):
    """A PostgreSQL that may be killed, under the demo's supervisor, with durable commits.

    It holds what every test's database holds, the clock that moves included. Yields (supervisor,
    its child, Postgres); Django of this process and of every program that the test starts talks
    to it.
    """
    make_folder(folder)
    postgres = Postgres(folder, State(folder), log=folder / "postgres.log")
    postgres.create_cluster()
    supervisor = Supervisor(lambda line: None)
    child = postgres.child()
    supervisor.start(child)
    try:
        ticking(supervisor, postgres.answers, "PostgreSQL")
        postgres.create_database()
        monkeypatch.setenv("DATABASE_URL", postgres.url(APP))
        monkeypatch.setenv("DATABASE_OWNER_URL", postgres.url(OWNER))
        fill(postgres)
        with django_db_blocker.unblock():
            connections.close_all()
            for alias, role in (("default", APP), ("owner", OWNER)):
                given = connections.settings[alias]
                monkeypatch.setitem(given, "NAME", DATABASE)
                monkeypatch.setitem(given, "PORT", str(postgres.port))
                monkeypatch.setitem(given, "PASSWORD", postgres.passwords[role])
            yield supervisor, child, postgres
            connections.close_all()
    finally:
        supervisor.stop()
