"""The secret address under which a program of a person's own reads what that person watches."""

from __future__ import annotations

from django.db import models
from django.utils.crypto import salted_hmac

from marketplace.accounts.models import User
from marketplace.base.actor import Actor
from marketplace.base.models import Recorded


def digest_of(secret: str) -> str:
    return salted_hmac("jiebang.calendar", secret, algorithm="sha256").hexdigest()


class CalendarAddressQuerySet(models.QuerySet["CalendarAddress"]):
    def visible_to(self, actor: Actor) -> CalendarAddressQuerySet:
        """The person's own, like all that tells of watching."""
        return self.filter(user=actor.user_id) if actor.user_id else self.none()

    def answering(self, secret: str) -> CalendarAddress | None:
        """The one with this secret, while its person's account is in use."""
        rows = self.filter(digest=digest_of(secret), user__is_active=True)
        return rows.select_related("user").first()


class CalendarAddress(Recorded):
    """One per person. Only the digest is kept: who reads the table reads nobody's calendar."""

    user = models.OneToOneField(User, on_delete=models.PROTECT, related_name="calendar_address")
    digest = models.CharField(max_length=64, unique=True)
    renewed_at = models.DateTimeField()

    objects = CalendarAddressQuerySet.as_manager()
