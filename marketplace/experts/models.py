from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from marketplace.accounts.models import Organisation, User
from marketplace.base.models import Recorded


class Expert(Recorded):
    """A person of the expert pool 专家库."""

    user = models.OneToOneField(User, on_delete=models.PROTECT, related_name="expert")
    title = models.CharField(max_length=80, blank=True)
    specialties = ArrayField(models.CharField(max_length=80), default=list)


class InterestKind(models.TextChoices):
    EMPLOYMENT = "employment", _("Employment")
    ADVISER = "adviser", _("Adviser")
    RELATIVE = "relative", _("A near relative works there")


class Interest(Recorded):
    """What ties an expert to an organisation, with its dates. The look-back is three years."""

    expert = models.ForeignKey(Expert, on_delete=models.PROTECT, related_name="interests")
    organisation = models.ForeignKey(
        Organisation, on_delete=models.PROTECT, related_name="interests"
    )
    kind = models.CharField(max_length=16, choices=InterestKind.choices)
    from_date = models.DateField(null=True)
    until_date = models.DateField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="interest_ends_after_start",
                condition=Q(until_date=None)
                | Q(from_date=None)
                | Q(until_date__gte=F("from_date")),
            )
        ]
