import uuid

from django.db import models
from django.db.models import F, Q

from marketplace.base.clock import MarketplaceNow
from marketplace.base.history import append_only


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


class Outage(Recorded):
    """A piece of time in which the monitor did not find the site ready: [from, until).

    One outage may stand in many pieces, and a piece twice: whoever adds up merges them first.
    """

    append_only = True

    from_at = models.DateTimeField()
    until_at = models.DateTimeField()
    # What the first of the failed questions was answered: "unreachable" or "not_ready".
    what = models.CharField(max_length=16)

    class Meta:
        indexes = [models.Index(name="outage_by_end", fields=["until_at"])]
        constraints = [
            models.CheckConstraint(
                name="outage_has_a_length", condition=Q(until_at__gt=F("from_at"))
            )
        ]
        triggers = append_only("outage")
