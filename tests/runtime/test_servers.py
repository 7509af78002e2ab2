"""The embedded servers: locale, roles, restart after kill -9, and nothing left behind."""

import os
import signal
import threading
import time
from pathlib import Path

import psycopg
import pytest
import redis

from config.runtime.postgres import (
    APP,
    DATABASE,
    OWNER,
    SUPER,
    clone_database,
    drop_database,
)
from config.runtime.process import CannotStart, Child
from config.runtime.servers import Servers
from config.runtime.state import State, await_previous, free_port
from config.runtime.supervise import Stopped, Supervisor


def ask(url, statement):
    with psycopg.connect(url) as connection:
        return connection.execute(statement).fetchone()


def test_the_locale_knows_chinese_letters(servers):
    with psycopg.connect(servers.postgres.url(OWNER)) as owner:
        owner.execute("CREATE EXTENSION pg_trgm")
        trigrams = owner.execute("SELECT cardinality(show_trgm('上海建工'))").fetchone()
    assert trigrams == (5,)


def test_the_roles_can_what_they_should(servers):
    rights = "SELECT rolname, rolsuper, rolcreatedb, rolcreaterole FROM pg_roles"
    for role, expected in ((OWNER, (False, True, False)), (APP, (False, False, False))):
        row = ask(servers.postgres.url(SUPER), f"{rights} WHERE rolname = '{role}'")
        assert row == (role, *expected)
    assert ask(servers.postgres.url(OWNER), "SELECT current_database()") == (DATABASE,)


def test_a_wrong_password_is_refused(servers):
    url = servers.postgres.url(APP).replace(servers.postgres.passwords[APP], "wrong")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(url)
    with pytest.raises(redis.AuthenticationError):
        redis.Redis(port=servers.valkey.port).ping()


