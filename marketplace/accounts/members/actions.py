"""Who belongs to an organisation and as what; which roles people have as themselves."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from marketplace.accounts.invitations.models import (
    MEMBER_ROLES,
    OFFICE_ROLES,
    Invitation,
    InvitationState,
)
from marketplace.accounts.members.models import EndedRole
from marketplace.accounts.models import Membership, Organisation, PersonRole
from marketplace.accounts.rules import (
    can_give_person_roles,
    can_manage_members,
    can_remove_member,
)
from marketplace.base.actor import Actor, Role
from marketplace.base.errors import Invalid, NotAllowed, NotFound, StateConflict
from marketplace.base.locks import lock
from marketplace.base.rules import require
from marketplace.base.states import move
from marketplace.ledger.actions import append


def roles_in(organisation: Organisation) -> list[Role]:
    return OFFICE_ROLES if organisation.is_office else MEMBER_ROLES


def leading_role(organisation: Organisation) -> Role:
    """The role of those who manage the others; one of them always remains."""
    return Role.OFFICER if organisation.is_office else Role.OWNER


def require_seat(actor: Actor) -> None:
    """Asked under the organisation's lock: what one manages may have been taken meanwhile."""
    seats = Membership.objects.filter(user=actor.user_id, organisation=actor.organisation_id)
    if not seats.filter(role=actor.role).exists():
        raise NotAllowed(code="not_allowed.role_ended")


@transaction.atomic
def change_role(*, actor: Actor, membership_uid: UUID, role: str) -> Membership:
    """Another role in the same organisation; the last owner (or officer) stays one.

    Raises Invalid for a role that the organisation does not have, StateConflict.
    """
    organisation, membership = _locked(actor, membership_uid)
    require(can_manage_members, actor, organisation)
    require_seat(actor)
    if role not in roles_in(organisation):
        raise Invalid(errors={"role": [_("Choose one of the values offered.")]})
    left = membership.role
    if left == role:
        return membership
    _keep_one(organisation, membership)
    membership.role = role
    membership.save(update_fields=["role"])
    append(
        "member.role_changed",
        actor=actor,
        subjects=[membership.user.uid, organisation.uid],
        from_state=left,
        to_state=role,
    )
    return membership


@transaction.atomic
def remove_member(*, actor: Actor, membership_uid: UUID) -> EndedRole:
    """End a membership, one's own included; the person acts for the organisation no more.

    The invitations that the person sent and that are open are revoked too. The last owner (or
    officer) stays: StateConflict.
    """
    organisation, membership = _locked(actor, membership_uid)
    # Whoever leaves need not pledge first.
    require(can_remove_member, actor, membership, unpledged=actor.user_id == membership.user_id)
    require_seat(actor)
    _keep_one(organisation, membership)
    ended = EndedRole.objects.create(
        user=membership.user,
        organisation=organisation,
        role=membership.role,
        since_at=membership.created_at,
        ended_by=actor.person,
    )
    membership.delete()
    own = Invitation.objects.filter(organisation=organisation, invited_by=ended.user)
    for row in own.filter(state=InvitationState.OPEN).select_for_update().order_by("pk"):
        left = move(row, InvitationState.REVOKED)
        append(
            "invitation.revoked",
            actor=actor,
            subjects=[organisation.uid, row.uid],
            from_state=left,
            to_state=row.state,
        )
    append(
        "member.removed",
        actor=actor,
        subjects=[organisation.uid, ended.user.uid, ended.uid],
        from_state=ended.role,
    )
    return ended


@transaction.atomic
def end_person_role(*, actor: Actor, person_role_uid: UUID) -> EndedRole:
    """The office takes back a role that it gave; what was done in it stays."""
    office = lock(Organisation, is_office=True)
    require(can_give_person_roles, actor, office)
    require_seat(actor)
    given = lock(PersonRole, uid=person_role_uid)
    ended = EndedRole.objects.create(
        user=given.user, role=given.role, since_at=given.created_at, ended_by=actor.person
    )
    given.delete()
    append(
        "person_role.ended",
        actor=actor,
        subjects=[ended.user.uid, ended.uid],
        from_state=ended.role,
    )
    return ended


def _locked(actor: Actor, membership_uid: UUID) -> tuple[Organisation, Membership]:
    seen = Membership.objects.visible_to(actor).filter(uid=membership_uid)
    organisation_id = seen.values_list("organisation", flat=True).first()
    if organisation_id is None:
        raise NotFound
    organisation = lock(Organisation, pk=organisation_id)
    membership = lock(Membership, uid=membership_uid)
    membership.organisation = organisation
    return organisation, membership


def _keep_one(organisation: Organisation, membership: Membership) -> None:
    leading = leading_role(organisation)
    if membership.role != leading:
        return
    others = organisation.members.filter(role=leading, user__is_active=True)
    if not others.exclude(pk=membership.pk).exists():
        raise StateConflict(
            _("Somebody must remain who manages the members. Give the role to another first."),
            code="member.last",
        )
