from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from marketplace.api.shapes import IndicatorDetail, IndicatorRow
from marketplace.api.views import PublicRead, absolute
from marketplace.base.canonical import plain
from marketplace.base.errors import NotFound
from marketplace.indicators.k4 import K4, Figure
from marketplace.indicators.models import Indicator
from marketplace.indicators.queries import Goals, Unit, goals

COLUMNS = (
    "key",
    "name_zh",
    "name_en",
    "comparison",
    "unit_zh",
    "unit_en",
    "strength",
    "evidence_zh",
    "evidence_en",
    "clause_zh",
)


class IndicatorList(PublicRead):
    pagination_class = None

    @extend_schema(
        operation_id="indicators_list",
        summary="Indicators",
        description="The twelve targets, all of them. Compiled from public reports; the official"
        " text of the administration prevails.",
        responses=IndicatorRow(many=True),
    )
    def get(self, request: Request) -> Response:
        told = goals()
        rows = sorted([told.open_demands, *told.others], key=lambda row: row.position)
        return Response([row_shape(request, row, told) for row in rows])


class IndicatorOne(PublicRead):
    @extend_schema(
        operation_id="indicators_retrieve",
        summary="One indicator",
        description="With every unit behind its number, and why a unit is not counted.",
        responses=IndicatorDetail,
    )
    def get(self, request: Request, key: str) -> Response:
        told = goals()
        for row in (told.open_demands, *told.others):
            if row.key == key:
                units = told.units if row is told.open_demands else []
                shaped = [unit_shape(request, unit) for unit in units]
                return Response(row_shape(request, row, told) | {"units": shaped})
        raise NotFound


def row_shape(request: Request, row: Indicator, told: Goals) -> dict[str, Any]:
    counted = row is told.open_demands
    body = {name: getattr(row, name) for name in COLUMNS}
    body["target"] = f"{row.target.normalize():f}"
    body["period_starts_date"] = row.period_starts_on.isoformat()
    body["period_ends_date"] = row.period_ends_on.isoformat()
    body["value"] = len(told.k4.broad.together) if counted else None
    body["count"] = tally_shape(told.k4) if counted else None
    body["links"] = {
        "self": absolute(request, "api-indicator", row.key),
        "html": absolute(request, "goals"),
    }
    body["actions"] = []
    return body


def tally_shape(k4: K4) -> dict[str, Any]:
    return {
        "rule": k4.rule,
        "as_of": plain(k4.as_of),
        "strict": figure_shape(k4.strict),
        "broad": figure_shape(k4.broad),
        "withdrawn": len(k4.withdrawn),
        "excluded": len(k4.excluded),
    }


def figure_shape(figure: Figure) -> dict[str, int]:
    return {
        "in_period": len(figure.in_period),
        "after": len(figure.after),
        "together": len(figure.together),
    }


def unit_shape(request: Request, unit: Unit) -> dict[str, Any]:
    fact = unit.fact
    return {
        "ref": fact.ref,
        "uid": str(fact.scenario_uid),
        "title": unit.title,
        "title_en": unit.title_en,
        "state": unit.state,
        "published_at": plain(fact.published_at),
        "period": unit.period,
        "standing": unit.standing,
        "strict": unit.strict,
        "reasons": [reason.value for reason in unit.reasons],
        "profile": unit.profile_version,
        "sha256": unit.publication_sha256,
        "links": {
            "self": absolute(request, "api-scenario", fact.scenario_uid),
            "html": absolute(request, "scenario", fact.ref),
        },
    }
