"""The transparency log as rows: leaves, tiles, checkpoints, and what others say of them."""

import pgtrigger
from django.db import models
from django.db.models import Q

from marketplace.base.history import append_only, not_truncated
from marketplace.base.models import Recorded


class Leaf(models.Model):
    """One entry of the log, for good. Without an event it is padding, which only this row tells."""

    append_only = True

    index = models.BigIntegerField(primary_key=True)
    data = models.BinaryField()
    event_id = models.BigIntegerField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="leaf_once_per_event", fields=["event_id"], condition=Q(event_id__isnull=False)
            ),
            models.CheckConstraint(name="leaf_index_not_negative", condition=Q(index__gte=0)),
        ]
        triggers = append_only("leaf")


class LogTile(models.Model):
    """Up to 256 hashes of one level of the tree. It grows at its end and never changes before."""

    level = models.PositiveSmallIntegerField()
    index = models.BigIntegerField()
    hashes = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="tile_once_per_place", fields=["level", "index"])
        ]
        triggers = [
            pgtrigger.Trigger(
                name="tile_only_grows",
                when=pgtrigger.Before,
                operation=pgtrigger.Update,
                func="""
                    IF NEW.level <> OLD.level OR NEW.index <> OLD.index
                        OR substr(NEW.hashes, 1, length(OLD.hashes)) <> OLD.hashes
                        OR length(NEW.hashes) > 8192 OR length(NEW.hashes) % 32 <> 0 THEN
                        RAISE EXCEPTION 'a tile of the log only grows';
                    END IF;
                    RETURN NEW;
                """,
            ),
            pgtrigger.Protect(name="tile_is_not_deleted", operation=pgtrigger.Delete),
            not_truncated("tile"),
        ]


class Checkpoint(Recorded):
    """The tree's size and root as a signed note, one for each batch."""

    append_only = True

    size = models.BigIntegerField()
    origin = models.CharField(max_length=200)
    root = models.BinaryField(max_length=32)
    note = models.TextField()
    key_id = models.CharField(max_length=16)
    algorithm = models.CharField(max_length=16)
    at = models.DateTimeField()

    class Meta:
        # After a loss that was owned up to, another origin passes the same sizes again.
        constraints = [
            models.UniqueConstraint(name="checkpoint_once_per_size", fields=["origin", "size"])
        ]
        triggers = append_only("checkpoint")


class Cosignature(Recorded):
    """A witness saw this checkpoint and found it consistent with what it had seen before."""

    append_only = True

    checkpoint = models.ForeignKey(Checkpoint, on_delete=models.PROTECT)
    witness = models.CharField(max_length=200)
    line = models.TextField()
    signed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="cosignature_once_per_witness", fields=["checkpoint", "witness"]
            )
        ]
        triggers = append_only("cosignature")


class Anchor(Recorded):
    """A timestamp (RFC 3161) by an outside authority over a checkpoint's note."""

    append_only = True

    checkpoint = models.ForeignKey(Checkpoint, on_delete=models.PROTECT)
    authority = models.CharField(max_length=200)
    token = models.BinaryField()
    stamped_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="anchor_once_per_authority", fields=["checkpoint", "authority"]
            )
        ]
        triggers = append_only("anchor")


class PublishedKey(Recorded):
    """A public key that we sign with or have signed with. Its private half is in no database."""

    append_only = True

    use = models.CharField(
        max_length=16, choices=[("receipt", "receipt"), ("checkpoint", "checkpoint")]
    )
    key_id = models.CharField(max_length=16)
    algorithm = models.CharField(max_length=16)
    public_key = models.CharField(max_length=200)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="published_key_once", fields=["use", "public_key"])
        ]
        triggers = append_only("published_key")


class LogCheck(Recorded):
    """What `check_log` found: nothing wrong, or the first row that is."""

    append_only = True

    leaves = models.BigIntegerField()
    checkpoints = models.BigIntegerField()
    receipts = models.BigIntegerField()
    problem = models.TextField(blank=True)

    class Meta:
        triggers = append_only("log_check")
