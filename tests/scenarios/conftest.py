import pytest


@pytest.fixture
def own_storage(settings, tmp_path):
    """A storage of this test's own."""
    settings.STORAGE_ROOT = tmp_path / "storage"
    settings.SPOOL_ROOT = tmp_path / "storage" / "spool"
