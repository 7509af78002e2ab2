"""The owner is told who asks to read on, and who asked is told what was said."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from marketplace.accounts.models import User
from marketplace.base.actor import Actor
from marketplace.ledger.models import Event
from marketplace.notices.channels import Group
from marketplace.notices.registry import register
from marketplace.scenarios.notices import seen_by_any, title, writers
from marketplace.scenarios.releases.models import ReleaseRequest


def requests(actors: list[Actor], uids: Collection[UUID]) -> dict[UUID, Any]:
    rows = seen_by_any(ReleaseRequest, actors, uids).select_related("scenario")
    return {row.uid: row for row in rows}


def of_owner(event: Event) -> QuerySet[User]:
    return writers(Q(organisation__scenarios__uid=event.subjects[0]))


def of_vendor(event: Event) -> QuerySet[User]:
    return writers(Q(organisation__uid=event.subjects[1]))


for kind, audience, sentence in (
    ("release.asked", of_owner, _("A vendor asks to read the restricted parts of “%(title)s”")),
    ("release.granted", of_vendor, _("You may read the restricted parts of “%(title)s”")),
    (
        "release.refused",
        of_vendor,
        _("The restricted parts of “%(title)s” were not released to you"),
    ),
):
    register(
        kind,
        audience=audience,
        subjects=requests,
        sentence=sentence,
        title=lambda row: title(row.scenario),
        url=lambda row: reverse("release-requests", args=[row.scenario.address]),
        group=Group.DEMANDS,
    )
