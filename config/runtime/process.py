"""One process that we start, watch and stop, and that never outlives us."""

import contextlib
import ctypes
import os
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from pwd import struct_passwd

ROOT = Path(__file__).resolve().parents[2]
PR_SET_PDEATHSIG = 1
LOG_BYTES = 10 * 1024 * 1024
_libc = ctypes.CDLL(None, use_errno=True)


class CannotStart(Exception):
    """The site cannot come up. The text is one sentence that tells the reader what to do."""


def tied_to_us(death_signal: int) -> Callable[[], None]:
    """For `preexec_fn`: the kernel sends the new process this signal when we are gone."""
    parent = os.getpid()

    def before_exec() -> None:
        # Runs after the change of user, which would clear the setting.
        _libc.prctl(PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return before_exec


@dataclass
class Child:
    """A direct child in a session of its own.

    Ctrl-C at the terminal therefore reaches only the supervisor, which stops its children in
    order; when the supervisor is killed, the kernel sends each child its `death_signal`.
    """

    name: str
    argv: list[str]
    env: dict[str, str]
    log: Path
    cwd: Path = ROOT
    account: struct_passwd | None = None
    stop_signal: int = signal.SIGTERM
    death_signal: int = signal.SIGTERM
    patience_seconds: float = 10
    # Servers are stopped after the programs that talk to them.
    is_server: bool = False
    process: subprocess.Popen | None = field(default=None, repr=False)

    def start(self) -> None:
        """Call from the main thread only: the kernel ties a child to the thread that made it."""
        if self.log.exists() and self.log.stat().st_size > LOG_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.argv,
                env=self.env,
                cwd="/" if self.account else self.cwd,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=tied_to_us(self.death_signal),
                **as_account(self.account),
            )

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def ask_to_stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(self.stop_signal)

    def wait_stopped(self, patience_seconds: float | None = None) -> None:
        if self.process is None:
            return
        try:
            self.process.wait(
                self.patience_seconds if patience_seconds is None else patience_seconds
            )
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.sweep_group()

    def stop(self) -> None:
        self.ask_to_stop()
        self.wait_stopped()

    def sweep_group(self) -> None:
        """Kill what a dead child left in its session, such as a web server's own workers."""
        if self.process is not None and self.process.poll() is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)

    def last_words(self, lines: int = 5) -> str:
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


def as_account(account: struct_passwd | None) -> dict:
    """Popen's arguments for running as another account; none for our own."""
    if account is None:
        return {}
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def die_with_make() -> None:
    """Stop as well when the `make` that started us is killed outright."""
    try:
        parent = Path("/proc", str(os.getppid()), "comm").read_text().strip()
    except OSError:
        return
    if parent in {"make", "gmake"}:
        _libc.prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
