from marketplace.accounts.models import Organisation
from marketplace.accounts.pledges import KEY_HOLDER, PledgeText
from marketplace.base.actor import Actor, Role
from marketplace.base.rules import inspector_may


def can_verify_organisation(actor: Actor, organisation: Organisation) -> bool:
    """Officers of the park office, never for themselves."""
    return actor.role == Role.OFFICER and not organisation.is_office


@inspector_may
def can_sign_pledge(actor: Actor, text: PledgeText) -> bool:
    """Whoever the text is for, in person. A holder of keys may sign before being appointed."""
    if actor.user_id is None:
        return False
    return actor.role in text.roles or (KEY_HOLDER in text.roles and actor.role != Role.EXPERT)
