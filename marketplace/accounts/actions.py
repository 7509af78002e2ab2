from __future__ import annotations

from datetime import datetime
from uuid import UUID

from allauth.mfa.models import Authenticator
from django.db import transaction

from marketplace.accounts.models import Capability, Grant, Organisation, User
from marketplace.base import clock
from marketplace.base.locks import lock


def grant(
    *,
    subject_uid: UUID,
    capability: Capability,
    user: User | None = None,
    organisation: Organisation | None = None,
) -> Grant:
    """Open a grant inside a room's own action, which has asked its own rule and writes the event.

    An open grant of the same holder is returned, not doubled.
    """
    row, _ = Grant.objects.get_or_create(
        user=user,
        organisation=organisation,
        subject_uid=subject_uid,
        capability=capability,
        until_at=None,
    )
    return row


def end_grants(*, user: User, subject_uids: list[UUID], capability: Capability) -> int:
    """End a person's open grants on these subjects, everywhere at once. Returns how many."""
    rows = Grant.objects.filter(user=user, subject_uid__in=subject_uids, capability=capability)
    return rows.filter(until_at=None).update(until_at=clock.now())


@transaction.atomic
def spend_totp_counter(*, authenticator: Authenticator, counter: int) -> bool:
    """Keep the half minute whose code was used; False if it, or a later one, was used before.

    RFC 6238 §5.2: a code is accepted once, by whichever process.
    """
    row = lock(Authenticator, pk=authenticator.pk)
    if counter <= row.data.get("last_counter", 0):
        return False
    row.data = {**row.data, "last_counter": counter}
    row.save(update_fields=["data"])
    return True


def grant_reading(*, organisation: Organisation, subject_uid: UUID, until_at: datetime) -> Grant:
    """Inside a room's own action: an organisation may read one thing until then, and no longer."""
    end_reading(organisation=organisation, subject_uid=subject_uid)
    return Grant.objects.create(
        organisation=organisation,
        subject_uid=subject_uid,
        capability=Capability.READ,
        from_at=clock.now(),
        until_at=until_at,
    )


def end_reading(*, organisation: Organisation, subject_uid: UUID) -> int:
    """End what an organisation may read now, everywhere at once. Returns how many grants."""
    rows = Grant.objects.filter(
        organisation=organisation, subject_uid=subject_uid, capability=Capability.READ
    )
    return rows.in_force().update(until_at=clock.now())
