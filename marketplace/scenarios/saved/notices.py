"""The message of a day about one saved search: its name, and what it found."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.db.models import Prefetch
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from marketplace.accounts.models import User
from marketplace.base.actor import Actor
from marketplace.notices.channels import Group
from marketplace.notices.registry import KINDS, Kind
from marketplace.scenarios.models import Scenario
from marketplace.scenarios.notices import title as demand_title
from marketplace.scenarios.saved.models import Find, Finding

NAMED_MOST = 3


def findings(actors: list[Actor], uids: Collection[UUID]) -> dict[UUID, Any]:
    """{uid: the finding with its demands as `shown`}, where one of them can still be read."""
    people = {actor.user_id for actor in actors if actor.user_id}
    readable = Scenario.objects.public()
    finds = Find.objects.filter(scenario__in=readable).select_related("scenario").order_by("pk")
    rows = Finding.objects.filter(uid__in=uids, search__user__in=people).select_related("search")
    found = rows.prefetch_related(Prefetch("finds", finds, to_attr="shown"))
    return {row.uid: row for row in found if row.shown}  # type: ignore[attr-defined]


def title(finding: Any) -> str:
    titles = [demand_title(find.scenario) for find in finding.shown]
    named = _(", ").join(titles[:NAMED_MOST])
    told = {"name": finding.search.name, "titles": named, "n": len(titles) - NAMED_MOST}
    if len(titles) > NAMED_MOST:
        return _("%(name)s: %(titles)s and %(n)s more") % told
    return _("%(name)s: %(titles)s") % told


FOUND = Kind(
    "search.found",
    event_kind="",
    audience=lambda _event: User.objects.none(),
    subjects=findings,
    sentence=gettext_lazy("New for your saved search %(title)s"),
    title=title,
    url=lambda finding: reverse("saved-search", args=[finding.search.uid]),
    group=Group.FINDS,
)
KINDS[FOUND.name] = FOUND
