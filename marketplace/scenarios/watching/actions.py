"""Watching begins and ends. Both are one's own, done any number of times, and leave no event."""

from __future__ import annotations

import secrets
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from marketplace.accounts.models import User
from marketplace.base import clock
from marketplace.base.actor import Actor
from marketplace.base.errors import DomainError, NotFound
from marketplace.base.locks import lock
from marketplace.base.rules import require
from marketplace.scenarios.models import Scenario
from marketplace.scenarios.rules import can_keep_calendar, can_watch_scenario
from marketplace.scenarios.watching.calendars import CalendarAddress, digest_of
from marketplace.scenarios.watching.models import WATCHED_MOST, Watch

SECRET_BYTES = 32


class WatchLimit(DomainError):
    code = "watch.limit"
    message = _("You watch %(limit)d demands, which is the most. Stop watching one first.")


@transaction.atomic
def watch_scenario(*, actor: Actor, scenario_uid: UUID) -> Watch:
    """Whatever becomes of a posted demand, told to this person. Again changes nothing.

    Raises NotFound, NotAllowed, WatchLimit.
    """
    scenario = Scenario.objects.visible_to(actor).public().filter(uid=scenario_uid).first()
    if scenario is None:
        raise NotFound
    require(can_watch_scenario, actor, scenario, unpledged=True)
    user = lock(User, pk=actor.user_id)
    had = Watch.objects.filter(user=user, scenario=scenario).first()
    if had:
        return had
    if Watch.objects.filter(user=user).count() >= WATCHED_MOST:
        raise WatchLimit(limit=WATCHED_MOST)
    return Watch.objects.create(user=user, scenario=scenario)


@transaction.atomic
def unwatch_scenario(*, actor: Actor, scenario_uid: UUID) -> None:
    """No more news of it. Nothing is refused, also where nothing was watched."""
    Watch.objects.visible_to(actor).filter(scenario__uid=scenario_uid).delete()


@transaction.atomic
def renew_calendar_address(*, actor: Actor) -> str:
    """A new secret for the calendar of what one watches; the one before ends at once.

    Returned this once, kept as a digest. Like watching it leaves no event. Raises NotAllowed.
    """
    require(can_keep_calendar, actor, CalendarAddress(), unpledged=True)
    user = lock(User, pk=actor.user_id)
    secret = secrets.token_urlsafe(SECRET_BYTES)
    given = {"digest": digest_of(secret), "renewed_at": clock.now()}
    CalendarAddress.objects.update_or_create(user=user, defaults=given)
    return secret


@transaction.atomic
def end_calendar_address(*, actor: Actor) -> None:
    """Nothing is answered there any more. Nothing is refused, also where there was none."""
    CalendarAddress.objects.visible_to(actor).delete()
