"""The jobs of the outbox that tell people: first the inbox, then a mail to each."""

from __future__ import annotations

from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation

from marketplace.base import clock
from marketplace.base.queue import handles
from marketplace.notices.actions import MAIL, deliver
from marketplace.notices.models import Notice
from marketplace.notices.queries import Line, lines
from marketplace.notices.registry import NOTIFY


@handles(NOTIFY)
def notify(*, event_uid: str, **_: object) -> None:
    deliver(event_uid=UUID(event_uid))


@handles(MAIL)
def mail_notice(*, notice_uid: str, **_: object) -> None:
    """Send one mail, unless it was sent, or its reader may no longer know what it says.

    The time is kept after the server has taken the mail: a crash in between sends it once more,
    under the same Message-ID.
    """
    rows = Notice.objects.select_for_update(of=("self",)).select_related("user")
    notice = rows.get(uid=UUID(notice_uid))
    user = notice.user
    if notice.mailed_at or not user.is_active or not settings.EMAIL_HOST:
        return
    with translation.override(user.language):
        [line] = lines(user, [notice])
        if line.withdrawn:
            return
        message(line).send()
    notice.mailed_at = clock.now()
    notice.save(update_fields=["mailed_at"])


def message(line: Line) -> EmailMultiAlternatives:
    """The mail of a notice in the language of the moment, as text and as HTML."""
    notice = line.notice
    # It leads through the inbox, which asks again who reads.
    link = settings.SITE_URL.rstrip("/") + reverse("notice", args=[notice.uid])
    told = {"line": line, "link": link, "name": notice.user.name}
    mail = EmailMultiAlternatives(
        subject=line.text,
        body=render_to_string("notices/mail.txt", told),
        to=[notice.user.email],
        headers={
            "Message-ID": f"<{notice.uid}@{urlsplit(settings.SITE_URL).hostname}>",
            "Auto-Submitted": "auto-generated",
        },
    )
    mail.attach_alternative(render_to_string("notices/mail.html", told), "text/html")
    return mail
