"""Check a receipt here, or take the script along and do not trust this page either.

With scripts the page checks it by itself (static/jiebang/verify.js) and sends nothing; without, the
form brings it here. Both ask what ledger/verify.py asks, and say it in its sentences.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from django import forms
from django.contrib.auth.decorators import login_not_required
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils.functional import Promise
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from marketplace.bidding.record.faults import RULE, RULE_NAME, RULE_SHA256, in_language
from marketplace.ledger import keys as published
from marketplace.ledger import verify as offline
from marketplace.ledger.verify import Finding
from marketplace.web.log import script_text
from marketplace.web.request import Request
from marketplace.web.shared import shared
from marketplace.web.words import NOTHING

LARGEST = 1024 * 1024
STATES = ("held", "failed", "absent", "unchecked", "unknown")
VERDICTS: dict[str, str | Promise] = {
    "holds": gettext_lazy("This receipt holds"),
    "inside": gettext_lazy("This receipt holds for the key inside it"),
    "fails": gettext_lazy("This receipt does not hold"),
    "unknown": gettext_lazy("This receipt cannot be checked here"),
}
NAMES: dict[str, str | Promise] = {
    "type": gettext_lazy("Kind"),
    "scenario": gettext_lazy("Demand (uid)"),
    "scenario_ref": gettext_lazy("Demand"),
    "organisation": gettext_lazy("Organisation (uid)"),
    "bid": gettext_lazy("Bid (uid)"),
    "version": gettext_lazy("Version"),
    "received_at": gettext_lazy("Received (UTC)"),
    "envelopes": gettext_lazy("Envelopes"),
    "previous_receipt_sha256": gettext_lazy("SHA-256 of the receipt before"),
    "statement": gettext_lazy("Statement"),
    "title": gettext_lazy("Title"),
    "opening": gettext_lazy("Opening (uid)"),
    "stage": gettext_lazy("Stage"),
    "deadline_at": gettext_lazy("Deadline (UTC)"),
    "requested_at": gettext_lazy("Requested (UTC)"),
    "confirmed_at": gettext_lazy("Confirmed (UTC)"),
    "finished_at": gettext_lazy("Finished (UTC)"),
    "time_source": gettext_lazy("Source of time"),
    "time_token": gettext_lazy("Timestamp of the opening"),
    "closing_tree_size": gettext_lazy("Size of the log at the closing"),
    "confirmations_needed": gettext_lazy("Confirmations needed"),
    "confirmations": gettext_lazy("Confirmations"),
    "rule": gettext_lazy("Rule of faults"),
    "bids": gettext_lazy("Bids"),
    "log": gettext_lazy("Promised to the log"),
}
CHOOSE = gettext_lazy("Choose the file of a receipt, or paste its text.")
TOO_LARGE = gettext_lazy("A receipt is smaller than 1 MiB; this is not one.")


class ReceiptForm(forms.Form):
    file = forms.FileField(label=gettext_lazy("Receipt file"), required=False)
    pasted = forms.CharField(
        label=gettext_lazy("Or paste its text"),
        required=False,
        strip=True,
        widget=forms.Textarea(attrs={"rows": 6, "spellcheck": "false"}),
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        file, pasted = cleaned.get("file"), cleaned.get("pasted", "")
        if not file and not pasted:
            raise forms.ValidationError(CHOOSE)
        if (file.size if file else len(pasted)) > LARGEST:
            raise forms.ValidationError(TOO_LARGE)
        cleaned["document"] = read(file.read() if file else pasted.encode())
        return cleaned


def read(raw: bytes) -> dict[str, Any]:
    try:
        document = json.loads(raw.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise forms.ValidationError(
            _("This is not the JSON text of a receipt. Take the file as it was downloaded.")
        ) from error
    if not isinstance(document, dict):
        raise forms.ValidationError(_("This is JSON, but not a receipt."))
    return document


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def verify_page(request: Request) -> HttpResponse:
    """Reads only: nothing of what is handed in is kept."""
    form = ReceiptForm(request.POST or None, request.FILES or None)
    context: dict[str, Any] = {
        "form": form,
        "script_sha256": hashlib.sha256(script_text("jiebang_verify.py")).hexdigest(),
        "states": STATES,
        "data": words_for_the_script(),
        "shared": shared(request, _("Verify a receipt")),
        "fault_rule": {
            "name": RULE_NAME,
            "sha256": RULE_SHA256,
            "clauses": [in_language(clause) for clause in RULE],
        },
    }
    status = 200
    if request.method == "POST":
        if not form.is_bound:
            form = context["form"] = ReceiptForm({})
        if form.is_valid():
            context |= examined(form.cleaned_data["document"])
        else:
            status = 422
    return render(request, "public/verify.html", context, status=status)


def words_for_the_script() -> dict[str, Any]:
    """What it says, in the language of the page."""
    place = 0 if (get_language() or "").startswith("zh") else 1
    return {
        "says": {code: texts[place] for code, texts in offline.SAYS.items()},
        "verdicts": {name: str(text) for name, text in VERDICTS.items()},
        "names": {name: str(text) for name, text in NAMES.items()},
        "nothing": NOTHING,
        "choose": str(CHOOSE),
        "too_large": str(TOO_LARGE),
        "largest": LARGEST,
    }


def examined(document: dict[str, Any]) -> dict[str, Any]:
    """Each check in words, up to the first that fails."""
    keys = offline.Keys.published(published.published())
    try:
        findings, signed = offline.examine(document, keys=keys)
        verdict = "fails" if signed is None else "holds"
    except offline.CannotCheck as error:
        findings = [Finding(error.check, "unknown", error.code, error.values)]
        signed, verdict = None, "unknown"
    language = get_language() or ""
    checks = [
        {"state": finding.state, "text": finding.said(language)}
        for finding in findings
        if finding.state in STATES
    ]
    said = signed.items() if isinstance(signed, dict) else ()
    statement = [(NAMES.get(name, name), _words(value)) for name, value in said]
    return {"checks": checks, "verdict": VERDICTS[verdict], "statement": statement}


def _words(value: Any) -> str:
    """A signed value for reading: a line per entry of a list, the values of an object in a row."""
    if value is None:
        return NOTHING
    if isinstance(value, list):
        return "\n".join(map(_words, value))
    if isinstance(value, dict):
        return " · ".join(map(_words, value.values()))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


urlpatterns = [path("verify/", verify_page, name="verify")]
