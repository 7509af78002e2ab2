"""Score sheets: a judge's own while the seat is held; the office's to read once all are reported."""

from __future__ import annotations

from collections import defaultdict
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _
from rest_framework import serializers as s
from rest_framework.request import Request
from rest_framework.response import Response

from marketplace.accounts.tokens.models import Scope
from marketplace.api.bid_shapes import subject
from marketplace.api.bodies import Body, Choice, Flag, Number, Text
from marketplace.api.calls import calling
from marketplace.api.deeds import Given, deed
from marketplace.api.lists import Filter, Listed, listing, reading
from marketplace.api.moves import told
from marketplace.api.scenarios import said
from marketplace.api.shapes import Free, Links, Shape, Subject, actions, instant, text
from marketplace.api.views import Resource, absolute, actor_of
from marketplace.base.actor import Actor, Role
from marketplace.base.errors import NotFound
from marketplace.base.rules import require_confidentiality
from marketplace.committee import actions as committee
from marketplace.committee import queries
from marketplace.committee.models import (
    REPORT_MADE,
    CorrectionKind,
    Score,
    Sheet,
    SheetStage,
    SheetState,
)
from marketplace.desk import moves
from marketplace.desk.queries import desk_for
from marketplace.files.access import record_access
from marketplace.scenarios.content import ROWS_MOST

FILTERS = (
    Filter("panel", "member__panel__uid", "The panel."),
    Filter("stage", "stage", "Blind or by name.", tuple(SheetStage.values)),
    Filter("state", "state", "The state.", tuple(SheetState.values)),
)


class SheetRow(Shape):
    uid = s.UUIDField()
    panel = s.UUIDField()
    scenario = Subject()
    judge = text("J1, J2, …")
    stage = s.ChoiceField(SheetStage.choices)
    state = s.ChoiceField(SheetState.choices)
    blind_code = text("Of the bid that it judges.")
    revision = s.IntegerField(help_text="Counts the saves; part of the ETag.")
    locked_at = instant(null=True)
    links = Links()
    actions = actions()


class LineSerializer(Shape):
    code = text("Of the criterion.")
    name = text()
    weight = text("The full points, a decimal as text.")
    points = s.CharField(allow_null=True)
    comment = text()
    may_veto = s.BooleanField(help_text="Whether the criterion is a veto item.")
    veto = s.BooleanField(help_text="Declared by this judge; the comment is its reason.")


class BlindFileSerializer(Shape):
    number = s.IntegerField()
    name = text("Neutral: what the bidder called it may tell who he is.")
    href = s.URLField()


class SheetDetail(SheetRow):
    bidder = text("Only in the stage by name.")
    lines = LineSerializer(many=True)
    form = Free(help_text="The document that the sheet judges; empty for the office.")
    files = BlindFileSerializer(many=True)


class ScoreBody(Body):
    points = Number(whole=3, places=2, allow_null=True, help_text="0 to the criterion's weight.")
    comment = Text(2000, required=False)
    veto = Flag(required=False, help_text="Only of a veto item; the comment is its reason.")


class ScoresField(s.DictField):
    child = ScoreBody()

    def run_child_validation(self, data: Any) -> Any:
        if len(data) > ROWS_MOST["criteria"]:
            raise s.ValidationError(
                _("At most %(limit)s rows are allowed.") % {"limit": ROWS_MOST["criteria"]}
            )
        return super().run_child_validation(data)


class Scores(Body):
    scores = ScoresField(help_text="By the criterion's code; what is not named stays.")


def sheets_of(actor: Actor) -> Any:
    rows = Sheet.objects.visible_to(actor)
    return rows.select_related("member__panel__scenario", "bid")


def row_shape(request: Request, sheet: Sheet, desk: Any) -> dict[str, Any]:
    panel = sheet.member.panel
    names = moves.on_sheet(
        desk,
        user_id=sheet.member.user_id,
        state=sheet.state,
        reported=panel.state in REPORT_MADE,
    )
    return {
        "uid": str(sheet.uid),
        "panel": str(panel.uid),
        "scenario": subject(request, panel.scenario),
        "judge": sheet.member.code,
        "stage": sheet.stage,
        "state": sheet.state,
        "blind_code": sheet.bid.blind_code,
        "revision": sheet.revision,
        "locked_at": said(sheet.locked_at),
        "links": {
            "self": absolute(request, "api-sheet", sheet.uid),
            "html": absolute(request, "sheet", sheet.uid),
        },
        "actions": told(request, names, sheet.uid),
    }


