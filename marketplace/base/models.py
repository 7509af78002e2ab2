import uuid

from django.db import models
from django.db.models import Q

from marketplace.base.clock import MarketplaceNow


class Recorded(models.Model):
    """What every record has: an id that stays inside and a uid for addresses."""

    id = models.BigAutoField(primary_key=True)
    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    created_at = models.DateTimeField(db_default=MarketplaceNow(), editable=False)

    class Meta:
        abstract = True


class OutboxJob(models.Model):
    """A promise made in a transaction, kept after its commit. Handlers may run twice."""

    id = models.BigAutoField(primary_key=True)
    kind = models.CharField(max_length=64)
    payload = models.JSONField()
    created_at = models.DateTimeField(db_default=MarketplaceNow())
    due_at = models.DateTimeField(db_default=MarketplaceNow())
    attempts = models.PositiveSmallIntegerField(default=0)
    done_at = models.DateTimeField(null=True)
    last_error = models.CharField(max_length=200, blank=True)

    class Meta:
        indexes = [
            models.Index(name="outbox_waiting", fields=["due_at", "id"], condition=Q(done_at=None))
        ]


class IdempotencyKey(models.Model):
    """One success per key, actor and route, for 24 hours. Only successes are kept."""

    id = models.BigAutoField(primary_key=True)
    owner = models.CharField(max_length=80)
    route = models.CharField(max_length=80)
    key = models.CharField(max_length=80)
    body_hash = models.CharField(max_length=64)
    result_uid = models.UUIDField(null=True)
    created_at = models.DateTimeField(db_default=MarketplaceNow())

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="idempotency_one_success_per_key", fields=["owner", "route", "key"]
            )
        ]


class Count(models.Model):
    """What the default cache keeps: attempts, for as long as they count. Not logged, not backed up.

    The table is UNLOGGED: after a crash of the database everybody starts anew.
    """

    digest = models.CharField(max_length=64, primary_key=True)
    value = models.JSONField()
    expires_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(name="count_expires", fields=["expires_at"])]


class Heartbeat(models.Model):
    """When a program or a sweep last went well. Says nothing about what it did."""

    name = models.CharField(max_length=100, primary_key=True)
    beat_at = models.DateTimeField()
