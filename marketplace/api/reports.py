"""The report of a review: for the office and the demand's owner."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from rest_framework import serializers as s
from rest_framework.request import Request
from rest_framework.response import Response

from marketplace.accounts.tokens.models import Scope
from marketplace.api.bid_shapes import subject
from marketplace.api.bodies import Body, Flag, Text
from marketplace.api.calls import calling
from marketplace.api.lists import Filter, Listed, listing, reading
from marketplace.api.moves import told
from marketplace.api.scenarios import said
from marketplace.api.shapes import Free, Links, Shape, Subject, actions, instant, text
from marketplace.api.views import Resource, absolute, actor_of
from marketplace.base.errors import NotFound
from marketplace.base.rules import require_confidentiality
from marketplace.committee import actions as committee
from marketplace.committee.models import Report
from marketplace.desk import moves
from marketplace.desk.queries import desk_for
from marketplace.files.access import record_access
from marketplace.files.signing import making


class ReportRow(Shape):
    uid = s.UUIDField()
    scenario = Subject()
    sha256 = text("Of the frozen text (RFC 8785).")
    created_at = instant()
    links = Links()
    actions = actions()


class ScanShape(Shape):
    uid = s.UUIDField()
    sha256 = text("Of the scan.")
    filed_at = instant()
    accepted = s.BooleanField(allow_null=True, help_text="Null until a second person checked it.")


class ReportDetail(ReportRow):
    scan = ScanShape(allow_null=True, help_text="The last one filed, of the stamped paper.")
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
    rows = Report.objects.visible_to(actor).select_related("scenario__panel")
    report = rows.filter(uid=uid).first()
    if report is None:
        raise NotFound
    require_confidentiality(actor)
    record_access(actor=actor, subject_uid=uid, what="report.read")
    scan = making.newest_scan(report.uid) if actor.is_office else None
    check = making.check_of(scan) if scan else None
    names = moves.on_report(desk_for(actor), report, scan, check)
    return row_shape(request, report) | {
        "actions": told(request, names, report.uid),
        "scan": {
            "uid": str(scan.uid),
            "sha256": scan.upload.sha256,
            "filed_at": said(scan.filed_at),
            "accepted": check.accepted if check else None,
        }
        if scan
        else None,
        "body": json.loads(bytes(report.body)),
    }


class ScanFiled(Body):
    upload_uid = s.UUIDField(help_text="Of the purpose `signed`, received whole.")


class ScanChecked(Body):
    scan_uid = s.UUIDField()
    accepted = Flag()
    words = Text(2000, required=False, help_text="Why it is sent back.")


ABOUT: dict[str, Any] = {"about": (Report, "scenario__uid"), "scope": Scope.OFFICE}
SHOWN: dict[str, Any] = {"shows": report_shown, "answers": ReportDetail}
ReportScan = calling(
    committee.file_report_scan,
    "report_uid",
    "reports_file_scan",
    "File the scan of the signed and stamped report",
    takes=ScanFiled,
    example={"upload_uid": "3f2b1c9e-4c3a-4a52-9a37-0d6a1f1f0c11"},
    **ABOUT,
    **SHOWN,
)
ReportScanCheck = calling(
    committee.check_report_scan,
    "report_uid",
    "reports_check_scan",
    "Check the scan that somebody else filed",
    takes=ScanChecked,
    example={"scan_uid": "3f2b1c9e-4c3a-4a52-9a37-0d6a1f1f0c11", "accepted": True},
    **ABOUT,
    **SHOWN,
)


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
