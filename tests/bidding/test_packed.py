"""Bids that the bidder packed and sealed itself, opened by our opener; large ones too."""

import base64
import json
import os
import shutil
import subprocess
import sys
import textwrap

import pyrage
import pytest
from django.db import transaction

from marketplace.accounts.tokens.actions import create_token
from marketplace.base import packer
from marketplace.base.actor import SYSTEM
from marketplace.base.clock import SHANGHAI
from marketplace.bidding.actions import submit_sealed_bid, withdraw_bid
from marketplace.bidding.commitment import BidCommitment
from marketplace.bidding.models import (
    Bid,
    BidVersion,
    OpenedEnvelope,
    OpenedFile,
    SealedEnvelope,
)
from marketplace.bidding.sealing import SealedFile
from marketplace.bidding.sheet import sealing_sheet
from marketplace.files import storage
from marketplace.ledger import actions as ledger
from marketplace.ledger import verify
from marketplace.ledger.log import sequencer
from marketplace.ledger.models import Event
from marketplace.scenarios.queries import closes_at
from tests import world
from tests.bidding import bids

MEBIBYTE = 1024 * 1024


def pack_up(scenario, vendor, folder, files=()):
    """A folder as `packer.py pack` leaves it, by the sheet that the vendor is shown."""
    folder.mkdir()
    sheet = sealing_sheet(vendor, scenario)
    (folder / "sealing.json").write_text(json.dumps(sheet), "utf-8")
    for envelope, form in bids.forms().items():
        (folder / f"{envelope}.json").write_text(json.dumps(form), "utf-8")
    (folder / "technical").mkdir()
    for name, pieces in files:
        with (folder / "technical" / name).open("wb") as file:
            file.writelines(pieces)
    given = [str(folder / "sealing.json"), str(folder), "-o", str(folder / "out")]
    assert packer.main(["pack", *given]) == 0
    return folder


def packed(scenario, vendor, folder, files=()):
    """The same, handed in."""
    pack_up(scenario, vendor, folder, files)
    sealed = []
    for row in json.loads((folder / "out" / "hashes.json").read_text())["envelopes"]:
        with storage.incoming("sealed") as incoming:
            for piece in packer.pieces_of(folder / "out" / f"{row['envelope']}.age"):
                incoming.writer.write(piece)
        made = incoming.stored
        assert (made.sha256, made.size) == (row["sha256"], row["size"])
        sealed.append(SealedFile(row["envelope"], made.name, made.sha256, made.size))
    return submit_sealed_bid(actor=vendor, scenario_uid=scenario.uid, sealed=sealed).bid


@pytest.mark.django_db
def test_a_bid_packed_at_home_opens_end_to_end(clock, tmp_path):
    scenario, vendor = world.published_scenario(), world.vendor()
    body = bytes(range(256)) * 2000
    bid = packed(scenario, vendor, tmp_path / "bid", [("方案.bin", [body])])
    [opened] = bids.open_first(scenario, clock)
    assert (opened.pk, opened.blind_code) == (bid.pk, "B01")
    forms = dict(OpenedEnvelope.objects.values_list("sealed__envelope", "form"))
    assert forms == {name: bids.forms()[name] for name in ("business", "technical")}
    row = OpenedFile.objects.get()
    assert (row.name, storage.read(row.stored_name)) == ("方案.bin", body)


OPEN = textwrap.dedent("""
    import django
    django.setup()
    from pathlib import Path
    from django.conf import settings
    from marketplace.bidding import opener

    master = Path(settings.OPENER_IDENTITY_FILE).read_text().strip()
    opener.open_confirmed(master)
    # Of this program alone; what getrusage says begins with its parent's.
    [most] = [line for line in open("/proc/self/status") if line.startswith("VmHWM")]
    print(int(most.split()[1]) // 1024)
""")


def opened_by_a_process():
    """MiB of memory that a process of its own took at most to open what waits."""
    done = subprocess.run(
        [sys.executable, "-c", OPEN],
        env={**os.environ},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout.splitlines()[-1])


@pytest.mark.slow
def test_the_opener_s_memory_does_not_grow_with_a_bid(committing_db, clock, tmp_path):
    size = int(os.environ.get("LARGE_BID_MIB", "120"))
    figures = []
    for mebibytes in (1, size):
        scenario = world.published_scenario()
        block = os.urandom(MEBIBYTE)
        packed(
            scenario,
            world.vendor(),
            tmp_path / str(mebibytes),
            [("data.bin", (block for _ in range(mebibytes)))],
        )
        bids.close(scenario, clock)
        bids.confirm(scenario)
        figures.append(opened_by_a_process())
        row = OpenedFile.objects.get(envelope__sealed__version__bid__scenario=scenario)
        assert row.size == mebibytes * MEBIBYTE
        assert storage.path_of(row.stored_name).stat().st_size == row.size
    assert SealedEnvelope.objects.filter(size__gt=size * MEBIBYTE).count() == 1
    assert figures[1] - figures[0] < 24, figures


