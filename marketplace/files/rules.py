"""Who may upload what, and take it back."""

from marketplace.accounts.models import Organisation
from marketplace.accounts.rules import can_ask_verification, can_verify_organisation
from marketplace.base.actor import Actor, Role
from marketplace.files.limits import Purpose
from marketplace.files.models import Upload

BY_OFFICERS = {Purpose.EVIDENCE, Purpose.DOCUMENT, Purpose.SIGNED}


def can_upload(actor: Actor, purpose: Purpose) -> bool:
    """Who writes for a posting organisation its attachments, for a vendor its sealed envelopes.

    Evidence is every organisation's, and an officer's about each; the documents of the gate are
    filed from both sides.
    """
    if actor.organisation is None or not writes_files(actor, purpose):
        return False
    allowed = {
        Purpose.ATTACHMENT: actor.organisation.is_owner,
        Purpose.SEALED: actor.organisation.is_vendor,
        Purpose.EVIDENCE: True,
        Purpose.DOCUMENT: actor.organisation.is_owner or actor.organisation.is_office,
        Purpose.SIGNED: actor.organisation.is_office,
        Purpose.COURSE: actor.organisation.is_owner,
        Purpose.TRUTH: actor.organisation.is_owner,
        Purpose.RESULT: actor.organisation.is_vendor,
    }
    return allowed[purpose]


def writes_files(actor: Actor, purpose: str) -> bool:
    return actor.writes or (actor.role == Role.OFFICER and purpose in BY_OFFICERS)


def can_continue_upload(actor: Actor, upload: Upload) -> bool:
    """Its maker, for the same organisation, while he still writes for it: add, end, use."""
    return (
        writes_files(actor, upload.purpose)
        and actor.user_id == upload.user_id
        and actor.organisation_id == upload.organisation_id
    )


def can_remove_evidence(actor: Actor, upload: Upload) -> bool:
    """Who writes for the side that attached it: the organisation, or the office."""
    own = actor.organisation_id == upload.organisation_id
    return own and writes_files(actor, upload.purpose)


def can_attach_evidence(actor: Actor, organisation: Organisation) -> bool:
    """Who asks for the organisation to be verified, and who may verify it."""
    asks = can_ask_verification(actor, organisation)
    return asks or can_verify_organisation(actor, organisation)
