"""Officers are reminded of challenges that are not heard, or not redone."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from marketplace.awards.challenges.models import UNHEARD, MemberChallenge
from marketplace.awards.challenges.notices import challenges, officers_apart, title_of, url_of
from marketplace.awards.challenges.queries import HEARD_IN
from marketplace.notices.channels import Group
from marketplace.notices.reminders import Due, Told, after, before, on_the_day, remind
from marketplace.scenarios.reminders import due_by, of

RULE = "challenge"
ANSWER_DAYS = 3


def waiting(now: datetime, among: Collection[UUID] | None) -> Iterable[Due]:
    rows = MemberChallenge.objects.filter(
        of("uid", among),
        state__in=UNHEARD,
        publicity__decision__scenario__state__in=HEARD_IN,
    )
    for row in rows.select_related("publicity__decision__scenario__profile"):
        profile = row.publicity.decision.scenario.profile
        due = due_by(profile, "panel_challenge_answer", ANSWER_DAYS, row.filed_at)
        yield Due(row.uid, row.filed_at, due)


def officers(uids: Collection[UUID]) -> Iterable[tuple[UUID, int]]:
    rows = MemberChallenge.objects.filter(uid__in=uids)
    for uid, scenario in rows.values_list("uid", "publicity__decision__scenario__uid"):
        for user_id in officers_apart(scenario).values_list("pk", flat=True):
            yield uid, user_id


remind(
    RULE,
    waiting=waiting,
    subjects=challenges,
    title=title_of,
    url=url_of,
    group=Group.AWARDS,
    told=[
        Told(
            officers,
            _("A challenge to a member for “%(title)s” is to be ruled on, due %(at)s"),
            (before(days=1), on_the_day(), after(), after(days=2)),
        )
    ],
)
