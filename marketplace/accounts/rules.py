from marketplace.accounts.models import Organisation
from marketplace.base.actor import Actor, Role


def can_verify_organisation(actor: Actor, organisation: Organisation) -> bool:
    """Officers of the park office, never for themselves."""
    return actor.role == Role.OFFICER and not organisation.is_office


def can_grant(actor: Actor, subject: object) -> bool:
    """Rooms write grants for their own deeds; by hand only the office appoints."""
    return actor.role in {Role.OFFICER, Role.SECRETARY, Role.SYSTEM}
