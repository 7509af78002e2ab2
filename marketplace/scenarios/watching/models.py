"""Demands that a person keeps an eye on. Private: who watches may be who means to bid."""

from __future__ import annotations

from django.db import models

from marketplace.accounts.models import User
from marketplace.base.actor import Actor
from marketplace.base.models import Recorded
from marketplace.scenarios.models import Scenario

WATCHED_MOST = 200


class WatchQuerySet(models.QuerySet["Watch"]):
    def visible_to(self, actor: Actor) -> WatchQuerySet:
        """The person's own, under every hat. Not the owner's, the office's or an inspector's."""
        return self.filter(user=actor.user_id) if actor.user_id else self.none()


class Watch(Recorded):
    """Gone when it ends. No event tells of it, and nothing counts it: either would hint at bids."""

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="watches")
    scenario = models.ForeignKey(Scenario, on_delete=models.PROTECT, related_name="watches")

    objects = WatchQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(name="watch_once", fields=["user", "scenario"])]
