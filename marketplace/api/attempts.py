"""Attempts of one's own: handing in a stored upload, the queue, the figures shown meanwhile."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from rest_framework import serializers as s
from rest_framework.request import Request
from rest_framework.response import Response

from marketplace.accounts.tokens.models import Scope
from marketplace.api.bid_shapes import subject
from marketplace.api.bids import UID_EXAMPLE
from marketplace.api.bodies import Body, Uid
from marketplace.api.calls import call, calling, its_uid
from marketplace.api.lists import Filter, Listed, listing, reading
from marketplace.api.moves import told
from marketplace.api.scenarios import said
from marketplace.api.shapes import Free, Links, Shape, Subject, actions, instant, text
from marketplace.api.views import Resource, absolute, actor_of
from marketplace.base import clock
from marketplace.base.actor import Actor
from marketplace.base.errors import NotFound
from marketplace.desk import moves
from marketplace.races.attempts import actions as attempts
from marketplace.races.attempts import words
from marketplace.races.attempts.models import Attempt, AttemptState
from marketplace.races.attempts.queries import queue_places


class FaultShape(Shape):
    code = text("Never changes once published.")
    row = s.IntegerField(allow_null=True, help_text="Line of the CSV, row of the Parquet file.")
    column = s.CharField(allow_null=True)
    message = text("What to change.")


class LineShape(Shape):
    at = instant()
    code = text()
    message = text()


class AttemptRow(Shape):
    uid = s.UUIDField()
    scenario = Subject()
    heat = s.UUIDField()
    number = s.IntegerField()
    state = s.ChoiceField(AttemptState.choices)
    name = text("Of the file.")
    sha256 = text()
    received_at = instant()
    settled_at = instant(null=True)
    spent = s.BooleanField(help_text="Whether it counts against the quota.")
    chosen = s.BooleanField()
    place = s.IntegerField(allow_null=True, help_text="In the queue; 1 is served next.")
    board = Free(help_text="{metric: {value} or {missing}} of the public part, rounded.")
    links = Links()
    actions = actions()


class AttemptDetail(AttemptRow):
    step = text("fetching, reading or measuring while it runs.")
    faults = FaultShape(many=True)
    more_faults = s.BooleanField()
    lines = LineShape(many=True)


class NewAttempt(Body):
    heat_uid = Uid(help_text="An open heat in which your organisation runs.")
    upload_uid = Uid(help_text="A stored upload of purpose `result`.")


FILTERS = (
    Filter("scenario", "entry__heat__race__scenario__uid", "The demand."),
    Filter("heat", "entry__heat__uid", "The heat."),
    Filter("state", "state", "The state.", tuple(AttemptState.values)),
)
FETCHED = (*("entry__heat__race__scenario", "entry__heat__race__design", "entry__entrant", "run"),)


def row_shape(
    request: Request, actor: Actor, row: Attempt, now: Any, places: dict[int, int]
) -> dict[str, Any]:
    heat = row.entry.heat
    return {
        "uid": str(row.uid),
        "scenario": subject(request, heat.race.scenario),
        "heat": str(heat.uid),
        "number": row.number,
        "state": row.state,
        "name": row.name,
        "sha256": row.sha256,
        "received_at": said(row.received_at),
        "settled_at": said(row.settled_at),
        "spent": row.spent,
        "chosen": row.chosen,
        "place": places.get(row.pk),
        "board": row.run.board if row.state == AttemptState.SCORED else {},
        "links": {
            "self": absolute(request, "api-attempt", row.uid),
            "html": absolute(request, "attempt", row.uid),
        },
        "actions": told(request, moves.on_attempt(actor, row, now), row.uid),
    }


def attempt_shown(request: Request, uid: UUID) -> dict[str, Any]:
    actor = actor_of(request)
    row = Attempt.objects.visible_to(actor).filter(uid=uid).select_related(*FETCHED).first()
    if row is None:
        raise NotFound
    return row_shape(request, actor, row, clock.now(), queue_places([row])) | {
        "step": row.step,
        "faults": words.told(row.faults),
        "more_faults": row.more_faults,
        "lines": [
            {"at": said(line.at), "code": line.code, "message": str(line.get_code_display())}
            for line in row.lines.order_by("id")
        ],
    }


SHOWN: dict[str, Any] = {"shows": attempt_shown, "answers": AttemptDetail, "scope": Scope.BIDS}
ABOUT: dict[str, Any] = {"about": (Attempt, "entry__heat__race__scenario__uid")}


class Attempts(Listed):
    @listing("attempts_list", "Attempts in races", rows=AttemptRow, filters=FILTERS)
    def get(self, request: Request) -> Any:
        actor = actor_of(request)
        rows = Attempt.objects.visible_to(actor).select_related(*FETCHED)

        def shape(page: list[Attempt]) -> list[dict[str, Any]]:
            now, places = clock.now(), queue_places(page)
            return [row_shape(request, actor, row, now, places) for row in page]

        return rows, shape

    post = call(
        attempts.submit_attempt,
        "",
        "attempts_submit",
        "Hand in a result file",
        makes=its_uid,
        takes=NewAttempt,
        example={"heat_uid": UID_EXAMPLE, "upload_uid": UID_EXAMPLE},
        status=201,
        also=(429,),
        **SHOWN,
    )


class AttemptOne(Resource):
    about = (Attempt, "entry__heat__race__scenario__uid")

    @reading("attempts_retrieve", "One attempt", shape=AttemptDetail)
    def get(self, request: Request, uid: UUID) -> Response:
        return Response(attempt_shown(request, uid))


AttemptCancel = calling(
    attempts.cancel_attempt,
    "attempt_uid",
    "attempts_cancel",
    "Take an attempt back",
    **ABOUT,
    **SHOWN,
)
AttemptChoose = calling(
    attempts.choose_attempt,
    "attempt_uid",
    "attempts_choose",
    "Say which scored attempt counts",
    **ABOUT,
    **SHOWN,
)
