from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.db import transaction

from marketplace.base import clock
from marketplace.base.actor import Actor
from marketplace.base.errors import NotFound
from marketplace.base.queue import enqueue
from marketplace.ledger.models import Event
from marketplace.notices import counter
from marketplace.notices.models import Notice
from marketplace.notices.queries import capacities
from marketplace.notices.registry import Kind, kinds_of

MAIL = "mail_notice"


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
    made = [
        Notice(user=user, kind=kind.name, subject_uid=subject, event_uid=event.uid)
        for user in people
        if subject in kind.subjects(capacities(user), [subject])
    ]
    Notice.objects.bulk_create(made, ignore_conflicts=True)
    # Of those made here only; a conflicting one was made, and its mail promised, by another run.
    fresh = Notice.objects.filter(uid__in=[notice.uid for notice in made]).order_by("pk")
    uids = list(fresh.values_list("uid", flat=True))
    counter.forget({notice.user.uid for notice in made})
    if settings.EMAIL_HOST:
        for uid in uids:
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
