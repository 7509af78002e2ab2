"""Letters about an account leave through the outbox: no page waits for a mail server.

So a reset takes as long for somebody who has an account as for somebody who has none. A letter may
hold a link that signs in; it waits sealed, so that a copy of the database does not hold it.
"""

from __future__ import annotations

import json
from urllib.parse import urlsplit
from uuid import uuid4

from django.conf import settings
from django.core.mail import EmailMessage, EmailMultiAlternatives

from marketplace.accounts.factors import seal, unseal
from marketplace.base.queue import enqueue, handles

LETTER = "account_letter"


def post(message: EmailMessage) -> None:
    """Promise to send it. Nothing is kept where no mail is sent at all."""
    if not settings.EMAIL_HOST:
        return
    html = [text for text, kind in getattr(message, "alternatives", []) if kind == "text/html"]
    kept = {
        "subject": message.subject,
        "body": message.body,
        "html": html[0] if html else "",
        "to": message.to,
        "id": f"<{uuid4()}@{urlsplit(settings.SITE_URL).hostname}>",
    }
    enqueue(LETTER, sealed=seal(json.dumps(kept)))


@handles(LETTER)
def send(*, sealed: str, **_: object) -> None:
    """May run twice: the second letter carries the same Message-ID."""
    kept = json.loads(unseal(sealed))
    headers = {"Message-ID": kept["id"], "Auto-Submitted": "auto-generated"}
    message = EmailMultiAlternatives(
        subject=kept["subject"], body=kept["body"], to=kept["to"], headers=headers
    )
    if kept["html"]:
        message.attach_alternative(kept["html"], "text/html")
    message.send()
