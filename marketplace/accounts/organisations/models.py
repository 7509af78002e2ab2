"""What an organisation states about others, and what it filed to be verified."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from marketplace.accounts.models import Organisation, Tie, User
from marketplace.base.actor import Actor
from marketplace.base.inspected import inspected
from marketplace.base.models import Recorded


class RelationKind(models.TextChoices):
    MANAGEMENT = "management", _("One manages the other")
    SAME_HEAD = "same_head", _("The same legal representative")
    SHARES = "shares", _("Holds shares without control")
    OTHER = "other", _("Other relation")


# L2 §34: these may not bid for one demand; the others are told and exclude nobody.
RELATING = [RelationKind.MANAGEMENT, RelationKind.SAME_HEAD]


class OrganisationRelation(Tie):
    """A tie to another organisation by its code, whether or not that one is on the platform."""

    organisation = models.ForeignKey(
        Organisation, on_delete=models.PROTECT, related_name="relations"
    )
    other_uscc = models.CharField(max_length=18)
    other_name = models.CharField(max_length=120)
    kind = models.CharField(max_length=16, choices=RelationKind.choices)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="relation_open_once",
                fields=["organisation", "other_uscc", "kind"],
                condition=Q(until_date=None),
            ),
            models.CheckConstraint(
                name="relation_ends_after_start",
                condition=Q(until_date=None) | Q(from_date=None) | Q(until_date__gt=F("from_date")),
            ),
        ]
        indexes = [models.Index(name="relation_by_other", fields=["other_uscc"])]


class VerificationState(models.TextChoices):
    WAITING = "waiting", _("Waits for the office")
    VERIFIED = "verified", _("Verified")
    REFUSED = "refused", _("Refused")


class VerificationQuerySet(models.QuerySet["Verification"]):
    def visible_to(self, actor: Actor) -> VerificationQuerySet:
        """The office, whoever writes for the organisation, who inspects it: it names a person."""
        if actor.is_office:
            return self
        if actor.writes and actor.organisation_id:
            return self.filter(organisation=actor.organisation_id)
        return self.filter(inspected(actor, "", "organisation__uid"))


class Verification(Recorded):
    """One request to be verified, with its evidence, and what came of it. Kept for good."""

    MOVES: ClassVar = {
        VerificationState.WAITING: {VerificationState.VERIFIED, VerificationState.REFUSED}
    }

    organisation = models.ForeignKey(
        Organisation, on_delete=models.PROTECT, related_name="verifications"
    )
    state = models.CharField(
        max_length=16, choices=VerificationState.choices, default=VerificationState.WAITING
    )
    asked_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    # What was verified: the name then, whatever it is called now.
    name = models.CharField(max_length=120)
    licence_number = models.CharField(max_length=60)
    registry_url = models.CharField(max_length=400, blank=True)
    legal_representative = models.CharField(max_length=80)
    evidence_number = models.CharField(max_length=120, blank=True)
    evidence_sha256 = models.CharField(max_length=64, blank=True)
    note = models.CharField(max_length=1000, blank=True)
    decided_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=1000, blank=True)

    objects = VerificationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="verification_one_waits",
                fields=["organisation"],
                condition=Q(state=VerificationState.WAITING),
            ),
            models.CheckConstraint(
                name="verification_refused_with_reason",
                condition=~Q(state=VerificationState.REFUSED) | ~Q(reason=""),
            ),
            models.CheckConstraint(
                name="verification_decided_by_somebody",
                condition=Q(state=VerificationState.WAITING, decided_by=None, decided_at=None)
                | (
                    ~Q(state=VerificationState.WAITING)
                    & Q(decided_by__isnull=False, decided_at__isnull=False)
                ),
            ),
        ]
