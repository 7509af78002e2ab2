from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from marketplace.base.actor import Actor
from marketplace.base.models import Recorded
from marketplace.bidding.models import Opening
from marketplace.ledger.models import Event, Receipt, append_only

PUBLICISED = "award.publicised"


class OpeningRecordQuerySet(models.QuerySet["OpeningRecord"]):
    def visible_to(self, actor: Actor) -> OpeningRecordQuerySet:
        """Who took part at once; everybody once a result of the demand has been publicised."""
        return self.filter(self.of_participants(actor) | self.publicised())

    @staticmethod
    def of_participants(actor: Actor) -> Q:
        return Q(opening__in=Opening.objects.visible_to(actor))

    @staticmethod
    def publicised() -> Q:
        """The event names [decision, publicity, scenario]: the moved one last."""
        events = Event.objects.filter(kind=PUBLICISED).annotate(scenario_uid=F("subjects__2"))
        return Q(opening__scenario__uid__in=events.values("scenario_uid"))


class OpeningRecord(Recorded):
    """What one finished opening found, signed when it finished.

    The names of the key holders are no part of what is signed, only their salted hashes are, in the
    order of `opening.confirmations`: so the public reads the same record, and a person can still be
    blanked.
    """

    append_only = True

    opening = models.OneToOneField(Opening, on_delete=models.PROTECT, related_name="record")
    receipt = models.OneToOneField(Receipt, on_delete=models.PROTECT, related_name="+")
    # [{"user": id, "salt": hex}]
    salts = models.JSONField()

    objects = OpeningRecordQuerySet.as_manager()

    class Meta:
        triggers = append_only("opening_record")
