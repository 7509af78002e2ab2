"""Pages of bidding: the form, one's bid with its receipts, the opening, the eligibility check."""

from __future__ import annotations

import hashlib
from typing import Any
from uuid import UUID, uuid4

from django.contrib import messages
from django.http import FileResponse, Http404, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django_htmx.http import HttpResponseClientRedirect

from marketplace.base import clock
from marketplace.base.canonical import plain
from marketplace.base.errors import DomainError, TooLarge
from marketplace.bidding import actions, queries
from marketplace.bidding.forms_schema import check_bid
from marketplace.bidding.models import (
    Bid,
    BidState,
    BidVersion,
    OpenedFile,
    OpeningStage,
    OpeningState,
)
from marketplace.bidding.rules import (
    can_bid,
    can_check_eligibility,
    can_confirm_opening,
    can_see_eligibility,
    can_withdraw_bid,
)
from marketplace.bidding.windows import refusal_to_take_bids
from marketplace.files import storage
from marketplace.ledger import receipts
from marketplace.scenarios.models import BEFORE_PUBLICATION, Scenario, State
from marketplace.web.forms.bidding import BidPage, VerdictForm, typed_files, typed_forms
from marketplace.web.pages import (
    actor_of,
    attempt,
    first_or_404,
    forbid_unless,
    page,
    scenario_or_404,
    show_refusal,
)
from marketplace.web.request import Request


# -- The form ------------------------------------------------------------------------------------------
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def bid_form(request: Request, address: str) -> HttpResponse:
    """Fill, check, seal, submit, receipt. Drafts live in the browser's form and nowhere else."""
    scenario = scenario_or_404(request, address)
    if request.method != "POST" and address != scenario.address:
        return redirect("bid-form", scenario.address)
    forbid_unless(can_bid(actor_of(request), scenario))
    if request.method != "POST":
        refusal = refusal_to_take_bids(scenario, clock.now())
        return form_page(request, scenario, BidPage(scenario), refusal=refusal)
    if getattr(request, "upload_refused", False):
        error = TooLarge(_("The files are larger than 40 MiB together; none of them was kept."))
        return form_page(request, scenario, BidPage(scenario, request.POST), error=error)
    if request.POST.get("step") == "submit":
        return submit(request, scenario)
    return check(request, scenario)


def check(request: Request, scenario: Scenario) -> HttpResponse:
    """Everything that is missing, at once; nothing is kept."""
    files = typed_files(request)
    clean, error = attempt(
        check_bid,
        scenario=scenario,
        organisation=actor_of(request).organisation,
        forms=typed_forms(request.POST, scenario),
        files=files,
    )
    hashes = [
        (envelope, name, len(body), hashlib.sha256(body).hexdigest())
        for envelope, uploads in files.items()
        for name, body in uploads
    ]
    bid_page = BidPage(scenario, request.POST, error.errors if error else None)
    return form_page(
        request, scenario, bid_page, error=error, checked=clean is not None, hashes=hashes
    )


def submit(request: Request, scenario: Scenario) -> HttpResponse:
    version, error = attempt(
        actions.submit_bid,
        actor=actor_of(request),
        scenario_uid=scenario.uid,
        forms=typed_forms(request.POST, scenario),
        files=typed_files(request),
        idempotency_key=request.POST.get("once", ""),
    )
    if error:
        return form_page(
            request, scenario, BidPage(scenario, request.POST, error.errors), error=error
        )
    messages.success(request, _("Your bid was received under seal. Keep the receipt."))
    url = reverse("bid", args=[version.bid.uid])
    return HttpResponseClientRedirect(url) if request.htmx else redirect(url)


