"""Keeps a row of children running until told to stop, then stops them in the opposite order."""

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType

from config.runtime.process import ROOT, CannotStart, Child, tied_to_us

TICK_SECONDS = 0.1
# PostgreSQL and Valkey come back at once; a child that keeps dying waits longer each time.
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, SETTLED_SECONDS = 0.2, 30.0, 30.0


class Stopped(Exception):
    """Somebody asked us to stop."""


@dataclass
class Watched:
    child: Child
    started_at: float
    pause_seconds: float = FIRST_PAUSE_SECONDS
    restart_at: float | None = None


class Supervisor:
    """Single-threaded: everything long calls `tick`, which looks after the children."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.say = say
        self.watched: list[Watched] = []
        self.asked_to_stop = False
        self.on_terminal = os.isatty(1)

    def listen(self) -> None:
        """Ctrl-C, `kill`, and a terminal that goes away all mean: stop in order."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            # `nohup` means it: a signal that is ignored stays so.
            if signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, self._note)

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        # Only a note: an exception here could lose a child that is just being started.
        self.asked_to_stop = True

    def start(self, child: Child) -> None:
        child.start()
        self.watch(child)

    def watch(self, child: Child) -> None:
        """Look after a child that runs already."""
        self.watched.append(Watched(child, time.monotonic()))

    def tick(self) -> None:
        """Start again what died. Raises Stopped when asked to stop."""
        # A terminal that goes away tells its session's leader alone, which may be `make`.
        if self.asked_to_stop or (self.on_terminal and not os.isatty(1)):
            raise Stopped
        now = time.monotonic()
        for one in self.watched:
            child = one.child
            if child.alive:
                continue
            if one.restart_at is None:
                child.sweep_group()
                if now - one.started_at > SETTLED_SECONDS:
                    one.pause_seconds = FIRST_PAUSE_SECONDS
                one.restart_at = now + one.pause_seconds
                code = child.process.returncode if child.process else None
                self.say(
                    f"{child.name} ended ({ending(code)}): starting it again in "
                    f"{one.pause_seconds:.1f} s, see {child.log}"
                )
                one.pause_seconds = min(one.pause_seconds * 2, LONGEST_PAUSE_SECONDS)
            elif now >= one.restart_at:
                child.start()
                one.started_at, one.restart_at = now, None

    def forever(self) -> None:
        while True:
            self.tick()
            time.sleep(TICK_SECONDS)

    def run(self, what: str, argv: list[str], env: dict[str, str]) -> None:
        """Run a command to its end, showing its lines. Raises CannotStart when it fails."""
        process = subprocess.Popen(
            argv,
            env=env,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
            preexec_fn=tied_to_us(signal.SIGTERM),
        )
        output = process.stdout
        assert output is not None

        def show() -> None:
            with output:
                for line in output:
                    self.say(f"  {line.rstrip()}")

        reader = threading.Thread(target=show, daemon=True)
        reader.start()
        try:
            while process.poll() is None:
                self.tick()
                time.sleep(TICK_SECONDS / 2)
        finally:
            if process.poll() is None:
                process.terminate()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(5)
                process.kill()
                process.wait()
            reader.join(5)
        if process.returncode != 0:
            raise CannotStart(f"{what} failed ({ending(process.returncode)}): see the lines above.")

    def stop(self) -> None:
        """Programs first and all at once, then the servers under them, the last started first."""
        self.asked_to_stop = True
        programs = [one.child for one in reversed(self.watched) if not one.child.is_server]
        servers = [one.child for one in reversed(self.watched) if one.child.is_server]
        for group in (programs, servers):
            asked_at = time.monotonic()
            for child in group:
                child.ask_to_stop()
            for child in group:
                # All were asked at the same moment: several that hang are waited for once.
                waited = time.monotonic() - asked_at
                child.wait_stopped(max(0.1, child.patience_seconds - waited))
        self.watched.clear()


def ending(code: int | None) -> str:
    if code is not None and code < 0:
        return f"killed by {signal.Signals(-code).name}"
    return f"exit code {code}"
