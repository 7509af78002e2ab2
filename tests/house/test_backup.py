"""The restore drill: the demo is saved, wiped, restored, and nothing is lost."""

import json
import re
import shutil
from io import StringIO
from pathlib import Path

import psycopg
import pytest
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command
from django.db import connections
from django.test import Client

from config.runtime.environment import opener_identity_file
from config.runtime.postgres import APP, close_to_strangers, drop_database
from marketplace.bidding.models import Bid, BidState, BidVersion, SealedEnvelope
from marketplace.bidding.opener import open_confirmed
from marketplace.files.models import Upload
from marketplace.files.storage import path_of
from marketplace.ledger.log import anchor, sequencer, tiles
from marketplace.ledger.log.anchor import LogDamaged
from marketplace.ledger.log.models import LogTile
from marketplace.ledger.models import Event
from marketplace.ledger.receipts import document, public_key_text
from marketplace.ledger.verify import base64_of, verify
from marketplace.management.backup import database
from marketplace.management.commands.load_demo import Command
from marketplace.management.season.content import Content
from marketplace.management.season.people import load_people
from marketplace.management.season.play import Play
from tests import servers_plugin, world
from tests.bidding import bids


def run(command, *arguments, **options):
    said = StringIO()
    call_command(command, *arguments, stdout=said, **options)
    return said.getvalue()


def restore(folder):
    told = run("restore", folder)
    # The tests' own clock is no model's table, so the application gets no right to it.
    with connections["owner"].cursor() as cursor:
        cursor.execute(f"GRANT SELECT, UPDATE ON test_clock TO {APP}")
    return told


@pytest.fixture
def park(committing_db, settings, tmp_path):
    """An installation whose storage may be wiped, with sealed bids in it."""
    settings.STORAGE_ROOT = tmp_path / "storage"
    settings.STORAGE_ROOT.mkdir(mode=0o700)
    scenario = world.published_scenario()
    for number in range(2):
        bids.bid(scenario, files={"technical": [(f"annex{number}.txt", b"annex" * 100)]})
    return scenario


@pytest.fixture
def elsewhere(committing_db, settings, tmp_path, monkeypatch):
    """Call it to stand before an empty database and an empty storage."""
    name = f"{committing_db.name}_again"
    run_url = f"{servers_plugin.run.owner_url}postgres"

    def wipe():
        connections.close_all()
        with psycopg.connect(run_url, autocommit=True) as owner:
            owner.execute(f"CREATE DATABASE {name} TEMPLATE template0 LOCALE 'C.UTF-8'")
            close_to_strangers(owner, name)
        for alias in connections:
            monkeypatch.setitem(connections.settings[alias], "NAME", name)
        shutil.rmtree(settings.STORAGE_ROOT)
        settings.STORAGE_ROOT = tmp_path / "storage-again"
        settings.STORAGE_ROOT.mkdir(mode=0o700)

    yield wipe
    connections.close_all()
    drop_database(run_url, name)


def all_files(root):
    return {
        str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()
    }


def test_the_drill_on_sealed_bids(park, elsewhere, settings, tmp_path, clock):
    files, receipts = all_files(settings.STORAGE_ROOT), BidVersion.objects.count()
    assert len(files) == 6
    run("backup", tmp_path / "bundle")
    told = run("verify_backup", tmp_path / "bundle", save_mark=tmp_path / "mark")
    assert told.startswith("as in the backup: ")

    elsewhere()
    told = restore(tmp_path / "bundle")
    assert told.splitlines()[-1].startswith("as in the backup: ")
    assert "WARNING" not in told
    assert run("verify_backup", mark=tmp_path / "mark") == "nothing is lost since the mark\n"
    assert all_files(settings.STORAGE_ROOT) == files
    for version in BidVersion.objects.select_related("receipt"):
        verify(document(version.receipt), published_key=public_key_text())
    assert BidVersion.objects.count() == receipts

    # It is in service again: the board is shown, history stays history, and the bids open.
    assert Client().get("/").status_code == 200
    with pytest.raises(psycopg.errors.InsufficientPrivilege), connections["default"].cursor() as c:
        c.connection.execute("DELETE FROM marketplace_event")
    connections.close_all()
    bids.close(park, clock)
    bids.confirm(park)
    identity = opener_identity_file(Path(django_settings.RECEIPT_KEY_FILE).parents[1])
    assert open_confirmed(identity.read_text().strip()) == 1
    assert set(Bid.objects.values_list("state", flat=True)) == {BidState.OPENED}


