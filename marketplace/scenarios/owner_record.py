"""履约: how an owner has kept to what it posted. Every figure is a list of demands.

Nothing of it is computed from bids, and questions are looked at only once their demand is closed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from statistics import median

from django.db.models import Exists, OuterRef, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from marketplace.accounts.models import Organisation
from marketplace.base.actor import VISITOR
from marketplace.ledger.models import Event
from marketplace.scenarios.amendments.models import Amendment, AmendmentState
from marketplace.scenarios.disclosure.mask import unveiled
from marketplace.scenarios.models import Scenario, State
from marketplace.scenarios.questions.models import Question
from marketplace.scenarios.questions.timing import ANSWER, answer_due
from marketplace.scenarios.suspensions.models import Suspension

Rows = QuerySet[Scenario]
AWARDED = [State.AWARDED, State.IMPLEMENTING, State.ACCEPTED]


def published(owner: Organisation) -> Rows:
    """Only what a visitor knows to be its own: the figures tell nobody more, nor whom a mask hides."""
    rows = Scenario.objects.visible_to(VISITOR).filter(unveiled(VISITOR), organisation=owner)
    return rows.order_by("-published_at", "-pk")


def awarded(owner: Organisation) -> Rows:
    return published(owner).filter(state__in=AWARDED)


def accepted(owner: Organisation) -> Rows:
    return published(owner).filter(state=State.ACCEPTED)


def withdrawn(owner: Organisation) -> Rows:
    return published(owner).filter(state=State.WITHDRAWN)


def failed(owner: Organisation) -> Rows:
    return published(owner).filter(state=State.FAILED)


def relisted(owner: Organisation) -> Rows:
    return published(owner).filter(root__isnull=False)


def amended(owner: Organisation) -> Rows:
    changes = Amendment.objects.filter(scenario=OuterRef("pk"), state=AmendmentState.PUBLISHED)
    return published(owner).filter(Exists(changes))


def suspended(owner: Organisation) -> Rows:
    return published(owner).filter(Exists(Suspension.objects.filter(scenario=OuterRef("pk"))))


def questioned(owner: Organisation) -> Rows:
    """Closed ones about which something was asked."""
    asked = Question.objects.filter(scenario=OuterRef("pk"))
    return published(owner).exclude(state=State.PUBLISHED).filter(Exists(asked))


FIGURES: dict[str, tuple[str | Promise, Callable[[Organisation], Rows]]] = {
    "published": (_("Demands posted"), published),
    "awarded": (_("Awarded"), awarded),
    "accepted": (_("Accepted"), accepted),
    "withdrawn": (_("Withdrawn before the deadline"), withdrawn),
    "failed": (_("Failed listings"), failed),
    "relisted": (_("Listed anew"), relisted),
    "amended": (_("Amended"), amended),
    "suspended": (_("Suspended by the office"), suspended),
    "answered": (_("Questions answered in time"), questioned),
    "time": (_("Days from filing to publication, median"), published),
}


@dataclass(frozen=True)
class Figure:
    name: str
    label: str | Promise
    count: int | Decimal | None
    # Of how many, where it is a share.
    of: int | None = None


def record(owner: Organisation) -> list[Figure]:
    """All figures, in a constant number of queries."""
    return [figure(owner, name) for name in FIGURES]


def figure(owner: Organisation, name: str) -> Figure:
    label, rows = FIGURES[name]
    if name == "answered":
        told = [in_time(row) for row in asked_of(owner)]
        return Figure(name, label, sum(told), len(told))
    if name == "time":
        days = sorted(days_to_publish(owner).values())
        return Figure(name, label, Decimal(str(median(days))) if days else None)
    return Figure(name, label, rows(owner).count())


def asked_of(owner: Organisation) -> list[Question]:
    closed = questioned(owner).order_by().values("pk")
    rows = Question.objects.filter(scenario_id__in=closed)
    return list(rows.select_related("scenario__profile", "reply__answer"))


def in_time(question: Question) -> bool:
    """By the owner itself, within the profile's window."""
    reply, profile = getattr(question, "reply", None), question.scenario.profile
    if reply is None or reply.answer.by_office or profile is None or ANSWER not in profile.values:
        return False
    return bool(reply.answer.answered_at < answer_due(profile, question.asked_at))


def days_to_publish(owner: Organisation) -> dict[int, int]:
    """{demand id: whole days from its first filing to its publication}. Two queries."""
    rows = list(published(owner).values_list("pk", "uid", "published_at"))
    events = Event.objects.filter(
        kind="scenario.submitted", subjects__overlap=[uid for _pk, uid, _at in rows]
    )
    filed: dict[object, datetime] = {}
    for subjects, at in events.order_by("-id").values_list("subjects", "at"):
        filed |= dict.fromkeys(subjects, at)
    return {
        pk: (at - filed[uid]) // timedelta(days=1) for pk, uid, at in rows if at and uid in filed
    }
