"""申请阅读: a vendor asks to be released to read the restricted parts, the owner says yes or no."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from marketplace.accounts.models import Organisation, User
from marketplace.base.actor import Actor
from marketplace.base.inspected import inspected
from marketplace.base.models import Recorded
from marketplace.ledger.models import append_only
from marketplace.scenarios.models import Scenario

TEXT_MOST = 500


class ReleaseRequestQuerySet(models.QuerySet["ReleaseRequest"]):
    def visible_to(self, actor: Actor) -> ReleaseRequestQuerySet:
        """One's organisation's own; all to the demand's owner, the office and an inspector."""
        if actor.is_office:
            return self
        seen = inspected(actor, "scenario__uid", "scenario__organisation__uid")
        if actor.organisation_id:
            seen |= Q(organisation_id=actor.organisation_id)
            seen |= Q(scenario__organisation_id=actor.organisation_id)
        return self.filter(seen)

    def waiting(self) -> ReleaseRequestQuerySet:
        return self.filter(answer=None)


class ReleaseRequest(Recorded):
    """Why a vendor wants to read on. The owner knows whose it is; it is no sign of a bid."""

    append_only = True

    scenario = models.ForeignKey(
        Scenario, on_delete=models.PROTECT, related_name="release_requests"
    )
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+")
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    # Of this organisation on this demand.
    number = models.PositiveSmallIntegerField()
    text = models.CharField(max_length=TEXT_MOST)
    asked_at = models.DateTimeField()

    objects = ReleaseRequestQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="release_request_once", fields=["scenario", "organisation", "number"]
            )
        ]
        triggers = append_only("release_request")


class ReleaseAnswer(models.Model):
    """What the owner said to it: once."""

    append_only = True

    id = models.BigAutoField(primary_key=True)
    request = models.OneToOneField(ReleaseRequest, on_delete=models.PROTECT, related_name="answer")
    granted = models.BooleanField()
    # Why not; empty where it was granted.
    reason = models.CharField(max_length=TEXT_MOST, blank=True)
    until_date = models.DateField(null=True)
    answered_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    answered_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="release_answer_says_until_when_or_why_not",
                condition=Q(granted=True, until_date__isnull=False)
                | (Q(granted=False, until_date=None) & ~Q(reason="")),
            )
        ]
        triggers = append_only("release_answer")
