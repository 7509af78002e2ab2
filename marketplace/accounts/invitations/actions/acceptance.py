from __future__ import annotations

from typing import Any

from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import make_password
from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from marketplace.accounts import content
from marketplace.accounts.invitations.models import Invitation, InvitationState, hash_of
from marketplace.accounts.members.passwords import checked_password
from marketplace.accounts.models import Membership, Organisation, PersonRole, User
from marketplace.base import clock
from marketplace.base.actor import Actor
from marketplace.base.errors import Gone, Invalid, NotAllowed, NotFound, StateConflict
from marketplace.base.locks import lock, lock_shared
from marketplace.base.states import move
from marketplace.base.texts import read_all
from marketplace.ledger.actions import append

OVER = {
    InvitationState.ACCEPTED: ("invitation.used", _("This invitation was used already.")),
    InvitationState.REVOKED: ("invitation.revoked", _("This invitation was revoked.")),
    InvitationState.EXPIRED: ("invitation.expired", _("This invitation has expired.")),
}


def find_invitation(*, token: str) -> Invitation:
    """The invitation that a link opens, while it may be accepted. Raises NotFound, Gone."""
    rows = Invitation.objects.select_related("organisation")
    row = rows.filter(token_hash=hash_of(token)).first()
    if row is None:
        raise NotFound
    _refuse_over(row)
    return row


@transaction.atomic
def accept_invitation(*, actor: Actor, token: str) -> Invitation:
    """The signed-in person to whose address it was sent joins, or takes the role. Once.

    Raises NotFound for an unknown or replaced link, Gone for one that was used, revoked or has
    expired, StateConflict for somebody else, or who is a member already.
    """
    if actor.user is None:
        raise NotAllowed
    row = _locked(token)
    if actor.person.email.lower() != row.email.lower():
        raise StateConflict(
            _("This invitation is for another address. Sign in with the one it was sent to."),
            code="invitation.other_address",
        )
    return _accept(actor.person, row)


@transaction.atomic
def accept_with_new_account(
    *, token: str, name: str, password: str, language: str = ""
) -> tuple[User, Invitation]:
    """Make the account of the invited address, and accept with it.

    A link that came by mail also proves the address. Raises Invalid, and what
    `accept_invitation` raises; where the account cannot be made, its owner is to sign in.
    """
    row = _locked(token)
    clean: dict[str, Any] = {}
    errors: dict[str, list[Any]] = {}
    try:
        clean = read_all(content.PERSON, {"name": name, "language": language}, needed=["name"])
    except Invalid as error:
        errors |= error.errors
    user = User(email=row.email, name=clean.get("name", ""))
    try:
        user.password = make_password(checked_password(password, user))
    except Invalid as error:
        errors |= error.errors
    if errors:
        raise Invalid(errors=errors)
    user.language = clean["language"]
    sign_in = StateConflict(
        _("No account can be made with this address here. Sign in with it, then open the link."),
        code="invitation.sign_in",
    )
    if User.objects.filter(email__iexact=row.email).exists():
        raise sign_in
    try:
        with transaction.atomic():
            user.save()
    except IntegrityError as error:  # a twin was faster
        raise sign_in from error
    EmailAddress.objects.create(
        user=user, email=user.email, primary=True, verified=row.mailed_at is not None
    )
    return user, _accept(user, row)


def _locked(token: str) -> Invitation:
    found = Invitation.objects.filter(token_hash=hash_of(token))
    organisation_id = found.values_list("organisation", flat=True).first()
    if organisation_id is None:
        raise NotFound
    organisation = lock_shared(Organisation, pk=organisation_id)
    row = lock(Invitation, token_hash=hash_of(token))
    _refuse_over(row)
    row.organisation = organisation
    return row


def _refuse_over(row: Invitation) -> None:
    state = row.shown_state(clock.now())
    if state in OVER:
        code, sentence = OVER[state]
        raise Gone(sentence, code=code)


def _accept(user: User, row: Invitation) -> Invitation:
    if row.for_person:
        _given, fresh = PersonRole.objects.get_or_create(user=user, role=row.role)
        actor = Actor(row.role, user)
    else:
        _seat, fresh = Membership.objects.get_or_create(
            user=user, organisation=row.organisation, defaults={"role": row.role}
        )
        actor = Actor(row.role, user, row.organisation)
    if not fresh:
        raise StateConflict(_("This person has that place already."), code="member.already")
    row.accepted_by, row.accepted_at = user, clock.now()
    left = move(row, InvitationState.ACCEPTED, also=("accepted_by", "accepted_at"))
    append(
        "invitation.accepted",
        actor=actor,
        subjects=[row.organisation.uid, user.uid, row.uid],
        from_state=left,
        to_state=row.state,
    )
    if row.for_person:
        append("person_role.given", actor=actor, subjects=[row.uid, user.uid], to_state=row.role)
    else:
        append(
            "member.joined",
            actor=actor,
            subjects=[row.uid, user.uid, row.organisation.uid],
            to_state=row.role,
        )
    return row
