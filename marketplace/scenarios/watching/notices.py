"""What those who watch a demand are told, beside those whom it concerns anyway."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from marketplace.accounts.models import User
from marketplace.ledger.models import Event
from marketplace.notices.channels import Group
from marketplace.notices.models import Notice
from marketplace.notices.registry import register
from marketplace.notices.reminders import Due, Told, before, remind
from marketplace.scenarios.models import Scenario, State
from marketplace.scenarios.notices import scenarios, title, url
from marketplace.scenarios.questions.models import Answer
from marketplace.scenarios.questions.notices import answers, page_of
from marketplace.scenarios.reminders import of
from marketplace.scenarios.watching.models import Watch

CLOSING_DAYS = 3


def told_of(event: Event, watches: QuerySet[Watch]) -> QuerySet[User]:
    """Those who watch, but for whom the same event was told to already in another capacity."""
    people = User.objects.filter(pk__in=watches.values("user_id"))
    return people.exclude(
        Exists(Notice.objects.filter(user=OuterRef("pk"), event_uid=event.uid)),
    )


def watchers(event: Event) -> QuerySet[User]:
    return told_of(event, Watch.objects.filter(scenario__uid=event.subjects[-1]))


def of_answer(event: Event) -> QuerySet[User]:
    """Of an answer to everybody; what is said of a restricted file goes to its readers alone."""
    answer = Answer.objects.select_related("attachment").get(uid=event.subjects[-1])
    if answer.attachment and answer.attachment.restricted:
        return User.objects.none()
    return told_of(event, Watch.objects.filter(scenario=answer.scenario_id))


def of_earlier_rounds(event: Event) -> QuerySet[User]:
    """Who watches the root, or another round of it, hears of this one once it is posted."""
    root = Scenario.objects.filter(uid=event.subjects[-1]).values_list("root", flat=True).first()
    if root is None:
        return User.objects.none()
    rounds = Q(scenario=root) | Q(scenario__root=root)
    return told_of(event, Watch.objects.filter(rounds).exclude(scenario__uid=event.subjects[-1]))


def publicity_url(scenario: Scenario) -> str:
    return reverse("publicity", args=[scenario.address])


# event -> what is said, and the page that it leads to
TOLD: dict[str, tuple[str | Promise, Callable[[Scenario], str]]] = {
    "scenario.deadline_extended": (_("The deadline of “%(title)s”, which you watch, moved"), url),
    "scenario.amended": (_("“%(title)s”, which you watch, was amended"), url),
    "scenario.suspended": (_("“%(title)s”, which you watch, was suspended"), url),
    "scenario.resumed": (_("“%(title)s”, which you watch, goes on"), url),
    "scenario.withdrawn": (_("“%(title)s”, which you watch, was withdrawn"), url),
    "scenario.failed": (_("The listing of “%(title)s”, which you watch, failed"), url),
    "award.publicised": (
        _("The decision on “%(title)s”, which you watch, is in publicity"),
        publicity_url,
    ),
}
for _kind, (_sentence, _url) in TOLD.items():
    register(
        f"watched.{_kind.split('.')[1]}",
        event_kind=_kind,
        audience=watchers,
        subjects=scenarios,
        sentence=_sentence,
        title=title,
        url=_url,
        group=Group.WATCHED,
    )
register(
    "watched.answered",
    event_kind="question.answered",
    audience=of_answer,
    subjects=answers,
    sentence=_("A question about “%(title)s”, which you watch, was answered"),
    title=lambda answer: title(answer.scenario),
    url=lambda answer: page_of(answer.scenario),
    group=Group.WATCHED,
)
register(
    "watched.relisted",
    event_kind="scenario.published",
    audience=of_earlier_rounds,
    subjects=scenarios,
    sentence=_("A new round of a demand that you watch was published: “%(title)s”"),
    title=title,
    url=url,
    group=Group.WATCHED,
)


def closing(now: datetime, among: Collection[UUID] | None) -> Iterable[Due]:
    """What is watched and takes bids for a few more days."""
    rows = Scenario.objects.filter(
        of("uid", among),
        Exists(Watch.objects.filter(scenario=OuterRef("pk"))),
        state=State.PUBLISHED,
        suspended=False,
        deadline_at__gt=now,
        deadline_at__lte=now + timedelta(days=CLOSING_DAYS),
    )
    for uid, since, at in rows.values_list("uid", "published_at", "deadline_at"):
        assert since is not None, "what is posted has a time"
        assert at is not None, "and a deadline"
        yield Due(uid, since, at)


def since_before(uids: Collection[UUID]) -> Iterable[tuple[UUID, int]]:
    """Who has begun to watch after the step knows the date already."""
    first = F("scenario__deadline_at") - timedelta(days=CLOSING_DAYS)
    rows = Watch.objects.filter(scenario__uid__in=uids, created_at__lte=first)
    return rows.values_list("scenario__uid", "user_id")


remind(
    "watched",
    waiting=closing,
    subjects=scenarios,
    title=title,
    url=url,
    group=Group.WATCHED,
    told=[
        Told(
            since_before,
            _("“%(title)s”, which you watch, takes bids until %(at)s"),
            (before(days=CLOSING_DAYS),),
        )
    ],
)
