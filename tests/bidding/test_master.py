"""The master identity is split, restored and changed; no bid is lost over it."""

import io
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pyrage
import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError

from marketplace.bidding import master
from marketplace.bidding.models import Opening, OpeningState
from marketplace.bidding.opener import open_confirmed
from marketplace.ledger.models import Event
from marketplace.scenarios.models import EnvelopeKey
from tests import world
from tests.bidding import bids


def identity_file(folder, name="new.txt"):
    file = folder / name
    file.write_text(f"{pyrage.x25519.Identity.generate()}\n")
    return file


def command(name, *given, **options):
    out, errors = io.StringIO(), io.StringIO()
    call_command(name, *map(str, given), stdout=out, stderr=errors, **options)
    return out.getvalue() + errors.getvalue()


# -- Shares ----------------------------------------------------------------------------------------
def test_the_master_is_restored_from_any_two_shares(tmp_path, settings):
    command("split_master", tmp_path / "shares")
    files = sorted((tmp_path / "shares").iterdir())
    assert [file.name for file in files] == ["share-1.json", "share-2.json", "share-3.json"]
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    for missing in range(3):
        out = tmp_path / f"restored-{missing}"
        two = [file for place, file in enumerate(files) if place != missing]
        said = command("restore_master", *two, "--out", out)
        assert settings.OPENER_RECIPIENT in said
        assert (out.read_text(), out.stat().st_mode & 0o777) == (f"{bids.identity()}\n", 0o600)
    secret = bids.identity().encode()
    assert not any(secret in file.read_bytes() for file in files)


def test_bad_shares_are_refused_by_name_and_nothing_is_written(tmp_path, settings):
    command("split_master", tmp_path / "one")
    command("split_master", tmp_path / "other")
    first, second = tmp_path / "one" / "share-1.json", tmp_path / "one" / "share-2.json"
    foreign = tmp_path / "other" / "share-3.json"
    altered = tmp_path / "altered.json"
    altered.write_bytes(second.read_bytes().replace(b'"share":"2"', b'"share":"3"'))
    copy = tmp_path / "copy.json"
    copy.write_bytes(first.read_bytes())
    out = tmp_path / "identity.txt"
    for given, said in (
        ((first, foreign), "share-3.json: is of another set"),
        ((first, altered), "altered.json: is no share, or is damaged"),
        ((first, copy), "copy.json: is the same share as"),
        ((first, first), "One file was named twice"),
        ((first,), "one share alone"),
        ((first, tmp_path / "none"), "cannot be read"),
    ):
        with pytest.raises(CommandError, match=said):
            command("restore_master", *given, "--out", out)
    assert not out.exists()
    out.write_text("kept")
    with pytest.raises(CommandError, match="cannot be made"):
        command("restore_master", first, second, "--out", out)
    assert out.read_text() == "kept"
    with pytest.raises(CommandError, match="cannot be made"):
        command("split_master", tmp_path / "one")


# -- Rotation --------------------------------------------------------------------------------------
def rotated(old, new, settings):
    settings.OPENER_RECIPIENT = master.recipient_of(new.read_text().strip())
    return command("rotate_master", "--old", old, "--new", new)


def test_after_a_rotation_only_the_new_identity_opens(committing_db, clock, tmp_path, settings):
    scenario = world.published_scenario()
    bids.bid(scenario)
    bids.close(scenario, clock)
    bids.confirm(scenario)
    old, new = Path(settings.OPENER_IDENTITY_FILE), identity_file(tmp_path)
    assert rotated(old, new, settings) == (
        "3 wrapped anew; all 3 open with the new identity alone\n"
    )
    keys = list(EnvelopeKey.objects.all())
    assert [master.opens(key, old.read_text().strip()) for key in keys] == [False] * 3
    assert open_confirmed(old.read_text().strip()) == 0
    assert open_confirmed(new.read_text().strip()) == 1
    assert Opening.objects.get().state == OpeningState.FINISHED
    event = Event.objects.get(kind="opener.master_rotated")
    assert event.data["to"] == settings.OPENER_RECIPIENT
    assert event.audience == "office"
    assert rotated(old, new, settings).startswith("0 wrapped anew; all 3")
    assert Event.objects.filter(kind="opener.master_rotated").count() == 1


def test_a_rotation_refuses_what_would_lose_a_bid(committing_db, tmp_path, settings):
    world.published_scenario()
    old, new = Path(settings.OPENER_IDENTITY_FILE), identity_file(tmp_path)
    before = list(EnvelopeKey.objects.order_by("pk").values_list("wrapped_identity", flat=True))
    with pytest.raises(CommandError, match="Set OPENER_RECIPIENT"):
        command("rotate_master", "--old", old, "--new", new)
    with pytest.raises(CommandError, match="neither identity opens envelope key"):
        rotated(identity_file(tmp_path, "stranger.txt"), new, settings)
    with pytest.raises(CommandError, match="same identity"):
        rotated(new, new, settings)
    assert (
        list(EnvelopeKey.objects.order_by("pk").values_list("wrapped_identity", flat=True))
        == before
    )


def test_the_application_cannot_exchange_a_wrapped_identity(committing_db):
    world.published_scenario()
    with pytest.raises(DatabaseError):
        EnvelopeKey.objects.update(wrapped_identity=b"x")


KILLED = textwrap.dedent("""
    import os, sys, django
    django.setup()
    from marketplace.bidding import master

    wrap, done = master.wrap_anew, []
    def wrap_two(*given):
        if len(done) == 2:
            os._exit(9)
        done.append(wrap(*given))
        return done[-1]
    master.wrap_anew = wrap_two
    old, new = (open(file).read().strip() for file in sys.argv[1:])
    master.rotate(old=old, new=new)
""")


@pytest.mark.slow
def test_a_killed_rotation_goes_on_where_it_ended(committing_db, tmp_path, settings):
    world.published_scenario()
    old, new = Path(settings.OPENER_IDENTITY_FILE), identity_file(tmp_path)
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(old), str(new)], env={**os.environ}, check=False
    )
    assert killed.returncode == 9
    opened = [master.opens(key, new.read_text().strip()) for key in EnvelopeKey.objects.all()]
    assert sorted(opened) == [False, True, True]
    assert rotated(old, new, settings) == (
        "1 wrapped anew; all 3 open with the new identity alone\n"
    )
