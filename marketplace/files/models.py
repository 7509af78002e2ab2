from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from marketplace.accounts.models import Organisation, User
from marketplace.base.actor import Actor
from marketplace.base.clock import MarketplaceNow
from marketplace.base.models import Recorded
from marketplace.files.access import AccessDay, AccessRecord
from marketplace.files.limits import HANDED_IN, NAME_MOST, Purpose

__all__ = ["AccessDay", "AccessRecord", "Purpose"]
FOLDER = "uploads"


class UploadState(models.TextChoices):
    RECEIVING = "receiving", _("Being received")
    STORED = "stored", _("Stored")
    ENDED = "ended", _("Ended")


class UploadQuerySet(models.QuerySet["Upload"]):
    def visible_to(self, actor: Actor) -> UploadQuerySet:
        """An upload is its maker's, for the organisation that he acted for. Reading is serving.py."""
        if not actor.user_id or not actor.organisation_id:
            return self.none()
        return self.filter(user_id=actor.user_id, organisation_id=actor.organisation_id)

    def taking_room(self) -> UploadQuerySet:
        """Those that count toward the limits of their organisation.

        Sealed envelopes in a package count there, and not at all once they were received: what a
        bidder may not remove must not keep it from bidding. So it is with results of a race.
        """
        open_ones = Q(state=UploadState.RECEIVING, expires_at__gt=MarketplaceNow())
        packed = Q(purpose__in=HANDED_IN, subject_uid__isnull=False)
        return self.filter(open_ones | (Q(state=UploadState.STORED) & ~packed))


class Upload(Recorded):
    """A file that came piece by piece. Once stored, its bytes never change.

    Until a record claims it (`subject_uid`), it goes away when it expires.
    """

    MOVES: ClassVar[dict[str, set[str]]] = {
        UploadState.RECEIVING: {UploadState.STORED, UploadState.ENDED},
        UploadState.STORED: {UploadState.ENDED},
    }

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+")
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    purpose = models.CharField(max_length=16, choices=Purpose.choices)
    state = models.CharField(
        max_length=16, choices=UploadState.choices, default=UploadState.RECEIVING
    )
    name = models.CharField(max_length=NAME_MOST)
    length = models.PositiveBigIntegerField()
    # How many bytes are synced to the spool.
    offset = models.PositiveBigIntegerField(default=0)
    # What the uploader said that it would be; empty if nothing was said.
    declared_sha256 = models.CharField(max_length=64, blank=True)
    sha256 = models.CharField(max_length=64, blank=True)
    content_type = models.CharField(max_length=100, blank=True)
    # Empty again once the bytes of an ended one are gone.
    stored_name = models.CharField(max_length=80, blank=True)
    expires_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    subject_uid = models.UUIDField(null=True)

    objects = UploadQuerySet.as_manager()

    @property
    def storage_name(self) -> str:
        """Where its bytes are stored: known beforehand, so that nothing is lost track of."""
        return f"{FOLDER}/{self.uid}"

    class Meta:
        indexes = [
            models.Index(name="upload_by_organisation", fields=["organisation", "state"]),
            models.Index(name="upload_by_subject", fields=["subject_uid", "id"]),
            models.Index(
                name="upload_expiring", fields=["expires_at"], condition=Q(subject_uid=None)
            ),
        ]
        constraints = [
            models.CheckConstraint(
                name="upload_offset_within_length", condition=Q(offset__lte=F("length"))
            ),
            models.CheckConstraint(
                name="upload_stored_whole",
                condition=~Q(state="stored")
                | (
                    Q(offset=F("length"), finished_at__isnull=False)
                    & ~Q(sha256="")
                    & ~Q(stored_name="")
                ),
            ),
            models.CheckConstraint(
                name="upload_claimed_only_whole",
                condition=Q(subject_uid=None) | ~Q(state="receiving"),
            ),
        ]
