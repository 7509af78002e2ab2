"""Pages of the report: the whole ranking, its frozen text, and a bidder's own line."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from marketplace.awards.queries import own_result
from marketplace.base.actor import Actor
from marketplace.base.errors import DomainError, NotFound, TooLarge
from marketplace.bidding.queries import my_bid
from marketplace.committee import actions, queries
from marketplace.committee.arithmetic import TIES_1
from marketplace.committee.models import CorrectionKind, PanelState, Report
from marketplace.committee.rules import can_check_scan, can_file_scan
from marketplace.committee.signing.printing import pdf
from marketplace.committee.signing.queries import said, sign_by
from marketplace.files.access import record_access
from marketplace.files.limits import FILE_LIMIT
from marketplace.files.signing import making
from marketplace.scenarios.models import Scenario
from marketplace.web.answers import attached
from marketplace.web.attachments import uid_of
from marketplace.web.forms.committee import ScanCheckForm, ScanForm
from marketplace.web.pages import actor_of, attempt, page, scenario_or_404, show_refusal
from marketplace.web.profiles import tie_words
from marketplace.web.request import Request


@require_http_methods(["GET", "POST"])
def report(request: Request, address: str) -> HttpResponse:
    """The whole ranking for the office and the owner; for a bidder, later, his own line."""
    scenario = scenario_or_404(request, address)
    actor = actor_of(request)
    try:
        found = queries.report_of(actor, scenario)
    except NotFound:
        return _own_line(request, scenario)
    forms: dict[str, Any] = {}
    error = None
    if request.method == "POST":
        error = _scan_move(request, found, forms)
        if error is None and not any(form.errors for form in forms.values()):
            return HttpResponseRedirect(reverse("report", args=[scenario.address]))
    record_access(actor=actor, subject_uid=found.uid, what="report.read")
    body = read_body(found)
    context = {
        "scenario": scenario,
        "report": found,
        "body": body,
        "rows": _rows(body),
        "basis": price_basis(body),
        "benchmark": body["rules"].get("price", {}).get("formula") == "benchmark_mean",
        "ties": tie_words(body["rules"].get("ties", TIES_1)),
        "corrections": [
            row | {"kind": CorrectionKind(row["kind"]).label} for row in body.get("corrections", [])
        ],
        "minimums": [row for row in body["criteria"] if row.get("minimum")],
        **words_of(found),
        **scan_of(actor, found, forms),
        "price_weight": next((c["weight"] for c in body["criteria"] if c["kind"] == "price"), ""),
    }
    response = page(request, "committee/report.html", context, error=error)
    if forms and error is None:
        response.status_code = 422
    return response


@require_GET
def report_json(request: Request, address: str) -> HttpResponse:
    """The frozen text, letter by letter: its SHA-256 is the one on the page."""
    scenario = scenario_or_404(request, address)
    found, _error = attempt(queries.report_of, actor=actor_of(request), scenario=scenario)
    record_access(actor=actor_of(request), subject_uid=found.uid, what="report.read")
    response = HttpResponse(bytes(found.body), content_type="application/json")
    return attached(response, f"{scenario.address}-report.json")


@require_GET
def report_pdf(request: Request, address: str) -> HttpResponse:
    """The same as a paper, with the members' words as they stand now."""
    scenario = scenario_or_404(request, address)
    found, _error = attempt(queries.report_of, actor=actor_of(request), scenario=scenario)
    record_access(actor=actor_of(request), subject_uid=found.uid, what="report.read")
    response = HttpResponse(pdf(found), content_type="application/pdf")
    return attached(response, f"{scenario.address}-report.pdf")


@require_GET
def scores_json(request: Request, address: str) -> HttpResponse:
    """The blinded score file, for verify_scores.py; its hash stands in the log."""
    scenario = scenario_or_404(request, address)
    actor = actor_of(request)
    content, _error = attempt(queries.score_file, actor=actor, scenario=scenario)
    record_access(actor=actor, subject_uid=scenario.uid, what="scores.read")
    response = HttpResponse(content, content_type="application/json")
    return attached(response, f"{scenario.address}-scores.json")


@require_GET
def scores(request: Request, address: str) -> HttpResponse:
    """Every judge's points for every bid, for who reads the report."""
    scenario = scenario_or_404(request, address)
    actor = actor_of(request)
    found, _error = attempt(queries.score_overview, actor=actor, scenario=scenario)
    record_access(actor=actor, subject_uid=scenario.uid, what="scores.read")
    return render(request, "committee/scores.html", {"scenario": scenario, "scores": found})


