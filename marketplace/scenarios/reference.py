"""Reference data: vocabularies, rule profiles, official calendars. Loaded from seeds/."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from marketplace.base.clock import MarketplaceNow
from marketplace.base.models import Recorded
from marketplace.ledger.models import append_only


class Term(models.Model):
    """A word of a controlled vocabulary."""

    id = models.BigAutoField(primary_key=True)
    vocabulary = models.CharField(max_length=32)
    code = models.CharField(max_length=40)
    name_zh = models.CharField(max_length=120)
    name_en = models.CharField(max_length=200)
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(name="term_once", fields=["vocabulary", "code"])]

    def __str__(self) -> str:
        return self.name_zh


class AwardMode(models.TextChoices):
    OWNER_CHOICE = "owner_choice", _("The owner chooses")
    COLLECTIVE = "collective", _("Collective decision")
    NONE = "none", _("No award on this platform")


class RuleProfile(Recorded):
    """One version of a named set of rules. Never changed: a change is a new version."""

    append_only = True

    code = models.CharField(max_length=1)
    version = models.PositiveSmallIntegerField()
    name_zh = models.CharField(max_length=80)
    name_en = models.CharField(max_length=120)
    description_zh = models.TextField(blank=True)
    description_en = models.TextField(blank=True)
    takes_bids = models.BooleanField()
    counts_in_demo_only = models.BooleanField()
    award_mode = models.CharField(max_length=16)
    uses_calendar = models.BooleanField()
    values = models.JSONField()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="profile_version_once", fields=["code", "version"])
        ]
        triggers = append_only("profile")

    def __str__(self) -> str:
        return f"{self.code} {self.name_zh}"

    @property
    def label(self) -> str:
        return f"{self.code}/{self.version}"

    def number(self, name: str) -> Decimal:
        """A value as a number in its own unit. Raises KeyError for an unknown name."""
        return Decimal(str(self.values[name]["value"]))

    def count(self, name: str) -> int:
        return int(self.number(name))

    def says(self, name: str) -> bool:
        return bool(self.values[name]["value"])

    @property
    def bytes_grace(self) -> timedelta:
        """How long after the deadline bytes are taken whose hashes were committed before it."""
        return timedelta(seconds=self.count("bytes_grace") if "bytes_grace" in self.values else 0)

    def unit(self, name: str) -> str:
        return str(self.values[name]["unit"])

    def rule(self, name: str) -> dict[str, Any]:
        return dict(self.values[name])


class OfficialCalendar(models.Model):
    """Days off and make-up working days of one year, by the official notice."""

    append_only = True

    id = models.BigAutoField(primary_key=True)
    year = models.PositiveSmallIntegerField()
    version = models.PositiveSmallIntegerField()
    holidays = ArrayField(models.DateField())
    workdays = ArrayField(models.DateField())
    source = models.CharField(max_length=200)
    issued_date = models.DateField(null=True)
    created_at = models.DateTimeField(db_default=MarketplaceNow())

    class Meta:
        constraints = [
            models.UniqueConstraint(name="calendar_version_once", fields=["year", "version"])
        ]
        triggers = append_only("calendar")
