"""The pool of experts and their ties: the office keeps it, each expert sees the own entry."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from rest_framework import serializers as s
from rest_framework.request import Request
from rest_framework.response import Response

from marketplace.accounts.tokens.models import Scope
from marketplace.api.bodies import Body, Choice, Day, Text, Whole
from marketplace.api.calls import call, calling, its_uid
from marketplace.api.deeds import Given
from marketplace.api.gate import Reason
from marketplace.api.lists import Filter, Listed, listing, reading
from marketplace.api.moves import told
from marketplace.api.scenarios import said
from marketplace.api.shapes import Links, Shape, instant, text
from marketplace.api.shapes import actions as moves_shape
from marketplace.api.ties import Until
from marketplace.api.views import Resource, absolute, actor_of
from marketplace.base import clock
from marketplace.base.actor import Actor
from marketplace.base.canonical import plain
from marketplace.base.errors import NotFound
from marketplace.desk import moves
from marketplace.experts import actions, queries
from marketplace.experts.candidates import REASONS
from marketplace.experts.models import Expert, ExpertKind, Grade, Interest, InterestKind, Relation
from marketplace.scenarios.queries import specialties

FREE: dict[str, Any] = {"required": False}
GRADES = [value for value in Grade.values if value]
EXPERT_FILTERS = (
    Filter("kind", "kind", "Of which sort.", tuple(ExpertKind.values)),
    Filter("barred", "barred", "What keeps from being drawn.", tuple(REASONS)),
)
INTEREST_FILTERS = (Filter("expert", "expert__uid", "Whose ties."),)
WORDS = ("number", "title", "title_en", "grade", "kind", "specialties", "panels_most")


class ExpertRow(Shape):
    uid = s.UUIDField()
    name = text()
    name_en = text()
    email = text()
    number = text("Of the pool; empty where it has none.")
    title = text()
    title_en = text()
    grade = s.ChoiceField(Grade.choices)
    kind = s.ChoiceField(ExpertKind.choices)
    specialties = s.ListField(child=s.CharField(), help_text="Codes of the vocabulary.")
    field_from_year = s.IntegerField(allow_null=True, help_text="In the field since.")
    valid_until = s.DateField(allow_null=True, help_text="From this day on it stands no more.")
    panels = s.IntegerField(help_text="In the last twelve months.")
    panels_most = s.IntegerField(allow_null=True)
    suspended_at = instant(null=True)
    confirmed_at = instant("When the expert last confirmed the entry.", null=True)
    barred = text("Why the expert is not drawn, by the law's numbers; empty: may be drawn.")
    revision = s.IntegerField()
    links = Links()
    actions = moves_shape()


class InterestRow(Shape):
    uid = s.UUIDField()
    expert = s.UUIDField()
    organisation = s.UUIDField(allow_null=True, help_text="Where it is on the platform.")
    party_name = text()
    party_uscc = text()
    kind = s.ChoiceField(InterestKind.choices)
    relation = s.ChoiceField([("", "—"), *Relation.choices])
    from_date = s.DateField(allow_null=True)
    until_date = s.DateField(allow_null=True, help_text="From this day on it no longer holds.")
    struck_at = instant("When it was struck out as mistaken.", null=True)
    links = Links()
    actions = moves_shape()


class EntryBody(Body):
    number = Text(40, **FREE)
    title = Text(80, **FREE)
    title_en = Text(120, **FREE)
    grade = Choice(GRADES)
    kind = Choice(ExpertKind.values)
    specialties = s.ListField(child=Text(40), max_length=30)
    years = Whole(**FREE, help_text="In the field.")
    valid_until = Day(**FREE)
    panels_most = Whole(**FREE)


class NewExpert(EntryBody):
    email = Text(254)
    name = Text(80)
    name_en = Text(120, **FREE)


class NewInterest(Body):
    kind = Choice(InterestKind.values)
    relation = Choice(Relation.values, **FREE, help_text="Of a near relative, who is not named.")
    party_name = Text(120)
    party_uscc = Text(18, **FREE)
    from_date = Day(**FREE)
    until_date = Day(**FREE)


ENTRY_EXAMPLE = {
    "grade": "senior",
    "kind": "technical",
    "specialties": ["ot_security"],
    "years": 12,
    "valid_until": "2028-12-31",
}


def known() -> set[str]:
    return {term.code for term in specialties()}


def expert_shapes(request: Request, actor: Actor, rows: Iterable[Any]) -> list[dict[str, Any]]:
    return [
        {
            "uid": str(row.uid),
            "name": row.user.name,
            "name_en": row.user.name_en,
            "email": row.user.email,
            **{name: getattr(row, name) for name in WORDS},
            "field_from_year": row.field_from_year,
            "valid_until": said(row.valid_until),
            "panels": row.panels,
            "suspended_at": plain(row.suspended_at),
            "confirmed_at": plain(row.confirmed_at),
            "barred": row.barred,
            "revision": row.revision,
            "links": {
                "self": absolute(request, "api-expert", row.uid),
                "html": absolute(request, "expert", row.uid),
            },
            "actions": told(request, moves.on_expert(actor, row), row.uid),
        }
        for row in rows
    ]


def interest_shapes(request: Request, actor: Actor, rows: Iterable[Any]) -> list[dict[str, Any]]:
    today = clock.today()
    return [
        {
            "uid": str(row.uid),
            "expert": str(row.expert.uid),
            "organisation": str(row.organisation.uid) if row.organisation else None,
            "party_name": row.organisation.name if row.organisation else row.party_name,
            "party_uscc": row.organisation.uscc if row.organisation else row.party_uscc,
            "kind": row.kind,
            "relation": row.relation,
            "from_date": said(row.from_date),
            "until_date": said(row.until_date),
            "struck_at": plain(row.struck_at),
            "links": {
                "self": absolute(request, "api-interest", row.uid),
                "html": absolute(request, "expert", row.expert.uid),
            },
            "actions": told(request, moves.on_interest(actor, row, today), row.uid),
        }
        for row in rows
    ]


def expert_shown(request: Request, uid: UUID) -> dict[str, Any]:
    actor = actor_of(request)
    row = queries.entries(actor).filter(uid=uid).first()
    if row is None:
        raise NotFound
    return expert_shapes(request, actor, [row])[0]


def interests(actor: Actor) -> Any:
    return Interest.objects.visible_to(actor).select_related("expert", "organisation")


def interest_shown(request: Request, uid: UUID) -> dict[str, Any]:
    actor = actor_of(request)
    row = interests(actor).filter(uid=uid).first()
    if row is None:
        raise NotFound
    return interest_shapes(request, actor, [row])[0]


def register(*, actor: Actor, data: dict[str, Any]) -> Expert:
    return actions.register_expert(actor=actor, data=data, known=known())


def edit(*, actor: Actor, expert_uid: UUID, revision: int, data: dict[str, Any]) -> Expert:
    return actions.edit_expert(
        actor=actor, expert_uid=expert_uid, revision=revision, data=data, known=known()
    )


def as_it_stands(given: Given, uid: UUID) -> dict[str, Any]:
    return expert_shown(given.request, uid)


SHOWN: dict[str, Any] = {"shows": expert_shown, "answers": ExpertRow}
TIE_SHOWN: dict[str, Any] = {"shows": interest_shown, "answers": InterestRow}


class Experts(Listed):
    @listing(
        "experts_list",
        "Entries of the expert pool",
        rows=ExpertRow,
        filters=EXPERT_FILTERS,
        description="For the office all; for an expert the own one.",
    )
    def get(self, request: Request) -> Any:
        actor = actor_of(request)
        return queries.entries(actor), lambda rows: expert_shapes(request, actor, rows)

    post = call(
        register,
        "",
        "experts_register",
        "Take somebody into the pool",
        scope=Scope.OFFICE,
        whole="data",
        makes=its_uid,
        takes=NewExpert,
        example={"email": "new-expert@demo.invalid", "name": "新专家", **ENTRY_EXAMPLE},
        description="Makes an account for the address where there is none.",
        status=201,
        **SHOWN,
    )


class ExpertOne(Resource):
    @reading("experts_retrieve", "One entry of the pool", shape=ExpertRow)
    def get(self, request: Request, uid: UUID) -> Response:
        return Response(expert_shown(request, uid))

    put = call(
        edit,
        "expert_uid",
        "experts_edit",
        "Change what stands in an entry",
        scope=Scope.OFFICE,
        whole="data",
        takes=EntryBody,
        example=ENTRY_EXAMPLE,
        revised=as_it_stands,
        **SHOWN,
    )


class Interests(Listed):
    @listing(
        "interests_list",
        "Ties of experts to organisations",
        rows=InterestRow,
        filters=INTEREST_FILTERS,
        description="For the office all; for an expert the own ones.",
    )
    def get(self, request: Request) -> Any:
        actor = actor_of(request)
        return interests(actor), lambda rows: interest_shapes(request, actor, rows)


class InterestOne(Resource):
    @reading("interests_retrieve", "One tie of an expert", shape=InterestRow)
    def get(self, request: Request, uid: UUID) -> Response:
        return Response(interest_shown(request, uid))


def on_expert(*of: Any, **given: Any) -> type[Resource]:
    return calling(of[0], "expert_uid", *of[1:], **(SHOWN | given))


ExpertSuspend = on_expert(
    actions.suspend_expert,
    "experts_suspend",
    "Keep an entry from being drawn",
    scope=Scope.OFFICE,
    takes=Reason,
    example={"reason": "核查中。"},
)
ExpertLift = on_expert(
    actions.lift_suspension, "experts_lift", "Lift a suspension", scope=Scope.OFFICE
)
ExpertConfirm = on_expert(
    actions.confirm_record,
    "experts_confirm",
    "Confirm that the own record is complete and true",
    scope=Scope.COMMITTEE,
    revised=as_it_stands,
)
InterestState = calling(
    actions.add_interest,
    "expert_uid",
    "interests_state",
    "Enter an employer, a share or a relation of an expert",
    scope=Scope.COMMITTEE,
    whole="data",
    makes=its_uid,
    takes=NewInterest,
    example={"kind": "employment", "party_name": "示例大学（虚构）", "from_date": "2020-09-01"},
    status=201,
    **TIE_SHOWN,
)
InterestEnd = calling(
    actions.end_interest,
    "interest_uid",
    "interests_end",
    "Enter that a tie has ended",
    scope=Scope.COMMITTEE,
    takes=Until,
    example={"until_date": "2026-11-01"},
    **TIE_SHOWN,
)
InterestStrike = calling(
    actions.strike_interest,
    "interest_uid",
    "interests_strike",
    "Strike out what was entered by mistake",
    scope=Scope.COMMITTEE,
    description="The row stays; it ties nobody any more.",
    **TIE_SHOWN,
)