def test_only_the_application_enters_a_clone_and_makes_no_table(servers):
    owner_url = servers.postgres.url(OWNER, "postgres")
    clone_database(owner_url, DATABASE, "copy")
    with (
        psycopg.connect(servers.postgres.url(APP, "copy")) as app,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        app.execute("CREATE TEMPORARY TABLE mine ()")
    drop_database(owner_url, "copy")
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(servers.postgres.url(APP, "copy"))


def test_secrets_are_ours_alone(servers):
    assert (servers.folder / "state.json").stat().st_mode & 0o077 == 0
    assert (servers.valkey.folder / "valkey.conf").stat().st_mode & 0o077 == 0
    assert not list(servers.postgres.data.parent.glob("superuser"))
    command = Path(f"/proc/{servers.children[1].process.pid}/cmdline").read_text()
    assert servers.postgres.passwords[SUPER] not in command


def test_both_come_back_after_kill_9_with_what_was_committed(folder):
    said = []
    supervisor = Supervisor(said.append)
    both = Servers(folder)
    both.start()
    for child in both.children:
        supervisor.watch(child)
    try:
        with psycopg.connect(both.postgres.url(OWNER)) as owner:
            owner.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        with redis.Redis.from_url(both.valkey.url()) as client:
            client.rpush("celery", "task")
            client.execute_command("WAITAOF", 1, 0, 5000)
        for child in both.children:
            child.process.kill()
        for child in both.children:
            child.process.wait()
        deadline = time.monotonic() + 60
        while not (both.postgres.answers() and both.valkey.answers()):
            assert time.monotonic() < deadline, said
            supervisor.tick()
            time.sleep(0.05)
        assert ask(both.postgres.url(OWNER), "SELECT answer FROM kept") == (42,)
        with redis.Redis.from_url(both.valkey.url()) as client:
            assert client.lrange("celery", 0, -1) == [b"task"]
        assert {line.split(" ended")[0] for line in said} == {"postgres", "valkey"}
        assert all("killed by SIGKILL" in line for line in said)
    finally:
        supervisor.stop()
    assert not any(child.alive for child in both.children)


def test_a_second_start_finds_the_same_data_and_passwords(folder):
    first = Servers(folder, throwaway=True)
    first.start()
    with psycopg.connect(first.postgres.url(OWNER)) as owner:
        owner.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    first.stop()
    second = Servers(folder, throwaway=True)
    second.start()
    try:
        assert ask(second.postgres.url(OWNER), "SELECT answer FROM kept") == (42,)
        assert second.postgres.passwords == first.postgres.passwords
    finally:
        second.stop()


def test_an_interrupted_initdb_is_done_again(folder):
    half = Servers(folder, throwaway=True)
    (half.postgres.data.parent / "data.new").mkdir(parents=True)
    (half.postgres.data.parent / "data.new" / "PG_VERSION").write_text("18")
    half.start()
    try:
        assert half.postgres.answers()
    finally:
        half.stop()


def test_a_number_left_by_a_crash_keeps_nobody_from_starting(folder):
    first = Servers(folder, throwaway=True)
    first.start()
    notes = first.postgres.data / "postmaster.pid"
    lines = notes.read_text().splitlines()
    first.stop()
    # As after a power cut: the number now belongs to another process.
    notes.write_text("\n".join([str(os.getppid()), *lines[1:]]))
    second = Servers(folder, throwaway=True)
    second.start()
    try:
        assert second.postgres.answers()
    finally:
        second.stop()


def test_a_server_that_is_still_leaving_is_waited_for(servers):
    data = servers.postgres.data
    postgres = servers.children[1]
    threading.Timer(0.5, postgres.ask_to_stop).start()
    await_previous(data / "postmaster.pid", data)
    postgres.wait_stopped()
    assert not (data / "postmaster.pid").exists()


def test_a_data_folder_that_postgres_cannot_reach_goes_elsewhere(folder):
    folder.parent.chmod(0o700)
    both = Servers(folder, throwaway=True)
    assert (both.postgres.home == folder) is (os.geteuid() != 0)
    if both.postgres.home != folder:
        assert State(folder).values["pg_home"] == str(both.postgres.home)
        assert Servers(folder, throwaway=True).postgres.home == both.postgres.home
        both.postgres.home.rmdir()


def test_a_preferred_port_is_kept_while_free(servers):
    assert free_port(servers.valkey.port) != servers.valkey.port
    mine = free_port()
    assert free_port(mine) == mine


def sleeper(folder, name="sleeper", program="sleep 60"):
    return Child(name=name, argv=["/bin/sh", "-c", program], env={}, log=folder / f"{name}.log")


def test_a_child_that_keeps_dying_waits_longer_each_time(tmp_path):
    said = []
    supervisor = Supervisor(said.append)
    supervisor.start(sleeper(tmp_path, program="exit 3"))
    deadline = time.monotonic() + 60
    while len(said) < 3:
        assert time.monotonic() < deadline
        supervisor.tick()
        time.sleep(0.01)
    supervisor.stop()
    assert [line.split(" in ")[1][:5] for line in said] == ["0.2 s", "0.4 s", "0.8 s"]
    assert said[0].startswith("sleeper ended (exit code 3)")


def test_stopping_takes_the_childs_own_children_with_it(tmp_path):
    child = sleeper(tmp_path, program="sleep 61 & echo $!; trap '' TERM; wait; sleep 62")
    child.patience_seconds = 0.5
    child.start()
    deadline = time.monotonic() + 60
    while not child.log.read_text().strip():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    grandchild = int(child.log.read_text())
    child.stop()
    assert child.process.returncode == -signal.SIGKILL
    deadline = time.monotonic() + 60
    while alive(grandchild):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def alive(pid):
    """Neither gone nor a dead one whom nobody has asked how it ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    return "Z" not in status.split("State:")[1][:4]


def test_a_signal_stops_at_the_next_tick(tmp_path):
    supervisor = Supervisor(lambda line: None)
    before = signal.getsignal(signal.SIGTERM)
    supervisor.listen()
    try:
        supervisor.start(sleeper(tmp_path))
        os.kill(os.getpid(), signal.SIGTERM)
        with pytest.raises(Stopped):
            supervisor.tick()
        supervisor.stop()
    finally:
        signal.signal(signal.SIGTERM, before)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
    assert supervisor.watched == []


def test_a_failing_step_ends_in_one_sentence(tmp_path):
    said = []
    supervisor = Supervisor(said.append)
    with pytest.raises(
        CannotStart, match=r"^Migrating failed \(exit code 4\): see the lines above\.$"
    ):
        supervisor.run("Migrating", ["/bin/sh", "-c", "echo no such table; exit 4"], {})
    assert said == ["  no such table"]
