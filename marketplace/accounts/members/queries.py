from __future__ import annotations

from django.db.models import QuerySet

from marketplace.accounts.invitations.models import Invitation, InvitationState
from marketplace.accounts.models import Membership, Organisation, PersonRole
from marketplace.base.actor import Actor, Role


def members_of(actor: Actor, organisation: Organisation) -> QuerySet[Membership]:
    """Longest there first, with their people."""
    rows = Membership.objects.visible_to(actor).filter(organisation=organisation)
    return rows.select_related("user").order_by("pk")


def open_invitations(
    actor: Actor, organisation: Organisation, *, for_person: bool = False
) -> QuerySet[Invitation]:
    """Newest first, those included whose time is over; in them one may still be sent again.

    for_person: the office's invitations to roles as a person, instead of those to its membership.
    """
    rows = Invitation.objects.visible_to(actor).filter(organisation=organisation)
    rows = rows.filter(state=InvitationState.OPEN)
    roles = [Role.OWNER, Role.EDITOR, Role.VIEWER, Role.OFFICER, Role.SECRETARY]
    rows = rows.exclude(role__in=roles) if for_person else rows.filter(role__in=roles)
    return rows.select_related("invited_by").order_by("-pk")


def person_roles(actor: Actor) -> QuerySet[PersonRole]:
    """Who has a role as a person; for the office, which gives them."""
    if not actor.is_office:
        return PersonRole.objects.none()
    return PersonRole.objects.select_related("user").order_by("role", "user__name", "pk")
