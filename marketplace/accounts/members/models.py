from __future__ import annotations

from django.db import models
from django.db.models import Q

from marketplace.accounts.models import Organisation, User
from marketplace.base.actor import Actor, Role
from marketplace.base.models import Recorded
from marketplace.ledger.models import append_only


class EndedRoleQuerySet(models.QuerySet["EndedRole"]):
    def visible_to(self, actor: Actor) -> EndedRoleQuerySet:
        """The person, the owners of the organisation, and the office."""
        if actor.is_office:
            return self
        seen = Q(user=actor.user_id) if actor.user_id else Q(pk=None)
        if actor.role == Role.OWNER and actor.organisation_id:
            seen |= Q(organisation=actor.organisation_id)
        return self.filter(seen)


class EndedRole(Recorded):
    """That somebody was a member of an organisation, or had a role as a person, and until when.

    Created when the membership or role itself is deleted, so that whoever asks what somebody may
    do now reads the rows in force alone.
    """

    append_only = True

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="ended_roles")
    organisation = models.ForeignKey(
        Organisation, null=True, on_delete=models.PROTECT, related_name="ended_roles"
    )
    role = models.CharField(max_length=16, choices=Role.choices)
    since_at = models.DateTimeField()
    ended_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")

    objects = EndedRoleQuerySet.as_manager()

    class Meta:
        triggers = append_only("ended_role")
