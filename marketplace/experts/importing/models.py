from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from marketplace.accounts.models import User
from marketplace.base.actor import Actor
from marketplace.base.models import Recorded

# After this long a preview is looked at anew: what it was compared with may have changed.
KEPT_FOR = timedelta(hours=24)


class ImportState(models.TextChoices):
    PREVIEWED = "previewed", _("Previewed")
    CONFIRMED = "confirmed", _("Taken over")
    DROPPED = "dropped", _("Dropped")


class ExpertImportQuerySet(models.QuerySet["ExpertImport"]):
    def visible_to(self, actor: Actor) -> ExpertImportQuerySet:
        """Who made the preview; it holds what the file said of people."""
        return self.filter(created_by=actor.user_id) if actor.is_office else self.none()


class ExpertImport(Recorded):
    """A file that was read, and what it would do to the pool; then who took it over, and when.

    rows: as previewed, until it is taken over or dropped; afterwards the pool holds them and this
    keeps their hash and the numbers alone.
    """

    MOVES: ClassVar[dict[str, set[str]]] = {
        ImportState.PREVIEWED: {ImportState.CONFIRMED, ImportState.DROPPED},
    }

    state = models.CharField(
        max_length=16, choices=ImportState.choices, default=ImportState.PREVIEWED
    )
    file_sha256 = models.CharField(max_length=64)
    rows_sha256 = models.CharField(max_length=64)
    rows = models.JSONField(null=True)
    faults = models.JSONField(null=True)
    # Under which the office keeps the agreement of these people to the use of their data.
    consent_number = models.CharField(max_length=120, blank=True)
    added = models.PositiveIntegerField(default=0)
    updated = models.PositiveIntegerField(default=0)
    ties_added = models.PositiveIntegerField(default=0)
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(null=True)

    objects = ExpertImportQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="expert_import_holds_rows_while_open",
                condition=Q(state=ImportState.PREVIEWED, rows__isnull=False, decided_at=None)
                | (~Q(state=ImportState.PREVIEWED) & Q(rows=None, decided_at__isnull=False)),
            ),
            models.CheckConstraint(
                name="expert_import_with_consent",
                condition=~Q(state=ImportState.CONFIRMED) | ~Q(consent_number=""),
            ),
        ]

    def is_over(self, now: datetime) -> bool:
        return now >= self.created_at + KEPT_FOR
