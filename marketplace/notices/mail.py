"""The mails of this room: rendered at delivery, in the reader's language, as text and HTML."""

from __future__ import annotations

from smtplib import SMTPDataError, SMTPRecipientsRefused
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core import signing
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import ngettext

from marketplace.accounts.models import User
from marketplace.notices.channels import MANDATORY
from marketplace.notices.models import Digest, Notice
from marketplace.notices.queries import Line
from marketplace.notices.registry import one_line

UNSUBSCRIBE = "notices.unsubscribe"
# In place of a group: whatever comes in the daily mail and may be silenced.
WHOLE_DIGEST = "digest"
DIGEST_LINES = 50
ANSWER_LENGTH = 200


def message(line: Line) -> EmailMultiAlternatives:
    """The mail of one notice in the language of the moment."""
    notice = line.notice
    # It leads through the inbox, which asks again who reads.
    told = {"line": line, "link": here("notice", notice.uid)}
    silenced_by = "" if line.group in MANDATORY else line.group
    return _mail(notice, line.text, "notices/mail", told, silenced_by)


def digest_message(digest: Digest, lines: list[Line]) -> EmailMultiAlternatives:
    """The mail of a day in the language of the moment. At most DIGEST_LINES stand in it."""
    number = len(lines)
    subject = ngettext("%(n)s new message", "%(n)s new messages", number) % {"n": number}
    told = {
        "lines": [(line, here("notice", line.notice.uid)) for line in lines[:DIGEST_LINES]],
        "more": max(0, number - DIGEST_LINES),
        "number": number,
        "link": here("notices"),
    }
    silenced_by = "" if all(line.group in MANDATORY for line in lines) else WHOLE_DIGEST
    return _mail(digest, subject, "notices/digest", told, silenced_by)


def _mail(
    row: Notice | Digest, subject: str, template: str, told: dict[str, Any], silenced_by: str
) -> EmailMultiAlternatives:
    user = row.user
    headers = {
        # The same whenever it is sent: a twin is recognised.
        "Message-ID": f"<{row.uid}@{urlsplit(settings.SITE_URL).hostname}>",
        "Auto-Submitted": "auto-generated",
    }
    shown = told | {"name": user.name, "settings_link": here("notice-settings")}
    if silenced_by:
        # RFC 8058: the mail program asks for it with one POST and no further question.
        shown["unsubscribe_link"] = here("notices-unsubscribe", token_for(user, silenced_by))
        headers["List-Unsubscribe"] = f"<{shown['unsubscribe_link']}>"
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    mail = EmailMultiAlternatives(
        subject=one_line(subject),
        body=render_to_string(f"{template}.txt", shown),
        to=[user.email],
        headers=headers,
    )
    mail.attach_alternative(render_to_string(f"{template}.html", shown), "text/html")
    return mail


def here(name: str, *args: Any) -> str:
    return settings.SITE_URL.rstrip("/") + reverse(name, args=args)


def token_for(user: User, group: str) -> str:
    return signing.dumps([str(user.uid), group], salt=UNSUBSCRIBE)


def refusal(error: SMTPRecipientsRefused | SMTPDataError) -> tuple[int, str]:
    """The server's code and its words, on one line. A code from 500 on is final."""
    if isinstance(error, SMTPDataError):
        code, answer = error.smtp_code, error.smtp_error
    else:
        code, answer = next(iter(error.recipients.values()))
    words = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else str(answer)
    return code, one_line(words.replace("\x00", ""))[:ANSWER_LENGTH]
