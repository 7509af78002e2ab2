"""The design of a demand's race: read by whoever sees the demand, written by its owner's editors."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers as s
from rest_framework.request import Request
from rest_framework.response import Response

from marketplace.accounts.tokens.models import Scope
from marketplace.api.bid_shapes import subject
from marketplace.api.bodies import Body, Choice, Whole
from marketplace.api.calls import call
from marketplace.api.deeds import Given
from marketplace.api.moves import told
from marketplace.api.scenarios import said
from marketplace.api.shapes import Free, Links, Shape, Subject, actions, instant, text
from marketplace.api.views import NONE, PublicRead, absolute, actor_of
from marketplace.base.errors import NotFound
from marketplace.races.design.actions import save_design
from marketplace.races.design.content import HEATS_MOST, NAMES, TIES
from marketplace.races.design.queries import EMPTY, all_faults, design_of, frozen_content, is_race
from marketplace.races.models import RaceDesign
from marketplace.races.rules import can_design_race
from marketplace.scenarios.models import BEFORE_PUBLICATION, Scenario, State


class OpenFault(Shape):
    field = text("As heats-0-measures-1-weight, numbered from nought.")
    rule = text()
    message = text()


class DesignLinks(Links):
    text = s.URLField(allow_null=True, help_text="The frozen text, byte for byte.")


class RaceDesignDetail(Shape):
    scenario = Subject()
    revision = s.IntegerField()
    design = Free(help_text="Entrants, heats, measures, grants; see the page of the demand.")
    open = OpenFault(many=True, help_text="What is missing before the demand is published.")
    frozen_at = instant(null=True)
    sha256 = text("Of the frozen text (RFC 8785); empty before the publication.")
    links = DesignLinks()
    actions = actions()


class DesignBody(Body):
    """The design whole; what is not named is empty."""

    entrants = Whole(min_value=2, max_value=5, required=False, allow_null=True)
    names = Choice(NAMES, required=False)
    tie = s.ListField(child=Choice(TIES), max_length=len(TIES), required=False)
    heats = s.ListField(
        child=Free(),
        max_length=HEATS_MOST,
        required=False,
        help_text="Each with name, days, grant_cny, keep, …, and its measures.",
    )


EXAMPLE = {
    "entrants": 3,
    "names": "codes",
    "heats": [
        {
            "name": "决赛",
            "days": 30,
            "grant_cny": "100000.00",
            "keep": 1,
            "objection_days": 3,
            "tester": "第三方检测机构",
            "measures": [
                {
                    "code": "delay",
                    "name": "告警时延",
                    "kind": "field",
                    "unit": "s",
                    "direction": "lower",
                    "target": "1",
                    "pass_line": "2",
                    "critical": True,
                    "weight": 100,
                }
            ],
        }
    ],
}


def design_shown(request: Request, uid: UUID) -> dict[str, Any]:
    actor = actor_of(request)
    rows = Scenario.objects.visible_to(actor).select_related("organisation", "profile")
    scenario = rows.filter(uid=uid).first()
    if scenario is None or not is_race(scenario):
        raise NotFound
    row = design_of(actor, scenario)
    frozen = row is not None and row.frozen_at is not None
    before = scenario.state in BEFORE_PUBLICATION and scenario.state != State.REJECTED
    if row is None and not before:
        raise NotFound
    content = row.content if row else EMPTY
    found = [] if frozen else all_faults(scenario, content)
    may = ["save_race_design"] if before and can_design_race(actor, scenario) else []
    row = row or RaceDesign(revision=0)
    text_of = reverse("race-design-text", args=[scenario.address]) if frozen else None
    return {
        "scenario": subject(request, scenario),
        "revision": row.revision,
        "design": frozen_content(row) if frozen else content,
        "open": [
            {"field": fault.field, "rule": fault.rule, "message": str(fault.message)}
            for fault in found
        ],
        "frozen_at": said(row.frozen_at),
        "sha256": row.sha256,
        "links": {
            "self": absolute(request, "api-race-design", scenario.uid),
            "html": absolute(request, "scenario-race", scenario.address),
            "text": request.build_absolute_uri(text_of) if text_of else None,
        },
        "actions": told(request, may, scenario.uid),
    }


def what_stands(given: Given, uid: UUID) -> dict[str, Any]:
    row = RaceDesign.objects.visible_to(given.actor).filter(scenario__uid=uid).first()
    revision = row.revision if row else 0
    return {"revision": revision, "etag": f'"r{revision}"', "design": row.content if row else EMPTY}


class RaceDesignOne(PublicRead):
    parameters = NONE
    scenario_kwarg = "uid"

    @extend_schema(
        operation_id="scenarios_race_design",
        summary="The design of a demand's race",
        description="With the demand; frozen and hashed from its publication on.",
        responses=RaceDesignDetail,
        extensions={"x-problems": [400, 404]},
    )
    def get(self, request: Request, uid: UUID) -> Response:
        return Response(design_shown(request, uid))

    put = call(
        save_design,
        "scenario_uid",
        "scenarios_save_race_design",
        "Write the design of a race",
        scope=Scope.SCENARIOS,
        description="Whole, until the demand is published. It may be incomplete; `open` says how.",
        takes=DesignBody,
        example=EXAMPLE,
        whole="data",
        shows=design_shown,
        answers=RaceDesignDetail,
        revised=what_stands,
    )
