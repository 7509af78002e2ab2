"""Pages of bidding: the form and one's bid with its receipts."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST, require_safe

from marketplace.awards.queries import OwnResult, own_result
from marketplace.base import clock
from marketplace.base.actor import Actor
from marketplace.base.errors import DomainError, NotFound
from marketplace.base.rules import require_confidentiality
from marketplace.bidding import actions, queries
from marketplace.bidding import sheet as sheets
from marketplace.bidding.commitment import BidCommitment
from marketplace.bidding.models import (
    Bid,
    BidState,
    BidVersion,
    OpenedFile,
)
from marketplace.bidding.record.queries import records
from marketplace.bidding.returns.queries import certificates, require_kept
from marketplace.bidding.rules import (
    can_bid,
    can_withdraw_bid,
)
from marketplace.bidding.sentences import all_sentences
from marketplace.bidding.windows import refusal_to_take_bids
from marketplace.committee.defence.queries import asks_bidder
from marketplace.files.access import record_access
from marketplace.files.http import send
from marketplace.files.serving import Served
from marketplace.files.sniffing import UNKNOWN
from marketplace.ledger import receipts
from marketplace.ledger.log.queries import promised_by, sealed
from marketplace.scenarios.models import Envelope, Scenario
from marketplace.scenarios.queries import closes_at
from marketplace.web.answers import attached
from marketplace.web.consortium_shown import consortium_of
from marketplace.web.forms.bidding import BidForm, row_forms
from marketplace.web.pages import (
    actor_of,
    attempt,
    first_or_404,
    forbid_unless,
    page,
    scenario_or_404,
)
from marketplace.web.request import Request
from marketplace.web.sealing_words import WORDS

BLANK = UUID(int=0)


# -- The form ------------------------------------------------------------------------------------------
@never_cache
@require_safe
def bid_form(request: Request, address: str) -> HttpResponse:
    """Fill, check, seal, submit, all in the browser: nothing readable of a bid comes back here."""
    scenario = scenario_or_404(request, address)
    if address != scenario.address:
        return redirect("bid-form", scenario.address)
    forbid_unless(can_bid(actor_of(request), scenario))
    now = clock.now()
    refusal = refusal_to_take_bids(scenario, now)
    awaited = queries.awaited_bytes(actor_of(request), scenario, now)
    if refusal and not awaited:
        return form_page(request, scenario, closed=refusal)
    sheet, error = attempt(sheets.sealing_sheet, actor=actor_of(request), scenario=scenario)
    if error:
        return form_page(request, scenario, closed=error, error=error)
    return form_page(request, scenario, sheet=sheet, awaited=awaited)


def form_page(
    request: Request,
    scenario: Scenario,
    *,
    sheet: dict[str, Any] | None = None,
    awaited: BidCommitment | None = None,
    closed: DomainError | None = None,
    error: DomainError | None = None,
) -> HttpResponse:
    """awaited: after the deadline, whose bytes are still taken: the page takes these and no more."""
    commitments = queries.my_commitments(actor_of(request), scenario)
    context = {
        "scenario": scenario,
        "form": BidForm(scenario=scenario),
        "rows": row_forms(),
        "envelopes": Envelope.choices,
        "mine": queries.my_bid(actor_of(request), scenario),
        "awaited": awaited,
        **commitments_shown(scenario, commitments),
        "steps": form_steps(scenario),
        "now": clock.now(),
        "closed": closed,
        "data": sealing_data(request, scenario, sheet, commitments) if sheet else None,
    }
    return page(request, "bidding/bid_form.html", context, error=error)


def commitments_shown(scenario: Scenario, commitments: list[BidCommitment]) -> dict[str, Any]:
    """What the card of committed hashes needs; `bytes_until` is None where nothing is granted."""
    until = closes_at(scenario)
    return {
        "commitments": commitments,
        "counting": queries.counting(commitments),
        "bytes_until": until if until != scenario.deadline_at else None,
    }


def sealing_data(
    request: Request,
    scenario: Scenario,
    sheet: dict[str, Any],
    commitments: list[BidCommitment],
) -> dict[str, Any]:
    """All that the page's scripts need: the demand, the addresses, every sentence.

    `key` tells apart what this browser keeps for several people and demands; `blank` stands in the
    addresses for an object that is not there yet.
    """
    actor = actor_of(request)
    counting, closes = queries.counting(commitments), closes_at(scenario)
    return {
        "sheet": sheet,
        "committed": counting.envelopes if counting else None,
        "bytes_until": f"{closes.astimezone(clock.SHANGHAI):%Y-%m-%d %H:%M:%S}" if closes else "",
        "person": str(actor.person.uid),
        "key": f"{actor.person.uid}-{sheet['organisation']}-{scenario.uid}",
        "nodes": list(
            scenario.payment_nodes.order_by("position", "pk").values_list("name", flat=True)
        ),
        "addresses": {
            "uploads": reverse("api-uploads"),
            "packages": reverse("api-package-assemble", args=[scenario.uid]),
            "package": reverse("api-package", args=[BLANK]),
            "commitments": reverse("api-commit-hashes", args=[scenario.uid]),
            "bid": reverse("bid", args=[BLANK]),
        },
        "blank": str(BLANK),
        "sentences": all_sentences(),
        "words": {name: str(text) for name, text in WORDS.items()},
    }


def form_steps(scenario: Scenario) -> list[dict[str, Any]]:
    return [
        {"label": _("Fill in"), "state": "now"},
        {"label": _("Check"), "state": "next"},
        {"label": _("Seal"), "state": "next"},
        {"label": _("Submit"), "state": "next", "at": scenario.deadline_at},
        {"label": _("Receipt"), "state": "next"},
    ]


@never_cache
@require_GET
def sealing_sheet(request: Request, address: str) -> HttpResponse:
    """What a bidder needs to check and seal on a machine of its own, as a file."""
    scenario = scenario_or_404(request, address)
    forbid_unless(can_bid(actor_of(request), scenario))
    told, error = attempt(sheets.sealing_sheet, actor=actor_of(request), scenario=scenario)
    if error:
        return form_page(request, scenario, closed=error, error=error)
    response = JsonResponse(told, json_dumps_params={"ensure_ascii": False, "indent": 2})
    return attached(response, f"sealing-{scenario.ref}.json")


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


def bid_page(
    request: Request,
    uid: UUID,
    error: DomainError | None = None,
    typed: dict[str, Any] | None = None,
) -> HttpResponse:
    """typed: a refused form of the consortium, by its name."""
    actor = actor_of(request)
    rows = Bid.objects.visible_to(actor).select_related("organisation", "scenario__profile")
    row = first_or_404(rows.filter(uid=uid))
    now = clock.now()
    mine = can_withdraw_bid(actor, row)
    open_now = refusal_to_take_bids(row.scenario, now) is None
    versions = queries.versions_of(actor, row)
    own = row.organisation_id == actor.organisation_id
    in_log = sealed(version.receipt.event_id for version in versions)
    contents = queries.opened_contents(actor, row)
    if contents and not own and request.method == "GET":
        record_access(actor=actor, subject_uid=row.uid, what="bid.read")
    context = {
        "bid": row,
        "scenario": row.scenario,
        "now": now,
        "versions": versions,
        "receipt": receipt_facts(row, versions[0], in_log) if versions else None,
        "in_log": in_log,
        "own": own,
        "panel_asks": own and asks_bidder(row),
        **commitments_shown(
            row.scenario, queries.my_commitments(actor, row.scenario) if own else []
        ),
        "awaited": own and queries.awaited_bytes(actor, row.scenario, now),
        "can_revise": mine and open_now,
        "can_withdraw": mine and open_now and row.state == BidState.SUBMITTED,
        "contents": contents,
        "consortium": consortium_of(actor, row, typed),
        "verdicts": verdicts_of(row),
        "result": result_of(actor, row),
        "openings": queries.openings(actor, row.scenario),
        "records": records(actor, row.scenario),
        "certificates": certificates(actor, [row]),
        "consequences": [
            _("It will never be opened."),
            _("Until the deadline you may submit again."),
            _("You get a signed receipt of the withdrawal."),
        ],
    }
    return page(request, "bidding/bid.html", context, error=error)


def result_of(actor: Actor, row: Bid) -> OwnResult | None:
    """Place, points and reasons for the bidder itself, once they may be told."""
    try:
        return own_result(actor, row)
    except NotFound:
        return None


def verdicts_of(row: Bid) -> list[Any]:
    """The verdicts that stand, told to the bidder on the day they are given."""
    checks = queries.standing_verdicts([row])
    return [
        (condition, checks.get((row.pk, condition.pk)))
        for condition in row.scenario.conditions.order_by("position", "pk")
        if (row.pk, condition.pk) in checks
    ]


def receipt_facts(row: Bid, version: BidVersion, in_log: dict[int, int]) -> dict[str, Any]:
    """in_log: the indexes of events that are sealed; receipts from before the log have no event."""
    event_id = version.receipt.event_id
    return {
        "ref": row.scenario.ref,
        "organisation": row.organisation.name,
        "version": version.number,
        "received_at": version.received_at,
        "key_id": version.receipt.key_id,
        "sha256": receipts.receipt_hash(version.receipt),
        "url": reverse("receipt", args=[version.receipt.uid]),
        "verify_url": reverse("verify"),
        "sealed": event_id in in_log,
        "proof_by": promised_by(version.received_at) if event_id else None,
    }


@never_cache
@require_GET
def receipt(request: Request, uid: UUID) -> HttpResponse:
    """The signed receipt as a file; who may not see the bid gets a 404."""
    found = queries.own_receipt(actor_of(request), uid)
    if found is None:
        raise Http404
    response = JsonResponse(
        receipts.document(found), json_dumps_params={"ensure_ascii": False, "indent": 2}
    )
    return attached(response, f"receipt-{uid}.json")


@never_cache
@require_GET
def opened_file(request: Request, uid: UUID) -> HttpResponseBase:
    """An attachment of an opened envelope, always as a download."""
    rows = OpenedFile.objects.visible_to(actor_of(request))
    row = first_or_404(rows.filter(uid=uid))
    require_confidentiality(actor_of(request))
    _kept, gone = attempt(require_kept, file=row)
    if gone:
        return render(request, "errors/destroyed.html", {"sentence": str(gone)}, status=gone.status)
    record_access(actor=actor_of(request), subject_uid=row.uid, what="bid.file")
    return send(request, Served(row.stored_name, row.name, row.sha256, row.size, UNKNOWN))


urlpatterns = [
    path("scenarios/<str:address>/bid/", bid_form, name="bid-form"),
    path("scenarios/<str:address>/sealing.json", sealing_sheet, name="sealing-sheet"),
    path("bids/files/<uuid:uid>/", opened_file, name="opened-file"),
    path("bids/<uuid:uid>/", bid, name="bid"),
    path("bids/<uuid:uid>/withdraw/", bid_withdraw, name="bid-withdraw"),
    path("receipts/<uuid:uid>.json", receipt, name="receipt"),
]
