"""Whom it is told who joins and leaves, and what the office says of an organisation."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from marketplace.accounts.invitations.models import Invitation
from marketplace.accounts.members.models import EndedRole
from marketplace.accounts.models import Membership, Organisation, User
from marketplace.base.actor import Actor, Role
from marketplace.base.languages import either
from marketplace.ledger.models import Event
from marketplace.notices.registry import register

LEADING = [Role.OWNER, Role.OFFICER]


def people(rows: QuerySet[Membership]) -> QuerySet[User]:
    return User.objects.filter(pk__in=rows.values("user_id"))


# -- Which rows a person may see now -----------------------------------------------------------------
def _seen(manager: Any, actors: list[Actor], uids: Collection[UUID]) -> QuerySet[Any]:
    seen = Q(pk=None)
    for actor in actors:
        seen |= Q(pk__in=manager.visible_to(actor).filter(uid__in=uids).values("pk"))
    return manager.filter(seen)


def organisations(actors: list[Actor], uids: Collection[UUID]) -> dict[UUID, Any]:
    """Their own, or as the office all: what is told here is not for everybody."""
    mine = [a.organisation_id for a in actors if a.organisation_id]
    rows = _seen(Organisation.objects, actors, uids)
    if not any(actor.is_office for actor in actors):
        rows = rows.filter(pk__in=mine)
    return {row.uid: row for row in rows}


def invitations(actors: list[Actor], uids: Collection[UUID]) -> dict[UUID, Any]:
    rows = _seen(Invitation.objects, actors, uids).select_related("organisation", "accepted_by")
    return {row.uid: row for row in rows}


def ended_roles(actors: list[Actor], uids: Collection[UUID]) -> dict[UUID, Any]:
    rows = _seen(EndedRole.objects, actors, uids).select_related("organisation", "user")
    return {row.uid: row for row in rows}


# -- Who is told -------------------------------------------------------------------------------------
def inviter(event: Event) -> QuerySet[User]:
    rows = Invitation.objects.filter(uid=event.subjects[-1])
    return User.objects.filter(pk__in=rows.values("invited_by"))


def other_leaders(event: Event) -> QuerySet[User]:
    """Who manages the members, besides the one who invited and the one who came."""
    invitation = Invitation.objects.get(uid=event.subjects[0])
    rows = Membership.objects.filter(organisation=invitation.organisation_id, role__in=LEADING)
    done = [invitation.invited_by_id, invitation.accepted_by_id]
    return people(rows).exclude(pk__in=[pk for pk in done if pk])


def removed_and_leaders(event: Event) -> QuerySet[User]:
    """The one who is out, and who manages the members; not whoever did it."""
    ended = EndedRole.objects.get(uid=event.subjects[-1])
    rows = Membership.objects.filter(organisation=ended.organisation_id, role__in=LEADING)
    told = User.objects.filter(Q(pk__in=rows.values("user_id")) | Q(pk=ended.user_id))
    return told.exclude(pk=ended.ended_by_id)


def officers(event: Event) -> QuerySet[User]:
    """Those who may verify it: who belongs there does not."""
    own = Membership.objects.filter(organisation__uid=event.subjects[-1])
    rows = Membership.objects.filter(role=Role.OFFICER, organisation__is_office=True)
    return people(rows).exclude(pk__in=own.values("user_id"))


def writers(event: Event) -> QuerySet[User]:
    rows = Membership.objects.filter(organisation__uid=event.subjects[-1])
    return people(rows.filter(role__in=[Role.OWNER, Role.EDITOR]))


# -- What it says, and where it leads ----------------------------------------------------------------
def name(row: Any) -> str:
    """Of a person or an organisation, in the language of the moment."""
    return either(row.name, row.name_en)


def who_accepted(row: Invitation) -> str:
    return name(row.accepted_by) if row.accepted_by else ""


def who_left(row: EndedRole) -> str:
    return f"{name(row.user)} · {name(row.organisation)}" if row.organisation else name(row.user)


def invitation_url(row: Invitation) -> str:
    if row.for_person:
        return reverse("people-office")
    return members_url(row.organisation)


def members_url(row: Organisation) -> str:
    return reverse("organisation-members", args=[row.uid])


def ended_url(row: EndedRole) -> str:
    return reverse("desk")


def verdict_url(row: Organisation) -> str:
    return reverse("organisation-verification", args=[row.uid])


register(
    "invitation.accepted",
    audience=inviter,
    subjects=invitations,
    sentence=_("%(title)s accepted your invitation"),
    title=who_accepted,
    url=invitation_url,
)
register(
    "member.removed",
    audience=removed_and_leaders,
    subjects=ended_roles,
    sentence=_("No longer a member: %(title)s"),
    title=who_left,
    url=ended_url,
)
# About an organisation, by its name: who is told, what, and where it leads.
ABOUT: dict[str, tuple[Any, Any, Any]] = {
    "member.joined": (other_leaders, _("Somebody joined %(title)s"), members_url),
    "organisation.verification_asked": (officers, _("%(title)s asks to be verified"), verdict_url),
    "organisation.verified": (writers, _("%(title)s was verified by the office"), verdict_url),
    "organisation.refused": (writers, _("%(title)s was not verified: see why"), verdict_url),
}
for _kind, (_audience, _sentence, _url) in ABOUT.items():
    register(
        _kind,
        audience=_audience,
        subjects=organisations,
        sentence=_sentence,
        title=name,
        url=_url,
    )