def form_page(
    request: Request,
    scenario: Scenario,
    bid_page: BidPage,
    *,
    error: DomainError | None = None,
    refusal: DomainError | None = None,
    **more: Any,
) -> HttpResponse:
    """The whole page, or for htmx its form alone, so that chosen files stay chosen."""
    template = "bidding/_bid_body.html" if request.htmx else "bidding/bid_form.html"
    now = clock.now()
    context = {
        "scenario": scenario,
        "bid_page": bid_page,
        "form": bid_page.form,
        "mine": queries.my_bid(actor_of(request), scenario),
        "once": request.POST.get("once") or uuid4().hex,
        "steps": form_steps(scenario, checked=bool(more.get("checked"))),
        "now": now,
        "closed": refusal,
        # Faults that stand beside their fields are listed once, not twice.
        "told": error if error and not error.errors else None,
        **more,
    }
    return page(request, template, context, error=error)


def form_steps(scenario: Scenario, *, checked: bool) -> list[dict[str, Any]]:
    return [
        {"label": _("Fill in"), "state": "done" if checked else "now"},
        {"label": _("Check"), "state": "done" if checked else "next"},
        {"label": _("Seal"), "state": "now" if checked else "next"},
        {"label": _("Submit"), "state": "next", "at": scenario.deadline_at},
        {"label": _("Receipt"), "state": "next"},
    ]


# -- One bid -------------------------------------------------------------------------------------------
@never_cache
@require_GET
def bid(request: Request, uid: UUID) -> HttpResponse:
    """One's own bid: what was received and when, what may still be done, what became of it."""
    return bid_page(request, uid)


@never_cache
@require_POST
def bid_withdraw(request: Request, uid: UUID) -> HttpResponse:
    _version, error = attempt(actions.withdraw_bid, actor=actor_of(request), bid_uid=uid)
    if error:
        return bid_page(request, uid, error=error)
    messages.success(request, _("The bid is withdrawn; the receipt of it stands below."))
    return redirect("bid", uid)


def bid_page(request: Request, uid: UUID, error: DomainError | None = None) -> HttpResponse:
    actor = actor_of(request)
    rows = Bid.objects.visible_to(actor).select_related("organisation", "scenario__profile")
    row = first_or_404(rows.filter(uid=uid))
    now = clock.now()
    mine = can_withdraw_bid(actor, row)
    open_now = refusal_to_take_bids(row.scenario, now) is None
    versions = queries.versions_of(actor, row)
    context = {
        "bid": row,
        "scenario": row.scenario,
        "now": now,
        "versions": versions,
        "receipt": receipt_facts(row, versions[0]) if versions else None,
        "own": row.organisation_id == actor.organisation_id,
        "can_revise": mine and open_now,
        "can_withdraw": mine and open_now and row.state == BidState.SUBMITTED,
        "contents": queries.opened_contents(actor, row),
        "verdicts": verdicts_of(row),
        "openings": queries.openings(actor, row.scenario),
        "consequences": [
            _("It will never be opened."),
            _("Until the deadline you may submit again."),
            _("You get a signed receipt of the withdrawal."),
        ],
    }
    return page(request, "bidding/bid.html", context, error=error)


def verdicts_of(row: Bid) -> list[Any]:
    """The verdicts that stand, told to the bidder on the day they are given."""
    checks = queries.standing_verdicts([row])
    return [
        (condition, checks.get((row.pk, condition.pk)))
        for condition in row.scenario.conditions.order_by("position", "pk")
        if (row.pk, condition.pk) in checks
    ]


def receipt_facts(row: Bid, version: BidVersion) -> dict[str, Any]:
    return {
        "ref": row.scenario.ref,
        "organisation": row.organisation.name,
        "version": version.number,
        "received_at": version.received_at,
        "key_id": version.receipt.key_id,
        "sha256": hashlib.sha256(bytes(version.receipt.body)).hexdigest(),
        "url": reverse("receipt", args=[version.receipt.uid]),
    }


@never_cache
@require_GET
def receipt(request: Request, uid: UUID) -> HttpResponse:
    """The signed receipt as a file; who may not see the bid gets a 404."""
    rows = BidVersion.objects.visible_to(actor_of(request)).select_related("receipt")
    version = first_or_404(rows.filter(receipt__uid=uid))
    response = JsonResponse(
        receipts.document(version.receipt), json_dumps_params={"ensure_ascii": False, "indent": 2}
    )
    response.headers["Content-Disposition"] = f'attachment; filename="receipt-{uid}.json"'
    return response


