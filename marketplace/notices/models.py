from __future__ import annotations

from django.db import models

from marketplace.accounts.models import User
from marketplace.base.actor import Actor
from marketplace.base.models import Recorded


class NoticeQuerySet(models.QuerySet["Notice"]):
    def visible_to(self, actor: Actor) -> NoticeQuerySet:
        """A person's own, whichever hat is worn. Nobody reads another's."""
        return self.filter(user=actor.user_id) if actor.user_id else self.none()

    def unread(self) -> NoticeQuerySet:
        return self.filter(read_at=None)


class Notice(Recorded):
    """That something happened is told to one person.

    It holds no text: what it says, and whether its reader may still know it, is asked when it is
    shown or mailed.
    """

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="notices")
    kind = models.CharField(max_length=64)
    subject_uid = models.UUIDField()
    event_uid = models.UUIDField()
    read_at = models.DateTimeField(null=True)
    mailed_at = models.DateTimeField(null=True)

    objects = NoticeQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="notice_once", fields=["user", "kind", "event_uid"])
        ]
        indexes = [models.Index(name="notice_inbox", fields=["user", "-id"])]
