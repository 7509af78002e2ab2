"""The row of a promise: which bytes a bidder will send, said before the deadline."""

from __future__ import annotations

from django.db import models

from marketplace.accounts.models import Organisation, User
from marketplace.base.actor import Actor
from marketplace.base.models import Recorded
from marketplace.ledger.models import Receipt, append_only
from marketplace.scenarios.models import Scenario


class BidCommitmentQuerySet(models.QuerySet["BidCommitment"]):
    def visible_to(self, actor: Actor) -> BidCommitmentQuerySet:
        """The bidder's own, before and after the deadline: it may never become a bid."""
        if not actor.user_id or not actor.organisation_id:
            return self.none()
        return self.filter(organisation_id=actor.organisation_id)


class BidCommitment(Recorded):
    """Before the deadline: exactly these three sealed files will be submitted. The last counts.

    `envelopes` is a list of {envelope, sha256, size}, in the order of the envelopes.
    """

    append_only = True

    scenario = models.ForeignKey(Scenario, on_delete=models.PROTECT, related_name="+")
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+")
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    number = models.PositiveSmallIntegerField()
    envelopes = models.JSONField()
    committed_at = models.DateTimeField()
    receipt = models.OneToOneField(Receipt, on_delete=models.PROTECT, related_name="+")

    objects = BidCommitmentQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="bid_commitment_once", fields=["scenario", "organisation", "number"]
            )
        ]
        triggers = append_only("bid_commitment")
