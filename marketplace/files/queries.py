from __future__ import annotations

from django.db.models import QuerySet

from marketplace.accounts.models import Organisation
from marketplace.base.actor import Actor
from marketplace.files.models import Purpose, Upload, UploadState


def evidence_of(actor: Actor, organisation: Organisation) -> QuerySet[Upload]:
    """The files by which an organisation shows who it is: for itself and the office. Oldest first."""
    rows = Upload.objects.filter(
        organisation=organisation, purpose=Purpose.EVIDENCE, state=UploadState.STORED
    ).exclude(subject_uid=None)
    if not actor.is_office and actor.organisation_id != organisation.pk:
        return rows.none()
    return rows.order_by("pk")
