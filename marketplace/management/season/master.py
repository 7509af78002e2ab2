"""The master identity of the season: split, restored from two shares, and changed for another."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pyrage
from django.conf import settings
from django.core.management import call_command

from marketplace.bidding.master import opens, recipient_of
from marketplace.management.identities import read_identity, write_secret
from marketplace.management.season.proof import Proof
from marketplace.scenarios.models import EnvelopeKey

OLD, NEW = "opener.key", "opener-new.key"


def made(file: Path) -> str:
    """The recipient of a new identity, written to this file."""
    identity = pyrage.x25519.Identity.generate()
    write_secret(file, str(identity).encode())
    return str(identity.to_public())


def change(folder: Path, proof: Proof) -> None:
    """By the commands, while bids wait sealed; the opener has the new identity alone."""
    restored, new = folder / "restored.key", read_identity(folder / NEW)
    shares = [folder / "shares" / f"share-{place}.json" for place in (1, 3)]
    # Of this process, which ends with the season: its opener was given the new one.
    settings.OPENER_IDENTITY_FILE = str(folder / OLD)
    with proof.step("the master identity is split and restored from two shares"):
        command("split_master", folder / "shares")
        command("restore_master", *shares, "--out", restored)
    old = read_identity(restored)
    whose = recipient_of(read_identity(folder / OLD))
    proof.expect("whose identity two shares restore", found=recipient_of(old), expected=whose)
    settings.OPENER_RECIPIENT = recipient_of(new)
    with proof.step("the master identity is changed for another"):
        command("rotate_master", "--old", restored, "--new", folder / NEW)
    keys = list(EnvelopeKey.objects.all())
    proof.expect(
        "envelope keys that the old and the new master open",
        found=[sum(opens(key, identity) for key in keys) for identity in (old, new)],
        expected=[0, len(keys)],
    )


def command(*given: Any) -> None:
    call_command(*map(str, given), stdout=io.StringIO(), stderr=io.StringIO())
