from __future__ import annotations

from django.db import models

from marketplace.ledger.models import append_only
from marketplace.scenarios.attachments import Attachment


class RestrictedText(models.Model):
    """The text of one field as it was withheld; its readers read it in the file.

    From here the owner's own next demand takes it along.
    """

    append_only = True

    id = models.BigAutoField(primary_key=True)
    attachment = models.ForeignKey(
        Attachment, on_delete=models.PROTECT, related_name="restricted_texts"
    )
    field = models.CharField(max_length=16)
    text = models.TextField(max_length=10_000)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="restricted_text_once", fields=["attachment", "field"])
        ]
        triggers = append_only("restricted_text")
