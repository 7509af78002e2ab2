"""Going on after a loss, owned up to in public: under another name, never under the old one.

A restored backup, or somebody's hand, took leaves that were signed. The old name's checkpoints can
never be continued: whoever saved one would see two trees. So the log begins again, from the leaves
that are left, under a new LOG_ORIGIN, and its first new entry says what was lost.
"""

from __future__ import annotations

from django.conf import settings
from django.db import transaction

from marketplace.base import clock
from marketplace.base.actor import SYSTEM
from marketplace.ledger import actions as ledger
from marketplace.ledger import keys
from marketplace.ledger.log import anchor, sequencer, tiles
from marketplace.ledger.log.models import Checkpoint
from marketplace.ledger.models import Audience
from marketplace.ledger.verify import Checkpoint as Opened
from marketplace.ledger.verify import base64_of

RESTARTED = "log.restarted"


class NotRestarted(Exception):
    """Nothing was changed. The text says why."""


def restart(*, reason: str) -> Checkpoint:
    """Seal what is left under LOG_ORIGIN, a name that was never used.

    reason: becomes public. Killed between the commit and the anchor file, the next call finishes.
    Raises NotRestarted, and LogDamaged when the anchor file cannot be read.
    """
    kept, last = anchor.remembered(), tiles.newest()
    if kept and last and finished_but_for_the_file(kept, last):
        anchor.put_aside()
        anchor.remember(last)
        return last
    with transaction.atomic(durable=True):
        if not sequencer.alone():
            raise NotRestarted("The sequencer is at work: stop the worker first.")
        kept, last = anchor.remembered(), tiles.newest()
        if kept is None:
            raise NotRestarted(
                "There is no anchor file: put the last checkpoint that anybody saved in its place."
            )
        require_loss(kept, last)
        ledger.append(
            RESTARTED,
            actor=SYSTEM,
            subjects=[],
            audience=Audience.PUBLIC,
            data={
                "origin_before": kept.origin,
                "size_before": kept.size,
                "root_before": base64_of(kept.root),
                "size_kept": last.size if last else 0,
                "origin": settings.LOG_ORIGIN,
                "reason": reason,
            },
        )
        keys.publish_keys()
        checkpoint = sequencer.append_leaves(last, sequencer.batch(), clock.now())
    assert checkpoint, "the event of the restart is sealed"
    anchor.put_aside()
    anchor.remember(checkpoint)
    return checkpoint


def finished_but_for_the_file(kept: Opened, last: Checkpoint) -> bool:
    return last.origin == settings.LOG_ORIGIN != kept.origin


def require_loss(kept: Opened, last: Checkpoint | None) -> None:
    used = {kept.origin, *Checkpoint.objects.values_list("origin", flat=True).distinct()}
    if settings.LOG_ORIGIN in used:
        raise NotRestarted(
            f"LOG_ORIGIN is {settings.LOG_ORIGIN}, a name that was signed before: give a new one."
        )
    size = last.size if last else 0
    if kept.size <= size and anchor.root_or_nothing(kept.size) == kept.root:
        raise NotRestarted("Nothing that was signed is lost: leave LOG_ORIGIN as it was.")
