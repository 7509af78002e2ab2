"""Draws of panels: seats, deposits, the committed list; an expert's own invitation."""

from __future__ import annotations

import base64
import binascii
from typing import Any
from uuid import UUID

from django.conf import settings
from rest_framework import serializers as s
from rest_framework.request import Request
from rest_framework.response import Response

from marketplace.accounts.tokens.models import Scope
from marketplace.api.bid_shapes import subject
from marketplace.api.bids import UID_EXAMPLE
from marketplace.api.bodies import Body, Choice, Text, Uid
from marketplace.api.calls import call, calling, its_uid
from marketplace.api.deeds import Given, deed
from marketplace.api.lists import reading
from marketplace.api.moves import told
from marketplace.api.scenarios import said
from marketplace.api.shapes import Free, Links, Shape, Subject, actions, instant, text
from marketplace.api.views import OfScenario, Resource, absolute, actor_of
from marketplace.base.errors import NotFound
from marketplace.base.rules import require_confidentiality
from marketplace.committee.draw import actions as draws
from marketplace.committee.draw import invitations, queries
from marketplace.committee.draw.models import Answer, Draw, DrawInvitation, DrawState
from marketplace.desk import moves
from marketplace.desk.queries import desk_for
from marketplace.scenarios.models import Scenario

SEALED_MOST = 2048  # characters of base64


class AskedShape(Shape):
    number = s.IntegerField()
    round = s.IntegerField()
    stratum = text("The specialty.")
    code = text("The beginning of the candidate's code. Names come with the result.")
    state = text("waiting, accepted, recused, no_time, silent or excluded.")
    invited_at = instant()
    answer_by = instant()


class DrawDetail(Shape):
    uid = s.UUIDField()
    scenario = Subject()
    round = s.IntegerField()
    state = s.ChoiceField(DrawState.choices)
    strata = s.ListField(child=Free(help_text="{code, seats, reserve}"))
    deposited = Free(help_text="{role: when} of the nonces that are there.")
    recipient = text("Of the opener: what a nonce is encrypted to, with age.")
    void_reason = text()
    committed_at = instant(null=True)
    drawn_at = instant(null=True)
    asked = AskedShape(many=True)
    links = Links()
    actions = actions()


class RegisterShape(Shape):
    uid = s.UUIDField()
    name = text()


class InvitationDetail(Shape):
    uid = s.UUIDField()
    scenario = Subject()
    answer = s.ChoiceField([str(a) for a in Answer if a], allow_blank=True)
    invited_at = instant()
    answer_by = instant()
    answered_at = instant(null=True)
    register = RegisterShape(many=True)
    links = Links()
    actions = actions()


class Seats(Body):
    strata = s.DictField(
        child=s.IntegerField(min_value=1, max_value=15),
        help_text="{specialty: seats}, codes of the vocabulary `specialty`.",
    )


class NonceDeposit(Body):
    sealed = Text(SEALED_MOST, help_text="The age file of the 32 bytes, in base64.")
    nonce_hash = Text(64, help_text="SHA-256(nonce, draw's uid, role) in hex.")


class InvitationAnswer(Body):
    answer = Choice(["accepted", "recused", "no_time"])
    ticked = s.ListField(child=Uid(), required=False, max_length=200)
    reason = Text(500, required=False)


def draw_shown(request: Request, uid: UUID) -> dict[str, Any]:
    actor = actor_of(request)
    row = Draw.objects.visible_to(actor).filter(uid=uid).select_related("scenario__profile").first()
    if row is None:
        raise NotFound
    require_confidentiality(actor)
    asked = [line for line in queries.standing(row.scenario).asked if line.round == row.round]
    deposits = {d.role: said(d.deposited_at) for d in row.deposits.all()}
    names = moves.on_draw(desk_for(actor), row, set(deposits))
    return {
        "uid": str(row.uid),
        "scenario": subject(request, row.scenario),
        "round": row.round,
        "state": row.state,
        "strata": row.strata,
        "deposited": deposits,
        "recipient": settings.OPENER_RECIPIENT,
        "void_reason": row.void_reason,
        "committed_at": said(row.committed_at),
        "drawn_at": said(row.drawn_at),
        "asked": [
            {
                **{name: getattr(line, name) for name in ("number", "round", "stratum", "code")},
                "state": line.state,
                "invited_at": said(line.invited_at),
                "answer_by": said(line.answer_by),
            }
            for line in asked
        ],
        "links": {
            "self": absolute(request, "api-draw", row.uid),
            "html": absolute(request, "draw", row.scenario.address),
        },
        "actions": told(request, names, row.uid),
    }


