"""Changes of posted demands: read by all once published, drafted and published by two people."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import prefetch_related_objects
from rest_framework import serializers as s
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from marketplace.accounts.tokens.models import Scope
from marketplace.api.bid_shapes import subject
from marketplace.api.bodies import Body, Text
from marketplace.api.calls import calling, its_uid
from marketplace.api.lists import Filter, Listed, listing, reading
from marketplace.api.moves import told
from marketplace.api.scenarios import said
from marketplace.api.shapes import Free, Links, Shape, Subject, actions, instant, text
from marketplace.api.views import NONE, OfScenario, PublicRead, absolute, actor_of
from marketplace.base.actor import Actor
from marketplace.base.errors import NotFound
from marketplace.scenarios.amendments import actions as amendments
from marketplace.scenarios.amendments.models import REASON_MOST, Amendment, AmendmentState
from marketplace.scenarios.rules import can_draft_amendment, can_publish_amendment

FILTERS = (Filter("scenario", "scenario__uid", "The demand."),)
ABOUT: dict[str, Any] = {"about": (Amendment, "scenario__uid")}


class AmendmentRow(Shape):
    uid = s.UUIDField()
    scenario = Subject()
    number = s.IntegerField(allow_null=True, help_text="On this demand, from publication on.")
    state = s.ChoiceField(AmendmentState.choices)
    reason = text()
    changes = Free(help_text="{field or part: {before, after}}, as plain values.")
    drafted_at = instant()
    published_at = instant(null=True)
    deadline_before_at = instant(null=True)
    deadline_after_at = instant("Never earlier than before.", null=True)
    links = Links()
    actions = actions()


class Draft(Body):
    changes = s.DictField(
        source="data",
        help_text="Fields and parts as in a draft of a demand; a part is replaced whole.",
    )
    reason = Text(REASON_MOST)


def amendment_row(request: Request, actor: Actor, row: Amendment) -> dict[str, Any]:
    names = []
    if row.state == AmendmentState.DRAFTED and can_draft_amendment(actor, row.scenario):
        names.append("drop_amendment")
    if row.state == AmendmentState.DRAFTED and can_publish_amendment(actor, row):
        names.append("publish_amendment")
    return {
        "uid": str(row.uid),
        "scenario": subject(request, row.scenario),
        "number": row.number,
        "state": row.state,
        "reason": row.reason,
        "changes": row.changes,
        "drafted_at": said(row.drafted_at),
        "published_at": said(row.published_at),
        "deadline_before_at": said(row.deadline_before_at),
        "deadline_after_at": said(row.deadline_after_at),
        "links": {
            "self": absolute(request, "api-amendment", row.uid),
            "html": absolute(request, "scenario-amendments", row.scenario.address),
        },
        "actions": told(request, names, row.uid),
    }


def amendment_shown(request: Request, uid: UUID) -> dict[str, Any]:
    actor = actor_of(request)
    rows = Amendment.objects.visible_to(actor).select_related("scenario__organisation")
    row = rows.filter(uid=uid).first()
    if row is None:
        raise NotFound
    return amendment_row(request, actor, row)


SHOWN: dict[str, Any] = {"shows": amendment_shown, "answers": AmendmentRow}


class Amendments(Listed):
    permission_classes = [AllowAny]

    @listing(
        "amendments_list",
        "Changes of demands",
        rows=AmendmentRow,
        filters=FILTERS,
        description="Published ones; to a demand's owner and the office drafts as well.",
        public=True,
    )
    def get(self, request: Request) -> Any:
        actor = actor_of(request)
        rows = Amendment.objects.visible_to(actor).select_related("scenario__organisation")
        if actor.user:
            prefetch_related_objects([actor.user], "memberships")  # asked of every row
        return rows, lambda page: [amendment_row(request, actor, row) for row in page]


class AmendmentOne(PublicRead):
    about = ABOUT["about"]
    parameters = NONE

    @reading("amendments_retrieve", "One change", shape=AmendmentRow, public=True)
    def get(self, request: Request, uid: UUID) -> Response:
        return Response(amendment_shown(request, uid))


AmendmentDraft = calling(
    amendments.draft_amendment,
    "scenario_uid",
    "amendments_draft",
    "Draft a change of a posted demand",
    base=OfScenario,
    scope=Scope.SCENARIOS,
    description="By who writes for its owner, or an officer. One at a time.",
    takes=Draft,
    example={"changes": {"contact": "李四 021-00000000"}, "reason": "联系人变更。"},
    status=201,
    makes=its_uid,
    **SHOWN,
)
AmendmentPublish = calling(
    amendments.publish_amendment,
    "amendment_uid",
    "amendments_publish",
    "Publish a change",
    scope=Scope.OFFICE,
    description="By an officer who did not draft it. Moves the deadline where the profile says so.",
    **ABOUT,
    **SHOWN,
)
AmendmentDrop = calling(
    amendments.drop_amendment,
    "amendment_uid",
    "amendments_drop",
    "Give a drafted change up",
    scope=Scope.SCENARIOS,
    **ABOUT,
    **SHOWN,
)
