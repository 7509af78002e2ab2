"""The mail of an invitation, to an address that may have no account."""

from __future__ import annotations

from smtplib import SMTPDataError, SMTPRecipientsRefused
from urllib.parse import urlsplit
from uuid import UUID

import structlog
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext as _

from marketplace.accounts.invitations.actions import note_mailed
from marketplace.accounts.invitations.actions.sending import MAIL_INVITATION
from marketplace.accounts.invitations.models import Invitation, InvitationState
from marketplace.base import clock
from marketplace.base.languages import either
from marketplace.base.queue import handles
from marketplace.notices.mail import here, refusal
from marketplace.notices.registry import one_line

log = structlog.get_logger()
FINAL = 500


@handles(MAIL_INVITATION)
def mail_invitation(*, invitation_uid: str, sent: int, **_rest: object) -> None:
    """Send the link once, unless it was revoked, used, replaced or has expired meanwhile.

    The link is made anew from what is kept, so a second run after a crash sends the same one,
    under the same Message-ID.
    """
    rows = Invitation.objects.select_for_update(of=("self",)).select_related("organisation")
    row = rows.get(uid=UUID(invitation_uid))
    current = row.sent == sent and row.shown_state(clock.now()) == InvitationState.OPEN
    if not current or row.mailed_at or not settings.EMAIL_HOST:
        return
    try:
        with translation.override(row.language):
            message(row).send()
    except (SMTPRecipientsRefused, SMTPDataError) as error:
        code, _words = refusal(error)
        if code < FINAL:
            raise
        # Nobody is there: it is not tried again, and stays open for whoever invited to see to.
        log.warning("invitation.mail_refused", invitation=str(row.uid), code=code)
        return
    note_mailed(invitation_uid=row.uid, sent=sent)


def message(row: Invitation) -> EmailMultiAlternatives:
    """In the language of the moment, as text and as HTML; names cannot add a header."""
    named = either(row.organisation.name, row.organisation.name_en)
    said = {"organisation": named, "role": row.get_role_display()}
    if row.for_person:
        subject = _("Invitation from %(organisation)s to act as: %(role)s") % said
    else:
        subject = _("Invitation to join %(organisation)s on the platform") % said
    subject = one_line(subject)
    told = {
        "subject": subject,
        "role": said["role"],
        "expires_at": row.expires_at,
        "link": here("invitation", row.token),
    }
    mail = EmailMultiAlternatives(
        subject=subject,
        body=render_to_string("notices/invitation.txt", told),
        to=[row.email],
        headers={
            "Message-ID": f"<{row.uid}.{row.sent}@{urlsplit(settings.SITE_URL).hostname}>",
            "Auto-Submitted": "auto-generated",
        },
    )
    mail.attach_alternative(render_to_string("notices/invitation.html", told), "text/html")
    return mail
