from __future__ import annotations

from typing import TYPE_CHECKING

from marketplace.accounts.models import Organisation, User
from marketplace.accounts.pledges import KEY_HOLDER, PledgeText
from marketplace.base.actor import Actor, Role

if TYPE_CHECKING:
    from marketplace.accounts.tokens.models import ApiToken


def can_verify_organisation(actor: Actor, organisation: Organisation) -> bool:
    """Officers of the park office, never for themselves."""
    return actor.role == Role.OFFICER and not organisation.is_office


def can_create_token(actor: Actor, user: User) -> bool:
    """People, each for themselves."""
    return actor.user_id == user.pk


def can_revoke_token(actor: Actor, token: ApiToken) -> bool:
    """Whoever made it, under any hat; and the owner of the organisation that it acts for."""
    own = token.user_id == actor.user_id
    of_organisation = (
        actor.role == Role.OWNER
        and token.organisation_id is not None
        and token.organisation_id == actor.organisation_id
    )
    return own or of_organisation


def can_sign_pledge(actor: Actor, text: PledgeText) -> bool:
    """Whoever the text is for, in person. A holder of keys may sign before being appointed."""
    if actor.user_id is None:
        return False
    return actor.role in text.roles or (KEY_HOLDER in text.roles and actor.role != Role.EXPERT)
