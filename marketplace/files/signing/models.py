"""Words by which people bind themselves to a document, whatever room it belongs to."""

from __future__ import annotations

from django.db import models

from marketplace.accounts.models import User
from marketplace.base.models import Recorded
from marketplace.ledger.models import append_only


class Signature(Recorded):
    """One person's word on one document, once. Who may read it, the document's room decides."""

    append_only = True

    # Of the document's row.
    subject_uid = models.UUIDField()
    kind = models.CharField(max_length=32)
    sha256 = models.CharField(max_length=64)
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    word = models.CharField(max_length=16)
    statement = models.BinaryField()
    route = models.CharField(max_length=32)
    algorithm = models.CharField(max_length=32)
    key_id = models.CharField(max_length=64, blank=True)
    value = models.BinaryField(blank=True)
    certificate = models.TextField(blank=True)
    signed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="signature_once", fields=["subject_uid", "user"])
        ]
        triggers = append_only("signature")