@never_cache
@require_GET
def opened_file(request: Request, uid: UUID) -> FileResponse:
    """An attachment of an opened envelope, always as a download."""
    rows = OpenedFile.objects.visible_to(actor_of(request))
    row = first_or_404(rows.filter(uid=uid))
    return FileResponse(
        storage.path_of(row.stored_name).open("rb"),
        as_attachment=True,
        filename=row.name,
        content_type="application/octet-stream",
    )


# -- The opening ---------------------------------------------------------------------------------------
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def opening(request: Request, address: str) -> HttpResponse:
    """The live list for those who take part; a key holder's confirmation is the one deed here."""
    scenario = scenario_or_404(request, address)
    error = None
    if request.method == "POST":
        _opening, error = attempt(
            actions.confirm_opening,
            actor=actor_of(request),
            scenario_uid=scenario.uid,
            stage=request.POST.get("stage", OpeningStage.FIRST),
        )
        if error is None:
            messages.success(request, _("Your confirmation is recorded."))
            return redirect("opening", scenario.address)
    return page(request, "bidding/opening.html", opening_context(request, scenario), error=error)


@never_cache
@require_GET
def opening_live(request: Request, address: str) -> HttpResponse:
    """The part of the opening's page that changes; asked for every two seconds."""
    scenario = scenario_or_404(request, address)
    return render(request, "bidding/_opening_live.html", opening_context(request, scenario))


def opening_context(request: Request, scenario: Scenario) -> dict[str, Any]:
    actor = actor_of(request)
    openings = queries.openings(actor, scenario)
    if not openings:
        raise Http404
    may_confirm = can_confirm_opening(actor, scenario)
    stages = [
        {
            "opening": row,
            "entries": queries.opening_entries(actor, row),
            "given": len(row.confirmations.all()),
            "waiting": row.state == OpeningState.WAITING,
            "may_confirm": may_confirm
            and row.state == OpeningState.WAITING
            and all(given.user_id != actor.user_id for given in row.confirmations.all()),
            "has_confirmed": any(g.user_id == actor.user_id for g in row.confirmations.all()),
        }
        for row in openings
    ]
    return {
        "scenario": scenario,
        "stages": stages,
        "running": any(row.state != OpeningState.FINISHED for row in openings),
        "now": clock.now(),
    }


@never_cache
@require_GET
def opening_record(request: Request, address: str, stage: str) -> HttpResponse:
    """The record of a finished opening as a file."""
    scenario = scenario_or_404(request, address)
    rows = [o for o in queries.openings(actor_of(request), scenario) if o.stage == stage]
    if not rows or rows[0].state != OpeningState.FINISHED:
        raise Http404
    record = plain(queries.opening_record(actor_of(request), rows[0]))
    response = JsonResponse(record, json_dumps_params={"ensure_ascii": False, "indent": 2})
    name = f"opening-{scenario.address}-{stage}.json"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


# -- Eligibility ---------------------------------------------------------------------------------------
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def eligibility(request: Request, address: str) -> HttpResponse:
    """Each opened bid against each listed condition. One deed a post: start, check or conclude."""
    scenario = scenario_or_404(request, address)
    actor = actor_of(request)
    forbid_unless(can_see_eligibility(actor, scenario))
    if scenario.state in {*BEFORE_PUBLICATION, State.PUBLISHED, State.CLOSED}:
        raise Http404
    if request.method != "POST":
        return eligibility_page(request, scenario)
    step = request.POST.get("step", "")
    if step == "check":
        return check_one(request, scenario)
    action = {"start": actions.start_eligibility, "conclude": actions.conclude_eligibility}.get(
        step
    )
    if action is None:
        raise Http404
    _scenario, error = attempt(action, actor=actor, scenario_uid=scenario.uid)
    if error:
        return eligibility_page(request, scenario, error=error)
    said = {
        "start": _("The eligibility check has begun."),
        "conclude": _("The eligibility check is concluded; each bidder finds its result."),
    }
    messages.success(request, said[step])
    return redirect("eligibility", scenario.address)