def test_what_came_after_the_backup_is_listed(park, elsewhere, tmp_path):
    run("backup", tmp_path / "bundle")
    bids.bid(park)
    lost = list(Event.objects.order_by("-id").values_list("uid", flat=True)[:1])
    more = (
        Event.objects.count()
        - json.loads((tmp_path / "bundle/manifest.json").read_text())["mark"]["events"]
    )
    run("verify_backup", save_mark=tmp_path / "mark")
    with pytest.raises(CommandError, match="marketplace_bid: 3 rows instead of 2"):
        run("verify_backup", tmp_path / "bundle")

    elsewhere()
    run("restore", tmp_path / "bundle")
    said = StringIO()
    with pytest.raises(CommandError, match=rf"^{more} events are lost of the "):
        call_command("verify_backup", mark=tmp_path / "mark", stdout=said)
    listed = re.findall(r"^lost: event (\S+) of ", said.getvalue(), re.MULTILINE)
    assert len(listed) == more
    assert str(lost[0]) in listed


def test_an_old_backup_is_noticed(park, elsewhere, settings, tmp_path):
    sequencer.seal_batch()
    kept = tiles.newest().size
    run("backup", tmp_path / "bundle")
    manifest = json.loads((tmp_path / "bundle/manifest.json").read_text())
    assert manifest["tables"]["marketplace_leaf"]["rows"] == kept
    named = [entry["name"] for entry in manifest["files"]]
    assert not any("checkpoint" in name or name.startswith("log/") for name in named)
    bids.bid(park)
    signed = sequencer.seal_batch()
    last = (signed.size, bytes(signed.root))

    elsewhere()
    told = restore(tmp_path / "bundle")
    assert told.splitlines()[-1].startswith("as in the backup: ")
    assert LogTile.objects.exists()
    answer = Client().get("/health/ready")
    found = {check["name"]: check for check in answer.json()["checks"]}["log"]
    assert (answer.status_code, found["status"]) == (503, "unavailable")
    assert found["words"] == (
        f"The log signs nothing more (log.shrunk). The log has {kept} leaves, but {last[0]} were "
        "signed before: an old backup was restored, or rows were removed."
    )
    with pytest.raises(LogDamaged):
        sequencer.seal_batch()
    assert bids.bid(park), "bids are received all the same"

    settings.LOG_ORIGIN = "localhost/again"
    run("restart_log", reason="restored")
    event = Event.objects.get(kind="log.restarted")
    assert (event.data["size_before"], event.data["root_before"]) == (last[0], base64_of(last[1]))
    assert anchor.damage() is None
    assert run("check_log").startswith("everything holds: ")


def test_no_key_is_in_the_bundle(park, tmp_path):
    run("backup", tmp_path / "bundle")
    everything = b"".join(all_files(tmp_path / "bundle").values())
    data = Path(django_settings.RECEIPT_KEY_FILE).parents[1]
    for key in (opener_identity_file(data), Path(django_settings.RECEIPT_KEY_FILE)):
        secret = [line for line in key.read_bytes().splitlines() if b"-----" not in line]
        assert all(line not in everything for line in secret)
    assert django_settings.SECRET_KEY.encode() not in everything
    told = json.loads((tmp_path / "bundle/manifest.json").read_text())["keys_kept_apart"]
    assert told == {
        "receipt_key": public_key_text(),
        "opener_recipient": django_settings.OPENER_RECIPIENT,
    }
    assert all(path.stat().st_mode & 0o077 == 0 for path in [tmp_path / "bundle"])


