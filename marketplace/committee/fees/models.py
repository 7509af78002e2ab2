"""What experts are owed by the office's table. The platform records it and pays nothing."""

from __future__ import annotations

from decimal import Decimal

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from marketplace.accounts.models import User
from marketplace.base.actor import Actor, Role
from marketplace.base.inspected import inspected
from marketplace.base.models import Recorded
from marketplace.committee.models import PanelMember
from marketplace.ledger.models import append_only


class FeeTable(Recorded):
    """One version of the table. values: {name: {"value", "source", "unconfirmed"}}, amounts in CNY."""

    append_only = True

    version = models.PositiveSmallIntegerField(unique=True)
    values = models.JSONField()

    class Meta:
        triggers = append_only("fee_table")

    def number(self, name: str) -> Decimal:
        return Decimal(str(self.values[name]["value"]))


class Basis(models.TextChoices):
    REVIEW = "review", _("Review, by half days")
    ARRIVED = "arrived", _("Recused after arriving")


class FeeQuerySet(models.QuerySet["ExpertFee"]):
    def visible_to(self, actor: Actor) -> FeeQuerySet:
        """The office; an expert's own; an inspector's by request."""
        if actor.is_office:
            return self.all()
        if actor.role == Role.EXPERT:
            return self.filter(member__user=actor.user_id)
        path = "member__panel__scenario"
        return self.filter(inspected(actor, f"{path}__uid", f"{path}__organisation__uid"))

    def standing(self) -> FeeQuerySet:
        """The last row of each member: a correction is a new one."""
        later = self.model.objects.filter(
            member=models.OuterRef("member"), version__gt=models.OuterRef("version")
        )
        return self.filter(~models.Exists(later))


class ExpertFee(Recorded):
    """What one member is owed for one panel."""

    append_only = True

    member = models.ForeignKey(PanelMember, on_delete=models.PROTECT, related_name="fees")
    version = models.PositiveSmallIntegerField()
    table = models.ForeignKey(FeeTable, on_delete=models.PROTECT, related_name="+")
    basis = models.CharField(max_length=16, choices=Basis.choices)
    half_days = models.PositiveSmallIntegerField()
    amount_cny = models.DecimalField(max_digits=10, decimal_places=2)
    # Why it was corrected, or what the time was for.
    note = models.CharField(max_length=500, blank=True)
    recorded_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField()

    objects = FeeQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="fee_version_once", fields=["member", "version"]),
            models.CheckConstraint(
                name="fee_has_its_time",
                condition=Q(basis="arrived", half_days=0)
                | Q(basis="review", half_days__range=(1, 60)),
            ),
            models.CheckConstraint(
                name="fee_correction_has_reason", condition=Q(version=1) | ~Q(note="")
            ),
        ]
        triggers = append_only("expert_fee")
