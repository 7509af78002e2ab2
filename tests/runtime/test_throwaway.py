"""Commands on servers of their own: what they are given, how they end, what is left."""

import os
import subprocess
import sys

from config.runtime.process import ROOT


def throwaway(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "config.runtime.throwaway", *arguments],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_command_finds_servers_and_ends_as_it_ends(folder):
    """Its data lie where no other command's do, so that what is left can be told."""
    program = (
        "import os, sys, psycopg, redis\n"
        "row = psycopg.connect(os.environ['DATABASE_URL']).execute('SELECT current_user')\n"
        "redis.Redis.from_url(os.environ['REDIS_URL']).ping()\n"
        "print(row.fetchone()[0]); sys.exit(7)"
    )
    done = throwaway("--empty", sys.executable, "-c", program, TMPDIR=str(folder.parent))
    assert (done.returncode, done.stdout) == (7, "jiebang_app\n")
    assert list(folder.parent.glob("jiebang-throwaway-*")) == []


def test_settings_alone_start_no_server():
    done = throwaway("--settings", "manage.py", "shell", "-c", "print('loaded')")
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1] == "loaded"


def test_without_a_command_it_explains_itself():
    done = throwaway("--empty")
    assert done.returncode == 2
    assert "--settings" in done.stdout
