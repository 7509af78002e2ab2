"""What a data folder remembers, and the ground that both embedded servers stand on."""

import json
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from config.runtime.process import CannotStart

LEAVE_SECONDS = 30
# Without a UTF-8 locale pg_trgm sees no letters in Chinese and finds nothing, silently.
LOCALE = "C.UTF-8"
PLAIN_ENV = {"PATH": "/usr/bin:/bin", "LANG": LOCALE, "LC_ALL": LOCALE, "TZ": "UTC"}


def free_port(preferred: int = 0) -> int:
    """A free loopback port: the preferred one when nobody listens there."""
    for port in (preferred, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise CannotStart("No port is free on 127.0.0.1: close some programs and start again.")


class State:
    """The small facts of a data folder, in a file that only its owner reads."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "state.json"
        self.values: dict = json.loads(self.path.read_text()) if self.path.exists() else {}

    def get(self, key: str, make: Callable[[], Any]) -> Any:
        if key not in self.values:
            self.put(**{key: make()})
        return self.values[key]

    def put(self, **values: object) -> None:
        self.values.update(values)
        draft = self.path.with_suffix(".new")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(self.values, file, indent=1)
        draft.replace(self.path)


def await_previous(pid_file: Path, folder: Path) -> None:
    """Wait for a server of a killed supervisor to leave its folder; forget one that is gone.

    Both servers work in their data folder and note their number there. After a crash of the
    machine that number may belong to any process, for whose sake PostgreSQL would not start.
    """
    try:
        pid = int(pid_file.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return
    deadline = time.monotonic() + LEAVE_SECONDS
    while _works_in(pid, folder):
        if time.monotonic() > deadline:
            raise CannotStart(
                f"Process {pid} of an earlier start still uses {folder}: end it and start again."
            )
        time.sleep(0.1)
    pid_file.unlink(missing_ok=True)


def _works_in(pid: int, folder: Path) -> bool:
    try:
        return Path(f"/proc/{pid}/cwd").readlink() == folder
    except OSError:
        return False
