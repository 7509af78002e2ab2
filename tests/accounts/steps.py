from marketplace.accounts.organisations.actions import ask_verification
from tests import world

EVIDENCE = {
    "licence_number": "310115000012345",
    "registry_url": "https://registry.invalid/310115000012345",
    "legal_representative": "李四",
    "evidence_number": "附件 1",
}


def asked(actor=None):
    """An owner whose unverified organisation asked to be verified."""
    actor = actor or world.owner(verified_at=None)
    ask_verification(actor=actor, organisation_uid=actor.organisation.uid, evidence=EVIDENCE)
    return actor
