from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from marketplace.accounts.models import User
from marketplace.base.actor import Actor
from marketplace.base.inspected import inspected
from marketplace.base.models import Recorded
from marketplace.bidding.models import Bid
from marketplace.ledger.models import append_only
from marketplace.scenarios.models import Scenario


class DecisionState(models.TextChoices):
    PROPOSED = "proposed", _("Proposed")
    PUBLICISED = "publicised", _("In publicity")
    CONFIRMED = "confirmed", _("Confirmed")
    REFUSED = "refused", _("Refused by the winner")
    ANNULLED = "annulled", _("Annulled after a challenge")


class DecisionQuerySet(models.QuerySet["Decision"]):
    def visible_to(self, actor: Actor) -> DecisionQuerySet:
        """Everybody from publicity on; before it the office and the demand's owner."""
        if actor.is_office:
            return self.all()
        seen = Q(publicity__isnull=False)
        if actor.organisation_id:
            seen |= Q(scenario__organisation=actor.organisation_id)
        seen |= inspected(actor, "scenario__uid", "scenario__organisation__uid")
        return self.filter(seen)


class Decision(Recorded):
    """Who shall get the award: chosen by the owner (A) or by minutes of a meeting (B)."""

    MOVES: ClassVar[dict[str, set[str]]] = {
        DecisionState.PROPOSED: {DecisionState.PUBLICISED, DecisionState.ANNULLED},
        DecisionState.PUBLICISED: {
            DecisionState.CONFIRMED,
            DecisionState.REFUSED,
            DecisionState.ANNULLED,
        },
    }

    scenario = models.ForeignKey(Scenario, on_delete=models.PROTECT, related_name="decisions")
    bid = models.ForeignKey(Bid, on_delete=models.PROTECT, related_name="decisions")
    state = models.CharField(
        max_length=16, choices=DecisionState.choices, default=DecisionState.PROPOSED
    )
    reason = models.TextField(max_length=4000, blank=True)
    minutes_number = models.CharField(max_length=80, blank=True)
    refusal_reason = models.TextField(max_length=4000, blank=True)
    decided_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField()

    objects = DecisionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="decision_one_standing",
                fields=["scenario"],
                condition=~Q(state="refused"),
            ),
            models.CheckConstraint(
                name="decision_refused_has_reason",
                condition=~Q(state="refused") | ~Q(refusal_reason=""),
            ),
        ]


class Publicity(Recorded):
    """The public notice of a decision and its window; what it said stays as it was."""

    append_only = True

    decision = models.OneToOneField(Decision, on_delete=models.PROTECT, related_name="publicity")
    body = models.BinaryField()
    sha256 = models.CharField(max_length=64)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    # Members of the panel may be challenged until then.
    challenges_until = models.DateTimeField(null=True)
    published_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="publicity_ends_after_start", condition=Q(ends_at__gt=F("starts_at"))
            )
        ]
        triggers = append_only("publicity")


class Award(Recorded):
    append_only = True

    scenario = models.ForeignKey(Scenario, on_delete=models.PROTECT, related_name="awards")
    decision = models.OneToOneField(Decision, on_delete=models.PROTECT, related_name="award")
    amount_cny = models.DecimalField(max_digits=14, decimal_places=2)
    confirmed_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    confirmed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(name="award_amount_positive", condition=Q(amount_cny__gt=0))
        ]
        triggers = append_only("award")
