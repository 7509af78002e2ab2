"""暂停: from when to when a posted demand stood still, why, and by whom."""

from __future__ import annotations

import pgtrigger
from django.db import models
from django.db.models import F, Q

from marketplace.accounts.models import User
from marketplace.base.history import not_truncated
from marketplace.base.models import Recorded
from marketplace.scenarios.models import Scenario


class Suspension(Recorded):
    """One of them; `until_at` is set once, when the demand goes on."""

    scenario = models.ForeignKey(Scenario, on_delete=models.PROTECT, related_name="suspensions")
    reason = models.TextField(max_length=4000)
    from_at = models.DateTimeField()
    suspended_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    until_at = models.DateTimeField(null=True)
    resumed_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    resume_reason = models.TextField(max_length=4000, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="suspension_one_at_a_time", fields=["scenario"], condition=Q(until_at=None)
            ),
            models.CheckConstraint(
                name="suspension_ends_after_it_began",
                condition=Q(until_at=None) | Q(until_at__gte=F("from_at")),
            ),
        ]
        triggers = [
            pgtrigger.Protect(
                name="suspension_ended_is_frozen",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__until_at__isnull=False),
            ),
            pgtrigger.Protect(name="suspension_is_not_deleted", operation=pgtrigger.Delete),
            not_truncated("suspension"),
        ]