def invitation_shown(request: Request, uid: UUID) -> dict[str, Any]:
    actor = actor_of(request)
    rows = DrawInvitation.objects.visible_to(actor).filter(uid=uid)
    row = rows.select_related("draw__scenario").first()
    if row is None:
        raise NotFound
    return {
        "uid": str(row.uid),
        "scenario": subject(request, row.draw.scenario),
        "answer": row.answer,
        "invited_at": said(row.invited_at),
        "answer_by": said(row.answer_by),
        "answered_at": said(row.answered_at),
        "register": [
            {"uid": str(line.uid), "name": line.name}
            for line in queries.register_of(row.draw.scenario)
        ],
        "links": {
            "self": absolute(request, "api-draw-invitation", row.uid),
            "html": absolute(request, "draw-invitation", row.uid),
        },
        "actions": told(request, [] if row.answer else ["answer_invitation"], row.uid),
    }


SHOWN: dict[str, Any] = {"shows": draw_shown, "answers": DrawDetail}
ABOUT: dict[str, Any] = {"about": (Draw, "scenario__uid")}


class ScenarioDraw(OfScenario):
    """The newest round of a demand; its seats are proposed here."""

    @reading("scenarios_draw", "The newest draw of a demand's panel", shape=DrawDetail)
    def get(self, request: Request, uid: UUID) -> Response:
        scenario = self.demand(actor_of(request), uid)
        rows = Draw.objects.visible_to(actor_of(request)).filter(scenario=scenario)
        row = rows.order_by("-round").first()
        if row is None:
            raise NotFound
        return Response(draw_shown(request, row.uid))

    post = call(
        draws.prepare_draw,
        "scenario_uid",
        "draws_prepare",
        "Say how many seats each specialty has",
        sees=Scenario,
        makes=its_uid,
        scope=Scope.OFFICE,
        takes=Seats,
        example={"strata": {"ot_security": 2, "cryptography": 1}},
        status=201,
        **SHOWN,
    )


class DrawOne(Resource):
    about = (Draw, "scenario__uid")

    @reading("draws_retrieve", "One draw", shape=DrawDetail)
    def get(self, request: Request, uid: UUID) -> Response:
        return Response(draw_shown(request, uid))


class DrawDeposits(Resource):
    about = (Draw, "scenario__uid")

    @deed(
        "draws_deposit",
        "Deposit a nonce",
        description="By the secretary and the witness, once each; docs/draw.md tells the bytes.",
        scope=None,
        takes=NonceDeposit,
        example={"sealed": "YWdl", "nonce_hash": "0" * 64},
        status=201,
        **SHOWN,
    )
    def post(self, given: Given, uid: UUID) -> UUID:
        try:
            sealed = base64.b64decode(given.body["sealed"], validate=True)
        except (binascii.Error, ValueError):
            sealed = b""
        draws.deposit_nonce(
            actor=given.actor, draw_uid=uid, sealed=sealed, nonce_hash=given.body["nonce_hash"]
        )
        return uid


DrawCommit = calling(
    draws.commit_draw,
    "draw_uid",
    "draws_commit",
    "Commit the list of candidates",
    scope=Scope.OFFICE,
    **ABOUT,
    **SHOWN,
)


class DrawInvitationOne(Resource):
    about = (DrawInvitation, "draw__scenario__uid")

    @reading("invitations_to_panels_retrieve", "One's own invitation", shape=InvitationDetail)
    def get(self, request: Request, uid: UUID) -> Response:
        return Response(invitation_shown(request, uid))


DrawInvitationAnswer = calling(
    invitations.answer_invitation,
    "invitation_uid",
    "invitations_to_panels_answer",
    "Accept, recuse oneself, or have no time",
    scope=Scope.COMMITTEE,
    takes=InvitationAnswer,
    example={"answer": "accepted", "ticked": [UID_EXAMPLE]},
    about=(DrawInvitation, "draw__scenario__uid"),
    shows=invitation_shown,
    answers=InvitationDetail,
)