def sheet_shown(request: Request, uid: UUID) -> dict[str, Any]:
    actor = actor_of(request)
    sheet = sheets_of(actor).filter(uid=uid).first()
    if sheet is None:
        raise NotFound
    require_confidentiality(actor)
    record_access(actor=actor, subject_uid=uid, what="sheet.read")
    row = row_shape(request, sheet, desk_for(actor))
    if actor.role != Role.EXPERT:
        return row | {"bidder": "", "lines": lines_of(sheet), "form": {}, "files": []}
    view = queries.sheet_view(actor, uid)
    return row | {
        "bidder": view.bidder,
        "lines": lines_of(sheet),
        "form": view.form,
        "files": [
            {
                "number": file.number,
                "name": file.name,
                "href": absolute(request, "sheet-file", uid, file.number),
            }
            for file in view.files
        ],
    }


def lines_of(sheet: Sheet) -> list[dict[str, Any]]:
    given = {row.criterion_id: row for row in Score.objects.filter(sheet=sheet)}
    none = Score(points=None, comment="", veto=False)
    return [
        {
            "code": criterion.code,
            "name": criterion.name,
            "weight": said(criterion.weight),
            "points": said(given.get(criterion.pk, none).points),
            "comment": given.get(criterion.pk, none).comment,
            "may_veto": criterion.veto,
            "veto": given.get(criterion.pk, none).veto,
        }
        for criterion in queries.stage_criteria(sheet.member.panel.scenario, sheet.stage)
    ]


def what_stands(given: Given, uid: UUID) -> dict[str, Any]:
    """The present revision, and the points that read otherwise than they were sent."""
    sheet = sheets_of(given.actor).filter(uid=uid).first()
    if sheet is None:
        raise NotFound
    sent = given.body.get("scores", {})
    empty: dict[str, Any] = {"points": None, "comment": "", "veto": False}
    stored: dict[str, dict[str, Any]] = defaultdict(lambda: empty)
    for line in lines_of(sheet):
        stored[line["code"]] = {name: line[name] for name in empty}
    differs = {
        code: stored[code]
        for code, score in sent.items()
        if any(stored[code][name] != value for name, value in score.items())
    }
    return {"revision": sheet.revision, "etag": f'"r{sheet.revision}"', "scores": differs}


SHOWN: dict[str, Any] = {
    "shows": sheet_shown,
    "answers": SheetDetail,
    "revised": what_stands,
}


class Sheets(Listed):
    @listing("sheets_list", "Score sheets", rows=SheetRow, filters=FILTERS)
    def get(self, request: Request) -> Any:
        actor = actor_of(request)

        def shape(page: list[Sheet]) -> list[dict[str, Any]]:
            desk = desk_for(actor)
            return [row_shape(request, row, desk) for row in page]

        return sheets_of(actor), shape


class SheetOne(Resource):
    about = (Sheet, "member__panel__scenario__uid")

    @reading("sheets_retrieve", "One score sheet", shape=SheetDetail)
    def get(self, request: Request, uid: UUID) -> Response:
        return Response(sheet_shown(request, uid))

    @deed(
        "sheets_save",
        "Write points",
        scope=Scope.COMMITTEE,
        description="Criterion by criterion, as often as one likes until the sheet is locked.",
        takes=Scores,
        example={"scores": {"C1": {"points": "35.5", "comment": "方案完整。"}}},
        **SHOWN,
    )
    def patch(self, given: Given, uid: UUID) -> UUID:
        scores = entries(given.body["scores"])
        committee.save_scores(
            actor=given.actor, sheet_uid=uid, revision=given.revision, scores=scores
        )
        return uid


class Correct(Body):
    kind = Choice(CorrectionKind.values)
    reason = Text(2000)
    scores = ScoresField(help_text="By the criterion's code; what is not named stays.")


class SheetCorrect(Resource):
    about = (Sheet, "member__panel__scenario__uid")

    @deed(
        "sheets_correct",
        "Correct a locked sheet",
        scope=None,
        description="For one of four reasons, until the report. The old points stay on record.",
        takes=Correct,
        example={
            "kind": "sum",
            "reason": "录入时少加一项。",
            "scores": {"C1": {"points": "36.5", "comment": "方案完整。"}},
        },
        proof=True,
        **SHOWN,
    )
    def post(self, given: Given, uid: UUID) -> UUID:
        committee.correct_sheet(
            actor=given.actor,
            sheet_uid=uid,
            revision=given.revision,
            kind=given.body["kind"],
            reason=given.body["reason"],
            scores=entries(given.body["scores"]),
        )
        return uid


def entries(scores: dict[str, Any]) -> dict[str, Any]:
    return {
        code: (score["points"], score.get("comment", ""), score.get("veto", False))
        for code, score in scores.items()
    }


SheetLock = calling(
    committee.lock_sheet,
    "sheet_uid",
    "sheets_lock",
    "Lock a sheet",
    about=(Sheet, "member__panel__scenario__uid"),
    scope=None,
    description="Its points are final. Every criterion needs its points.",
    proof=True,
    **SHOWN,
)
