"""The access log: who read what matters. Append-only, and sealed day by day into the ledger."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import date
from uuid import UUID

import pgtrigger
from django.db import connection, models, transaction
from django.db.models import Q, QuerySet

from marketplace.base import clock
from marketplace.base.actor import SYSTEM, Actor
from marketplace.base.canonical import canonical
from marketplace.base.clock import MarketplaceNow
from marketplace.base.models import Recorded
from marketplace.ledger import actions as ledger
from marketplace.ledger.models import Audience, append_only

# Readers hold it shared until they commit; a day is sealed by whoever holds it alone.
LOCK = "hashtext('access_log')"


class AccessRecord(models.Model):
    """Somebody read something restricted. People and things are uids; nothing else is personal."""

    append_only = True

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField(db_default=MarketplaceNow(), editable=False)
    user_uid = models.UUIDField(null=True)
    organisation_uid = models.UUIDField(null=True)
    role = models.CharField(max_length=16)
    subject_uid = models.UUIDField()
    what = models.CharField(max_length=32)
    detail = models.CharField(max_length=80, blank=True)

    class Meta:
        indexes = [
            models.Index(name="access_by_subject", fields=["subject_uid", "id"]),
            models.Index(name="access_by_user", fields=["user_uid", "id"]),
            models.Index(name="access_by_day", fields=["at", "id"]),
        ]
        constraints = [
            models.CheckConstraint(
                name="access_names_its_kind", condition=Q(what__regex=r"^[a-z_]+\.[a-z_]+$")
            )
        ]
        triggers = [
            *append_only("access"),
            # The time is read once the lock is held, so that no row joins a day already sealed.
            pgtrigger.Trigger(
                name="access_is_dated_under_the_lock",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                func=f"""
                    PERFORM pg_advisory_xact_lock_shared({LOCK});
                    NEW.at := marketplace_now();
                    RETURN NEW;
                """,
            ),
        ]


class AccessDay(Recorded):
    """One day's rows under one hash, chained to the day before it that had any."""

    append_only = True

    day = models.DateField(unique=True)
    root = models.CharField(max_length=64)
    records = models.PositiveIntegerField()

    class Meta:
        triggers = append_only("access_day")


def record_access(*, actor: Actor, subject_uid: UUID, what: str, detail: str = "") -> None:
    """Write that the actor read something. One insert, in the caller's transaction if it has one.

    what: "noun.verb" in lower case ("file.read", "panel.names"), at most 32 characters. detail:
    at most 80 characters without personal data (a range of bytes, the uid of a request).
    """
    AccessRecord.objects.create(
        user_uid=actor.user_uid,
        organisation_uid=actor.organisation_uid,
        role=str(actor.role),
        subject_uid=subject_uid,
        what=what,
        detail=detail,
    )


def readings_of(subject_uids: Iterable[UUID]) -> QuerySet[AccessRecord]:
    """Who read any of these, newest first."""
    return AccessRecord.objects.filter(subject_uid__in=list(subject_uids)).order_by("-id")


def readings_by(user_uid: UUID) -> QuerySet[AccessRecord]:
    """What one person read, newest first."""
    return AccessRecord.objects.filter(user_uid=user_uid).order_by("-id")


def day_root(day: date, before: str) -> tuple[str, int]:
    """Hash (hex) over the root before and the day's rows in order of id, and how many there are.

    Each row goes in as the RFC 8785 text of its values and a line feed.
    """
    rows = AccessRecord.objects.filter(
        at__gte=clock.day_starts_at(day), at__lt=clock.day_starts_at(clock.day_after(day))
    )
    running, count = hashlib.sha256(before.encode()), 0
    for row in rows.order_by("id").values().iterator(chunk_size=1000):
        running.update(canonical(row) + b"\n")
        count += 1
    return running.hexdigest(), count


@transaction.atomic
def seal_days() -> int:
    """Seal every ended Shanghai day that has rows. Returns how many are new; none while busy.

    A reader whose transaction is still open could belong to the day: then the next sweep does it.
    """
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pg_try_advisory_xact_lock({LOCK})")
        if not cursor.fetchone()[0]:
            return 0
    last = AccessDay.objects.order_by("-day").first()
    rows = AccessRecord.objects.filter(at__lt=clock.day_starts_at(clock.today()))
    if last:
        rows = rows.filter(at__gte=clock.day_starts_at(clock.day_after(last.day)))
    days = [at.date() for at in rows.datetimes("at", "day", tzinfo=clock.SHANGHAI)]
    before = last.root if last else ""
    for day in days:
        before, count = day_root(day, before)
        sealed = AccessDay.objects.create(day=day, root=before, records=count)
        ledger.append(
            "access_day.sealed",
            actor=SYSTEM,
            subjects=[sealed.uid],
            audience=Audience.PUBLIC,  # a hash alone: whoever is shown the day can hold it against it
            data={"day": day, "root": before},
        )
    return len(days)


def broken_days() -> list[date]:
    """Days whose rows no longer give the root that was recorded, and unsealed days before the last.

    An empty list says that nobody took a row away, added or changed one since.
    """
    found, before = set(), ""
    for sealed in AccessDay.objects.order_by("day"):
        root, _count = day_root(sealed.day, before)
        if root != sealed.root:
            found.add(sealed.day)
        before = sealed.root
    days = AccessDay.objects.order_by("-day").values_list("day", flat=True)
    if days:
        rows = AccessRecord.objects.filter(at__lt=clock.day_starts_at(days[0]))
        dates = {at.date() for at in rows.datetimes("at", "day", tzinfo=clock.SHANGHAI)}
        found |= dates - set(days)
    return sorted(found)
