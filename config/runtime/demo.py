"""`make demo`: servers, database, demo content, and the site under one supervisor.

From outside come PORT, DATABASE_URL with DATABASE_OWNER_URL, REDIS_URL, and DATA_FOLDER, where the
data goes instead of var/demo.
"""

import contextlib
import errno
import fcntl
import hashlib
import os
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import redis

from config.runtime.environment import (
    environment,
    evaluation_identity_file,
    opener_identity_file,
)
from config.runtime.postgres import APP, OWNER, Postgres
from config.runtime.process import ROOT, CannotStart, Child, die_with_make
from config.runtime.servers import Valkey, make_folder, wait_until
from config.runtime.state import State
from config.runtime.supervise import Stopped, Supervisor

FOLDER = Path(os.environ.get("DATA_FOLDER") or ROOT / "var" / "demo").resolve()
PYTHON = sys.executable
MANAGE = [PYTHON, str(ROOT / "manage.py")]
BEGAN = time.monotonic()


def say(line: str) -> None:
    # The terminal may be gone; that must not keep us from stopping the rest.
    with contextlib.suppress(OSError):
        print(f"{time.monotonic() - BEGAN:6.1f} s  {line}", flush=True)


def main() -> int:
    die_with_make()
    supervisor = Supervisor(say)
    supervisor.listen()
    try:
        with only_one():
            try:
                demo = Demo(supervisor, wanted_port())
                demo.start()
                supervisor.forever()
            except Stopped:
                say("Stopping …")
            finally:
                supervisor.stop()
    except CannotStart as refusal:
        print(f"\n{refusal}", file=sys.stderr)
        return 1
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            sentence = f"There is no room on the disk of {FOLDER}: free some and start again."
        else:
            sentence = f"The demo cannot use its data ({error}): put that right and start again."
        print(f"\n{sentence}", file=sys.stderr)
        return 1
    say("Stopped. Nothing is left running; `make demo` goes on with the same data.")
    return 0


