"""Whom a batch is told to: the call to those who may file, the announcement to those who may bid."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from marketplace.accounts.models import User
from marketplace.base.actor import Actor
from marketplace.base.languages import either
from marketplace.ledger.models import Audience, Event
from marketplace.notices.channels import Group
from marketplace.notices.registry import register
from marketplace.scenarios.batches.models import Batch
from marketplace.scenarios.notices import seen_by_any, writers


def batches(actors: list[Actor], uids: Collection[UUID]) -> dict[UUID, Any]:
    return {row.uid: row for row in seen_by_any(Batch, actors, uids)}


def title(batch: Batch) -> str:
    return either(batch.title, batch.title_en)


def owners(event: Event) -> QuerySet[User]:
    """Who files demands for a verified owner. A batch that was never called was told to nobody."""
    if event.audience != Audience.PUBLIC:
        return User.objects.none()
    return writers(Q(organisation__is_owner=True, organisation__verified_at__isnull=False))


def vendors(_event: Event) -> QuerySet[User]:
    """Who bids for a verified vendor. Owners of the batch are told of each demand of theirs."""
    return writers(Q(organisation__is_vendor=True, organisation__verified_at__isnull=False))


TOLD: dict[str, tuple[Any, str | Promise, Group]] = {
    "batch.called": (owners, _("The office calls for demands: “%(title)s”"), Group.DEMANDS),
    "batch.cancelled": (owners, _("The call “%(title)s” was cancelled"), Group.DEMANDS),
    "batch.announced": (vendors, _("New demands were announced: “%(title)s”"), Group.FINDS),
}
for _kind, (_audience, _sentence, _group) in TOLD.items():
    register(
        _kind,
        audience=_audience,
        subjects=batches,
        sentence=_sentence,
        title=title,
        url=lambda batch: reverse("batch", args=[batch.number]),
        group=_group,
    )
