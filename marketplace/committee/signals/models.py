"""Where signals are kept: in a table of their own, for the witness and inspectors alone."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from marketplace.base.actor import Actor, Role
from marketplace.base.clock import MarketplaceNow
from marketplace.base.inspected import inspected
from marketplace.committee.models import Panel


class SignalKind(models.TextChoices):
    DEVIATION = "deviation", _("Far from the other judges")
    DISTANCE = "distance", _("More than 20 % from the median")
    FAVOUR = "favour", _("One bid set apart by one judge")
    ALIKE = "alike", _("Judges rank almost alike")
    HISTORY = "history", _("Judge and bidder over several panels")
    SEVERITY = "severity", _("Severity by the mixed model")


class SignalQuerySet(models.QuerySet["Signal"]):
    def visible_to(self, actor: Actor) -> SignalQuerySet:
        """The witness, and an inspector under a request. Never office, owner, bidder or judge."""
        if actor.role == Role.WITNESS:
            return self.all()
        return self.filter(
            inspected(actor, "panel__scenario__uid", "panel__scenario__organisation__uid")
        )


class Signal(models.Model):
    """One thing to look at; no finding. Made anew whenever a stage is locked or corrected."""

    id = models.BigAutoField(primary_key=True)
    panel = models.ForeignKey(Panel, on_delete=models.PROTECT, related_name="signals")
    kind = models.CharField(max_length=16, choices=SignalKind.choices)
    judges = ArrayField(models.CharField(max_length=4))
    blind_code = models.CharField(max_length=8, blank=True)
    # Held against the bound of its kind; see figures.py.
    figure = models.DecimalField(max_digits=9, decimal_places=2)
    more = models.JSONField(default=dict)
    made_at = models.DateTimeField(db_default=MarketplaceNow())

    objects = SignalQuerySet.as_manager()
