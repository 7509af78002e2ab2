"""manage.py check_files: what belongs to nobody, and what is not as it was received."""

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command

from marketplace.bidding.models import SealedEnvelope
from marketplace.files import actions, storage
from tests import world
from tests.bidding import bids
from tests.files.sending import stored

pytestmark = pytest.mark.django_db


def check(capsys, *arguments):
    """(what it printed, whether all was well)."""
    try:
        call_command("check_files", *arguments)
    except CommandError:
        return capsys.readouterr().out.splitlines(), False
    return capsys.readouterr().out.splitlines(), True


def test_all_is_well(capsys, clock):
    bids.bid(world.published_scenario())
    actor = world.owner()
    upload = stored(actor, b"x", purpose="evidence")
    actions.attach_evidence(
        actor=actor, upload_uid=upload.uid, organisation_uid=actor.organisation.uid
    )
    clock.move(timedelta(hours=2))
    assert check(capsys, "--hashes") == (["0 orphans, 0 damaged, 0 days differ"], True)


def test_what_is_wrong_is_named_and_orphans_are_removed(capsys, clock):
    bids.bid(world.published_scenario())
    first, second, _third = SealedEnvelope.objects.order_by("pk")
    storage.path_of(first.stored_name).write_bytes(b"other")
    storage.discard(second.stored_name)
    with storage.incoming("uploads") as came:
        came.writer.write(b"nobody's")
    clock.move(timedelta(hours=2))
    told, well = check(capsys, "--hashes")
    assert told == [
        f"ORPHAN {came.name}",
        f"DAMAGED {first.stored_name}",
        f"DAMAGED {second.stored_name} (gone)",
        "1 orphans, 2 damaged, 0 days differ",
    ]
    assert well is False
    assert check(capsys, "--remove")[1] is True
    assert check(capsys) == (["0 orphans, 0 damaged, 0 days differ"], True)
