"""The report of a review: for the office and the demand's owner."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from rest_framework import serializers as s
from rest_framework.request import Request
from rest_framework.response import Response

from marketplace.api.bid_shapes import subject
from marketplace.api.lists import Filter, Listed, listing, reading
from marketplace.api.moves import told
from marketplace.api.scenarios import said
from marketplace.api.shapes import Free, Links, Shape, Subject, actions, instant, text
from marketplace.api.views import Resource, absolute, actor_of
from marketplace.base.errors import NotFound
from marketplace.base.rules import require_confidentiality
from marketplace.committee.models import Report
from marketplace.files.access import record_access


class ReportRow(Shape):
    uid = s.UUIDField()
    scenario = Subject()
    sha256 = text("Of the frozen text (RFC 8785).")
    created_at = instant()
    links = Links()
    actions = actions()


class ReportDetail(ReportRow):
    body = Free(help_text="Everything from which the ranking follows, and the ranking.")


FILTERS = (Filter("scenario", "scenario__uid", "The demand."),)


def row_shape(request: Request, report: Report) -> dict[str, Any]:
    return {
        "uid": str(report.uid),
        "scenario": subject(request, report.scenario),
        "sha256": report.sha256,
        "created_at": said(report.created_at),
        "links": {
            "self": absolute(request, "api-report", report.uid),
            "html": absolute(request, "report", report.scenario.address),
        },
        "actions": told(request, [], report.uid),
    }


def report_shown(request: Request, uid: UUID) -> dict[str, Any]:
    actor = actor_of(request)
    rows = Report.objects.visible_to(actor).select_related("scenario")
    report = rows.filter(uid=uid).first()
    if report is None:
        raise NotFound
    require_confidentiality(actor)
    record_access(actor=actor, subject_uid=uid, what="report.read")
    return row_shape(request, report) | {"body": json.loads(bytes(report.body))}


class Reports(Listed):
    @listing("reports_list", "Reports", rows=ReportRow, filters=FILTERS)
    def get(self, request: Request) -> Any:
        rows = Report.objects.visible_to(actor_of(request)).select_related("scenario")
        found = rows.defer("body")
        return found, lambda page: [row_shape(request, row) for row in page]


class ReportOne(Resource):
    about = (Report, "scenario__uid")

    @reading("reports_retrieve", "One report", shape=ReportDetail)
    def get(self, request: Request, uid: UUID) -> Response:
        return Response(report_shown(request, uid))
