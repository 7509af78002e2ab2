"""One's API tokens. Made and ended by a person in a session, never by a token."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from rest_framework import serializers as s
from rest_framework.request import Request
from rest_framework.response import Response

from marketplace.accounts.tokens import actions as token_actions
from marketplace.accounts.tokens.models import LONGEST_DAYS, NAME_LENGTH, USUAL_DAYS, Scope
from marketplace.accounts.tokens.queries import tokens_of
from marketplace.api.bodies import Body, Choice, Text, Uid, Whole
from marketplace.api.calls import call
from marketplace.api.deeds import Given, deed
from marketplace.api.lists import Listed, listing, reading
from marketplace.api.moves import told
from marketplace.api.scenarios import said
from marketplace.api.shapes import Links, Shape, actions, instant, text
from marketplace.api.views import Resource, absolute, actor_of
from marketplace.base.errors import NotFound
from marketplace.scenarios.models import Scenario

MINTED = "_minted"  # where a request keeps the secret that it made, to be told once


class TokenRow(Shape):
    uid = s.UUIDField()
    name = text()
    owner = text("The person's name.")
    role = text("The capacity in which it acts.")
    organisation = s.UUIDField(allow_null=True)
    scopes = s.ListField(child=s.ChoiceField(Scope.values))
    scenario = s.UUIDField(allow_null=True, help_text="The one demand that it may touch.")
    state = s.ChoiceField(["live", "expired", "revoked"])
    expires_at = instant()
    last_used_at = instant(null=True)
    links = Links()
    actions = actions()


class TokenMade(TokenRow):
    token = text("The secret, told this once; empty when the request is repeated.")


class NewToken(Body):
    name = Text(NAME_LENGTH)
    scopes = s.ListField(child=Choice(Scope.values), min_length=1, max_length=len(Scope))
    days = Whole(min_value=1, max_value=LONGEST_DAYS, required=False)
    scenario = Uid(required=False, allow_null=True)


def row_shape(request: Request, row: Any) -> dict[str, Any]:
    return {
        "uid": str(row.uid),
        "name": row.name,
        "owner": row.user.name,
        "role": row.role,
        "organisation": str(row.organisation.uid) if row.organisation else None,
        "scopes": list(row.scopes),
        "scenario": str(row.scenario_uid) if row.scenario_uid else None,
        "state": row.standing,
        "expires_at": said(row.expires_at),
        "last_used_at": said(row.last_used_at),
        "links": {
            "self": absolute(request, "api-token", row.uid),
            "html": absolute(request, "tokens"),
        },
        "actions": told(request, ["revoke_token"] if row.standing == "live" else [], row.uid),
    }


def token_shown(request: Request, uid: UUID) -> dict[str, Any]:
    row = tokens_of(actor_of(request)).filter(uid=uid).first()
    if row is None:
        raise NotFound
    return row_shape(request, row)


def made_shown(request: Request, uid: UUID) -> dict[str, Any]:
    return token_shown(request, uid) | {"token": getattr(request, MINTED, "")}


class Tokens(Listed):
    @listing("tokens_list", "API tokens", rows=TokenRow, description="One's own, newest first.")
    def get(self, request: Request) -> Any:
        rows = tokens_of(actor_of(request))
        return rows, lambda page: [row_shape(request, row) for row in page]

    @deed(
        "tokens_create",
        "Make an API token",
        scope=None,
        description="For the capacity in which one acts now.",
        takes=NewToken,
        example={"name": "CI", "scopes": ["read", "bids:write"], "days": USUAL_DAYS},
        shows=made_shown,
        answers=TokenMade,
        status=201,
        proof=True,
    )
    def post(self, given: Given) -> UUID:
        body = given.body
        scenario = body.get("scenario")
        if scenario and not Scenario.objects.visible_to(given.actor).filter(uid=scenario).exists():
            raise NotFound
        made = token_actions.create_token(
            actor=given.actor,
            name=body["name"],
            scopes=body["scopes"],
            days=body.get("days", USUAL_DAYS),
            scenario_uid=scenario,
        )
        setattr(given.request, MINTED, made.text)
        return made.token.uid


class TokenOne(Resource):
    @reading("tokens_retrieve", "One API token", shape=TokenRow)
    def get(self, request: Request, uid: UUID) -> Response:
        return Response(token_shown(request, uid))

    delete = call(
        token_actions.revoke_token, "token_uid", "tokens_revoke", "End a token", scope=None
    )