# -- The announced recipients ----------------------------------------------------------------------
@pytest.fixture
def announced(committing_db, tmp_path):
    """A folder with the two programs and the sheet of a demand whose announcement the log has."""
    scenario, vendor = world.published_scenario(), world.vendor()
    world.announce(scenario)
    sequencer.seal_batch()
    shutil.copy(packer.__file__, tmp_path / "packer.py")
    shutil.copy(verify.__file__, tmp_path / "jiebang_verify.py")
    sheet = sealing_sheet(vendor, scenario)
    for envelope, form in bids.forms().items():
        (tmp_path / f"{envelope}.json").write_text(json.dumps(form), "utf-8")
    return tmp_path, sheet


def checked(folder, sheet, key, *more):
    (folder / "sealing.json").write_text(json.dumps(sheet), "utf-8")
    command = ["packer.py", "check", "sealing.json", ".", "--log-key", key, "--lang", "en", *more]
    done = subprocess.run(
        [sys.executable, *command], cwd=folder, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


def test_the_announced_recipients_are_proved_by_the_log(announced, settings):
    folder, sheet = announced
    code, said = checked(folder, sheet, settings.OPENER_LOG_VKEY)
    assert (code, "The recipients are those of the announcement" in said) == (0, True), said
    (folder / "log.vkey").write_text(f"{settings.OPENER_LOG_VKEY}\n")
    assert checked(folder, sheet, "log.vkey")[0] == 0


def test_a_mirror_shows_whether_the_demand_was_published_once(announced, site, settings):
    folder, sheet = announced
    key, mirror = settings.OPENER_LOG_VKEY, str(folder / "mirror")
    fetch = ["fetch", f"{site}/log", mirror, "--key", key]
    assert verify.main(fetch) == 0
    code, said = checked(folder, sheet, key, "--mirror", mirror)
    assert (code, "no other one publishes this demand" in said) == (0, True), said
    true = Event.objects.get(kind="scenario.published")
    with transaction.atomic():
        ledger.append(
            true.kind, actor=SYSTEM, subjects=true.subjects, audience="public", data=true.data
        )
    sequencer.seal_batch()
    assert verify.main(fetch) == 0
    code, said = checked(folder, sheet, key, "--mirror", mirror)
    assert (code, "more than one entry of the log publishes" in said) == (1, True), said
    assert verify.main(["mirror", mirror, "--key", key, "--lang", "en"]) == 1
    code, said = checked(folder, sheet, key, "--mirror", str(folder / "none"))
    assert (code, "The mirror of the log does not hold" in said) == (1, True), said


def test_a_server_that_shows_another_recipient_is_refused(announced, settings):
    folder, sheet = announced
    other = str(pyrage.x25519.Identity.generate().to_public())
    shown = sheet | {"recipients": sheet["recipients"] | {"technical": other}}
    code, said = checked(folder, shown, settings.OPENER_LOG_VKEY)
    assert (code, f"the server shows {other} as recipient of technical" in said) == (1, True), said
    publication = sheet["publication"]
    leaf = base64.b64decode(publication["leaf"]).replace(
        sheet["recipients"]["technical"].encode(), other.encode()
    )
    forged = shown | {"publication": publication | {"leaf": base64.b64encode(leaf).decode()}}
    code, said = checked(folder, forged, settings.OPENER_LOG_VKEY)
    assert (code, "The proof from the log does not hold" in said) == (1, True), said


def test_what_cannot_be_checked_is_not_passed_over(announced, settings):
    folder, sheet = announced
    key = settings.OPENER_LOG_VKEY
    assert checked(folder, sheet | {"scenario": "another"}, key)[0] == 1
    assert checked(folder, sheet | {"publication": None}, key)[0] == 2
    assert checked(folder, sheet, "no key")[0] == 1
    assert checked(folder, sheet, verify.named(settings.LOG_ORIGIN, b"\1" * 32).text())[0] == 1
    for broken in ({}, {"leaf": 1}, {"checkpoint": "x"}, {"hashes": ["x"]}, {"index": "1"}):
        publication = {**sheet["publication"], **broken} if broken else {"x": 1}
        code, said = checked(folder, sheet | {"publication": publication}, key)
        assert (code, "Traceback" in said) == (1, False), said
    (folder / "jiebang_verify.py").unlink()
    code, said = checked(folder, sheet, key)
    assert (code, "jiebang_verify.py must lie beside" in said) == (2, True)


# -- Handing in ------------------------------------------------------------------------------------
def handed_in(folder, url, token, *more, command="upload"):
    (folder / "token").write_text(f"{token}\n")
    given = [command, str(folder / "out"), "--url", url, "--token-file", str(folder / "token")]
    return packer.main([*given, *more, "--lang", "en"])


def test_a_bid_is_handed_in_without_a_page(committing_db, site, clock, tmp_path, capsys):
    scenario, vendor = world.published_scenario(), world.vendor()
    folder = pack_up(scenario, vendor, tmp_path / "bid", [("data.bin", [b"x" * 9 * MEBIBYTE])])
    made = create_token(actor=vendor, name="packer", scopes=["read", "uploads:write", "bids:write"])
    assert handed_in(folder, site, made.text) == 0, capsys.readouterr().out
    bid = Bid.objects.get(scenario=scenario)
    receipt = json.loads((folder / "out" / "receipt.json").read_text())
    assert str(bid.uid) in json.dumps(receipt)
    rows = json.loads((folder / "out" / "hashes.json").read_text())["envelopes"]
    stored = SealedEnvelope.objects.filter(version__bid=bid).order_by("envelope")
    assert sorted((row["envelope"], row["sha256"]) for row in rows) == list(
        stored.values_list("envelope", "sha256")
    )
    assert handed_in(folder, site, made.text) == 0  # again: the same receipt, no other version
    assert BidVersion.objects.count() == 1
    assert json.loads((folder / "out" / "receipt.json").read_text()) == receipt
    assert "nothing new was submitted" in capsys.readouterr().out
    withdraw_bid(actor=vendor, bid_uid=bid.uid)
    assert handed_in(folder, site, made.text, "--again") == 0
    bid.refresh_from_db()
    assert (bid.state, BidVersion.objects.count()) == ("submitted", 3)
    assert handed_in(folder, site, "jb_nothing") == 1
    assert "The server refuses (401)" in capsys.readouterr().out
    assert handed_in(folder, "http://platform.invalid", made.text) == 1
    (folder / "out" / "price.age").write_bytes(b"x")
    assert handed_in(folder, site, made.text) == 1
    [opened] = bids.open_first(scenario, clock)
    assert opened.pk == bid.pk


def test_hashes_are_committed_first_and_the_files_follow(
    committing_db, site, clock, tmp_path, capsys
):
    scenario, vendor = world.published_scenario(profile=world.profile("A")), world.vendor()
    folder = pack_up(scenario, vendor, tmp_path / "bid")
    other = pack_up(scenario, vendor, tmp_path / "other")
    made = create_token(actor=vendor, name="packer", scopes=["read", "uploads:write", "bids:write"])
    assert handed_in(folder, site, made.text, command="commit") == 0
    until = closes_at(scenario).astimezone(SHANGHAI)
    assert f"before {until:%Y-%m-%d %H:%M:%S} (Beijing time)" in capsys.readouterr().out
    row = BidCommitment.objects.get()
    assert row.envelopes == json.loads((folder / "out" / "hashes.json").read_text())["envelopes"]
    kept = json.loads((folder / "out" / "commitment.json").read_text())
    assert kept["receipt"]["commitment"] == str(row.uid)
    clock.freeze(scenario.deadline_at)
    assert handed_in(other, site, made.text) == 1
    assert "The server refuses (422)" in capsys.readouterr().out
    assert handed_in(other, site, made.text, command="commit") == 1
    assert "The server refuses (409)" in capsys.readouterr().out
    assert handed_in(folder, site, made.text) == 0, capsys.readouterr().out
    assert BidVersion.objects.get().received_at == scenario.deadline_at


def test_committing_says_where_nothing_is_granted(committing_db, site, tmp_path, capsys):
    scenario, vendor = world.published_scenario(profile=world.profile("B")), world.vendor()
    folder = pack_up(scenario, vendor, tmp_path / "bid")
    made = create_token(actor=vendor, name="packer", scopes=["read", "bids:write"])
    assert handed_in(folder, site, made.text, command="commit") == 1
    assert "commitment.no_grace" in capsys.readouterr().out
    assert not (folder / "out" / "commitment.json").exists()
