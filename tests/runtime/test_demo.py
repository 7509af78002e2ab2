"""`make demo`: what it refuses in one sentence, and a whole life from start to Ctrl-C."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import psycopg
import pytest

from config.runtime import demo, reset
from config.runtime.environment import environment, make_keys
from config.runtime.postgres import APP, DATABASE, OWNER, SUPER
from config.runtime.process import ROOT, CannotStart
from config.runtime.state import free_port
from config.runtime.supervise import Supervisor

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.fixture
def listener():
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        yield busy.getsockname()[1]


def test_a_busy_port_names_another(plain_env, listener):
    plain_env.setenv("PORT", str(listener))
    with pytest.raises(CannotStart) as refusal:
        demo.wanted_port()
    assert str(refusal.value) == (
        f"Port {listener} is busy: stop what uses it, or run `make demo PORT={listener + 1}`."
    )


@pytest.mark.parametrize("text", ["abc", "0", "65536", "-1", "８０００", "80 00"])
def test_nonsense_is_no_port(plain_env, text):
    plain_env.setenv("PORT", text)
    with pytest.raises(CannotStart, match=f"^PORT={text} is no port: "):
        demo.wanted_port()


def test_a_free_port_is_taken_and_8000_is_the_default(plain_env):
    port = free_port()
    plain_env.setenv("PORT", str(port))
    assert demo.wanted_port() == port


def test_a_second_demo_of_a_checkout_is_refused(plain_env, folder):
    plain_env.setattr(demo, "FOLDER", folder)
    with demo.only_one():
        with pytest.raises(CannotStart) as refusal, demo.only_one():
            pass
        assert str(refusal.value) == (
            "The demo of this checkout is running already at http://localhost:8000 "
            f"(process {os.getpid()}): open that, or stop it with Ctrl-C first."
        )
    with demo.only_one():
        pass


@pytest.fixture
def unstarted(plain_env, folder):
    plain_env.setattr(demo, "FOLDER", folder)
    folder.mkdir()
    return lambda: demo.Demo(Supervisor(lambda line: None), 8000)


def test_a_given_database_needs_its_owner_too(plain_env, unstarted):
    plain_env.setenv("DATABASE_URL", "postgresql://app@127.0.0.1:9/x")
    with pytest.raises(CannotStart, match=r"^DATABASE_URL is given without DATABASE_OWNER_URL: "):
        unstarted().start()


def test_a_given_database_that_does_not_answer(plain_env, unstarted):
    plain_env.setenv("DATABASE_URL", f"postgresql://app@127.0.0.1:{free_port()}/x")
    plain_env.setenv("DATABASE_OWNER_URL", f"postgresql://owner@127.0.0.1:{free_port()}/x")
    with pytest.raises(CannotStart, match=r"^The PostgreSQL of DATABASE_(OWNER_)?URL does not let"):
        unstarted().start()


@pytest.mark.parametrize("url", ["redis://127.0.0.1:9/0", "not an address"])
def test_a_given_redis_that_does_not_answer(plain_env, unstarted, url):
    plain_env.setenv("REDIS_URL", url)
    with pytest.raises(CannotStart, match=r"^The Redis of REDIS_URL does not let us in \("):
        unstarted().start()


def test_data_of_somebody_else_is_told_in_a_sentence(plain_env, tmp_path, capsys):
    (tmp_path / "file").touch()
    plain_env.setattr(demo, "FOLDER", tmp_path / "file" / "demo")
    before = {number: signal.getsignal(number) for number in SIGNALS}
    assert demo.main() == 1
    for number, handler in before.items():
        signal.signal(number, handler)
    sentence = capsys.readouterr().err.strip()
    assert sentence.startswith("The demo cannot use its data ([Errno 20] Not a directory")
    assert "\n" not in sentence


def test_a_given_database_with_one_role_for_both(plain_env, unstarted, servers):
    plain_env.setenv("DATABASE_URL", servers.postgres.url(OWNER))
    plain_env.setenv("DATABASE_OWNER_URL", servers.postgres.url(OWNER))
    with pytest.raises(CannotStart, match=r"name the same role"):
        unstarted().start()


def test_a_given_database_that_cannot_search_chinese(servers):
    with psycopg.connect(servers.postgres.url(SUPER, "postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE plain TEMPLATE template0 LOCALE 'C'")
    with pytest.raises(CannotStart, match="has encoding UTF8 and locale C, in which Chinese"):
        demo.check_database("DATABASE_URL", servers.postgres.url(SUPER, "plain"))
    assert demo.check_database("DATABASE_URL", servers.postgres.url(APP, DATABASE)) == APP


def test_keys_are_made_once_and_are_ours_alone(folder):
    folder.mkdir()
    make_keys(folder)
    paths = [path for path in folder.rglob("*") if path.is_file()]
    before = {path: path.read_bytes() for path in paths}
    make_keys(folder)
    assert {path: path.read_bytes() for path in paths} == before
    assert {path.relative_to(folder).as_posix() for path in paths} == {
        "keys/factors",
        "keys/demo_holders",
        "keys/receipt.pem",
        "keys/log.pem",
        "keys/secret",
        "evaluation/identity.txt",
        "opener/identity.txt",
        "password",
    }
    assert all(path.stat().st_mode & 0o077 == 0 for path in paths)
    for name in ("opener", "evaluation"):
        assert (folder / name).stat().st_mode & 0o077 == 0


def test_no_identity_is_in_the_common_environment(folder):
    folder.mkdir()
    env = environment(folder, database_url="a", owner_url="b", redis_url="c")
    for name in ("OPENER", "EVALUATION"):
        assert f"{name}_IDENTITY_FILE" not in env
        identity = (folder / name.lower() / "identity.txt").read_text().strip()
        assert not any(identity in value for value in env.values())
        assert env[f"{name}_RECIPIENT"].startswith("age1")


def test_reset_deletes_nothing_that_is_no_demo(plain_env, tmp_path, capsys):
    plain_env.setattr(reset, "FOLDER", tmp_path)
    (tmp_path / "precious").touch()
    assert reset.main() == 1
    assert (tmp_path / "precious").exists()
    assert "nothing is deleted" in capsys.readouterr().out


# -- A whole life ----------------------------------------------------------------------------------
def processes_of(folder):
    """Command lines of what runs on a data folder, other than ourselves."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            environ, command = (entry / "environ").read_bytes(), (entry / "cmdline").read_bytes()
            traces = environ + command + bytes((entry / "cwd").readlink())
        except OSError:
            continue
        if str(folder).encode() in traces and command:
            found[int(entry.name)] = command.replace(b"\0", b" ").decode()
    return found


