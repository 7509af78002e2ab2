"""The jobs of the outbox that tell people: first the inbox, then a mail to each."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from smtplib import SMTPDataError, SMTPRecipientsRefused
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.utils import translation

from marketplace.accounts.models import User
from marketplace.base import clock
from marketplace.base.queue import handles
from marketplace.notices.actions import DIGEST, MAIL, deliver
from marketplace.notices.channels import Channel
from marketplace.notices.mail import digest_message, message, refusal
from marketplace.notices.models import Digest, MailRefusal, Notice
from marketplace.notices.queries import channel_of, for_digest, lines
from marketplace.notices.registry import NOTIFY

# A server that says "later" about one address for so long is taken to mean "never".
PATIENCE = timedelta(days=3)


@handles(NOTIFY)
def notify(*, event_uid: str, **_: object) -> None:
    deliver(event_uid=UUID(event_uid))


@handles(MAIL)
def mail_notice(*, notice_uid: str, **_: object) -> None:
    """Send one mail, unless it was sent, was read, or its reader may no longer know what it says.

    The time is kept after the server has taken the mail: a crash in between sends it once more,
    under the same Message-ID.
    """
    rows = Notice.objects.select_for_update(of=("self",)).select_related("user")
    notice = rows.filter(uid=UUID(notice_uid)).first()
    if notice is None or notice.read_at or notice.mailed_at or notice.mail_refused_at:
        return
    user = notice.user
    if not user.is_active or not settings.EMAIL_HOST:
        return
    with translation.override(user.language):
        [line] = lines(user, [notice])
        if line.withdrawn or not line.still or channel_of(user, line.group) != Channel.AT_ONCE:
            return
        taken = send(message(line), user, patient=notice.created_at + PATIENCE > clock.now())
    field = "mailed_at" if taken else "mail_refused_at"
    setattr(notice, field, clock.now())
    notice.save(update_fields=[field])


@handles(DIGEST)
def mail_digest(*, digest_uid: str, **_: object) -> None:
    """Send one person's mail of one day with what is unread, unmailed, visible and still true."""
    rows = Digest.objects.select_for_update(of=("self",)).select_related("user")
    digest = rows.filter(uid=UUID(digest_uid)).first()
    if digest is None or digest.done_at or not settings.EMAIL_HOST:
        return
    user = digest.user
    waiting = list(for_digest(user)) if user.is_active else []
    with translation.override(user.language):
        told = [line for line in lines(user, waiting) if line.still and not line.withdrawn]
        if told:
            patient = digest.created_at + PATIENCE > clock.now()
            taken = send(digest_message(digest, told), user, patient=patient)
            field = "mailed_at" if taken else "mail_refused_at"
            mailed = Notice.objects.filter(pk__in=[line.notice.pk for line in told])
            mailed.update(**{field: clock.now()})
    digest.done_at, digest.lines = clock.now(), len(told)
    digest.save(update_fields=["done_at", "lines"])


def send(mail: EmailMultiAlternatives, user: User, *, patient: bool) -> bool:
    """Whether the server took it. A final refusal is kept for the person and the office to see.

    A temporary one, like a server that is away, is raised: the outbox tries again later. Login or
    sender refused is the installation's fault, never the reader's, and is raised too.
    """
    # Closed here also where the login failed, which Django leaves to the collector.
    connection = get_connection()
    try:
        with closing(connection):
            connection.send_messages([mail])
    except (SMTPRecipientsRefused, SMTPDataError) as error:
        code, answer = refusal(error)
        if code < 500 and patient:
            raise
        MailRefusal.objects.update_or_create(
            user=user,
            defaults={
                "email": user.email,
                "code": code,
                "answer": answer,
                "refused_at": clock.now(),
            },
        )
        return False
    MailRefusal.objects.filter(user=user).delete()
    return True
