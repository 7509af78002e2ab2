from marketplace.accounts.invitations.actions.acceptance import (
    accept_invitation,
    accept_with_new_account,
    find_invitation,
)
from marketplace.accounts.invitations.actions.sending import (
    Invited,
    invite,
    note_mailed,
    revoke_invitation,
    send_again,
)

__all__ = [
    "Invited",
    "accept_invitation",
    "accept_with_new_account",
    "find_invitation",
    "invite",
    "note_mailed",
    "revoke_invitation",
    "send_again",
]