def _scan_move(request: Request, found: Report, forms: dict[str, Any]) -> DomainError | None:
    """File or check the scan; a form that was refused is left in `forms`."""
    actor = actor_of(request)
    do = request.POST.get("do", "")
    given: dict[str, Any] = {"actor": actor, "report_uid": found.uid}
    if do == "scan":
        form: Any = ScanForm(request.POST, request.FILES)
        forms["scan_form"] = form
        came = request.FILES.get("file")
        if getattr(request, "upload_refused", False) or (came and (came.size or 0) > FILE_LIMIT):
            sentence = _("Without scripts a file may have at most %(most)s MiB.")
            return TooLarge(sentence % {"most": FILE_LIMIT // 1024**2})
        if not form.is_valid() or came is None:
            return None
        given |= {"name": came.name or "", "body": came.read()}
        _row, error = attempt(actions.file_small_scan, **given)
        done = _("The scan is filed and waits for a second person.")
    elif do == "check":
        forms["check_form"] = form = ScanCheckForm(request.POST)
        if not form.is_valid():
            return None
        given |= {"scan_uid": uid_of(request.POST.get("scan", ""))}
        given |= {"accepted": form.cleaned_data["accepted"] == "yes"}
        given |= {"words": form.cleaned_data["words"]}
        _row, error = attempt(actions.check_report_scan, **given)
        done = _("The check is written down.")
    else:
        raise Http404
    if error is None:
        forms.clear()
        messages.success(request, done)
    else:
        show_refusal(form, error)
    return error


def scan_of(actor: Actor, found: Report, forms: dict[str, Any]) -> dict[str, Any]:
    """The stamped paper's scan, for the office: the signatures on it name the members."""
    if not actor.is_office or found.scenario.panel.state != PanelState.REPORTED:
        return {}
    scan = making.newest_scan(found.uid)
    check = making.check_of(scan) if scan else None
    files = scan is None or (check is not None and not check.accepted)
    checks = scan is not None and check is None and can_check_scan(actor, scan)
    return {
        "scan": scan,
        "scan_check": check,
        "scan_missing": scan is None,
        "scan_form": (forms.get("scan_form") or ScanForm())
        if files and can_file_scan(actor, found)
        else None,
        "check_form": (forms.get("check_form") or ScanCheckForm()) if checks else None,
    }


def words_of(found: Report) -> dict[str, Any]:
    """Who signed; nothing of a report of the earlier rule, which asked nobody."""
    panel = found.scenario.panel
    words = said(found, panel)
    signing = panel.state == PanelState.SIGNING
    if not signing and not any(row.word for row in words):
        words = []
    return {
        "words": words,
        "until": sign_by(found) if signing else None,
        "named": queries.names_are_public(found.scenario),
    }


def read_body(found: Report) -> dict[str, Any]:
    return json.loads(bytes(found.body))


def _rows(body: dict[str, Any]) -> list[dict[str, Any]]:
    """The lines of the ranking, each with its bid and the judges' totals in one order."""
    bids = {bid["blind_code"]: bid for bid in body["bids"]}
    known = queries.organisations_of([bid["uid"] for bid in body["bids"]])
    rows = []
    for line in body["ranking"]:
        stages = [
            {
                "label": label,
                "score": line[name]["score"],
                "raw": line[name]["raw"],
                "trimmed": bool(line[name]["left_out"]),
                "totals": [
                    {
                        "judge": judge,
                        "points": line[name]["totals"][judge],
                        "left_out": judge in line[name]["left_out"],
                    }
                    for judge in body["judges"]
                    if judge in line[name]["totals"]
                ],
            }
            for name, label in (("technical", _("Technical")), ("team", _("Team")))
            if line[name]["totals"]
        ]
        bid = bids[line["blind_code"]]
        rows.append({**line, "bid": bid, "organisation": known[bid["uid"]], "stages": stages})
    return rows


def price_basis(body: dict[str, Any]) -> str:
    """What the prices were held against: as the report says it, or found from an older one."""
    if "price_basis_cny" in body:
        return str(body["price_basis_cny"])
    invalid = {line["blind_code"] for line in body["ranking"] if line["invalid"]}
    prices = [bid["price_cny"] for bid in body["bids"] if bid["blind_code"] not in invalid]
    return min(prices, key=float, default="")


def _own_line(request: Request, scenario: Scenario) -> HttpResponse:
    actor = actor_of(request)
    bid = my_bid(actor, scenario)
    if bid is None:
        raise Http404
    bid.scenario = scenario
    result, _error = attempt(own_result, actor=actor, bid=bid)
    return render(
        request, "awards/own_result.html", {"scenario": scenario, "bid": bid, "result": result}
    )


urlpatterns = [
    path("scenarios/<str:address>/report/", report, name="report"),
    path("scenarios/<str:address>/report.json", report_json, name="report-json"),
    path("scenarios/<str:address>/report.pdf", report_pdf, name="report-pdf"),
    path("scenarios/<str:address>/scores/", scores, name="scores"),
    path("scenarios/<str:address>/scores.json", scores_json, name="scores-json"),
]
