"""A fresh installation for one measurement: servers, keys, a migrated database, the site."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from config.runtime.environment import environment, opener_identity_file
from config.runtime.postgres import APP, DATABASE, OWNER, clone_database
from config.runtime.process import ROOT
from config.runtime.servers import Servers

# As docs/operations.md has it.
WORKERS, THREADS = 2, 4


@dataclass(frozen=True)
class Installation:
    folder: Path
    servers: Servers
    env: dict[str, str]
    port: int

    @property
    def binaries(self) -> Path:
        """Where pgbench and psql are."""
        return self.servers.postgres.binaries

    def url(self, role: str, database: str = DATABASE) -> str:
        return self.servers.postgres.url(role, database)

    def copy_of_database(self, name: str) -> str:
        """Another database with the same migrations, while nobody is connected to the first."""
        clone_database(self.url(OWNER, "postgres"), DATABASE, name)
        return name

    def run(self, *command: str) -> None:
        subprocess.run(command, cwd=ROOT, env=self.env, check=True)


@contextmanager
def installation(*, throwaway: bool = False, **settings: str) -> Iterator[Installation]:
    """Servers that keep what they are told (fsync on), unless they are throwaway, for readers.

    settings: environment variables of the site, over those of a demo.
    """
    folder = Path(tempfile.mkdtemp(prefix="jiebang-bench-"))
    servers = Servers(folder, throwaway=throwaway)
    try:
        servers.start()
        port = free_port()
        env = os.environ | environment(
            folder,
            database_url=servers.postgres.url(APP),
            owner_url=servers.postgres.url(OWNER),
            redis_url=servers.valkey.url(),
            port=port,
        )
        env["OPENER_IDENTITY_FILE"] = str(opener_identity_file(folder))
        env |= settings
        made = Installation(folder, servers, env, port)
        manage = (sys.executable, str(ROOT / "manage.py"))
        made.run(*manage, "migrate", "--database", "owner", "--verbosity", "0")
        made.run(*manage, "load_reference")
        yield made
    finally:
        servers.stop()
        for place in {folder, servers.postgres.home}:
            shutil.rmtree(place, ignore_errors=True)


def setup_django(made: Installation) -> None:
    os.environ.update(made.env)
    import django  # the settings read the environment when they are loaded

    django.setup()


@contextmanager
def web(made: Installation, **settings: str) -> Iterator[str]:
    """The site on a port of its own, as production serves it. Yields its address."""
    command = [
        *(sys.executable, "-m", "granian", "--interface", "wsgi", "--no-ws"),
        *("--host", "127.0.0.1", "--port", str(made.port)),
        *("--workers", str(WORKERS), "--blocking-threads", str(THREADS)),
        *("--log-level", "warning", "config.wsgi:application"),
    ]
    env = made.env | {"LOG_LEVEL": "WARNING", "DATABASE_POOL": "1"} | settings
    with subprocess.Popen(command, cwd=ROOT, env=env) as process:
        address = f"http://127.0.0.1:{made.port}"
        try:
            wait_for(f"{address}/health/live")
            yield address
        finally:
            process.terminate()


def wait_for(address: str, *, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with suppress(OSError):
            urllib.request.urlopen(address, timeout=5).close()
            return
        time.sleep(0.2)
    raise TimeoutError(address)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
