import pytest


@pytest.fixture(autouse=True)
def own_storage(settings, tmp_path):
    """A storage of this test's own, empty at its start."""
    settings.STORAGE_ROOT = tmp_path / "storage"
    settings.SPOOL_ROOT = tmp_path / "storage" / "spool"
    settings.STORAGE_ROOT.mkdir()
    return settings.STORAGE_ROOT
