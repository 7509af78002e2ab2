from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, time, timedelta
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils.translation import gettext_lazy as _

from marketplace.accounts.models import User
from marketplace.base import clock
from marketplace.base.actor import Actor, Role
from marketplace.base.errors import Invalid, NotFound, Text
from marketplace.base.locks import lock
from marketplace.base.queue import enqueue
from marketplace.ledger.models import Event
from marketplace.notices import counter
from marketplace.notices.channels import MANDATORY, Channel, Group, offered
from marketplace.notices.mail import UNSUBSCRIBE, WHOLE_DIGEST
from marketplace.notices.models import Digest, Notice, NoticePreference
from marketplace.notices.queries import capacities, channels_of, for_digest
from marketplace.notices.registry import Kind, kinds_of

MAIL = "mail_notice"
DIGEST = "mail_digest"
DIGEST_FROM, DIGEST_UNTIL = time(8, 30), time(20)
UNSUBSCRIBE_FOR = timedelta(days=400)


@transaction.atomic
def deliver(*, event_uid: UUID) -> int:
    """Put the notices of an event into the inboxes of those who may know of it now.

    May run twice: who has the notice keeps the one. Returns how many were made.
    """
    event = Event.objects.get(uid=event_uid)
    return sum(_deliver(kind, event) for kind in kinds_of(event))


def _deliver(kind: Kind, event: Event) -> int:
    subject = event.subjects[-1]
    people = kind.audience(event).filter(is_active=True).order_by("pk").distinct()
    return tell(kind, event.uid, [(user, subject) for user in people])


def tell(
    kind: Kind,
    event_uid: UUID,
    wanted: Iterable[tuple[User, UUID]],
    due_at: datetime | None = None,
) -> int:
    """Put one notice into the inbox of each who may see its subject now, and promise the mails."""
    made = [
        Notice(user=user, kind=kind.name, subject_uid=subject, event_uid=event_uid, due_at=due_at)
        for user, subject in wanted
        if subject in kind.subjects(capacities(user), [subject])
    ]
    Notice.objects.bulk_create(made, ignore_conflicts=True)
    # Of those made here only; a conflicting one was made, and its mail promised, by another run.
    fresh = Notice.objects.filter(uid__in=[notice.uid for notice in made]).order_by("pk")
    uids = list(fresh.values_list("uid", flat=True))
    counter.forget({notice.user.uid for notice in made})
    if settings.EMAIL_HOST:
        slower = NoticePreference.objects.filter(group=kind.group).exclude(channel=Channel.AT_ONCE)
        for uid in fresh.exclude(user__in=slower.values("user")).values_list("uid", flat=True):
            # A job for each, so that one mail that fails sends none of the others twice.
            enqueue(MAIL, notice_uid=str(uid))
    return len(uids)


@transaction.atomic
def mark_read(*, actor: Actor, notice_uid: UUID) -> Notice:
    """The person's own; reading again changes nothing. Raises NotFound."""
    rows = Notice.objects.visible_to(actor).select_for_update(of=("self",))
    notice = rows.filter(uid=notice_uid).first()
    if notice is None:
        raise NotFound
    if notice.read_at is None:
        notice.read_at = clock.now()
        notice.save(update_fields=["read_at"])
        counter.forget([actor.person.uid])
    return notice


@transaction.atomic
def mark_all_read(*, actor: Actor) -> int:
    counter.forget([actor.person.uid])
    return Notice.objects.visible_to(actor).unread().update(read_at=clock.now())


@transaction.atomic
def set_channels(*, actor: Actor, channels: Mapping[str, str]) -> None:
    """The person's own choice, group by group; others stay. Raises Invalid."""
    errors: dict[str, list[Text]] = {}
    for group, channel in channels.items():
        if group not in Group.values or channel not in Channel.values:
            errors[group] = [_("Choose one of the ways offered.")]
        elif channel not in offered(group):
            errors[group] = [_("Rights and time limits hang on these: they cannot be silenced.")]
    if errors:
        raise Invalid(errors=errors, code="notices.channels")
    user = lock(User, uid=actor.person.uid)
    before, now = channels_of(user), clock.now()
    for group, channel in channels.items():
        if channel != before[group]:
            NoticePreference.objects.update_or_create(
                user=user, group=group, defaults={"channel": channel, "changed_at": now}
            )


def silenced_by(token: str) -> tuple[User, list[str]]:
    """Whom the link of a mail names and which groups it silences. Raises NotFound if it is false.

    A link is good for so long as the mail is likely to be kept.
    """
    try:
        uid, group = signing.loads(token, salt=UNSUBSCRIBE, max_age=UNSUBSCRIBE_FOR)
    except signing.BadSignature:
        raise NotFound from None
    user = User.objects.filter(uid=uid, is_active=True).first()
    if user is None:
        raise NotFound
    if group != WHOLE_DIGEST:
        return user, [group]
    daily = user.notice_preferences.filter(channel=Channel.DAILY).exclude(group__in=MANDATORY)
    return user, sorted(daily.values_list("group", flat=True))


@transaction.atomic
def unsubscribe(*, token: str) -> User:
    """No more mail of these groups; the inbox still tells. Again changes nothing. NotFound."""
    user, groups = silenced_by(token)
    silent = dict.fromkeys(groups, Channel.INBOX)
    set_channels(actor=Actor(Role.MEMBER, user), channels=silent)
    return user


@transaction.atomic
def promise_digests() -> int:
    """Promise the mail of the day to all who wait for one. Two sweeps promise it once.

    From 08:30 to 20:00 Asia/Shanghai; a day on which no worker ran is not made up for, since the
    next mail tells of what it would have told. Returns how many are new.
    """
    local = clock.now().astimezone(clock.SHANGHAI)
    if not settings.EMAIL_HOST or not DIGEST_FROM <= local.time() < DIGEST_UNTIL:
        return 0
    day = local.date()
    unsent = Notice.objects.filter(user=OuterRef("pk"), mailed_at=None, mail_refused_at=None)
    people = User.objects.filter(
        Exists(unsent.unread()),
        is_active=True,
        notice_preferences__channel=Channel.DAILY,
    ).exclude(digests__day=day)
    due = [user for user in people.order_by("pk").distinct() if for_digest(user).exists()]
    made = [Digest(user=user, day=day) for user in due]
    Digest.objects.bulk_create(made, ignore_conflicts=True)
    fresh = Digest.objects.filter(uid__in=[digest.uid for digest in made]).order_by("pk")
    uids = list(fresh.values_list("uid", flat=True))
    for uid in uids:
        enqueue(DIGEST, digest_uid=str(uid))
    return len(uids)
