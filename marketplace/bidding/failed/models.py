from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from marketplace.accounts.models import User
from marketplace.base.actor import Actor, Role
from marketplace.base.models import Recorded
from marketplace.bidding.failed.barriers import HOLDERS, MASTER
from marketplace.bidding.models import Opening

REASON_MOST = 2000
NUMBER_MOST = 120


class FailureCause(models.TextChoices):
    HOLDERS = HOLDERS, _("Too many key holders have lost their keys")
    MASTER = MASTER, _("The opener's master identity is lost, its backup shares too")


class FailureState(models.TextChoices):
    DECLARED = "declared", _("Waits for a second officer")
    CONFIRMED = "confirmed", _("Confirmed")
    DISMISSED = "dismissed", _("Dismissed")


class FailedOpeningQuerySet(models.QuerySet["FailedOpening"]):
    def visible_to(self, actor: Actor) -> FailedOpeningQuerySet:
        """Office and inspectors; once confirmed, whoever may see the opening."""
        rows = self.filter(opening__in=Opening.objects.visible_to(actor))
        if actor.is_office or actor.role == Role.INSPECTOR:
            return rows
        return rows.filter(state=FailureState.CONFIRMED)


class FailedOpening(Recorded):
    """One officer says that an opening can never happen, another agrees or dismisses it.

    lost: uids of the holders whose keys are said to be lost. evidence_…: the document that shows
    it, by its number and SHA-256; the document itself stays in the office's files.
    """

    MOVES: ClassVar = {FailureState.DECLARED: {FailureState.CONFIRMED, FailureState.DISMISSED}}

    opening = models.ForeignKey(Opening, on_delete=models.PROTECT, related_name="failures")
    cause = models.CharField(max_length=16, choices=FailureCause.choices)
    lost = ArrayField(models.UUIDField(), default=list)
    reason = models.TextField(max_length=REASON_MOST)
    evidence_number = models.CharField(max_length=NUMBER_MOST)
    evidence_sha256 = models.CharField(max_length=64)
    state = models.CharField(
        max_length=16, choices=FailureState.choices, default=FailureState.DECLARED
    )
    declared_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    decided_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(null=True)

    objects = FailedOpeningQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="failed_opening_open_once",
                fields=["opening"],
                condition=~Q(state="dismissed"),
            ),
            models.CheckConstraint(
                name="failed_opening_by_two_people",
                condition=Q(decided_by=None) | ~Q(decided_by=F("declared_by")),
            ),
        ]
