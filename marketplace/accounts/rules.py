from marketplace.accounts.models import Organisation
from marketplace.base.actor import Actor, Role


def can_verify_organisation(actor: Actor, organisation: Organisation) -> bool:
    """Officers of the park office, never for themselves."""
    return actor.role == Role.OFFICER and not organisation.is_office
