from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from marketplace.accounts import content
from marketplace.accounts.invitations.models import (
    A_DAY_MOST,
    GIVEN_ROLES,
    OPEN_MOST,
    SENT_MOST,
    VALID_FOR,
    Invitation,
    InvitationState,
    hash_of,
)
from marketplace.accounts.members.actions import require_seat, roles_in
from marketplace.accounts.models import Membership, Organisation, PersonRole
from marketplace.accounts.organisations.actions.found import locked_organisation
from marketplace.accounts.rules import can_give_person_roles, can_manage_members
from marketplace.base import clock
from marketplace.base.actor import Actor
from marketplace.base.clock import MarketplaceNow
from marketplace.base.errors import Invalid, NotFound, StateConflict, TooMany
from marketplace.base.locks import lock
from marketplace.base.queue import enqueue
from marketplace.base.rules import require
from marketplace.base.states import move
from marketplace.base.texts import read_all
from marketplace.ledger.actions import append

MAIL_INVITATION = "mail_invitation"


@dataclass(frozen=True)
class Invited:
    """`token` opens the invitation: it is told once, and only where no mail carries it."""

    invitation: Invitation
    token: str


@transaction.atomic
def invite(
    *, actor: Actor, organisation_uid: UUID, email: str, role: str, language: str = ""
) -> Invited:
    """Ask an address to join the organisation; from the office also to take a role as a person.

    Whether the address has an account makes no difference and is not told. Raises Invalid,
    StateConflict where it is a member or was asked already, TooMany.
    """
    organisation = locked_organisation(actor, organisation_uid)
    for_person = role in GIVEN_ROLES
    require(can_give_person_roles if for_person else can_manage_members, actor, organisation)
    require_seat(actor)
    readers = {"email": content.address, "language": content.language}
    clean = read_all(readers, {"email": email, "language": language}, needed=["email"])
    if not for_person and role not in roles_in(organisation):
        raise Invalid(errors={"role": [_("Choose one of the values offered.")]})
    _refuse_known(actor, organisation, clean["email"], role, for_person=for_person)
    _refuse_more(organisation)
    row = Invitation(
        organisation=organisation,
        role=role,
        email=clean["email"],
        language=clean["language"],
        expires_at=clock.now() + VALID_FOR,
        invited_by=actor.person,
    )
    row.token_hash = hash_of(row.token)
    row.save(force_insert=True)
    append(
        "invitation.sent",
        actor=actor,
        subjects=[organisation.uid, row.uid],
        to_state=row.state,
        inputs={"email": row.email.lower()},
        data={"role": role},
    )
    return _sent(row)


@transaction.atomic
def send_again(*, actor: Actor, invitation_uid: UUID) -> Invited:
    """A new link for the same address, valid for the whole time again; the earlier one is dead."""
    row = _locked(actor, invitation_uid)
    if row.state != InvitationState.OPEN:
        raise StateConflict(code="invitation.state")
    if row.sent >= SENT_MOST:
        raise TooMany(
            _("This invitation was sent as often as possible. Revoke it and make another."),
            code="limit.invitation_sent",
        )
    row.sent += 1
    row.token_hash = hash_of(row.token)
    row.expires_at = clock.now() + VALID_FOR
    row.mailed_at = None
    row.save(update_fields=["sent", "token_hash", "expires_at", "mailed_at"])
    append("invitation.resent", actor=actor, subjects=[row.organisation.uid, row.uid])
    return _sent(row)


@transaction.atomic
def revoke_invitation(*, actor: Actor, invitation_uid: UUID) -> Invitation:
    row = _locked(actor, invitation_uid)
    left = move(row, InvitationState.REVOKED)
    append(
        "invitation.revoked",
        actor=actor,
        subjects=[row.organisation.uid, row.uid],
        from_state=left,
        to_state=row.state,
    )
    return row


@transaction.atomic
def note_mailed(*, invitation_uid: UUID, sent: int) -> None:
    """The mail server took the mail of this sending; an earlier one counts no more."""
    rows = Invitation.objects.filter(uid=invitation_uid, sent=sent, mailed_at=None)
    rows.update(mailed_at=clock.now())


def _sent(row: Invitation) -> Invited:
    if not settings.EMAIL_HOST:
        return Invited(row, row.token)
    # The link itself is in no table: the handler makes it anew.
    enqueue(MAIL_INVITATION, invitation_uid=str(row.uid), sent=row.sent)
    return Invited(row, "")


def _locked(actor: Actor, invitation_uid: UUID) -> Invitation:
    seen = Invitation.objects.visible_to(actor).filter(uid=invitation_uid)
    organisation_id = seen.values_list("organisation", flat=True).first()
    if organisation_id is None:
        raise NotFound
    organisation = lock(Organisation, pk=organisation_id)
    row = lock(Invitation, uid=invitation_uid)
    require(can_give_person_roles if row.for_person else can_manage_members, actor, organisation)
    require_seat(actor)
    return row


def _refuse_known(
    actor: Actor, organisation: Organisation, email: str, role: str, *, for_person: bool
) -> None:
    if for_person and actor.person.email.lower() == email.lower():
        raise StateConflict(_("Nobody gives such a role to themselves."), code="invitation.self")
    if for_person:
        known = PersonRole.objects.filter(role=role, user__email__iexact=email).exists()
    else:
        seats = Membership.objects.filter(organisation=organisation)
        known = seats.filter(user__email__iexact=email).exists()
    if known:
        raise StateConflict(_("This person has that place already."), code="member.already")
    rows = Invitation.objects.filter(
        organisation=organisation, email__iexact=email, state=InvitationState.OPEN
    )
    now = clock.now()
    for row in rows.select_for_update().order_by("pk"):
        if row.for_person != for_person or (for_person and row.role != role):
            continue
        if not row.is_over(now):
            raise StateConflict(
                _("This address is invited already. Send the invitation again, or revoke it."),
                code="invitation.open",
            )
        move(row, InvitationState.EXPIRED)


def _refuse_more(organisation: Organisation) -> None:
    rows = Invitation.objects.filter(organisation=organisation)
    standing = rows.filter(state=InvitationState.OPEN, expires_at__gt=MarketplaceNow())
    if standing.count() >= OPEN_MOST:
        raise TooMany(
            _("Too many invitations are open. Wait for answers, or revoke some."),
            code="limit.invitations_open",
        )
    if rows.filter(created_at__gt=MarketplaceNow() - timedelta(days=1)).count() >= A_DAY_MOST:
        raise TooMany(
            _("Too many invitations in one day. Try again tomorrow."), code="limit.invitations"
        )
