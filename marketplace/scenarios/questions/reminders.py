"""The owner is reminded of a question; what it leaves unanswered goes up to the office."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from marketplace.notices.reminders import Due, People, Told, after, before, on_the_day, remind
from marketplace.scenarios.models import State
from marketplace.scenarios.notices import WRITERS, title
from marketplace.scenarios.questions.models import Question
from marketplace.scenarios.questions.notices import page_of, questions
from marketplace.scenarios.questions.timing import ANSWER, answer_due
from marketplace.scenarios.reminders import members_of_owner, of, officers_apart

RULE = "question"


def unanswered(now: datetime, among: Collection[UUID] | None) -> Iterable[Due]:
    rows = Question.objects.unanswered().filter(
        of("uid", among), scenario__state=State.PUBLISHED, scenario__deadline_at__gt=now
    )
    for row in rows.select_related("scenario__profile"):
        profile = row.scenario.profile
        if profile is not None and ANSWER in profile.values:
            yield Due(row.uid, row.asked_at, answer_due(profile, row.asked_at))


def about_demand(people: People) -> People:
    """Those who are told of a demand, told of its questions."""

    def found(uids: Collection[UUID]) -> Iterable[tuple[UUID, int]]:
        rows = Question.objects.filter(uid__in=uids).values_list("uid", "scenario__uid")
        demands = dict(rows)
        told: dict[UUID, set[int]] = {}
        for demand, user_id in people(set(demands.values())):
            told.setdefault(demand, set()).add(user_id)
        return [(uid, user) for uid, demand in demands.items() for user in told.get(demand, ())]

    return found


remind(
    RULE,
    waiting=unanswered,
    subjects=questions,
    title=lambda question: title(question.scenario),
    url=lambda question: page_of(question.scenario),
    told=[
        Told(
            about_demand(members_of_owner(WRITERS)),
            _("A question about “%(title)s” waits for your answer, due %(at)s"),
            (before(days=1), on_the_day(), after(), after(days=1)),
        ),
        Told(
            about_demand(officers_apart),
            _("The owner of “%(title)s” has not answered a question, due %(at)s: you may"),
            (after(), after(days=1), after(days=3)),
            name="office",
        ),
    ],
)
