"""A person's inbox, the same under every hat."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from rest_framework import serializers as s
from rest_framework.request import Request
from rest_framework.response import Response

from marketplace.accounts.tokens.models import Scope
from marketplace.api.calls import calling
from marketplace.api.deeds import Given, deed
from marketplace.api.lists import Listed, listing, reading
from marketplace.api.moves import told
from marketplace.api.scenarios import said
from marketplace.api.shapes import Links, Shape, actions, instant, text
from marketplace.api.views import Resource, absolute, actor_of
from marketplace.base.actor import Actor
from marketplace.base.errors import NotFound
from marketplace.notices import actions as notices
from marketplace.notices import queries
from marketplace.notices.models import Notice
from marketplace.notices.queries import Line


class NoticeRow(Shape):
    uid = s.UUIDField()
    kind = text("Stable, for programs; such as scenario.published.")
    subject = s.UUIDField(help_text="What it is about.")
    text = s.CharField(help_text="Empty once its reader may no longer know.")
    page = s.CharField(help_text="The page that it leads to; empty likewise.")
    created_at = instant()
    read_at = instant(null=True)
    links = Links()
    actions = actions()


def row_shape(request: Request, line: Line) -> dict[str, Any]:
    notice = line.notice
    names = [] if notice.read_at else ["mark_read"]
    return {
        "uid": str(notice.uid),
        "kind": notice.kind,
        "subject": str(notice.subject_uid),
        "text": line.text,
        "page": request.build_absolute_uri(line.url) if line.url else "",
        "created_at": said(notice.created_at),
        "read_at": said(notice.read_at),
        "links": {
            "self": absolute(request, "api-notice", notice.uid),
            "html": absolute(request, "notice", notice.uid),
        },
        "actions": told(request, names, notice.uid),
    }


def notice_shown(request: Request, uid: UUID) -> dict[str, Any]:
    actor = actor_of(request)
    notice = Notice.objects.visible_to(actor).filter(uid=uid).first()
    if notice is None:
        raise NotFound
    [line] = queries.lines(actor.person, [notice])
    return row_shape(request, line)


class Notices(Listed):
    @listing("notices_list", "Notices", rows=NoticeRow, description="One's own, newest first.")
    def get(self, request: Request) -> Any:
        actor = actor_of(request)
        return Notice.objects.visible_to(actor), lambda page: shape(request, actor, page)


class UnreadNotices(Listed):
    @listing("notices_unread_list", "Unread notices", rows=NoticeRow)
    def get(self, request: Request) -> Any:
        actor = actor_of(request)
        rows = Notice.objects.visible_to(actor).unread()
        return rows, lambda page: shape(request, actor, page)


def shape(request: Request, actor: Actor, page: list[Notice]) -> list[dict[str, Any]]:
    return [row_shape(request, line) for line in queries.lines(actor.person, page)]


class NoticeOne(Resource):
    @reading("notices_retrieve", "One notice", shape=NoticeRow)
    def get(self, request: Request, uid: UUID) -> Response:
        return Response(notice_shown(request, uid))


NoticeRead = calling(
    notices.mark_read,
    "notice_uid",
    "notices_mark_read",
    "Mark a notice as read",
    scope=Scope.NOTICES,
    shows=notice_shown,
    answers=NoticeRow,
)


class NoticesRead(Resource):
    @deed("notices_mark_all_read", "Mark all notices as read", scope=Scope.NOTICES)
    def post(self, given: Given) -> UUID:
        notices.mark_all_read(actor=given.actor)
        return given.actor.person.uid
