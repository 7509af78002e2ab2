from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from marketplace.accounts.models import User
from marketplace.base.actor import Actor, Role
from marketplace.base.models import Recorded

# Who the person is was checked today, not some day.
ASKED_FOR = timedelta(hours=24)
REASON_MOST = 500


class ResetState(models.TextChoices):
    ASKED = "asked", _("Waits for a second person")
    CONFIRMED = "confirmed", _("Reset")
    DECLINED = "declined", _("Declined")


class FactorResetQuerySet(models.QuerySet["FactorReset"]):
    def visible_to(self, actor: Actor) -> FactorResetQuerySet:
        """The office and inspectors; whom it concerns gets a letter."""
        return self if actor.is_office or actor.role == Role.INSPECTOR else self.none()


class FactorReset(Recorded):
    MOVES: ClassVar = {ResetState.ASKED: {ResetState.CONFIRMED, ResetState.DECLINED}}

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="factor_resets")
    asked_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=REASON_MOST)
    state = models.CharField(max_length=16, choices=ResetState.choices, default=ResetState.ASKED)
    decided_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(null=True)

    objects = FactorResetQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="factor_reset_asked_once", fields=["user"], condition=Q(state="asked")
            ),
            models.CheckConstraint(
                name="factor_reset_by_two_people",
                condition=Q(decided_by=None) | ~Q(decided_by=F("asked_by")),
            ),
            models.CheckConstraint(
                name="factor_reset_of_somebody_else",
                condition=~Q(asked_by=F("user")) & (Q(decided_by=None) | ~Q(decided_by=F("user"))),
            ),
        ]
