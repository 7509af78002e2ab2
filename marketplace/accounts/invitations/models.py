from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from marketplace.accounts.models import PERSON_ROLES, Organisation, User
from marketplace.base.actor import Actor, Role
from marketplace.base.models import Recorded

VALID_FOR = timedelta(days=7)
OPEN_MOST = 50
A_DAY_MOST = 100
SENT_MOST = 5
LINK_SALT = "marketplace.accounts.invitations.link"
HASH_SALT = "marketplace.accounts.invitations.hash"

MEMBER_ROLES = [Role.OWNER, Role.EDITOR, Role.VIEWER]
OFFICE_ROLES = [Role.OFFICER, Role.SECRETARY]
# An operator keeps the system up and is named there, not here.
GIVEN_ROLES = [role for role in PERSON_ROLES if role != Role.OPERATOR]


class InvitationState(models.TextChoices):
    OPEN = "open", _("Not answered yet")
    ACCEPTED = "accepted", _("Accepted")
    REVOKED = "revoked", _("Revoked")
    EXPIRED = "expired", _("Expired")


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def visible_to(self, actor: Actor) -> InvitationQuerySet:
        """Whoever manages the people of the organisation that invites."""
        return self.filter(organisation__in=Organisation.objects.managed_by(actor))


class Invitation(Recorded):
    """One address is asked to join an organisation, or to take a role as a person.

    The link is made from the uid, the number of times it was sent and SECRET_KEY; only the keyed
    hash of its token is kept, so a copy of the database opens nothing. Sending again ends the
    earlier link. That an open one has expired is computed; it is written down when it matters.
    """

    MOVES: ClassVar = {
        InvitationState.OPEN: {
            InvitationState.ACCEPTED,
            InvitationState.REVOKED,
            InvitationState.EXPIRED,
        }
    }

    # The one that invites; for a role as a person this is the office.
    organisation = models.ForeignKey(
        Organisation, on_delete=models.PROTECT, related_name="invitations"
    )
    role = models.CharField(max_length=16, choices=Role.choices)
    email = models.EmailField()
    language = models.CharField(max_length=8)
    state = models.CharField(
        max_length=16, choices=InvitationState.choices, default=InvitationState.OPEN
    )
    token_hash = models.CharField(max_length=64, unique=True)
    sent = models.PositiveSmallIntegerField(default=1)
    mailed_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField()
    invited_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    accepted_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    accepted_at = models.DateTimeField(null=True)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                Lower("email"),
                "organisation",
                "role",
                name="invitation_open_once",
                condition=Q(state=InvitationState.OPEN),
            ),
            models.CheckConstraint(
                name="invitation_accepted_by_somebody",
                condition=Q(
                    state=InvitationState.ACCEPTED,
                    accepted_by__isnull=False,
                    accepted_at__isnull=False,
                )
                | (
                    ~Q(state=InvitationState.ACCEPTED)
                    & Q(accepted_by__isnull=True, accepted_at__isnull=True)
                ),
            ),
        ]
        indexes = [models.Index(name="invitation_by_day", fields=["organisation", "created_at"])]

    @property
    def for_person(self) -> bool:
        """A role as a person, not a membership."""
        return self.role in GIVEN_ROLES

    @property
    def token(self) -> str:
        """What the link carries; made anew from what is kept and SECRET_KEY."""
        return salted_hmac(LINK_SALT, f"{self.uid}:{self.sent}", algorithm="sha256").hexdigest()

    def is_over(self, now: datetime) -> bool:
        return now >= self.expires_at

    def shown_state(self, now: datetime) -> InvitationState:
        if self.state == InvitationState.OPEN and self.is_over(now):
            return InvitationState.EXPIRED
        return InvitationState(self.state)


def hash_of(token: str) -> str:
    return salted_hmac(HASH_SALT, token, algorithm="sha256").hexdigest()
