from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.utils.translation import gettext_lazy as _

from marketplace.base.history import append_only
from marketplace.base.models import Recorded


class Audience(models.TextChoices):
    PUBLIC = "public", _("Everybody")
    PARTIES = "parties", _("Those concerned")
    OFFICE = "office", _("The office and supervision")
    # Requests to read, approaches and tips: nobody who might be inspected learns of them.
    INSPECTION = "inspect", _("The inspectors only")


class Event(Recorded):
    """Something that happened, written in the transaction that made it happen.

    No foreign key leads out of the ledger, and nothing personal or sealed goes in: people are
    uids, free-text reasons stay in their room and leave a salted hash here. `body` is the RFC 8785
    text that later becomes a leaf.
    """

    append_only = True

    kind = models.CharField(max_length=64)
    schema_version = models.SmallIntegerField(default=1)
    at = models.DateTimeField()
    actor_uid = models.UUIDField(null=True)
    organisation_uid = models.UUIDField(null=True)
    role = models.CharField(max_length=16)
    subjects = ArrayField(models.UUIDField())
    audience = models.CharField(max_length=8, choices=Audience.choices)
    from_state = models.CharField(max_length=16, blank=True)
    to_state = models.CharField(max_length=16, blank=True)
    reason_hash = models.CharField(max_length=64, blank=True)
    profile_version = models.CharField(max_length=16, blank=True)
    input_hash = models.CharField(max_length=64, blank=True)
    data = models.JSONField(default=dict)
    salt = models.BinaryField(max_length=32)
    body = models.BinaryField()

    class Meta:
        indexes = [
            GinIndex(name="event_by_subject", fields=["subjects"]),
            models.Index(name="event_by_kind", fields=["kind", "id"]),
        ]
        triggers = append_only("event")


class PendingEvent(models.Model):
    """An event that no sequencer has given a leaf yet. Deleted when it has one."""

    id = models.BigAutoField(primary_key=True)
    event_id = models.BigIntegerField(unique=True)


class Receipt(Recorded):
    """What we signed and handed out. The body is RFC 8785 JSON, the signature is over it."""

    append_only = True

    # The event itself while the receipt is new; in the database it is `event_id` alone.
    event: "Event | None" = None

    kind = models.CharField(max_length=64)
    subject_uid = models.UUIDField()
    body = models.BinaryField()
    signature = models.BinaryField(max_length=64)
    key_id = models.CharField(max_length=16)
    algorithm = models.CharField(max_length=16, db_default="Ed25519")
    # Whose leaf was promised in it; none for those from before the log.
    event_id = models.BigIntegerField(null=True)

    class Meta:
        triggers = append_only("receipt")
        indexes = [models.Index(name="receipt_by_event", fields=["event_id"])]
