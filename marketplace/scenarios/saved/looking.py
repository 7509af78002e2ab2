"""Once a day each saved search is asked again, and its person told of what is new."""

from __future__ import annotations

from datetime import date, time, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from marketplace.accounts.models import Organisation
from marketplace.base import clock
from marketplace.base.actor import VISITOR
from marketplace.base.queue import enqueue, handles
from marketplace.notices.actions import tell
from marketplace.scenarios.board import board
from marketplace.scenarios.fitting.queries import facts_of
from marketplace.scenarios.saved.models import Find, Finding, SavedSearch
from marketplace.scenarios.saved.notices import FOUND
from marketplace.scenarios.search.asked import Fitting

LOOK = "look_for_saved_search"
LOOK_FROM, LOOK_UNTIL = time(8), time(20)
BATCH = 500
FOUND_MOST = 100  # a search and day; the rest is found on the next
# A publication that was being written when the board was looked through is found a day later.
OVERLAP = timedelta(days=1)


def promise_searches() -> int:
    """Promise today's look for every saved search, from 08:00 to 20:00 Asia/Shanghai.

    Two sweeps promise it once. Returns how many are new.
    """
    local = clock.now().astimezone(clock.SHANGHAI)
    if not LOOK_FROM <= local.time() < LOOK_UNTIL:
        return 0
    number = 0
    while made := _promise(local.date()):
        number += made
    return number


@transaction.atomic
def _promise(day: date) -> int:
    due = Q(promised_date=None) | Q(promised_date__lt=day)
    rows = SavedSearch.objects.filter(due, user__is_active=True).order_by("pk")
    some = list(rows.select_for_update(of=("self",), skip_locked=True)[:BATCH])
    for search in some:
        enqueue(LOOK, search_uid=str(search.uid), day=day.isoformat())
    SavedSearch.objects.filter(pk__in=[search.pk for search in some]).update(promised_date=day)
    return len(some)


def filters_now(search: SavedSearch) -> dict[str, Any] | None:
    """As `board` takes them today; None where the person has left the organisation that it fits."""
    named = search.filters.get("fits")
    if not named:
        return search.filters
    party = Organisation.objects.filter(
        uid=named[0], is_vendor=True, members__user=search.user_id
    ).first()
    if party is None or not party.capabilities:
        return None
    fits = Fitting(facts_of(list(party.capabilities)), party.pk)
    return {**search.filters, "fits": fits}


@handles(LOOK)
@transaction.atomic
def look(*, search_uid: str, day: str, **_: object) -> None:
    """Find what was posted since, as everybody sees it. May run twice, also at once."""
    rows = SavedSearch.objects.select_for_update(of=("self",)).select_related("user")
    search = rows.filter(uid=UUID(search_uid), user__is_active=True).first()
    if search is None:
        return
    now = clock.now()
    since = max(search.created_at, search.looked_at - OVERLAP)
    filters = filters_now(search)
    if filters is None:
        search.looked_at = now
        search.save(update_fields=["looked_at"])
        return
    fresh = board(VISITOR, filters).filter(published_at__gt=since, published_at__lte=now)
    fresh = fresh.exclude(pk__in=Find.objects.filter(search=search).values("scenario_id"))
    found = list(fresh.order_by("published_at", "pk")[:FOUND_MOST])
    if found:
        finding, _made = Finding.objects.get_or_create(search=search, day=date.fromisoformat(day))
        Find.objects.bulk_create(
            Find(search=search, finding=finding, scenario=scenario) for scenario in found
        )
        tell(FOUND, finding.uid, [(search.user, finding.uid)])
    last = found[-1].published_at if len(found) == FOUND_MOST else now
    search.looked_at = last or now
    search.save(update_fields=["looked_at"])