def page(port, path="/"):
    try:
        with urllib.request.urlopen(f"http://localhost:{port}{path}", timeout=10) as answer:
            return answer.status
    except OSError as error:
        return getattr(error, "code", 0)


class Running:
    def __init__(self, folder, log):
        self.log, self.folder = log, folder
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "config.runtime.demo"],
                cwd=ROOT,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                # As at a terminal: what runs in a script's background inherits a deaf ear to Ctrl-C.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
            )

    def wait_for(self, words, seconds=400):
        deadline = time.monotonic() + seconds
        while words not in self.log.read_text():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.1)


@pytest.mark.long
@pytest.mark.slow
def test_a_life_of_the_demo(hidden_path, folder, tmp_path):
    port = free_port()
    hidden_path_env = {"PORT": str(port), "DATA_FOLDER": str(folder)}
    os.environ.update(hidden_path_env)
    try:
        run = Running(folder, tmp_path / "first.log")
        try:
            run.wait_for("make reset")
            assert page(port) == 200
            names = " ".join(processes_of(folder).values())
            for name in (
                "postgres",
                "valkey-server",
                "granian",
                "worker",
                "beat",
                "run_opener",
                "run_monitor",
            ):
                assert name in names
            second = subprocess.run(
                [sys.executable, "-m", "config.runtime.demo"],
                cwd=ROOT,
                capture_output=True,
                text=True,
                check=False,
            )
            assert second.returncode == 1
            assert "is running already at" in second.stderr

            # Killing each in turn: the supervisor brings it back and the page with it.
            for victim in ("bin/postgres", "granian", "valkey-server", "run_opener"):
                pid = min(pid for pid, name in processes_of(folder).items() if victim in name)
                os.kill(pid, signal.SIGKILL)
            time.sleep(1)
            deadline = time.monotonic() + 120
            while page(port) != 200:
                assert time.monotonic() < deadline, run.log.read_text()
                time.sleep(0.2)
            for name in ("postgres", "web", "valkey", "opener"):
                assert f"{name} ended (killed by SIGKILL)" in run.log.read_text()
        finally:
            run.process.send_signal(signal.SIGINT)
            assert run.process.wait(60) == 0, run.log.read_text()
        assert processes_of(folder) == {}

        # Again, on the same data, and this time the supervisor itself is killed.
        began = time.monotonic()
        run = Running(folder, tmp_path / "second.log")
        run.wait_for("the first page is there")
        # Ten seconds on an idle machine; to fill it anew takes a minute there.
        assert time.monotonic() - began < 60
        assert "Database: up to date" in run.log.read_text()
        run.process.kill()
        run.process.wait()
        deadline = time.monotonic() + 120
        while processes_of(folder):
            assert time.monotonic() < deadline, processes_of(folder)
            time.sleep(0.2)
        assert hidden_path.read_text() == ""
    finally:
        done = subprocess.run([sys.executable, ROOT / "config/runtime/reset.py"], check=True)
        for name in hidden_path_env:
            del os.environ[name]
    assert done.returncode == 0
    assert not folder.exists()
