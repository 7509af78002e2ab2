"""Sealed first, submitted later: the work is done before the deadline's transaction, which is short."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from django.db import connection, transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from marketplace.base import clock
from marketplace.base.actor import Actor
from marketplace.base.clock import NowOnce
from marketplace.base.errors import Invalid, NotFound, TooLarge, TooMany
from marketplace.base.rules import require
from marketplace.bidding.actions.submission import sealed_files
from marketplace.bidding.grace import require_committed, require_open_or_committed
from marketplace.bidding.models import SealedPackage
from marketplace.bidding.rules import can_bid
from marketplace.bidding.sealing import SealedFile, discard
from marketplace.files import limits
from marketplace.files.actions import claim_upload, release_upload
from marketplace.files.limits import Purpose
from marketplace.scenarios.models import Envelope, Scenario, State

WAITING_MAX = 10
KEPT_FOR = timedelta(hours=24)


@transaction.atomic
def assemble_package(
    *, actor: Actor, scenario_uid: UUID, uploads: Mapping[str, UUID]
) -> SealedPackage:
    """Three envelopes that the bidder sealed and uploaded become a package.

    uploads: {envelope: upload}, each stored and of the purpose `sealed`; the package owns them from
    now on. After the deadline only committed ones are taken. Their bytes were reread, hashed and
    held to be age to one recipient when they came, and are not read here. Raises Invalid unless it is one upload for each envelope, TooMany, TooLarge,
    DeadlinePassed, StateConflict, and what `claim_upload` raises.
    """
    scenario = visible_scenario(actor, scenario_uid)
    if sorted(uploads) != sorted(Envelope.values) or len(set(uploads.values())) != len(uploads):
        raise Invalid(
            _("A package is made of three uploads, one for each envelope."),
            code="package.envelopes",
        )
    hold_packages(actor)
    commitment = require_open_or_committed(scenario, actor.party.pk, clock.now())
    require_room(waiting(actor, scenario).count())
    uid = uuid4()
    # In one order, so that two that share uploads wait for one another and never cross.
    claimed = {
        upload_uid: claim_upload(
            actor=actor, upload_uid=upload_uid, purpose=Purpose.SEALED, subject_uid=uid
        )
        for upload_uid in sorted(uploads.values())
    }
    sealed = [
        SealedFile(str(envelope), row.stored_name, row.sha256, row.length, upload=str(row.uid))
        for envelope in Envelope
        for row in [claimed[uploads[envelope]]]
    ]
    if commitment is not None:
        require_committed(commitment, sealed)
    require_bytes(actor, sum(file.size for file in sealed))
    return SealedPackage.objects.create(
        uid=uid,
        scenario=scenario,
        organisation=actor.party,
        user=actor.person,
        envelopes=[row_of(file) for file in sealed],
    )


def visible_scenario(actor: Actor, scenario_uid: UUID) -> Scenario:
    """Raises NotFound, NotAllowed."""
    scenario = Scenario.objects.visible_to(actor).filter(uid=scenario_uid).first()
    if scenario is None:
        raise NotFound
    require(can_bid, actor, scenario)
    return scenario


def waiting(actor: Actor, scenario: Scenario | None = None) -> Any:
    rows = SealedPackage.objects.filter(organisation=actor.party, version=None)
    return rows.filter(scenario=scenario) if scenario else rows


def require_room(count: int) -> None:
    if count >= WAITING_MAX:
        raise TooMany(
            _("%(most)s sealed packages wait for this demand already: submit one of them."),
            code="package.waiting_limit",
            most=WAITING_MAX,
        )


def require_bytes(actor: Actor, more: int) -> None:
    """What waits is bounded as uploads are; what was received does not count any more."""
    kept = (row for package in waiting(actor) for row in package.envelopes if row.get("upload"))
    if sum(row["size"] for row in kept) + more > limits.ORGANISATION_BYTES_MOST:
        raise TooLarge(
            _("Your sealed packages that wait may have %(most)s MiB together: submit one of them."),
            code="limit.waiting_bytes",
            most=limits.ORGANISATION_BYTES_MOST // limits.MEBIBYTE,
        )


def hold_packages(actor: Actor) -> None:
    """One assembly of an organisation at a time, so that two together break no limit either."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))",
            [f"package:{actor.organisation_uid}"],
        )


def row_of(file: SealedFile) -> dict[str, Any]:
    """As it stands in `SealedPackage.envelopes`."""
    told: dict[str, Any] = {"envelope": file.envelope, "stored_name": file.stored_name}
    told |= {"sha256": file.sha256, "size": file.size}
    return told | ({"upload": file.upload} if file.upload else {})


def discard_stale_packages() -> int:
    """Remove what was never submitted within a day, or never can be. Returns how many.

    A demand that has closed takes no bid again; one whose deadline passed might get a later one.
    """
    rows = SealedPackage.objects.filter(version=None)
    stale = rows.filter(
        Q(created_at__lt=NowOnce() - KEPT_FOR) | ~Q(scenario__state=State.PUBLISHED)
    )
    return sum(_discard_one(pk) for pk in stale.order_by("pk").values_list("pk", flat=True)[:1000])


@transaction.atomic
def _discard_one(pk: int) -> bool:
    """The row goes first: a crash in between leaves a file that no row names, never the reverse.

    Uploads are let go with the row; their bytes go with the next sweep of uploads.
    """
    rows = SealedPackage.objects.select_for_update(skip_locked=True)
    package = rows.filter(pk=pk, version=None).first()
    if package is None:
        return False
    files = sealed_files(package)
    package.delete()
    for upload in sorted(file.upload for file in files if file.upload):
        release_upload(upload_uid=UUID(upload))
    transaction.on_commit(lambda: discard(files))
    return True
