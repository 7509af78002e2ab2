"""Bids that the bidder packed and sealed itself, opened by our opener; large ones too."""

import json
import os
import subprocess
import sys
import textwrap

import pytest

from marketplace.base import packer
from marketplace.bidding.actions import submit_sealed_bid
from marketplace.bidding.models import OpenedEnvelope, OpenedFile, SealedEnvelope
from marketplace.bidding.queries import sealing_sheet
from marketplace.bidding.sealing import SealedFile
from marketplace.files import storage
from tests import world
from tests.bidding import bids

MEBIBYTE = 1024 * 1024


def packed(scenario, vendor, folder, files=()):
    """A bid as it leaves `packer.py pack`, handed in."""
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
    size = int(os.environ.get("LARGE_BID_MIB", "300"))
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
    assert figures[1] - figures[0] < 24