def check_one(request: Request, scenario: Scenario) -> HttpResponse:
    form = VerdictForm(request.POST)
    given = {name: request.POST.get(name, "") for name in ("bid", "condition", "verdict", "reason")}
    try:
        bid_uid = UUID(given["bid"])
    except ValueError as error:
        raise Http404 from error
    _check, refusal = attempt(
        actions.check_condition,
        actor=actor_of(request),
        bid_uid=bid_uid,
        condition_code=given["condition"],
        verdict=given["verdict"],
        reason=given["reason"],
    )
    if refusal:
        show_refusal(form, refusal)
    elif not request.htmx:
        return redirect("eligibility", scenario.address)
    typed = {"bid": bid_uid, "condition": given["condition"], "form": form} if refusal else None
    return eligibility_page(request, scenario, error=refusal, typed=typed)


def eligibility_page(
    request: Request,
    scenario: Scenario,
    *,
    error: DomainError | None = None,
    typed: dict[str, Any] | None = None,
) -> HttpResponse:
    actor = actor_of(request)
    rows = queries.eligibility_matrix(actor, scenario)
    deciding = can_check_eligibility(actor, scenario) and scenario.state == State.ELIGIBILITY
    missing = sum(row.missing for row in rows if row.bid.state == BidState.OPENED)
    context = {
        "scenario": scenario,
        "rows": [matrix_row(row, typed, editable=deciding) for row in rows],
        "conditions": [cell.condition for cell in rows[0].cells] if rows else [],
        "may_start": can_check_eligibility(actor, scenario) and scenario.state == State.OPENED,
        "deciding": deciding,
        "missing": missing,
        "conclude": {"step": "conclude"},
        "told": error if error and not (typed and error.errors) else None,
        "consequences": [
            _("Bids under one control, and bids that share a member, become void."),
            _("Each bidder is told its result with the reasons."),
            _("The verdicts cannot be changed afterwards."),
        ],
    }
    template = "bidding/_eligibility_live.html" if request.htmx else "bidding/eligibility.html"
    return page(request, template, context, error=error)


def matrix_row(
    row: queries.MatrixRow, typed: dict[str, Any] | None, *, editable: bool
) -> dict[str, Any]:
    """A row with a form per cell; the one that was refused keeps what was typed."""
    cells = []
    for cell in row.cells:
        form: VerdictForm | None = None
        if editable and row.bid.state == BidState.OPENED:
            auto_id = f"id_{row.bid.blind_code}_{cell.condition.code}_%s"
            here = (row.bid.uid, cell.condition.code)
            if typed and (typed["bid"], typed["condition"]) == here:
                form = typed["form"]
                form.auto_id = auto_id
            else:
                initial = (
                    {"verdict": cell.check.verdict, "reason": cell.check.reason}
                    if cell.check
                    else {}
                )
                form = VerdictForm(initial=initial, auto_id=auto_id)
        cells.append({"cell": cell, "form": form})
    return {"row": row, "cells": cells}


urlpatterns = [
    path("scenarios/<str:address>/bid/", bid_form, name="bid-form"),
    path("scenarios/<str:address>/opening/", opening, name="opening"),
    path("scenarios/<str:address>/opening/live/", opening_live, name="opening-live"),
    path("scenarios/<str:address>/opening/<str:stage>.json", opening_record, name="opening-record"),
    path("scenarios/<str:address>/eligibility/", eligibility, name="eligibility"),
    path("bids/files/<uuid:uid>/", opened_file, name="opened-file"),
    path("bids/<uuid:uid>/", bid, name="bid"),
    path("bids/<uuid:uid>/withdraw/", bid_withdraw, name="bid-withdraw"),
    path("receipts/<uuid:uid>.json", receipt, name="receipt"),
]
