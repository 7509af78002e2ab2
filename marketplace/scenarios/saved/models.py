"""Searches of the board that a person keeps, and what they have found since."""

from __future__ import annotations

from django.db import models

from marketplace.accounts.models import User
from marketplace.base.actor import Actor
from marketplace.base.models import Recorded
from marketplace.scenarios.models import Scenario

SAVED_MOST = 20
NAME_MOST = 80


class SavedSearchQuerySet(models.QuerySet["SavedSearch"]):
    def visible_to(self, actor: Actor) -> SavedSearchQuerySet:
        """The person's own, under every hat: what somebody looks for is nobody else's matter."""
        return self.filter(user=actor.user_id) if actor.user_id else self.none()


class SavedSearch(Recorded):
    """filters: {"q": text, facet: [code, …], "fits": [uid of an organisation]}, nothing that is empty."""

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="saved_searches")
    name = models.CharField(max_length=NAME_MOST)
    filters = models.JSONField()
    # Up to where the board has been looked through for it, by the time of publication.
    looked_at = models.DateTimeField()
    # The last day (Asia/Shanghai) on which looking was promised.
    promised_date = models.DateField(null=True)

    objects = SavedSearchQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(name="saved_search_once", fields=["user", "name"])]
        indexes = [models.Index(name="saved_search_promised", fields=["promised_date", "id"])]


class Finding(Recorded):
    """What one search found on one day: the subject of one message."""

    search = models.ForeignKey(SavedSearch, on_delete=models.CASCADE, related_name="findings")
    day = models.DateField()

    class Meta:
        constraints = [models.UniqueConstraint(name="finding_once_a_day", fields=["search", "day"])]


class Find(models.Model):
    """A demand that a search has found: once, however often it is looked for."""

    id = models.BigAutoField(primary_key=True)
    search = models.ForeignKey(SavedSearch, on_delete=models.CASCADE, related_name="finds")
    finding = models.ForeignKey(Finding, on_delete=models.CASCADE, related_name="finds")
    scenario = models.ForeignKey(Scenario, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(name="find_once", fields=["search", "scenario"])]
