"""Seal first, submit later: the work is done before the deadline's transaction, which is short."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from marketplace.base import clock
from marketplace.base.actor import Actor
from marketplace.base.clock import NowOnce
from marketplace.base.errors import DomainError, NotFound, TooMany
from marketplace.base.rules import require
from marketplace.bidding.actions.submission import sealed_files
from marketplace.bidding.forms_schema import File, Form
from marketplace.bidding.models import SealedPackage
from marketplace.bidding.rules import can_bid
from marketplace.bidding.sealing import check_stored, discard, seal_bid
from marketplace.bidding.windows import require_open
from marketplace.scenarios.models import Scenario

WAITING_MAX = 10
KEPT_FOR = timedelta(hours=24)


def seal_package(
    *,
    actor: Actor,
    scenario_uid: UUID,
    forms: Mapping[str, Form],
    files: Mapping[str, Sequence[File]] | None = None,
) -> SealedPackage:
    """Check and seal a bid without submitting it. What waits is discarded after 24 hours.

    Raises Invalid, DeadlinePassed, StateConflict, and TooMany beyond ten that wait for one demand.
    """
    scenario = Scenario.objects.visible_to(actor).filter(uid=scenario_uid).first()
    if scenario is None:
        raise NotFound
    require(can_bid, actor, scenario)
    require_open(scenario, clock.now())
    waiting = SealedPackage.objects.filter(
        scenario=scenario, organisation=actor.party, version=None
    )
    if waiting.count() >= WAITING_MAX:
        raise TooMany(
            _("%(most)s sealed packages wait for this demand already: submit one of them."),
            code="package.waiting_limit",
            most=WAITING_MAX,
        )
    sealed = seal_bid(scenario=scenario, organisation=actor.party, forms=forms, files=files)
    try:
        check_stored(sealed)
        return SealedPackage.objects.create(
            scenario=scenario,
            organisation=actor.party,
            user=actor.person,
            envelopes=[
                {
                    "envelope": file.envelope,
                    "stored_name": file.stored_name,
                    "sha256": file.sha256,
                    "size": file.size,
                }
                for file in sealed
            ],
        )
    except DomainError:
        discard(sealed)
        raise


def discard_stale_packages() -> int:
    """Remove what was sealed and never submitted within a day. Returns how many."""
    stale = SealedPackage.objects.filter(version=None, created_at__lt=NowOnce() - KEPT_FOR)
    return sum(_discard_one(pk) for pk in stale.order_by("pk").values_list("pk", flat=True)[:1000])


@transaction.atomic
def _discard_one(pk: int) -> bool:
    """The row goes first: a crash in between leaves a file that no row names, never the reverse."""
    rows = SealedPackage.objects.select_for_update(skip_locked=True)
    package = rows.filter(pk=pk, version=None).first()
    if package is None:
        return False
    files = sealed_files(package)
    package.delete()
    transaction.on_commit(lambda: discard(files))
    return True
