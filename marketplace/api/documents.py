"""The five documents before a publication: what is there, filing them, checking them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers as s
from rest_framework.request import Request
from rest_framework.response import Response

from marketplace.accounts.tokens.models import Scope
from marketplace.api.bodies import Body, Choice, Flag, Number, Text, Uid
from marketplace.api.calls import calling, its_uid
from marketplace.api.deeds import Given, deed
from marketplace.api.lists import reading
from marketplace.api.moves import told
from marketplace.api.shapes import Free, Links, Shape, instant, text
from marketplace.api.shapes import actions as moves_shape
from marketplace.api.views import OfScenario, Resource, absolute, actor_of
from marketplace.base.actor import Actor
from marketplace.base.canonical import plain
from marketplace.base.errors import NotAllowed, NotFound
from marketplace.base.inspected import inspects
from marketplace.scenarios import actions
from marketplace.scenarios.documents.kinds import BY_HAND, FORMS, DocumentKind
from marketplace.scenarios.documents.models import GateDocument
from marketplace.scenarios.documents.queries import (
    Paper,
    PaperState,
    may_be_filed,
    published_with,
)
from marketplace.scenarios.models import Scenario
from marketplace.scenarios.rules import can_check_document, can_file_document

ABOUT: Any = (GateDocument, "scenario__uid")


class DocumentShape(Shape):
    uid = s.UUIDField()
    scenario = s.UUIDField()
    kind = s.ChoiceField(DocumentKind.choices)
    state = s.ChoiceField(PaperState.choices, help_text="Of this kind, by its newest filing.")
    revision = s.IntegerField(help_text="Of the demand, of which it speaks.")
    answers = Free(help_text="The statements that were affirmed, by their codes.")
    number = text()
    amount_cny = s.DecimalField(14, 2, allow_null=True, help_text="CNY, as text.")
    words = text()
    file_sha256 = text("Of the document itself; empty where there is no file.")
    sha256 = text("Of the whole in canonical form.")
    filed_at = instant()
    accepted = s.BooleanField(allow_null=True, help_text="By the second person; null: not yet.")
    check_words = text()
    links = Links()
    actions = moves_shape()


class PaperShape(Shape):
    kind = s.ChoiceField(DocumentKind.choices)
    state = s.ChoiceField(PaperState.choices)
    who_has = text("Who has it where it is not there yet.")
    statements = Free(help_text="{code: sentence}: what filing it affirms.")
    document = s.UUIDField(allow_null=True)
    actions = moves_shape()


class Filing(Body):
    kind = Choice([str(kind) for kind in BY_HAND])
    answers = s.DictField(child=Flag(), help_text="{statement: true} for every statement.")
    number = Text(80, required=False)
    amount_cny = Number(required=False, help_text="Of a commitment of funds.")
    words = Text(4000, required=False)
    upload = Uid(required=False, source="upload_uid", help_text="A stored upload for `document`.")


class DocumentVerdict(Body):
    accepted = Flag()
    words = Text(4000, required=False, help_text="Why, where it is sent back.")


def document_shown(request: Request, uid: UUID) -> dict[str, Any]:
    actor = actor_of(request)
    rows = GateDocument.objects.visible_to(actor).filter(uid=uid)
    row = rows.select_related("scenario__organisation", "upload").first()
    if row is None:
        raise NotFound
    check = getattr(row, "check_of", None)
    return {
        "uid": str(row.uid),
        "scenario": str(row.scenario.uid),
        "kind": row.kind,
        "state": state_of(row),
        **{name: plain(getattr(row, name)) for name in ("revision", "answers", "number")},
        "amount_cny": plain(row.amount_cny),
        "words": row.words,
        "file_sha256": row.upload.sha256 if row.upload else "",
        "sha256": row.sha256,
        "filed_at": plain(row.filed_at),
        "accepted": check.accepted if check else None,
        "check_words": check.words if check else "",
        "links": {
            "self": absolute(request, "api-document", row.uid),
            "html": absolute(request, "scenario-documents", row.scenario.address),
        },
        "actions": told(request, document_moves(actor, row), row.uid),
    }


def state_of(row: GateDocument) -> str:
    """Of its kind: what a later filing says is told by that one."""
    [paper] = [paper for paper in published_with(row.scenario) if paper.kind == row.kind]
    return paper.state


def document_moves(actor: Actor, row: GateDocument) -> list[str]:
    waits = may_be_filed(row.scenario) and state_of(row) == PaperState.WAITING
    newest = row.scenario.documents.filter(kind=row.kind).order_by("-pk").first() == row
    return ["check_document"] if waits and newest and can_check_document(actor, row) else []


def paper_shape(request: Request, scenario: Scenario, paper: Paper) -> dict[str, Any]:
    draft = GateDocument(scenario=scenario, kind=paper.kind)
    may = may_be_filed(scenario) and not paper.there
    files = may and can_file_document(actor_of(request), draft)
    return {
        "kind": paper.kind,
        "state": paper.state,
        "who_has": str(paper.who_has),
        "statements": {code: str(said) for code, said in FORMS[paper.kind].statements.items()},
        "document": str(paper.document.uid) if paper.document else None,
        "actions": told(request, ["file_document"] if files else [], scenario.uid),
    }


class ScenarioDocuments(OfScenario):
    """Read by those inside: the demand's side, the office, an inspector on request."""

    @extend_schema(
        operation_id="scenarios_documents",
        summary="The five documents of a demand",
        description="What is there, what is missing, and who has it. Not paged: always five.",
        responses=PaperShape(many=True),
        extensions={"x-problems": [400, 401, 403, 404]},
    )
    def get(self, request: Request, uid: UUID) -> Response:
        actor = actor_of(request)
        scenario = self.demand(actor, uid)
        own = actor.organisation_id == scenario.organisation_id
        if not (own or actor.is_office or inspects(actor, uid, scenario.organisation.uid)):
            raise NotAllowed
        papers = published_with(scenario)
        return Response([paper_shape(request, scenario, paper) for paper in papers])

    @deed(
        "documents_file",
        "File one of the five documents",
        description="The demand's side files the confidentiality review and the commitment of"
        " funds, an officer the fair competition review and, last, the approval sheet.",
        scope=Scope.SCENARIOS,
        shows=document_shown,
        answers=DocumentShape,
        takes=Filing,
        example={
            "kind": "competition",
            "answers": dict.fromkeys(FORMS[DocumentKind.COMPETITION].statements, True),
        },
        status=201,
    )
    def post(self, given: Given, uid: UUID) -> UUID:
        row = actions.file_document(actor=given.actor, scenario_uid=uid, **given.body)
        return its_uid(row)


class DocumentOne(Resource):
    about = ABOUT

    @reading("documents_retrieve", "One of the five documents", shape=DocumentShape)
    def get(self, request: Request, uid: UUID) -> Response:
        return Response(document_shown(request, uid))


DocumentCheck = calling(
    actions.check_document,
    "document_uid",
    "documents_check",
    "Accept a document or send it back",
    scope=Scope.OFFICE,
    description="By an officer who did not file it; once.",
    takes=DocumentVerdict,
    example={"accepted": True, "words": "核对无误。"},
    about=ABOUT,
    shows=document_shown,
    answers=DocumentShape,
)
