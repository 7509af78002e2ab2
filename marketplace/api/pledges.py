"""Pledges: which texts one has still to sign, signing one, and what was signed."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from rest_framework import serializers as s
from rest_framework.request import Request
from rest_framework.response import Response

from marketplace.accounts import pledging
from marketplace.accounts.pledges import Pledge, PledgeKind, PledgeText, owed
from marketplace.accounts.proof import proved_recently
from marketplace.accounts.queries import needs_second_factor
from marketplace.api.authentication import beneath, proof_required
from marketplace.api.bodies import Signature
from marketplace.api.deeds import Given, deed
from marketplace.api.lists import Listed, listing, reading
from marketplace.api.moves import told
from marketplace.api.scenarios import said
from marketplace.api.shapes import Links, Shape, actions, instant, text
from marketplace.api.views import Resource, absolute, actor_of
from marketplace.base.errors import NotFound

TEXT = ("code", "version", "kind", "title", "title_en", "sha256")


class PledgeTextRow(Shape):
    uid = s.UUIDField()
    code = s.CharField()
    version = s.IntegerField()
    kind = s.ChoiceField(PledgeKind.choices)
    title = text()
    title_en = text()
    body = text()
    body_en = text()
    sha256 = text("Of the text: comes back with the signature.")
    links = Links()
    actions = actions()


class PledgeRow(Shape):
    uid = s.UUIDField()
    code = s.CharField()
    version = s.IntegerField()
    kind = s.ChoiceField(PledgeKind.choices)
    title = text()
    title_en = text()
    sha256 = text("Of the text as it was signed.")
    organisation = s.UUIDField(allow_null=True, help_text="For which it was signed.")
    role = text()
    signed_at = instant()
    links = Links()
    actions = actions()


def text_shape(request: Request, row: PledgeText, names: list[str]) -> dict[str, Any]:
    return {
        "uid": str(row.uid),
        **{name: getattr(row, name) for name in (*TEXT, "body", "body_en")},
        "links": {
            "self": absolute(request, "api-pledge-text", row.uid),
            "html": absolute(request, "pledges"),
        },
        "actions": told(request, names, row.uid),
    }


def pledge_shape(request: Request, row: Pledge) -> dict[str, Any]:
    return {
        "uid": str(row.uid),
        **{name: getattr(row.text, name) for name in TEXT},
        "sha256": row.sha256,
        "organisation": str(row.organisation.uid) if row.organisation else None,
        "role": row.role,
        "signed_at": said(row.signed_at),
        "links": {
            "self": absolute(request, "api-pledge", row.uid),
            "html": absolute(request, "pledge", row.uid),
        },
        "actions": [],
    }


def pledges_of(request: Request) -> Any:
    return Pledge.objects.visible_to(actor_of(request)).select_related("text", "organisation")


def pledge_shown(request: Request, uid: UUID) -> dict[str, Any]:
    row = pledges_of(request).filter(uid=uid).first()
    if row is None:
        raise NotFound
    return pledge_shape(request, row)


class PledgeTexts(Listed):
    @listing(
        "pledge_texts_list",
        "Pledges to be signed",
        rows=PledgeTextRow,
        description="What the present capacity has still to sign before it may act.",
    )
    def get(self, request: Request) -> Any:
        rows = owed(actor_of(request))
        return rows, lambda page: [text_shape(request, row, ["sign_pledge"]) for row in page]


class PledgeTextOne(Resource):
    @reading(
        "pledge_texts_retrieve", "One text that is asked of this capacity", shape=PledgeTextRow
    )
    def get(self, request: Request, uid: UUID) -> Response:
        actor = actor_of(request)
        row = PledgeText.objects.asked_of(actor).filter(uid=uid).first()
        if row is None:
            raise NotFound
        owing = owed(actor).filter(pk=row.pk).exists()
        return Response(text_shape(request, row, ["sign_pledge"] if owing else []))


class PledgeSign(Resource):
    @deed(
        "pledges_sign",
        "Sign a pledge",
        scope=None,
        description="In person, in the present capacity. Signing twice is once. Who needs a second"
        " factor proves it anew first, as on the page.",
        takes=Signature,
        example={"sha256": "0" * 64},
        shows=pledge_shown,
        answers=PledgeRow,
        status=201,
    )
    def post(self, given: Given, uid: UUID) -> UUID:
        person = given.actor.person
        strict = needs_second_factor(person)
        if strict and not proved_recently(beneath(given.request), person):
            raise proof_required()
        return pledging.sign_pledge(actor=given.actor, text_uid=uid, **given.body).uid


class Pledges(Listed):
    @listing("pledges_list", "Pledges that one signed", rows=PledgeRow)
    def get(self, request: Request) -> Any:
        return pledges_of(request), lambda page: [pledge_shape(request, row) for row in page]


class PledgeOne(Resource):
    @reading("pledges_retrieve", "One pledge that one signed", shape=PledgeRow)
    def get(self, request: Request, uid: UUID) -> Response:
        return Response(pledge_shown(request, uid))
