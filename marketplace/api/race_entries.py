"""Races from the shortlist to the first heat: the race as everybody reads it, and its agreements."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from rest_framework import serializers as s
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from marketplace.accounts.tokens.models import Scope
from marketplace.api.bid_shapes import party, subject
from marketplace.api.bodies import Body, Instant, Text, Whole
from marketplace.api.calls import calling, its_uid
from marketplace.api.gate import Reason
from marketplace.api.lists import Filter, Listed, listing, reading
from marketplace.api.moves import told
from marketplace.api.scenarios import said
from marketplace.api.shapes import (
    Free,
    Links,
    Party,
    Shape,
    Subject,
    actions,
    instant,
    text,
)
from marketplace.api.views import NONE, OfScenario, PublicRead, Resource, absolute, actor_of
from marketplace.base import clock
from marketplace.base.errors import NotFound
from marketplace.desk.racing import on_agreement, on_races
from marketplace.races.design.queries import frozen_content
from marketplace.races.entry import actions as entry
from marketplace.races.entry import queries
from marketplace.races.models import (
    AgreementSide,
    AgreementState,
    EntrantState,
    Heat,
    HeatState,
    Race,
    RaceAgreement,
    RaceState,
    VoidReason,
)
from marketplace.races.queries import entrants_shown, races_of
from marketplace.scenarios.models import Scenario

FILTERS = (
    Filter("scenario", "scenario__uid", "The demand."),
    Filter("state", "state", "The state.", tuple(RaceState.values)),
)


class ShortlistNoticeShape(Shape):
    uid = s.UUIDField()
    starts_at = instant()
    ends_at = instant("Half-open: from this instant on agreements may be offered.")
    sha256 = text("Of the frozen text (RFC 8785).")
    text = Free(help_text="What it says.")


class HeatRow(Shape):
    uid = s.UUIDField()
    number = s.IntegerField()
    state = s.ChoiceField(HeatState.choices)
    starts_at = instant()
    ends_at = instant("A forecast while the heat is planned; then it stands.")
    grant_cny = s.DecimalField(14, 2, help_text="To each entrant of the heat.")


class EntrantRow(Shape):
    code = text()
    state = s.ChoiceField(EntrantState.choices)
    organisation = Party(allow_null=True, help_text="Where the rule of names lets you know it.")


class AgreementOf(Shape):
    uid = s.UUIDField()
    state = s.ChoiceField(AgreementState.choices)
    organisation = Party()
    href = s.URLField()


class RaceRow(Shape):
    uid = s.UUIDField()
    scenario = Subject()
    state = s.ChoiceField(RaceState.choices)
    design_sha256 = text()
    agree_by = instant("Until when agreements are accepted, half-open.", null=True)
    started_at = instant(null=True)
    ended_at = instant(null=True)
    void_reason = s.ChoiceField(VoidReason.choices, allow_blank=True)
    links = Links()
    actions = actions()


class RaceDetail(RaceRow):
    notice = ShortlistNoticeShape(allow_null=True)
    heats = HeatRow(many=True)
    entrants = EntrantRow(many=True, help_text="From the start of the first heat on.")
    agreements = AgreementOf(many=True, help_text="To the two parties and the office.")


class AcceptanceShape(Shape):
    side = s.ChoiceField(AgreementSide.choices)
    organisation = Party()
    accepted_at = instant()


class RaceAgreementDetail(Shape):
    uid = s.UUIDField()
    scenario = Subject()
    race = s.UUIDField()
    version = s.IntegerField()
    state = s.ChoiceField(AgreementState.choices)
    sha256 = text("Of the text (RFC 8785); acceptance names it.")
    text = Free()
    acceptances = AcceptanceShape(many=True)
    agree_by = instant(null=True)
    links = Links()
    actions = actions()


class ShortlistBody(Body):
    entrants = Whole(
        min_value=2,
        max_value=5,
        required=False,
        allow_null=True,
        help_text="The first so many of the ranking; all that may enter unless said.",
    )
    reason = Text(4000, required=False, help_text="Needed for fewer than may enter.")
    minutes_number = Text(80, required=False, help_text="Of a collective decision.")


class NoticeBody(Body):
    ends_at = Instant(
        required=False, allow_null=True, help_text="Later than the rules ask for, never earlier."
    )


class AcceptBody(Body):
    sha256 = Text(64, help_text="Of the text that was read.")


def row_shape(request: Request, race: Race, may: dict[int, list[str]]) -> dict[str, Any]:
    return {
        "uid": str(race.uid),
        "scenario": subject(request, race.scenario),
        "state": race.state,
        "design_sha256": race.design.sha256,
        "agree_by": said(race.agree_by),
        "started_at": said(race.started_at),
        "ended_at": said(race.ended_at),
        "void_reason": race.void_reason,
        "links": {
            "self": absolute(request, "api-race", race.uid),
            "html": absolute(request, "race", race.scenario.address),
        },
        "actions": told(request, may.get(race.pk, []), race.uid),
    }


def race_shown(request: Request, uid: UUID) -> dict[str, Any]:
    actor = actor_of(request)
    race = races_of(actor).filter(uid=uid).first()
    if race is None:
        raise NotFound
    grants = [heat["grant_cny"] for heat in frozen_content(race.design)["heats"]]
    notice = getattr(race, "notice", None)
    entrants = entrants_shown(actor, race) if race.started_at else []
    return row_shape(request, race, on_races(actor, [race], clock.now())) | {
        "notice": {
            "uid": str(notice.uid),
            "starts_at": said(notice.starts_at),
            "ends_at": said(notice.ends_at),
            "sha256": notice.sha256,
            "text": queries.read(notice),
        }
        if notice
        else None,
        "heats": [heat_shape(heat, grants) for heat in race.heats.order_by("number")],
        "entrants": [
            {
                "code": row["code"],
                "state": row["entrant"].state,
                "organisation": party(row["organisation"]) if row["organisation"] else None,
            }
            for row in entrants
        ],
        "agreements": [
            {
                "uid": str(one["row"].uid),
                "state": one["row"].state,
                "organisation": party(one["row"].entrant.organisation),
                "href": absolute(request, "api-race-agreement", one["row"].uid),
            }
            for one in queries.of_race(actor, race)
        ],
    }


def heat_shape(heat: Heat, grants: list[str]) -> dict[str, Any]:
    return {
        "uid": str(heat.uid),
        "number": heat.number,
        "state": heat.state,
        "starts_at": said(heat.starts_at),
        "ends_at": said(heat.ends_at),
        "grant_cny": grants[heat.number - 1],
    }


def agreement_shown(request: Request, uid: UUID) -> dict[str, Any]:
    actor = actor_of(request)
    rows = RaceAgreement.objects.visible_to(actor).select_related(
        "entrant__organisation", "entrant__race__scenario__organisation"
    )
    row = rows.filter(uid=uid).first()
    if row is None:
        raise NotFound
    race = row.entrant.race
    accepted = list(row.acceptances.select_related("organisation").order_by("pk"))
    return {
        "uid": str(row.uid),
        "scenario": subject(request, race.scenario),
        "race": str(race.uid),
        "version": row.version,
        "state": row.state,
        "sha256": row.sha256,
        "text": queries.read(row),
        "acceptances": [
            {
                "side": one.side,
                "organisation": party(one.organisation),
                "accepted_at": said(one.accepted_at),
            }
            for one in accepted
        ],
        "agree_by": said(race.agree_by),
        "links": {
            "self": absolute(request, "api-race-agreement", row.uid),
            "html": absolute(request, "race-agreement", row.uid),
        },
        "actions": told(request, on_agreement(actor, row, {one.side for one in accepted}), row.uid),
    }


class Races(Listed):
    permission_classes = [AllowAny]

    @listing(
        "races_list",
        "Races",
        rows=RaceRow,
        filters=FILTERS,
        description="From the notice of the shortlist on; to the office and the owner before it.",
        public=True,
    )
    def get(self, request: Request) -> Any:
        actor = actor_of(request)

        def shape(page: list[Race]) -> list[dict[str, Any]]:
            may = on_races(actor, page, clock.now())
            return [row_shape(request, row, may) for row in page]

        return races_of(actor), shape


class RaceOne(PublicRead):
    about = (Race, "scenario__uid")
    parameters = NONE

    @reading("races_retrieve", "One race", shape=RaceDetail, public=True)
    def get(self, request: Request, uid: UUID) -> Response:
        return Response(race_shown(request, uid))


SHOWN: dict[str, Any] = {"shows": race_shown, "answers": RaceDetail}
Shortlist = calling(
    entry.shortlist,
    "scenario_uid",
    "scenarios_shortlist",
    "Make the shortlist of a race",
    base=OfScenario,
    sees=Scenario,
    scope=Scope.AWARDS,
    description="The first of the report's ranking, by who decides the award.",
    takes=ShortlistBody,
    example={"entrants": 3},
    status=201,
    makes=its_uid,
    **SHOWN,
)


def on_one(*of: Any, **said: Any) -> type[Resource]:
    told: dict[str, Any] = {"about": (Race, "scenario__uid"), "sees": Race, **SHOWN}
    return calling(of[0], "race_uid", *of[1:], **told, **said)


RacePublicise = on_one(
    entry.publicise_shortlist,
    "races_publicise",
    "Publish the notice of the shortlist",
    scope=None,
    takes=NoticeBody,
    example={"ends_at": "2026-12-31T00:00:00+08:00"},
    proof=True,
)
RaceOffer = on_one(
    entry.offer_agreements,
    "races_offer",
    "Offer the race agreements",
    scope=Scope.OFFICE,
    description="After the window of the notice.",
)
RaceStart = on_one(
    entry.start_race,
    "races_start",
    "Open the first heat",
    scope=None,
    description="Once all have agreed, or at the end of the window those who did.",
    proof=True,
)
RaceEnd = on_one(
    entry.end_entry,
    "races_end",
    "End an entry that has fewer than two left",
    scope=Scope.OFFICE,
)


class AgreementOne(Resource):
    about = (RaceAgreement, "entrant__race__scenario__uid")
    parameters = NONE

    @reading("race_agreements_retrieve", "One race agreement", shape=RaceAgreementDetail)
    def get(self, request: Request, uid: UUID) -> Response:
        return Response(agreement_shown(request, uid))


def on_text(*of: Any, **said: Any) -> type[Resource]:
    told: dict[str, Any] = {
        "about": (RaceAgreement, "entrant__race__scenario__uid"),
        "shows": agreement_shown,
        "answers": RaceAgreementDetail,
    }
    return calling(of[0], "agreement_uid", *of[1:], **told, **said)


AgreementAccept = on_text(
    entry.accept_agreement,
    "race_agreements_accept",
    "Accept a race agreement",
    scope=None,
    description="By who binds the vendor or the demand's owner.",
    takes=AcceptBody,
    example={"sha256": "0" * 64},
    proof=True,
)
AgreementDecline = on_text(
    entry.decline_agreement,
    "race_agreements_decline",
    "Decline a race agreement",
    scope=Scope.AWARDS,
    description="By the vendor, who then does not race.",
    takes=Reason,
    example={"reason": "产能不足，无法按期参赛。"},
)
