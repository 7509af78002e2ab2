from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from marketplace.accounts.models import User
from marketplace.base.actor import Actor
from marketplace.base.models import Recorded
from marketplace.bidding.models import Bid, OpenedEnvelope
from marketplace.ledger.models import append_only
from marketplace.scenarios.models import Envelope


class ConsortiumMemberQuerySet(models.QuerySet["ConsortiumMember"]):
    def visible_to(self, actor: Actor) -> ConsortiumMemberQuerySet:
        """Who may read the business envelope: the lead's people, not those of other members."""
        read = OpenedEnvelope.objects.visible_to(actor).filter(sealed__envelope=Envelope.BUSINESS)
        return self.filter(bid__in=read.values("sealed__version__bid"))


class ConsortiumMember(Recorded):
    """Who bids together, the lead among them, as opened (generation 0) or as changed since.

    Of several generations the last one stands. Members are known by their code and need no account.
    """

    append_only = True

    bid = models.ForeignKey(Bid, on_delete=models.PROTECT, related_name="consortium")
    generation = models.PositiveSmallIntegerField()
    lead = models.BooleanField()
    name = models.CharField(max_length=120)
    uscc = models.CharField(max_length=18)
    work = models.TextField(max_length=500)
    share_percent = models.DecimalField(max_digits=4, decimal_places=2)

    objects = ConsortiumMemberQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="consortium_member_once", fields=["bid", "generation", "uscc"]
            ),
            models.UniqueConstraint(
                name="consortium_one_lead", fields=["bid", "generation"], condition=Q(lead=True)
            ),
            models.CheckConstraint(
                name="consortium_share_is_a_part", condition=Q(share_percent__gt=0)
            ),
        ]
        triggers = append_only("consortium_member")


class ChangeState(models.TextChoices):
    REQUESTED = "requested", _("Waiting for a decision")
    APPROVED = "approved", _("Approved")
    REFUSED = "refused", _("Refused")


class ConsortiumChangeQuerySet(models.QuerySet["ConsortiumChange"]):
    def visible_to(self, actor: Actor) -> ConsortiumChangeQuerySet:
        members = ConsortiumMember.objects.visible_to(actor)
        return self.filter(bid__in=members.values("bid"))


class ConsortiumChange(Recorded):
    """Other members or shares, asked for by the lead and decided by the office.

    `members` are the rows as they are to be, the lead first: {name, uscc, work, share_percent};
    `replaces` is the generation that they stand against. The signed agreement stays with the lead;
    its name and SHA-256 are kept here.
    """

    MOVES: ClassVar[dict[str, set[str]]] = {
        ChangeState.REQUESTED: {ChangeState.APPROVED, ChangeState.REFUSED},
    }

    bid = models.ForeignKey(Bid, on_delete=models.PROTECT, related_name="consortium_changes")
    state = models.CharField(
        max_length=16, choices=ChangeState.choices, default=ChangeState.REQUESTED
    )
    replaces = models.PositiveSmallIntegerField()
    members = models.JSONField()
    reason = models.TextField(max_length=2000)
    agreement_name = models.CharField(max_length=120)
    agreement_sha256 = models.CharField(max_length=64)
    requested_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    requested_at = models.DateTimeField()
    decided_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(null=True)
    decision_reason = models.TextField(max_length=2000, blank=True)

    objects = ConsortiumChangeQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="consortium_one_change_waits",
                fields=["bid"],
                condition=Q(state="requested"),
            ),
            models.CheckConstraint(
                name="consortium_change_decided",
                condition=Q(state="requested", decided_at=None, decided_by=None)
                | (
                    ~Q(state="requested")
                    & Q(decided_at__isnull=False, decided_by__isnull=False)
                    & ~Q(decision_reason="")
                ),
            ),
        ]
