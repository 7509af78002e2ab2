import shutil
import tempfile
from pathlib import Path

import pytest

from tests.faults.service import Service


@pytest.fixture
def folder():
    """A folder that PostgreSQL's account can reach, unlike pytest's own."""
    made = Path(tempfile.mkdtemp(prefix="jiebang-faults-"))
    made.chmod(0o711)
    yield made
    shutil.rmtree(made)


@pytest.fixture
def service(committing_db, folder, settings):
    """The programs of an installation on `committing_db`; the test starts those it needs."""
    made = Service(folder)
    # What the test itself seals lies where the programs look for it.
    settings.STORAGE_ROOT = folder / "storage"
    yield made
    made.stop()
