from __future__ import annotations

from django.db import models
from django.db.models import Q

from marketplace.accounts.models import User
from marketplace.base.actor import Actor
from marketplace.base.models import Recorded
from marketplace.notices.channels import MANDATORY, Channel, Group


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
    # Of a reminder: until when; the sentence names it.
    due_at = models.DateTimeField(null=True)
    mailed_at = models.DateTimeField(null=True)
    mail_refused_at = models.DateTimeField(null=True)

    objects = NoticeQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="notice_once", fields=["user", "kind", "event_uid"])
        ]
        indexes = [
            models.Index(name="notice_inbox", fields=["user", "-id"]),
            models.Index(name="notice_unread", fields=["user", "id"], condition=Q(read_at=None)),
        ]


class NoticePreference(Recorded):
    """By which way a person wants one group of notices. Without a row it is mail at once."""

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="notice_preferences")
    group = models.CharField(max_length=16, choices=Group.choices)
    channel = models.CharField(max_length=8, choices=Channel.choices)
    # What was told before is not gathered into a mail of its own afterwards.
    changed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="notice_preference_once", fields=["user", "group"]),
            models.CheckConstraint(
                name="notice_mandatory_not_silenced",
                condition=~Q(group__in=sorted(MANDATORY), channel=Channel.INBOX),
            ),
        ]


class Digest(Recorded):
    """One person's mail of one day (Asia/Shanghai), promised once however often it is swept."""

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="digests")
    day = models.DateField()
    done_at = models.DateTimeField(null=True)
    lines = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(name="digest_once_a_day", fields=["user", "day"])]


class MailRefusalQuerySet(models.QuerySet["MailRefusal"]):
    def visible_to(self, actor: Actor) -> MailRefusalQuerySet:
        """A person's own; the office sees all, since it has to reach people another way."""
        if actor.is_office:
            return self.all()
        return self.filter(user=actor.user_id) if actor.user_id else self.none()


class MailRefusal(Recorded):
    """A mail server said that this person's address takes no mail. Gone with the next one taken."""

    user = models.OneToOneField(User, on_delete=models.PROTECT, related_name="mail_refusal")
    email = models.EmailField()
    code = models.PositiveSmallIntegerField()
    answer = models.CharField(max_length=200)
    refused_at = models.DateTimeField()

    objects = MailRefusalQuerySet.as_manager()
