"""Preparing a clone: each failure is one sentence that says what to do; a second run does nothing."""

import gettext
import json
import os
import subprocess
import sys
import time

import pytest

from config.runtime import prepare
from config.runtime.process import ROOT

NOWHERE = "http://127.0.0.1:9"


def run(root, *arguments, program=None, **env):
    what = ["-c", program] if program else [root / "config" / "runtime" / "prepare.py"]
    return subprocess.run(
        [sys.executable, *what, *arguments],
        cwd=root,
        env=os.environ | env,
        capture_output=True,
        text=True,
        check=False,
    )


def the_sentence(done):
    """The only thing on standard error, after checking that it is no traceback."""
    assert done.returncode == 1, done.stdout + done.stderr
    sentence = done.stderr.strip()
    assert "\n" not in sentence
    assert "Traceback" not in done.stdout
    return sentence


def pretending(statement):
    """The preparation as run by a Python about which the statement lies."""
    return (
        f"import sys, runpy, shutil, importlib.util\n{statement}\nsys.argv = ['prepare.py']\n"
        "runpy.run_path('config/runtime/prepare.py', run_name='__main__')"
    )


def test_an_old_python_is_told(clone):
    done = run(clone, program=pretending("sys.version_info = (3, 9, 2)"))
    assert the_sentence(done) == (
        "Python 3.11 or newer is needed and this is 3.9: install one and run "
        "`make PYTHON=/path/to/it`."
    )


@pytest.mark.parametrize("module", ["venv", "ensurepip"])
def test_a_python_without_venv_is_told(clone, module):
    statement = (
        "find = importlib.util.find_spec\n"
        f"importlib.util.find_spec = lambda name: None if name == '{module}' else find(name)"
    )
    assert the_sentence(run(clone, program=pretending(statement))) == (
        f"This Python has no {module} module: install it "
        "(Debian and Ubuntu: apt-get install python3-venv) and start again."
    )


def test_a_full_disk_is_told_before_anything_is_made(clone):
    statement = "shutil.disk_usage = lambda path: type('', (), {'free': 10**9})"
    assert the_sentence(run(clone, program=pretending(statement))) == (
        f"There is no room on the disk of {clone}: free 2 GB there and start again."
    )
    assert not (clone / ".venv").exists()


def test_a_disk_that_fills_up_on_the_way_is_told(clone):
    statement = (
        "import errno, os\n"
        "def full(*args, **kwargs): raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))\n"
        "import subprocess; subprocess.run = full"
    )
    assert the_sentence(run(clone, program=pretending(statement))).startswith(
        f"There is no room on the disk of {clone}: "
    )


@pytest.mark.slow
def test_an_unreachable_registry_is_told(clone):
    done = run(
        clone,
        PIP_INDEX_URL=NOWHERE,
        PIP_CONFIG_FILE=os.devnull,
        PIP_FIND_LINKS="",
        PIP_NO_CACHE_DIR="1",
        PIP_RETRIES="0",
    )
    assert the_sentence(done) == (
        "The package registry cannot be reached to install uv: check the network or the proxy "
        "settings and start again (details in var/prepare.log)."
    )


@pytest.mark.slow
def test_a_clone_is_prepared_with_nothing_of_the_machine_and_only_once(clone, hidden_path):
    first = run(clone)
    assert first.returncode == 0, first.stdout + first.stderr
    assert "[4/4] Translations: done in" in first.stdout
    vendor = clone / "marketplace" / "static" / "vendor"
    assert all((vendor / name).stat().st_size > 0 for name in prepare.ASSETS.values())
    with (clone / "marketplace/locale/zh_Hans/LC_MESSAGES/django.mo").open("rb") as compiled:
        assert gettext.GNUTranslations(compiled).gettext("Board") == "榜单"
    assert hidden_path.read_text() == ""

    began = time.monotonic()
    again = run(clone)
    assert time.monotonic() - began < 20
    assert again.returncode == 0
    assert again.stdout.count("up to date") == 4

    # Only what changed is done again.
    catalogue = clone / "marketplace/locale/zh_Hans/LC_MESSAGES/django.po"
    catalogue.write_text(catalogue.read_text().replace("榜单", "揭榜"))
    changed = run(clone)
    assert changed.stdout.count("up to date") == 3
    assert "[4/4] Translations: done in" in changed.stdout


def test_a_linked_environment_is_never_cleared(clone, tmp_path):
    """Checkouts may share one: preparing one of them must not empty it under the others."""
    shared = tmp_path / "shared"
    (shared / "bin").mkdir(parents=True)
    (shared / "kept").write_text("of another checkout")
    (clone / ".venv").symlink_to(shared)
    assert "is a link to an environment that does not run" in the_sentence(run(clone))
    (shared / "bin" / "python").symlink_to("/bin/true")
    made = run(
        clone,
        program=(
            "import sys; sys.path.insert(0, '.')\n"
            "from config.runtime import prepare\n"
            "print(prepare.make_venv(prepare.Stamps(prepare.ROOT / 'prepared.json')))"
        ),
    )
    assert made.stdout == "False\n", made.stderr
    assert (shared / "kept").read_text() == "of another checkout"


def test_stamps_survive_a_broken_file(tmp_path):
    path = tmp_path / "prepared.json"
    path.write_text("{half")
    stamps = prepare.Stamps(path)
    assert not stamps.current("venv", "3.11")
    stamps.put("venv", "3.11")
    assert json.loads(path.read_text()) == {"venv": "3.11"}


def test_locks_name_no_host():
    assert '"resolved"' not in (ROOT / "package-lock.json").read_text()
    for name in ("requirements.txt", "requirements-dev.txt"):
        assert "://" not in (ROOT / name).read_text()
