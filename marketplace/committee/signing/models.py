"""What each member said to the report."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from marketplace.base.models import Recorded
from marketplace.committee.models import PanelMember, Report
from marketplace.files.signing.models import Signature
from marketplace.ledger.models import append_only


class Word(models.TextChoices):
    SIGNED = "signed", _("Signed")
    DISSENTED = "dissented", _("Dissented in writing")
    # 拒绝签字又不书面说明其不同意见和理由的，视为同意. Source: L2 §53.
    SILENT = "silent", _("Said nothing in time: counts as consent")


class ReportWord(Recorded):
    """One member's word on the report, once. Silence is written by the clock, unsigned."""

    append_only = True

    report = models.ForeignKey(Report, on_delete=models.PROTECT, related_name="words")
    member = models.ForeignKey(PanelMember, on_delete=models.PROTECT, related_name="words")
    word = models.CharField(max_length=16, choices=Word.choices)
    reason = models.TextField(max_length=4000, blank=True)
    signature = models.OneToOneField(
        Signature, null=True, on_delete=models.PROTECT, related_name="+"
    )
    said_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="report_word_once", fields=["report", "member"]),
            models.CheckConstraint(
                name="report_word_is_signed_or_silent",
                condition=Q(word="silent", signature=None, reason="")
                | Q(word="signed", signature__isnull=False, reason="")
                | (Q(word="dissented", signature__isnull=False) & ~Q(reason="")),
            ),
        ]
        triggers = append_only("report_word")
