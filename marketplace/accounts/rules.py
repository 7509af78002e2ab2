from __future__ import annotations

from typing import TYPE_CHECKING

from marketplace.accounts.models import Membership, Organisation, User
from marketplace.accounts.pledges import KEY_HOLDER, PledgeText
from marketplace.base.actor import Actor, Role
from marketplace.base.rules import inspector_may

if TYPE_CHECKING:
    from marketplace.accounts.tokens.models import ApiToken


def _own(actor: Actor, organisation: Organisation) -> bool:
    return actor.organisation_id == organisation.pk


def can_verify_organisation(actor: Actor, organisation: Organisation) -> bool:
    """Officers of the park office, never for themselves nor for where they belong."""
    if actor.role != Role.OFFICER or organisation.is_office:
        return False
    return not organisation.members.filter(user=actor.user_id).exists()


def can_edit_organisation(actor: Actor, organisation: Organisation) -> bool:
    """Owners and editors state what their organisation is; officers that of the office."""
    return _own(actor, organisation) and (actor.writes or actor.role == Role.OFFICER)


def can_ask_verification(actor: Actor, organisation: Organisation) -> bool:
    return _own(actor, organisation) and actor.writes and not organisation.is_office


def can_manage_members(actor: Actor, organisation: Organisation) -> bool:
    """Owners; officers for the office, and to settle who speaks for one that is not verified."""
    if actor.role == Role.OWNER:
        return _own(actor, organisation)
    return actor.role == Role.OFFICER and (
        _own(actor, organisation)
        or (not organisation.is_office and organisation.verified_at is None)
    )


def can_remove_member(actor: Actor, membership: Membership) -> bool:
    """Whoever manages the members; and everybody may leave."""
    leaves = (
        actor.user_id == membership.user_id and actor.organisation_id == membership.organisation_id
    )
    return leaves or can_manage_members(actor, membership.organisation)


def can_give_person_roles(actor: Actor, organisation: Organisation) -> bool:
    """Officers, in the name of the office."""
    return actor.role == Role.OFFICER and organisation.is_office and _own(actor, organisation)


@inspector_may
def can_create_token(actor: Actor, user: User) -> bool:
    """People, each for themselves."""
    return actor.user_id == user.pk


@inspector_may
def can_revoke_token(actor: Actor, token: ApiToken) -> bool:
    """Whoever made it, under any hat; and the owner of the organisation that it acts for."""
    own = token.user_id == actor.user_id
    of_organisation = (
        actor.role == Role.OWNER
        and token.organisation_id is not None
        and token.organisation_id == actor.organisation_id
    )
    return own or of_organisation


@inspector_may
def can_sign_pledge(actor: Actor, text: PledgeText) -> bool:
    """Whoever the text is for, in person. A holder of keys may sign before being appointed."""
    if actor.user_id is None:
        return False
    return actor.role in text.roles or (KEY_HOLDER in text.roles and actor.role != Role.EXPERT)
