"""What the migrations make, kept as SQL: it changes with them, and leads to the same database."""

import shutil

import pytest

from config.runtime import schema
from config.runtime.postgres import DATABASE, OWNER
from config.runtime.process import ROOT


def test_the_key_changes_with_a_migration(tmp_path):
    copied = shutil.copytree(schema.MIGRATIONS, tmp_path / "migrations")
    assert schema.key(copied) == schema.key()
    newest = max(copied.glob("0*.py"))
    newest.write_bytes(newest.read_bytes() + b"\n")
    changed = schema.key(copied)
    assert changed != schema.key()
    newest.rename(newest.with_name("9999_renamed.py"))
    assert schema.key(copied) not in {changed, schema.key()}


def test_the_first_time_migrates_and_the_second_reads_the_same(servers, tmp_path):
    binaries, url = servers.postgres.binaries, servers.postgres.url(OWNER, DATABASE)
    made = "CREATE TABLE public.made (id integer, told text)"
    calls = []

    def migrate():
        calls.append("migrated")
        schema.run(binaries / "psql", url, "-Xqc", f"{made}; INSERT INTO made VALUES (1, '甲')")

    schema.migrate_or_load(binaries, url, migrate, kept=tmp_path / "kept")
    before = schema.dump(binaries, url)
    (kept,) = (tmp_path / "kept").iterdir()
    assert (kept.name, kept.read_bytes()) == (f"{schema.key()}.sql", before)
    schema.run(binaries / "psql", url, "-Xqc", "DROP TABLE made")
    schema.migrate_or_load(binaries, url, migrate, kept=tmp_path / "kept")
    assert (schema.dump(binaries, url), calls) == (before, ["migrated"])


def test_what_is_kept_of_this_run_is_what_reading_it_makes(servers):
    """Functions, triggers, rights and rows of the whole platform, byte for byte."""
    kept = schema.KEPT / f"{schema.key()}.sql"
    if not kept.exists():
        pytest.skip(f"{kept.relative_to(ROOT)} is made by a run's template")
    binaries, url = servers.postgres.binaries, servers.postgres.url(OWNER, DATABASE)
    schema.load(binaries, url, kept)
    assert schema.dump(binaries, url) == kept.read_bytes()
