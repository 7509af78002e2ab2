from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from marketplace.accounts.models import User
from marketplace.base.actor import Actor
from marketplace.base.models import Recorded
from marketplace.bidding.models import Bid
from marketplace.ledger.models import Receipt, append_only


class ReturnKind(models.TextChoices):
    RETURNED = "returned", _("Returned to the bidder")
    BLOCKED = "blocked", _("Kept as the rules ask, closed to use")
    DESTROYED = "destroyed", _("Destroyed")


class ReturnCertificateQuerySet(models.QuerySet["ReturnCertificate"]):
    def visible_to(self, actor: Actor) -> ReturnCertificateQuerySet:
        return self.filter(bid__in=Bid.objects.visible_to(actor))


class ReturnCertificate(Recorded):
    """What became of the contents of a bid that did not win, certified by a date.

    From the first one on nobody but the bidder and an inspector reads the contents. What was
    returned or blocked may be destroyed later; after that nothing follows.
    """

    append_only = True

    bid = models.ForeignKey(Bid, on_delete=models.PROTECT, related_name="returns")
    kind = models.CharField(max_length=16, choices=ReturnKind.choices)
    note = models.TextField(max_length=2000, blank=True)
    certified_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    certified_at = models.DateTimeField()
    # Before it the rules forbid destruction; none where they do not ask for keeping.
    retain_until = models.DateTimeField(null=True)
    receipt = models.OneToOneField(Receipt, on_delete=models.PROTECT, related_name="+")

    objects = ReturnCertificateQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(name="return_once_per_kind", fields=["bid", "kind"])]
        triggers = append_only("return_certificate")
