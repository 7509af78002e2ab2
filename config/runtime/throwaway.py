"""Run one command on servers, keys and a migrated database of its own, deleted afterwards.

    python -m config.runtime.throwaway manage.py season
    python -m config.runtime.throwaway --empty manage.py makemigrations --check
    python -m config.runtime.throwaway --settings mypy marketplace

`--empty` leaves the database without tables; `--settings` starts no server at all, for commands
that only need the settings to load.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from config.runtime import schema
from config.runtime.environment import environment, opener_identity_file
from config.runtime.postgres import APP, OWNER
from config.runtime.process import ROOT, CannotStart
from config.runtime.servers import Servers

MANAGE = [sys.executable, str(ROOT / "manage.py")]


def main(arguments: list[str]) -> int:
    mode = arguments[0] if arguments[:1] in (["--empty"], ["--settings"]) else ""
    command = arguments[1:] if mode else arguments
    if not command:
        print(__doc__)
        return 2
    if command[0] == "manage.py":
        command = MANAGE + command[1:]
    folder = Path(tempfile.mkdtemp(prefix="jiebang-throwaway-"))
    servers = Servers(folder, throwaway=True)
    try:
        if mode != "--settings":
            servers.start()
        postgres, valkey = servers.postgres, servers.valkey
        env = os.environ | environment(
            folder,
            database_url=postgres.url(APP),
            owner_url=postgres.url(OWNER),
            redis_url=valkey.url(),
        )
        env["OPENER_IDENTITY_FILE"] = str(opener_identity_file(folder))

        def manage(*step: str) -> None:
            # What is on standard output belongs to the command.
            subprocess.run([*MANAGE, *step], cwd=ROOT, env=env, check=True, stdout=sys.stderr)

        if not mode:
            migrate = partial(manage, "migrate", "--database", "owner", "--verbosity", "0")
            schema.migrate_or_load(postgres.binaries, postgres.url(OWNER), migrate)
            manage("load_reference")
        return run(command, env)
    except CannotStart as refusal:
        print(refusal, file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as error:
        return error.returncode
    finally:
        servers.stop()
        for place in {folder, servers.postgres.home}:
            shutil.rmtree(place, ignore_errors=True)


def run(command: list[str], env: dict[str, str]) -> int:
    """Run the command to its end. Ctrl-C reaches it by itself; `kill` is passed on."""
    with subprocess.Popen(command, cwd=ROOT, env=env) as process:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, lambda *_: process.terminate())
        return process.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
