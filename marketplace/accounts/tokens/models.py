from __future__ import annotations

from datetime import timedelta

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from marketplace.accounts.models import Organisation, User
from marketplace.base.actor import Actor, Role
from marketplace.base.clock import MarketplaceNow
from marketplace.base.models import Recorded

LONGEST_DAYS = 366
USUAL_DAYS = 90
LIVE_PER_USER = 20
# `last_used_at` is no more precise than this, so that reading costs no write.
USE_NOTED_EVERY = timedelta(minutes=1)
NAME_LENGTH = 80


class Scope(models.TextChoices):
    """What a token may be used for, within what its hat may do anyway."""

    READ = "read", _("Read what this capacity may read")
    SCENARIOS = "scenarios:write", _("Draft, change and submit demands")
    BIDS = "bids:write", _("Submit, revise and withdraw bids")
    UPLOADS = "uploads:write", _("Upload files")
    ORGANISATION = "organisation:write", _("Change the organisation's profile and members")
    OFFICE = "office:write", _("The office's steps: gate, eligibility, panels")
    COMMITTEE = "committee:write", _("Declare interests and save scores")
    AWARDS = "awards:write", _("Decide, refuse and object")
    NOTICES = "notices:write", _("Mark messages as read, change preferences")


class ApiTokenQuerySet(models.QuerySet["ApiToken"]):
    def live(self) -> ApiTokenQuerySet:
        return self.filter(revoked_at=None, expires_at__gt=MarketplaceNow())

    def visible_to(self, actor: Actor) -> ApiTokenQuerySet:
        """One's own, under every hat; an organisation's owner sees those that act for it."""
        if actor.user_id is None:
            return self.none()
        seen = Q(user_id=actor.user_id)
        if actor.role == Role.OWNER and actor.organisation_id is not None:
            seen |= Q(organisation_id=actor.organisation_id)
        return self.filter(seen)


class ApiToken(Recorded):
    """The secret itself is shown once and kept nowhere: `digest` is keyed with SECRET_KEY.

    A copy of the database therefore opens nothing, and a row slipped into it neither.
    """

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="tokens")
    organisation = models.ForeignKey(
        Organisation, null=True, on_delete=models.PROTECT, related_name="tokens"
    )
    role = models.CharField(max_length=16)
    name = models.CharField(max_length=NAME_LENGTH)
    scopes = ArrayField(models.CharField(max_length=32))
    scenario_uid = models.UUIDField(null=True)
    digest = models.CharField(max_length=64, unique=True)
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    objects = ApiTokenQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(name="api_token_of_user", fields=["user", "-id"])]
        constraints = [
            models.CheckConstraint(name="api_token_for_something", condition=Q(scopes__len__gt=0)),
            models.CheckConstraint(
                name="api_token_does_not_live_for_ever",
                condition=Q(expires_at__lte=F("created_at") + timedelta(days=LONGEST_DAYS)),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def scope_labels(self) -> list[str]:
        return [str(label) for value, label in Scope.choices if value in self.scopes]


def digest_of(text: str) -> str:
    return salted_hmac("jiebang.api_token", text, algorithm="sha256").hexdigest()
