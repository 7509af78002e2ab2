"""Who controls an organisation and to whom it is tied: listed, stated, ended by a date."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from rest_framework import serializers as s
from rest_framework.request import Request
from rest_framework.response import Response

from marketplace.accounts.models import Control, Organisation
from marketplace.accounts.organisations import actions
from marketplace.accounts.organisations.models import OrganisationRelation, RelationKind
from marketplace.accounts.rules import can_edit_organisation
from marketplace.accounts.tokens.models import Scope
from marketplace.api.bodies import Body, Choice, Day, Text
from marketplace.api.calls import calling, its_uid
from marketplace.api.lists import Filter, Listed, listing, reading
from marketplace.api.moves import told
from marketplace.api.scenarios import said
from marketplace.api.shapes import Links, Shape, text
from marketplace.api.shapes import actions as moves_shape
from marketplace.api.views import Resource, absolute, actor_of
from marketplace.base.actor import Actor
from marketplace.base.errors import NotFound

FILTERS = (Filter("organisation", "organisation__uid", "The organisation that states it."),)
FREE: dict[str, Any] = {"required": False}


class TieRow(Shape):
    uid = s.UUIDField()
    organisation = s.UUIDField()
    from_date = s.DateField(allow_null=True)
    until_date = s.DateField(allow_null=True, help_text="From this day on it no longer holds.")
    statement_waits = s.BooleanField(help_text="The office has not seen it: it does not count yet.")
    end_waits = s.BooleanField(help_text="The office has not seen its end: it still counts.")
    links = Links()
    actions = moves_shape()


class ControlRow(TieRow):
    controller_name = text()
    controller_uscc = text("Empty for a person, whose document number is kept nowhere.")
    is_person = s.BooleanField()


class RelationRow(TieRow):
    other_name = text()
    other_uscc = text()
    kind = s.ChoiceField(RelationKind.choices)


class NewControl(Body):
    name = Text(120)
    uscc = Text(18, **FREE, help_text="Of a party; or else identity_number.")
    identity_number = Text(40, **FREE, help_text="Of a person. Kept as a keyed mark only.")
    from_date = Day(**FREE)


class NewRelation(Body):
    other_name = Text(120)
    other_uscc = Text(18)
    kind = Choice(RelationKind.values)
    from_date = Day(**FREE)


class Until(Body):
    until_date = Day(**FREE, help_text="Today where it is left out.")


def control_values(row: Control) -> dict[str, Any]:
    return {
        "controller_name": row.controller_name,
        "controller_uscc": "" if row.is_person else row.controller_code,
        "is_person": row.is_person,
    }


def relation_values(row: OrganisationRelation) -> dict[str, Any]:
    return {name: getattr(row, name) for name in ("other_name", "other_uscc", "kind")}


def row_shape(
    request: Request, row: Any, actor: Actor, noun: str, values: Callable[[Any], dict[str, Any]]
) -> dict[str, Any]:
    may_end = row.until_date is None and can_edit_organisation(actor, row.organisation)
    return {
        "uid": str(row.uid),
        "organisation": str(row.organisation.uid),
        **values(row),
        "from_date": said(row.from_date),
        "until_date": said(row.until_date),
        "statement_waits": row.statement_waits,
        "end_waits": row.end_waits,
        "links": {
            "self": absolute(request, f"api-{noun}", row.uid),
            "html": absolute(request, "organisation-control", row.organisation.uid),
        },
        "actions": told(request, [f"end_{noun}"] if may_end else [], row.uid),
    }


class Ties:
    """The resources of one sort of tie, which differ in their fields alone."""

    def __init__(
        self,
        model: Any,
        noun: str,
        *,
        rows: type[TieRow],
        values: Callable[[Any], dict[str, Any]],
    ) -> None:
        self.model, self.noun, self.rows, self.values = model, noun, rows, values
        self.shown: dict[str, Any] = {"shows": self.show, "answers": rows}

    def of(self, actor: Actor) -> Any:
        return self.model.objects.visible_to(actor).select_related("organisation")

    def shape(self, request: Request, row: Any, actor: Actor) -> dict[str, Any]:
        return row_shape(request, row, actor, self.noun, self.values)

    def show(self, request: Request, uid: UUID) -> dict[str, Any]:
        actor = actor_of(request)
        row = self.of(actor).filter(uid=uid).first()
        if row is None:
            raise NotFound
        return self.shape(request, row, actor)

    def list(self) -> type[Listed]:
        ties = self

        class Many(Listed):
            @listing(
                f"{ties.noun}s_list",
                f"Stated {ties.noun}s of organisations",
                rows=ties.rows,
                filters=FILTERS,
                description="Of one's own organisation; to the office of all.",
            )
            def get(self, request: Request) -> Any:
                actor = actor_of(request)
                return ties.of(actor), lambda page: [ties.shape(request, r, actor) for r in page]

        return Many

    def one(self) -> type[Resource]:
        ties = self

        class One(Resource):
            @reading(f"{ties.noun}s_retrieve", f"One stated {ties.noun}", shape=ties.rows)
            def get(self, request: Request, uid: UUID) -> Response:
                return Response(ties.show(request, uid))

        return One

    def state(self, action: Callable[..., Any], summary: str, **said: Any) -> type[Resource]:
        return calling(
            action,
            "organisation_uid",
            f"{self.noun}s_state",
            summary,
            sees=Organisation,
            makes=its_uid,
            whole="data",
            scope=Scope.ORGANISATION,
            description="It counts once the office has verified the organisation again.",
            status=201,
            **said,
            **self.shown,
        )

    def end(self, action: Callable[..., Any], summary: str) -> type[Resource]:
        return calling(
            action,
            f"{self.noun}_uid",
            f"{self.noun}s_end",
            summary,
            scope=Scope.ORGANISATION,
            description="It is ended, never deleted; and counts until the office has seen that.",
            takes=Until,
            example={"until_date": "2026-11-01"},
            **self.shown,
        )


controls = Ties(Control, "control", rows=ControlRow, values=control_values)
relations = Ties(OrganisationRelation, "relation", rows=RelationRow, values=relation_values)
ControlState = controls.state(
    actions.state_control,
    "State who controls an organisation",
    takes=NewControl,
    example={"name": "临港控股有限公司", "uscc": "91310115MA1K000129"},
)
ControlEnd = controls.end(actions.end_control, "End a stated control")
RelationState = relations.state(
    actions.state_relation,
    "State a relation to another organisation",
    takes=NewRelation,
    example={
        "other_name": "沪东检测有限公司",
        "other_uscc": "91310115MA1K000129",
        "kind": "management",
    },
)
RelationEnd = relations.end(actions.end_relation, "End a stated relation")
