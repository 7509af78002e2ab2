"""A receipt of the season, checked by the file that anybody downloads, where nothing of ours is."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from marketplace.bidding.models import BidVersion
from marketplace.ledger import keys
from marketplace.ledger.log import checking, sequencer, tiles
from marketplace.ledger.receipts import document
from marketplace.ledger.verify import verify_consistency
from marketplace.management.season.play import Play
from marketplace.management.season.proof import Proof
from marketplace.web.log import script_text

SCRIPT = "jiebang_verify.py"


def seal(proof: Proof) -> None:
    """The sequencer's part, at once; in service it comes every five minutes."""
    with proof.step("the log seals what waits"):
        sequencer.seal_batch()


def check_alone(receipt: dict[str, Any]) -> tuple[int, str]:
    """(exit code, last line) of the script in an empty folder, without our code on any path."""
    with tempfile.TemporaryDirectory(prefix="jiebang-verify-") as name:
        folder = Path(name)
        (folder / SCRIPT).write_bytes(script_text(SCRIPT))
        (folder / "receipt.json").write_text(json.dumps(receipt, ensure_ascii=False), "utf-8")
        (folder / "keys.json").write_text(json.dumps(keys.published()), "utf-8")
        done = subprocess.run(
            [sys.executable, "-I", SCRIPT, "receipt.json", "--keys", "keys.json"],
            cwd=folder, env={}, capture_output=True, text=True, encoding="utf-8", check=False,
        )  # fmt: skip
    return done.returncode, done.stdout.splitlines()[-1] if done.stdout else done.stderr[-200:]


def receipts_hold(play: Play, vendor: str, proof: Proof) -> None:
    version = BidVersion.objects.filter(bid=play.bid_of(vendor)).order_by("-number")[0]
    receipt = document(version.receipt)
    proof.expect(
        f"the receipt of {vendor} is proved by the log",
        found=bool(receipt["inclusion"]),
        expected=True,
    )
    proof.expect(
        "the downloaded script, alone, offline", found=check_alone(receipt), expected=(0, "VALID")
    )
    changed = copy.deepcopy(receipt)
    changed["inclusion"]["index"] ^= 1
    proof.expect(
        "the same with another index", found=check_alone(changed), expected=(1, "NOT VALID")
    )


def log_holds(first_size: int, first_root: bytes, proof: Proof) -> None:
    """The whole log, computed anew, and against the checkpoint of the days of bidding."""
    last = tiles.newest()
    assert last is not None, "the season has sealed"
    hashes = tiles.consistency(first_size, last.size)
    verify_consistency(first_size, first_root, last.size, bytes(last.root), hashes)
    proof.expect("the log has grown since", found=last.size > first_size, expected=True)
    found = checking.run()
    proof.expect("what the whole log says is wrong", found=found.problem, expected="")
    proof.expect("leaves computed anew", found=found.leaves, expected=last.size)
