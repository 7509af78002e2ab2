from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from marketplace.base.models import Recorded
from marketplace.indicators import tallies


class Strength(models.TextChoices):
    FLOOR = "floor", _("Floor")
    ASPIRATION = "aspiration", _("Aspiration")


class Indicator(models.Model):
    """A target of the action plan, in its own words."""

    key = models.CharField(primary_key=True, max_length=4)
    position = models.PositiveSmallIntegerField()
    name_zh = models.CharField(max_length=200)
    name_en = models.CharField(max_length=200)
    comparison = models.CharField(max_length=2)
    target = models.DecimalField(max_digits=12, decimal_places=2)
    unit_zh = models.CharField(max_length=20)
    unit_en = models.CharField(max_length=40)
    strength = models.CharField(max_length=12, choices=Strength.choices)
    evidence_zh = models.CharField(max_length=400)
    evidence_en = models.CharField(max_length=600)
    clause_zh = models.CharField(max_length=400)
    counted_by = models.CharField(max_length=16, blank=True)
    period_starts_on = models.DateField()
    period_ends_on = models.DateField()


class OpenDemand(Recorded):
    """The facts by which one published demand counts toward the open demands (K4), one per root.

    Kept by projections in the transaction that publishes or withdraws.
    """

    root_uid = models.UUIDField(unique=True)
    scenario_uid = models.UUIDField()
    ref = models.CharField(max_length=16)
    title = models.CharField(max_length=120)
    title_en = models.CharField(max_length=200, blank=True)
    published_at = models.DateTimeField()
    deadline_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True)
    profile_code = models.CharField(max_length=1)
    profile_version = models.CharField(max_length=16)
    counts_in_demo_only = models.BooleanField()
    domain_code = models.CharField(max_length=40, blank=True)
    carrier_code = models.CharField(max_length=40, blank=True)
    area_code = models.CharField(max_length=40, blank=True)
    organising_mode = models.CharField(max_length=4)
    owner_in_lingang = models.BooleanField()
    # When the public summary will have been out for the profile's minimum time.
    summary_counts_at = models.DateTimeField()
    publication_sha256 = models.CharField(max_length=64)

    class Meta:
        indexes = [models.Index(name="open_demand_by_time", fields=["published_at", "id"])]
        triggers = tallies.triggers()
