"""Check a receipt here, or take the script along and do not trust this page either."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from django import forms
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils.functional import Promise
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from marketplace.ledger import receipts
from marketplace.ledger import verify as offline
from marketplace.web.words import NOTHING

LARGEST = 64 * 1024
SCRIPT = Path(offline.__file__)
QUESTIONS: dict[str, str | Promise] = {
    "format": gettext_lazy("It has the form of a receipt of this platform."),
    "key": gettext_lazy("It names the key that this platform publishes."),
    "signature": gettext_lazy("The signature fits the signed text: not a letter was changed."),
    "reading": gettext_lazy("The readable part says the same as the signed text."),
}
FAILURES: dict[str, str | Promise] = {
    "format": gettext_lazy("This is not a receipt of this platform, or a part of it is missing."),
    "key": gettext_lazy("It names another key: somebody else signed it, or nobody."),
    "signature": gettext_lazy("The signature does not fit: the signed text was changed."),
    "reading": gettext_lazy("The readable part was changed; what was signed says something else."),
}
# What is absent (no proof yet) or cannot be asked of this receipt has no line.
STATES = {"held": "passed", "failed": "failed", "skipped": "skipped"}
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
}


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
            raise forms.ValidationError(_("Choose the file of a receipt, or paste its text."))
        if (file.size if file else len(pasted)) > LARGEST:
            raise forms.ValidationError(_("A receipt is smaller than 64 KiB; this is not one."))
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
def verify_page(request: HttpRequest) -> HttpResponse:
    """Reads only: nothing of what is handed in is kept."""
    form = ReceiptForm(request.POST or None, request.FILES or None)
    context: dict[str, Any] = {
        "form": form,
        "public_key": receipts.public_key_text(),
        "script_sha256": hashlib.sha256(SCRIPT.read_bytes()).hexdigest(),
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


def examined(document: dict[str, Any]) -> dict[str, Any]:
    """Each check in words: passed, failed, or not reached."""
    language = get_language() or ""
    try:
        keys = offline.Keys.given([receipts.public_key_text()])
        findings, signed = offline.examine(document, keys=keys)
    except offline.CannotCheck as error:
        findings, signed = [offline.Finding(error.check, "failed", error.code, error.values)], None
    checks = []
    for finding in findings:
        text = (FAILURES if finding.state == "failed" else QUESTIONS).get(finding.check)
        if finding.state in STATES and (text or finding.code):
            checks.append({"state": STATES[finding.state], "text": text or finding.said(language)})
    said = signed.items() if isinstance(signed, dict) else ()
    statement = [(NAMES.get(name, name), _words(value)) for name, value in said]
    return {"checks": checks, "valid": signed is not None, "statement": statement}


def _words(value: Any) -> str:
    """A signed value for reading: a line per entry of a list, the values of an object in a row."""
    if value is None:
        return NOTHING
    if isinstance(value, list):
        return "\n".join(map(_words, value))
    if isinstance(value, dict):
        return " · ".join(map(_words, value.values()))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


@login_not_required
@require_safe
def script(request: HttpRequest) -> HttpResponse:
    response = HttpResponse(SCRIPT.read_bytes(), content_type="text/x-python; charset=utf-8")
    response.headers["Content-Disposition"] = 'attachment; filename="jiebang_verify.py"'
    return response


urlpatterns = [
    path("verify/", verify_page, name="verify"),
    path("verify/jiebang_verify.py", script, name="verify-script"),
]