# -- Before anything is started ----------------------------------------------------------------
@contextmanager
def only_one() -> Iterator[None]:
    """Hold the lock of this checkout's data folder. `make reset` finds our number in it."""
    make_folder(FOLDER)
    with os.fdopen(os.open(FOLDER / "lock", os.O_RDWR | os.O_CREAT, 0o600), "r+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            pid, _, port = lock.read().partition(" ")
            raise CannotStart(
                f"The demo of this checkout is running already at http://localhost:{port} "
                f"(process {pid}): open that, or stop it with Ctrl-C first."
            ) from None
        lock.truncate()
        lock.write(f"{os.getpid()} {os.environ.get('PORT') or 8000}")
        lock.flush()
        yield


def wanted_port() -> int:
    text = os.environ.get("PORT") or "8000"
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
        raise CannotStart(f"PORT={text} is no port: give a number such as `make demo PORT=8001`.")
    port = int(text)
    for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        try:
            with socket.socket(family) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((host, port))
                probe.listen()
        except PermissionError:
            raise CannotStart(
                f"Port {port} is reserved for root: use another with `make demo PORT=8000`."
            ) from None
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                other = port + 1 if port < 65535 else port - 1
                raise CannotStart(
                    f"Port {port} is busy: stop what uses it, or run `make demo PORT={other}`."
                ) from None
    return port


def check_database(name: str, url: str) -> str:
    """The role of a given database that answers and can hold Chinese text."""
    try:
        with psycopg.connect(url, connect_timeout=5) as connection:
            row = connection.execute(
                "SELECT current_user, pg_encoding_to_char(encoding), datctype "
                "FROM pg_database WHERE datname = current_database()"
            ).fetchone()
    except psycopg.Error as error:
        reason = str(error).strip().splitlines()[-1]
        raise CannotStart(
            f"The PostgreSQL of {name} does not let us in ({reason}): correct {name}, or unset "
            "DATABASE_URL to use the embedded one."
        ) from None
    assert row is not None
    role, encoding, ctype = row
    if encoding != "UTF8" or ctype in {"C", "POSIX"}:
        raise CannotStart(
            f"The database of {name} has encoding {encoding} and locale {ctype}, in which Chinese "
            "cannot be searched: create it with ENCODING 'UTF8' LOCALE 'C.UTF-8'."
        )
    return str(role)


def check_redis(url: str) -> None:
    try:
        with redis.Redis.from_url(url, socket_connect_timeout=5, socket_timeout=5) as client:
            client.ping()
    except (redis.RedisError, ValueError) as error:
        raise CannotStart(
            f"The Redis of REDIS_URL does not let us in ({error}): correct REDIS_URL, or unset it "
            "to use the embedded one."
        ) from None


# -- The demo --------------------------------------------------------------------------------------
class Demo:
    def __init__(self, supervisor: Supervisor, port: int) -> None:
        self.supervisor, self.port = supervisor, port
        self.state = State(FOLDER)
        self.logs = FOLDER / "logs"
        self.logs.mkdir(mode=0o700, exist_ok=True)
        self.env: dict[str, str] = {}
        self.embedded = "DATABASE_URL" not in os.environ

    def start(self) -> None:
        self.env = environment(
            FOLDER,
            **self.start_servers(),
            port=self.port,
        ) | {"DATABASE_POOL": "1"}
        self.prepare_database()
        self.start_web()
        # Demo content is loaded through the actions, so whatever they set off needs these.
        self.start_program("opener", [*MANAGE, "run_opener"], self.opener_env())
        self.start_program("monitor", [*MANAGE, "run_monitor"])
        celery = [PYTHON, "-m", "celery", "--quiet", "-A", "config"]
        self.start_program("worker", [*celery, "worker", "-c", "2", "--loglevel=INFO"])
        self.start_program(
            "evaluation",
            [*celery, "worker", "-Q", "evaluation", "-c", "1", "-n", "evaluation@%h"],
            self.env | {"EVALUATION_IDENTITY_FILE": str(evaluation_identity_file(FOLDER))},
        )
        schedule = str(FOLDER / "beat-schedule")
        self.start_program("beat", [*celery, "beat", "--schedule", schedule, "--pidfile="])
        say("Opener, monitor, worker, evaluation and beat: started")
        self.load_demo()
        self.show_address()

    def start_servers(self) -> dict[str, str]:
        """Start what was not given from outside; both at the same time."""
        database_url = os.environ.get("DATABASE_URL", "")
        owner_url = os.environ.get("DATABASE_OWNER_URL", "")
        redis_url = os.environ.get("REDIS_URL", "")
        if database_url and not owner_url:
            raise CannotStart(
                "DATABASE_URL is given without DATABASE_OWNER_URL: give the address of the role "
                "that owns the database as well, since the application's role cannot migrate."
            )
        if database_url:
            roles = {
                check_database(name, url)
                for name, url in (
                    ("DATABASE_URL", database_url),
                    ("DATABASE_OWNER_URL", owner_url),
                )
            }
            if len(roles) == 1:
                raise CannotStart(
                    "DATABASE_URL and DATABASE_OWNER_URL name the same role: the application needs "
                    "a role of its own that owns nothing."
                )
            say(f"PostgreSQL: the one given, at {urlsplit(database_url).hostname}")
        valkey = valkey_child = None
        if redis_url:
            check_redis(redis_url)
            say(f"Redis: the one given, at {urlsplit(redis_url).hostname}")
        else:
            valkey = Valkey(FOLDER, self.state, log=self.logs / "valkey.log")
            valkey_child = valkey.child()
            self.supervisor.start(valkey_child)
        if not database_url:
            postgres = Postgres(FOLDER, self.state, log=self.logs / "postgres.log")
            postgres.create_cluster()
            child = postgres.child()
            self.supervisor.start(child)
            wait_until(postgres.answers, child, meanwhile=self.supervisor.tick)
            postgres.create_database()
            say(f"PostgreSQL: ready on 127.0.0.1:{postgres.port}, data in {postgres.data}")
            database_url, owner_url = postgres.url(APP), postgres.url(OWNER)
        if valkey is not None and valkey_child is not None:
            wait_until(valkey.answers, valkey_child, meanwhile=self.supervisor.tick)
            say(f"Valkey: ready on 127.0.0.1:{valkey.port}")
            redis_url = valkey.url()
        return {"database_url": database_url, "owner_url": owner_url, "redis_url": redis_url}

    def prepare_database(self) -> None:
        """Migrate and load the reference data, unless this very code did so before."""
        stamp = source_stamp()
        if self.embedded and self.state.values.get("migrated_by") == stamp:
            say("Database: up to date")
            return
        say("Database: migrating …")
        self.command("Migrating", "migrate", "--database", "owner", "--verbosity", "0")
        say("Database: loading the reference data …")
        self.command("Loading the reference data", "load_reference")
        self.state.put(migrated_by=stamp)

    def start_web(self) -> None:
        web = self.start_program(
            "web",
            [
                *(PYTHON, "-m", "granian", "--interface", "wsgi", "--no-ws"),
                *("--host", "127.0.0.1", "--port", str(self.port)),
                *("--workers", "2", "--blocking-threads", "4", "--workers-kill-timeout", "5"),
                *("--log-config", str(ROOT / "config" / "granian_logs.json")),
                *("--respawn-failed-workers", "config.wsgi:application"),
            ],
        )
        wait_until(self.page_answers, web, meanwhile=self.supervisor.tick)
        say(f"Web: the first page is there, http://localhost:{self.port}")

    def page_answers(self) -> bool:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{self.port}/", timeout=20).close()
        except urllib.error.HTTPError as answer:
            if answer.code >= 500:
                raise CannotStart(
                    f"The first page fails with {answer.code}: look into {self.logs / 'web.log'}."
                ) from None
        except OSError:
            return False
        return True

    def load_demo(self) -> None:
        say("Demo content …")
        password = self.env["DEMO_PASSWORD_FILE"]
        self.command("Loading the demo content", "load_demo", "--password-file", password)

    def show_address(self) -> None:
        """Below the accounts and their password, which `load_demo` prints at every start."""
        say("")
        say(f"  Jiebang 揭榜   http://localhost:{self.port}")
        say("  Ctrl-C stops everything; `make reset` starts over.")

    # -- Pieces --
    def opener_env(self) -> dict[str, str]:
        """The opener alone learns where the identity lies that opens bids."""
        return self.env | {"OPENER_IDENTITY_FILE": str(opener_identity_file(FOLDER))}

    def command(self, what: str, *arguments: str) -> None:
        self.supervisor.run(what, [*MANAGE, *arguments], self.env)

    def start_program(self, name: str, argv: list[str], env: dict[str, str] | None = None) -> Child:
        child = Child(name=name, argv=argv, env=env or self.env, log=self.logs / f"{name}.log")
        self.supervisor.start(child)
        return child


def source_stamp() -> str:
    """A hash of all that migrations and reference data are made of."""
    total = hashlib.sha256()
    for folder in ("marketplace", "seeds", "config"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in {".py", ".yaml", ".yml", ".json", ".sql"}:
                total.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes())
    return total.hexdigest()


if __name__ == "__main__":
    sys.exit(main())
