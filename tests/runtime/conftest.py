import os
import shutil
import tempfile
from pathlib import Path

import pytest

from config.runtime.process import ROOT
from config.runtime.servers import Servers


@pytest.fixture
def folder():
    """A data folder that PostgreSQL's account can reach, unlike pytest's own."""
    made = Path(tempfile.mkdtemp(prefix="jiebang-runtime-"))
    made.chmod(0o711)
    yield made / "data"
    shutil.rmtree(made)


@pytest.fixture
def servers(folder):
    both = Servers(folder, throwaway=True)
    both.start()
    yield both
    both.stop()


@pytest.fixture
def plain_env(monkeypatch):
    """The environment of somebody who types `make`, without what the test run added."""
    added = (
        *("DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL", "PORT", "DATA_FOLDER"),
        *("DJANGO_SETTINGS_MODULE", "COVERAGE_PROCESS_START", "COV_CORE_SOURCE"),
    )
    for name in added:
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


@pytest.fixture
def hidden_path(tmp_path, plain_env):
    """PATH with programs of the machine that tell on whoever runs them. Yields their list."""
    told = tmp_path / "told"
    told.touch()
    fakes = tmp_path / "fakes"
    fakes.mkdir()
    names = (
        "node npm npx psql postgres initdb pg_ctl pg_isready redis-server redis-cli valkey-server "
        "valkey-cli msgfmt xgettext uv"
    )
    for name in names.split():
        fake = fakes / name
        fake.write_text(f'#!/bin/sh\necho "{name} $*" >> "{told}"\nexit 1\n')
        fake.chmod(0o755)
    plain_env.setenv("PATH", f"{fakes}:{os.environ['PATH']}")
    return told


@pytest.fixture
def clone(tmp_path):
    """A copy of what preparing needs, with nothing installed in it."""
    root = tmp_path / "clone"
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "config" / "runtime", root / "config" / "runtime", ignore=ignore)
    for name in ("requirements.txt", "requirements-dev.txt", "package.json", "package-lock.json"):
        shutil.copy(ROOT / name, root / name)
    (root / "marketplace" / "static").mkdir(parents=True)
    locale = root / "marketplace" / "locale" / "zh_Hans" / "LC_MESSAGES"
    locale.mkdir(parents=True)
    (locale / "django.po").write_text(
        'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n\n'
        'msgid "Board"\nmsgstr "榜单"\n'
    )
    return root
