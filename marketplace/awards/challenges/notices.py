"""Who is told that a member is challenged, and what came of it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from marketplace.accounts.models import Membership, User
from marketplace.awards.challenges.models import MemberChallenge
from marketplace.base.actor import Actor, Role
from marketplace.committee.models import PanelMember
from marketplace.ledger.models import Event
from marketplace.notices.channels import Group
from marketplace.notices.registry import register
from marketplace.scenarios.models import Scenario
from marketplace.scenarios.notices import seen_by_any, title, writers


def scenario_of(row: MemberChallenge) -> Scenario:
    return row.publicity.decision.scenario


def title_of(row: MemberChallenge) -> str:
    return title(scenario_of(row))


def url_of(row: MemberChallenge) -> str:
    return reverse("challenges", args=[scenario_of(row).address])


def challenges(actors: list[Actor], uids: Collection[UUID]) -> dict[UUID, Any]:
    rows = seen_by_any(MemberChallenge, actors, uids)
    return {row.uid: row for row in rows.select_related("publicity__decision__scenario")}


def hearers(event: Event) -> QuerySet[User]:
    return officers_apart(event.subjects[0])


def officers_apart(scenario_uid: UUID) -> QuerySet[User]:
    """Officers who never sat on the panel."""
    office = Membership.objects.filter(role=Role.OFFICER, organisation__is_office=True)
    sat = PanelMember.objects.filter(panel__scenario__uid=scenario_uid)
    rows = User.objects.filter(pk__in=office.values("user_id"))
    return rows.exclude(pk__in=sat.values("user_id"))


def challenger(event: Event) -> QuerySet[User]:
    rows = MemberChallenge.objects.filter(uid=event.subjects[-1])
    return writers(Q(organisation_id__in=rows.values("organisation_id")))


register(
    "challenge.filed",
    audience=hearers,
    subjects=challenges,
    sentence=_("A member of the panel for “%(title)s” is challenged"),
    title=title_of,
    url=url_of,
    group=Group.AWARDS,
)
for _kind, _sentence in {
    "challenge.admitted": _("Your challenge to a member for “%(title)s” was admitted"),
    "challenge.refused": _("Your challenge to a member for “%(title)s” was not admitted"),
    "challenge.ruled": _("Your challenge to a member for “%(title)s” was ruled on"),
    "challenge.redone": _("What your challenge for “%(title)s” sent back was redone"),
}.items():
    register(
        _kind,
        audience=challenger,
        subjects=challenges,
        sentence=_sentence,
        title=title_of,
        url=url_of,
        group=Group.AWARDS,
    )