def test_another_key_is_told(park, elsewhere, settings, tmp_path):
    run("backup", tmp_path / "bundle")
    elsewhere()
    before, settings.OPENER_RECIPIENT = settings.OPENER_RECIPIENT, "age1another"
    told = restore(tmp_path / "bundle")
    assert f"WARNING: opener_recipient is another one than at the time of the backup: {before}" in (
        told
    )


def test_what_a_backup_and_a_restore_refuse(park, elsewhere, settings, tmp_path):
    (tmp_path / "there").mkdir()
    with pytest.raises(CommandError, match="is there already"):
        run("backup", tmp_path / "there")
    run("backup", tmp_path / "bundle")
    with pytest.raises(CommandError, match="The database is not empty"):
        run("restore", tmp_path / "bundle")
    with pytest.raises(CommandError, match="holds no whole backup"):
        run("restore", tmp_path / "there")

    elsewhere()
    (settings.STORAGE_ROOT / "sealed").mkdir()
    (settings.STORAGE_ROOT / "sealed" / "stranger").touch()
    with pytest.raises(CommandError, match="The storage is not empty"):
        run("restore", tmp_path / "bundle")
    (settings.STORAGE_ROOT / "sealed" / "stranger").unlink()
    victim = next((tmp_path / "bundle/files").rglob("*-*"))
    kept = victim.read_bytes()
    victim.write_bytes(kept[:-1] + b"?")
    with pytest.raises(CommandError, match=f"damaged: files/.*{victim.name} is not what was saved"):
        run("restore", tmp_path / "bundle")
    victim.unlink()
    with pytest.raises(CommandError, match="The backup lacks files/"):
        run("restore", tmp_path / "bundle")
    assert database.tables() == []
    assert all_files(settings.STORAGE_ROOT) == {}
    victim.write_bytes(kept)
    run("restore", tmp_path / "bundle")


def test_damage_before_and_after_is_found(park, tmp_path):
    first, second = SealedEnvelope.objects.order_by("pk")[:2]
    run("backup", tmp_path / "bundle")
    path_of(first.stored_name).write_bytes(b"other")
    path_of(second.stored_name).unlink()
    with pytest.raises(CommandError) as found:
        run("verify_backup", tmp_path / "bundle")
    assert f"{first.stored_name}: the file is damaged (marketplace_sealed" in str(found.value)
    assert f"{second.stored_name}: the file is missing (marketplace_sealed" in str(found.value)
    with pytest.raises(CommandError, match="but these files are lost or damaged") as found:
        run("backup", tmp_path / "late")
    assert first.stored_name in str(found.value)
    assert second.stored_name in str(found.value)


@pytest.mark.slow
def test_the_drill_on_the_demo_content(committing_db, elsewhere, settings, tmp_path):
    """Every organisation, person and demand of the seeds, as far as no deadline must pass."""
    settings.DEMO, settings.STORAGE_ROOT = True, tmp_path / "storage"
    settings.STORAGE_ROOT.mkdir()
    content = Content()
    people = load_people(content, "a password")
    loader = Command(stdout=StringIO())
    for plan in content.plan["scenarios"]:
        loader.begin(Play(content, people, plan["code"]), plan)
    run("backup", tmp_path / "bundle")
    manifest = json.loads((tmp_path / "bundle/manifest.json").read_text())
    assert manifest["tables"]["marketplace_scenario"]["rows"] == len(content.plan["scenarios"])
    kept = Upload.objects.exclude(stored_name="").count()
    assert len(manifest["files"]) == SealedEnvelope.objects.count() + kept
    elsewhere()
    run("restore", tmp_path / "bundle")
    with database.snapshot():
        assert database.contents() == manifest["tables"]
