"""What supervision rests on: recorded requests to read, registered approaches, anonymous tips."""

from __future__ import annotations

from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from marketplace.accounts.models import Organisation, User
from marketplace.base.actor import Actor, Role
from marketplace.base.clock import MarketplaceNow
from marketplace.base.inspected import inspected
from marketplace.base.models import Recorded
from marketplace.ledger.models import append_only


class Scope(models.TextChoices):
    """What a request opens. The values are also named in `inspected`."""

    EVERYTHING = "everything", _("Everything")
    SCENARIOS = "scenarios", _("Certain demands")
    ORGANISATIONS = "organisations", _("Certain organisations")
    REGISTER = "register", _("The register of approaches")


class InspectionQuerySet(models.QuerySet["Inspection"]):
    def in_force(self) -> InspectionQuerySet:
        """Begun, not over, and not ended by hand."""
        now = MarketplaceNow()
        ended = InspectionEnd.objects.filter(inspection=OuterRef("pk"))
        return self.filter(~Exists(ended), from_at__lte=now, until_at__gt=now)

    def visible_to(self, actor: Actor) -> InspectionQuerySet:
        """Each inspector's own. Nobody else learns that there is an inspection."""
        if actor.role != Role.INSPECTOR or actor.user_id is None:
            return self.none()
        return self.filter(inspector=actor.user_id)


class Inspection(Recorded):
    """A request to read, recorded before anything is read under it."""

    append_only = True

    inspector = models.ForeignKey(User, on_delete=models.PROTECT, related_name="inspections")
    number = models.CharField(_("document number"), max_length=80)
    scope = models.CharField(max_length=16, choices=Scope.choices)
    # Demands that their owners have not filed yet; otherwise they stay with their owners.
    drafts = models.BooleanField(default=False)
    reason = models.TextField(max_length=2000)
    from_at = models.DateTimeField()
    until_at = models.DateTimeField()

    objects = InspectionQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(name="inspection_by_inspector", fields=["inspector", "until_at"])]
        constraints = [
            models.CheckConstraint(
                name="inspection_ends_after_start", condition=Q(until_at__gt=F("from_at"))
            ),
            models.CheckConstraint(
                name="inspection_has_number_and_reason", condition=~Q(number="") & ~Q(reason="")
            ),
        ]
        triggers = append_only("inspection")


class InspectionSubject(Recorded):
    append_only = True

    inspection = models.ForeignKey(Inspection, on_delete=models.PROTECT, related_name="subjects")
    subject_uid = models.UUIDField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="inspection_subject_once", fields=["inspection", "subject_uid"]
            )
        ]
        triggers = append_only("inspection_subject")


class InspectionEnd(Recorded):
    """Ended by hand before its time."""

    append_only = True

    inspection = models.OneToOneField(Inspection, on_delete=models.PROTECT, related_name="end")
    ended_at = models.DateTimeField()

    class Meta:
        triggers = append_only("inspection_end")


class ApproachQuerySet(models.QuerySet["Approach"]):
    def visible_to(self, actor: Actor) -> ApproachQuerySet:
        """Who filed it; an inspector under a request for the register, or for that demand."""
        if actor.user_id is None:
            return self.none()
        return self.filter(Q(filer=actor.user_id) | inspected(actor, "scenario_uid", register=True))


class Approach(Recorded):
    """打招呼: somebody spoke for somebody. Filed by whoever was approached."""

    append_only = True

    filer = models.ForeignKey(User, on_delete=models.PROTECT, related_name="approaches")
    organisation = models.ForeignKey(
        Organisation, null=True, on_delete=models.PROTECT, related_name="+"
    )
    role = models.CharField(max_length=16)
    # No key out of this room: the demand may live above it.
    scenario_uid = models.UUIDField(null=True)
    who = models.CharField(_("who"), max_length=200)
    happened_at = models.DateTimeField()
    what = models.TextField(max_length=4000)

    objects = ApproachQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(name="approach_by_filer", fields=["filer", "-id"])]
        triggers = append_only("approach")


class TipQuerySet(models.QuerySet["Tip"]):
    def visible_to(self, actor: Actor) -> TipQuerySet:
        """Tips are addressed to the inspectors. Nobody else reads them, the office least of all."""
        known = actor.role == Role.INSPECTOR and actor.user_id is not None
        return self.all() if known else self.none()


class Tip(Recorded):
    """An anonymous tip: no user, no address of any kind. The words are encrypted, see `tips`."""

    append_only = True

    number = models.CharField(max_length=16, unique=True)
    secret_hash = models.CharField(max_length=64)
    body = models.BinaryField()
    received_at = models.DateTimeField()

    objects = TipQuerySet.as_manager()

    class Meta:
        triggers = append_only("tip")


class TipAnswer(Recorded):
    append_only = True

    tip = models.ForeignKey(Tip, on_delete=models.PROTECT, related_name="answers")
    inspector = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    body = models.BinaryField()
    answered_at = models.DateTimeField()

    class Meta:
        triggers = append_only("tip_answer")
