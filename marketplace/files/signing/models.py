"""Words by which people bind themselves to a document, whatever room it belongs to."""

from __future__ import annotations

import pgtrigger
from django.db import models
from django.db.models import Q

from marketplace.accounts.models import User
from marketplace.base.models import Recorded
from marketplace.files.models import Upload
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


class SignedScan(Recorded):
    """The paper with signatures and stamps, scanned. Who files it has held it against the hash."""

    append_only = True

    subject_uid = models.UUIDField()
    kind = models.CharField(max_length=32)
    # Of the document that was printed, as it stands on the paper.
    sha256 = models.CharField(max_length=64)
    upload = models.OneToOneField(Upload, on_delete=models.PROTECT, related_name="+")
    filed_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    filed_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(name="signed_scan_newest", fields=["subject_uid", "-id"])]
        triggers = append_only("signed_scan")


class ScanCheck(Recorded):
    """The second person's word on a scan, once: it is that document, signed and stamped, or not."""

    append_only = True

    scan = models.OneToOneField(SignedScan, on_delete=models.PROTECT, related_name="check_of")
    accepted = models.BooleanField()
    words = models.TextField(max_length=2000, blank=True)
    checked_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    checked_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="scan_sent_back_with_reason", condition=Q(accepted=True) | ~Q(words="")
            )
        ]
        triggers = [
            *append_only("scan_check"),
            pgtrigger.Trigger(
                name="scan_is_checked_by_another",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                func="""
                    IF EXISTS (SELECT 1 FROM marketplace_signedscan
                               WHERE id = NEW.scan_id AND filed_by_id = NEW.checked_by_id) THEN
                        RAISE EXCEPTION 'who filed a scan does not check it';
                    END IF;
                    RETURN NEW;
                """,
            ),
        ]
