"""Who may upload what, and take it back."""

from marketplace.base.actor import Actor
from marketplace.files.limits import Purpose
from marketplace.files.models import Upload


def can_upload(actor: Actor, purpose: Purpose) -> bool:
    """Who writes for a posting organisation its attachments, for a vendor its sealed envelopes.

    Evidence is every organisation's but the office's.
    """
    if not actor.writes or actor.organisation is None:
        return False
    allowed = {
        Purpose.ATTACHMENT: actor.organisation.is_owner,
        Purpose.SEALED: actor.organisation.is_vendor,
        Purpose.EVIDENCE: not actor.organisation.is_office,
    }
    return allowed[purpose]


def can_continue_upload(actor: Actor, upload: Upload) -> bool:
    """Its maker, for the same organisation, while he still writes for it: add, end, use."""
    return (
        actor.writes
        and actor.user_id == upload.user_id
        and actor.organisation_id == upload.organisation_id
    )


def can_remove_evidence(actor: Actor, upload: Upload) -> bool:
    """Who writes for the organisation whose evidence it is."""
    return actor.writes and actor.organisation_id == upload.organisation_id
