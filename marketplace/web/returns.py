"""What became of the bids that did not win: the office certifies, the bidder keeps the paper."""

from __future__ import annotations

from functools import partial
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from marketplace.base import clock
from marketplace.base.errors import DomainError
from marketplace.bidding.returns.actions import certify_return
from marketplace.bidding.returns.models import ReturnKind
from marketplace.bidding.returns.printing import pdf
from marketplace.bidding.returns.queries import (
    OVER,
    certificate_of,
    document,
    due_at,
    ended_at,
    retained_until,
    returns_of,
)
from marketplace.scenarios.models import Scenario
from marketplace.web.pages import (
    actor_of,
    as_file,
    attempt,
    forbid_unless,
    page,
    scenario_or_404,
    show_refusal,
)
from marketplace.web.request import Request


class ReturnForm(forms.Form):
    kind = forms.ChoiceField(
        label=gettext_lazy("What was done"),
        choices=ReturnKind.choices,
        widget=forms.RadioSelect,
    )
    note = forms.CharField(
        label=gettext_lazy("Note"),
        help_text=gettext_lazy("It stands in the certificate, which the bidder gets."),
        max_length=2000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
    )

    def __init__(self, *args: Any, kinds: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.label_suffix = ""
        field = self.fields["kind"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(kind, label) for kind, label in ReturnKind.choices if kind in kinds]


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def returns(request: Request, address: str) -> HttpResponse:
    """Every bid that did not win, what was certified, and a form where something is left to do."""
    scenario = scenario_or_404(request, address)
    forbid_unless(actor_of(request).is_office)
    if scenario.state not in OVER:
        raise Http404
    if request.method != "POST":
        return returns_page(request, scenario)
    try:
        uid = UUID(request.POST.get("bid", ""))
    except ValueError as error:
        raise Http404 from error
    _made, refusal = attempt(
        certify_return,
        actor=actor_of(request),
        bid_uid=uid,
        kind=request.POST.get("kind", ""),
        note=request.POST.get("note", "")[:2000],
    )
    if refusal:
        return returns_page(request, scenario, error=refusal, typed=uid)
    messages.success(request, _("The certificate is signed; the bidder finds it with its bid."))
    return redirect("returns", scenario.address)


def returns_page(
    request: Request,
    scenario: Scenario,
    *,
    error: DomainError | None = None,
    typed: UUID | None = None,
) -> HttpResponse:
    actor = actor_of(request)
    ended = ended_at(scenario) or clock.now()
    until = retained_until(scenario, ended)
    kept = until is not None and clock.now() < until
    rows = []
    for bid in returns_of(actor, scenario):
        given = {row.kind for row in vars(bid)["certificates"]}
        left = [
            kind
            for kind in ReturnKind.values
            if kind not in given and not (kind == ReturnKind.DESTROYED and kept)
        ]
        if ReturnKind.DESTROYED in given:
            left = []
        form = None
        if left and actor.role == "officer":
            here = typed == bid.uid
            form = ReturnForm(
                request.POST if here else None, kinds=left, auto_id=f"id_{bid.uid}_%s"
            )
            if here and error:
                show_refusal(form, error)
        rows.append({"bid": bid, "certificates": vars(bid)["certificates"], "form": form})
    context = {
        "scenario": scenario,
        "rows": rows,
        "due_at": due_at(scenario, ended),
        "until": until if kept else None,
        "told": error if error and not error.errors else None,
        "consequences": [
            _("From then on only the bidder and an inspector read the contents."),
            _("Destruction removes files and sealed bytes for good."),
            _("The certificate cannot be taken back."),
        ],
    }
    return page(request, "bidding/returns.html", context, error=error)


@never_cache
@require_GET
def certificate(request: Request, uid: UUID, form: str = "json") -> HttpResponse:
    """For the bidder, and whoever saw the bid in the opening."""
    row = certificate_of(actor_of(request), uid)
    if row is None:
        raise Http404
    name = f"return-{row.uid}.{form}"
    return as_file(document(row), partial(pdf, row.uid) if form == "pdf" else None, name)


urlpatterns = [
    path("scenarios/<str:address>/returns/", returns, name="returns"),
    path("bids/returns/<uuid:uid>.json", certificate, name="return-certificate"),
    path(
        "bids/returns/<uuid:uid>.pdf",
        certificate,
        {"form": "pdf"},
        name="return-certificate-pdf",
    ),
]
