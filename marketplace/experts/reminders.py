"""Experts learn in time that their entry ends, and once a year that it is to be confirmed."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from marketplace.accounts.models import Membership
from marketplace.base import clock
from marketplace.base.actor import Actor, Role
from marketplace.experts.models import Expert
from marketplace.experts.queries import CONFIRM_EVERY, EXPIRING
from marketplace.notices.reminders import Due, Told, before, on_the_day, remind

# Entries that ended, or were left unconfirmed, longer ago wait for nobody.
FORGOTTEN = timedelta(days=60)


def _among(uids: Collection[UUID] | None) -> Q:
    return Q() if uids is None else Q(uid__in=uids)


def expiring(now: datetime, among: Collection[UUID] | None) -> Iterable[Due]:
    day = now.astimezone(clock.SHANGHAI).date()
    rows = Expert.objects.filter(_among(among), suspended_at=None, user__is_active=True)
    ending = rows.filter(valid_until__gt=day - FORGOTTEN, valid_until__lte=day + EXPIRING)
    for row in ending:
        assert row.valid_until is not None, "it ends"
        yield Due(row.uid, row.created_at, clock.day_starts_at(row.valid_until))


def unconfirmed(now: datetime, among: Collection[UUID] | None) -> Iterable[Due]:
    rows = Expert.objects.filter(_among(among), suspended_at=None, user__is_active=True)
    since = now - CONFIRM_EVERY
    ripe = rows.filter(confirmed_at__lte=since + EXPIRING, confirmed_at__gt=since - FORGOTTEN)
    for row in ripe:
        assert row.confirmed_at is not None, "it was confirmed"
        yield Due(row.uid, row.confirmed_at, row.confirmed_at + CONFIRM_EVERY)


def themselves(uids: Collection[UUID]) -> Iterable[tuple[UUID, int]]:
    return Expert.objects.filter(uid__in=uids).values_list("uid", "user_id")


def officers(uids: Collection[UUID]) -> Iterable[tuple[UUID, int]]:
    seats = Membership.objects.filter(role=Role.OFFICER, organisation__is_office=True)
    ids = list(seats.values_list("user_id", flat=True))
    return [(uid, user_id) for uid in uids for user_id in ids]


def seen(actors: list[Actor], uids: Collection[UUID]) -> dict[UUID, Any]:
    rows = Q(pk=None)
    for actor in actors:
        rows |= Q(pk__in=Expert.objects.visible_to(actor).values("pk"))
    found = Expert.objects.filter(rows, uid__in=uids).select_related("user")
    return {row.uid: row for row in found}


def name(row: Expert) -> str:
    return row.user.name


def own_url(_row: Expert) -> str:
    return reverse("my-record")


def url(row: Expert) -> str:
    return reverse("expert", args=[row.uid])


remind(
    "expert_expires",
    waiting=expiring,
    told=[
        Told(
            themselves,
            _("Your entry in the expert pool ends on %(at)s: %(title)s"),
            (before(days=60), before(days=14), on_the_day()),
            url=own_url,
        ),
        Told(
            officers,
            _("An entry of the expert pool ends on %(at)s: %(title)s"),
            (before(days=14),),
            name="office",
        ),
    ],
    subjects=seen,
    title=name,
    url=url,
)
remind(
    "expert_confirms",
    waiting=unconfirmed,
    told=[
        Told(
            themselves,
            _("Confirm your record in the expert pool by %(at)s: %(title)s"),
            (before(days=14), on_the_day()),
        )
    ],
    subjects=seen,
    title=name,
    url=own_url,
)
