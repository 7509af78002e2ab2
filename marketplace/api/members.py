"""Who speaks for an organisation, and who is asked to."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from rest_framework import serializers as s
from rest_framework.request import Request
from rest_framework.response import Response

from marketplace.accounts.invitations.actions import acceptance, sending
from marketplace.accounts.invitations.models import Invitation, InvitationState
from marketplace.accounts.members import actions as members
from marketplace.accounts.models import Membership, Organisation
from marketplace.accounts.tokens.models import Scope
from marketplace.api.bid_shapes import party
from marketplace.api.bodies import Body, Choice, Text
from marketplace.api.calls import call, calling, its_uid
from marketplace.api.lists import Filter, Listed, listing, reading
from marketplace.api.moves import told
from marketplace.api.scenarios import said
from marketplace.api.shapes import Links, Party, Shape, actions, instant, text
from marketplace.api.views import Resource, absolute, actor_of
from marketplace.base import clock
from marketplace.base.actor import Actor, Role
from marketplace.base.errors import NotFound
from marketplace.desk.moves import manages

ROLES = [Role.OWNER, Role.EDITOR, Role.VIEWER, Role.OFFICER, Role.SECRETARY]
CHOICES = [role.value for role in ROLES]
ABOUT = Filter("organisation", "organisation__uid", "The organisation.")
MEMBER_FILTERS = (ABOUT, Filter("role", "role", "The role.", tuple(CHOICES)))
INVITATION_FILTERS = (ABOUT,)


class MemberRow(Shape):
    uid = s.UUIDField()
    organisation = s.UUIDField()
    name = text()
    email = text("For those who manage the members, and of oneself.")
    role = s.ChoiceField(CHOICES)
    created_at = instant()
    links = Links()
    actions = actions()


class InvitationRow(Shape):
    uid = s.UUIDField()
    organisation = s.UUIDField()
    email = text()
    role = text()
    state = s.ChoiceField(InvitationState.choices)
    expires_at = instant()
    links = Links()
    actions = actions()


class Accepted(Shape):
    uid = s.UUIDField(help_text="Of the invitation.")
    organisation = Party(help_text="That one joined; of a role as a person, the office.")
    role = text()
    for_person = s.BooleanField(help_text="A role as a person, not a membership.")


class Acceptance(Body):
    token = Text(128, help_text="The last part of the link's address.")


class RoleBody(Body):
    role = Choice(CHOICES)


class Invite(Body):
    email = Text(254)
    role = Choice([role.value for role in Role if role not in (Role.SYSTEM, Role.OPENER)])
    language = Choice(["zh-hans", "en"], required=False)


def members_of(actor: Actor) -> Any:
    return Membership.objects.visible_to(actor).select_related("user", "organisation")


def member_shape(request: Request, row: Membership, actor: Actor) -> dict[str, Any]:
    leads, own = manages(actor, row.organisation), row.user_id == actor.user_id
    names = [*(["change_role"] if leads else []), *(["remove_member"] if leads or own else [])]
    return {
        "uid": str(row.uid),
        "organisation": str(row.organisation.uid),
        "name": row.user.name,
        "email": row.user.email if leads or own else "",
        "role": row.role,
        "created_at": said(row.created_at),
        "links": links(request, "api-member", row.uid),
        "actions": told(request, names, row.uid),
    }


def links(request: Request, name: str, uid: UUID) -> dict[str, str]:
    return {"self": absolute(request, name, uid), "html": absolute(request, "board")}


def member_shown(request: Request, uid: UUID) -> dict[str, Any]:
    actor = actor_of(request)
    row = members_of(actor).filter(uid=uid).first()
    if row is None:
        raise NotFound
    return member_shape(request, row, actor)


class Members(Listed):
    @listing("members_list", "Members of organisations", rows=MemberRow, filters=MEMBER_FILTERS)
    def get(self, request: Request) -> Any:
        actor = actor_of(request)
        return members_of(actor), lambda page: [member_shape(request, r, actor) for r in page]


class MemberOne(Resource):
    @reading("members_retrieve", "One member", shape=MemberRow)
    def get(self, request: Request, uid: UUID) -> Response:
        return Response(member_shown(request, uid))

    patch = call(
        members.change_role,
        "membership_uid",
        "members_change_role",
        "Give a member another role",
        scope=Scope.ORGANISATION,
        takes=RoleBody,
        example={"role": "editor"},
        shows=member_shown,
        answers=MemberRow,
    )
    delete = call(
        members.remove_member,
        "membership_uid",
        "members_remove",
        "Remove a member, or leave",
        scope=Scope.ORGANISATION,
    )


# -- Invitations -------------------------------------------------------------------------------------
def invitations_of(actor: Actor) -> Any:
    return Invitation.objects.visible_to(actor).select_related("organisation")


def invitation_shape(request: Request, row: Invitation, now: datetime) -> dict[str, Any]:
    state = row.shown_state(now)
    live = row.state == InvitationState.OPEN
    names = ["send_again", "revoke_invitation"] if live else []
    return {
        "uid": str(row.uid),
        "organisation": str(row.organisation.uid),
        "email": row.email,
        "role": row.role,
        "state": state,
        "expires_at": said(row.expires_at),
        "links": links(request, "api-invitation", row.uid),
        "actions": told(request, names, row.uid),
    }


def invitation_shown(request: Request, uid: UUID) -> dict[str, Any]:
    row = invitations_of(actor_of(request)).filter(uid=uid).first()
    if row is None:
        raise NotFound
    return invitation_shape(request, row, clock.now())


SHOWN: dict[str, Any] = {"shows": invitation_shown, "answers": InvitationRow}


class Invitations(Listed):
    @listing(
        "invitations_list",
        "Invitations",
        rows=InvitationRow,
        filters=INVITATION_FILTERS,
        description="Of the organisations whose people one manages.",
    )
    def get(self, request: Request) -> Any:
        rows, now = invitations_of(actor_of(request)), clock.now()
        return rows, lambda page: [invitation_shape(request, row, now) for row in page]


InvitationSend = calling(
    sending.invite,
    "organisation_uid",
    "invitations_send",
    "Invite somebody",
    sees=Organisation,
    makes=lambda made: its_uid(made.invitation),
    scope=Scope.ORGANISATION,
    description="By mail, which alone holds the link; single use, for seven days.",
    takes=Invite,
    example={"email": "colleague@example.com", "role": "editor"},
    status=201,
    **SHOWN,
)


class InvitationOne(Resource):
    @reading("invitations_retrieve", "One invitation", shape=InvitationRow)
    def get(self, request: Request, uid: UUID) -> Response:
        return Response(invitation_shown(request, uid))

    delete = call(
        sending.revoke_invitation,
        "invitation_uid",
        "invitations_revoke",
        "Revoke an invitation",
        scope=Scope.ORGANISATION,
    )


InvitationAgain = calling(
    sending.send_again,
    "invitation_uid",
    "invitations_send_again",
    "Send an invitation again",
    scope=Scope.ORGANISATION,
    description="With a new link; the earlier one is dead.",
    **SHOWN,
)


def accepted_shown(request: Request, uid: UUID) -> dict[str, Any]:
    """To who accepted it; the invitation itself is seen by who sent it."""
    row = Invitation.objects.filter(uid=uid, accepted_by=actor_of(request).user_id)
    found = row.select_related("organisation").get()
    return {
        "uid": str(found.uid),
        "organisation": party(found.organisation),
        "role": found.role,
        "for_person": found.for_person,
    }


InvitationAccept = calling(
    acceptance.accept_invitation,
    "",
    "invitations_accept",
    "Accept an invitation",
    makes=its_uid,
    scope=None,
    description="In person, by whom it was sent to, with the token of its link.",
    takes=Acceptance,
    example={"token": "0" * 64},
    shows=accepted_shown,
    answers=Accepted,
    also=(410,),
)
