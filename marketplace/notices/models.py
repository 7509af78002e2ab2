from __future__ import annotations

from django.db import models

from marketplace.accounts.models import User
from marketplace.base.models import Recorded


class Notice(Recorded):
    """A line in somebody's inbox. Holds no text: it is rendered, and checked again, when read."""

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="notices")
    kind = models.CharField(max_length=64)
    subject_uid = models.UUIDField()
    event_uid = models.UUIDField()
    read_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(name="notice_inbox", fields=["user", "-id"])]
        constraints = [
            models.UniqueConstraint(
                name="notice_once_per_event", fields=["user", "kind", "event_uid"]
            )
        ]
