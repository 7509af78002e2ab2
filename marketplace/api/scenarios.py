from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from marketplace.api.attachments import attachment_rows
from marketplace.api.filters import PAGE_PARAMETERS, SCENARIO_PARAMETERS, scenario_filter
from marketplace.api.moves import scenario_moves
from marketplace.api.pagination import KeysetPagination
from marketplace.api.rows import PublicIds, scenario_rows
from marketplace.api.shapes import ScenarioRow
from marketplace.api.views import PublicRead, absolute, actor_of
from marketplace.base import clock
from marketplace.base.actor import Actor
from marketplace.base.canonical import plain
from marketplace.base.errors import NotFound
from marketplace.scenarios.content import TAGS
from marketplace.scenarios.disclosure.mask import shown_owner
from marketplace.scenarios.models import Scenario, State
from marketplace.scenarios.queries import notes, stored_content

COLUMNS = (
    "uid",
    "ref",
    "state",
    "title",
    "title_en",
    "language",
    "summary",
    "summary_en",
    "organising_mode",
    "race_entrants",
    "budget_cny",
    "duration_months",
    "award_mode",
    "published_at",
    "deadline_at",
    "closed_at",
    "ended_at",
    "failure",
)
TERMS = ("domain", "carrier", "area", "focus")
JOINED = (
    "organisation__uid",
    "organisation__name",
    "organisation__name_en",
    *(f"{name}__code" for name in TERMS),
    "profile__code",
    "profile__version",
)
LONG_TEXTS = ("pain", "need", "deliverables", "ip_terms", "data_terms", "contact")
PARTS = ("metrics", "criteria", "payment_nodes", "milestones", "conditions")


class ScenarioList(PublicRead):
    pagination_class = KeysetPagination

    @extend_schema(
        operation_id="scenarios_list",
        summary="Scenarios",
        description="Posted demands, newest first; besides, those that the user may see earlier.",
        parameters=SCENARIO_PARAMETERS,
        responses=ScenarioRow(many=True),
    )
    def get(self, request: Request) -> Response:
        actor = actor_of(request)
        pages = KeysetPagination()
        visible: Any = PublicIds()
        if actor.user_id or request.query_params.keys() - PAGE_PARAMETERS:
            visible = scenario_filter(request, Scenario.objects.visible_to(actor)).values("id")
        found: list[Any] = pages.paginate_queryset(visible, request, view=self) or []
        ids = [row["id"] for row in found]
        shaped = scenario_rows(request, actor, ids, scenario_moves(request, actor, ids))
        return pages.get_paginated_response(shaped)


def scenario_shown(request: Request, uid: UUID) -> dict[str, Any]:
    """One scenario in full, as this reader may see it. Raises NotFound."""
    actor = actor_of(request)
    rows = Scenario.objects.visible_to(actor).filter(uid=uid)
    row = rows.values("id", *COLUMNS, *JOINED).first()
    scenario = rows.select_related(
        "organisation", "profile", "domain", "carrier", "area", "focus", "funding"
    ).first()
    if row is None or scenario is None:
        raise NotFound
    may = scenario_moves(request, actor, [scenario.pk]).get(scenario.pk, [])
    files = {"attachments": attachment_rows(request, actor, scenario)}
    body = row_shape(request, row, clock.now(), may) | detail_shape(actor, scenario) | files
    owner = shown_owner(actor, scenario)
    if owner.masked:
        body["organisation"] = {"uid": None, "name": owner.name, "name_en": owner.name_en}
        body["contact"] = ""
    return body


def row_shape(
    request: Request, row: dict[str, Any], now: datetime, may: list[dict[str, str]]
) -> dict[str, Any]:
    body = {name: said(row[name]) for name in COLUMNS}
    body |= {name: row[f"{name}__code"] for name in TERMS}
    body["open"] = row["state"] == State.PUBLISHED and now < row["deadline_at"]
    body["organisation"] = {
        "uid": said(row["organisation__uid"]),
        "name": row["organisation__name"],
        "name_en": row["organisation__name_en"],
    }
    code, version = row["profile__code"], row["profile__version"]
    body["profile"] = f"{code}/{version}" if code else None
    body["links"] = {
        "self": absolute(request, "api-scenario", row["uid"]),
        "html": absolute(request, "scenario", row["ref"] or row["uid"]),
    }
    body["actions"] = may
    return body


def detail_shape(actor: Actor, scenario: Scenario) -> dict[str, Any]:
    content = stored_content(scenario)
    body: dict[str, Any] = {name: getattr(scenario, name) for name in LONG_TEXTS}
    body["revision"] = scenario.revision
    body["funding"] = content.values["funding"]
    body |= {name: content.values[name] for name in TAGS}
    body["consortium_allowed"] = scenario.consortium_allowed
    body["consortium_members_max"] = scenario.consortium_members_max
    body["pass_line_percent"] = said(scenario.pass_line_percent)
    body["owner_masked"] = scenario.owner_masked
    body["owner_mask"] = scenario.owner_mask
    body["restricted_fields"] = scenario.restricted_fields
    body["sealing_mode"] = scenario.sealing_mode
    for part in PARTS:
        body[part] = [
            {name: said(value) for name, value in row.items()} for row in content.rows[part]
        ]
    body["rules"] = rules_shape(scenario)
    rows = scenario.publications.order_by("version")
    body["publications"] = [
        {name: said(value) for name, value in row.items()}
        for row in rows.values("version", "sha256", "published_at")
    ]
    body["notes"] = [
        {name: said(value) for name, value in row.items()}
        for row in notes(actor, scenario).values("to_state", "text", "created_at")
    ]
    return body


def rules_shape(scenario: Scenario) -> dict[str, Any] | None:
    profile = scenario.profile
    if profile is None:
        return None
    return {
        "code": profile.code,
        "version": profile.version,
        "name_zh": profile.name_zh,
        "name_en": profile.name_en,
        "values": profile.values,
    }


def said(value: Any) -> Any:
    """As JSON says it: instants in UTC, decimals as plain text (98.5, never 9.85E+1)."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    return plain(value)
