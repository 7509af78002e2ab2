"""Experts from a spreadsheet: the form, the reading, the preview and its taking over."""

from __future__ import annotations

import hashlib
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from marketplace.base.actor import Actor
from marketplace.base.errors import DomainError, Invalid
from marketplace.base.texts import Wrong
from marketplace.experts import actions
from marketplace.experts.importing.models import ExpertImport, ImportState
from marketplace.experts.importing.reading import PEOPLE_MOST, TIES_MOST, Table
from marketplace.experts.models import InterestKind, Relation
from marketplace.experts.rules import can_import_experts
from marketplace.scenarios.drafting.commas import commas_of
from marketplace.scenarios.drafting.tables import tables_of
from marketplace.scenarios.queries import specialties
from marketplace.web.answers import attached
from marketplace.web.drafting import TYPES, sent_file
from marketplace.web.experts import specialty_terms
from marketplace.web.forms.experts import ConsentForm
from marketplace.web.pages import actor_of, attempt, first_or_404, forbid_unless, page, show_refusal
from marketplace.web.request import Request


def importer(request: Request) -> Actor:
    actor = actor_of(request)
    if not actor.is_office:
        raise Http404
    forbid_unless(can_import_experts(actor, None))
    return actor


def specialty_words() -> dict[str, list[str]]:
    return {row.code: [row.name_zh, row.name_en] for row in specialties()}


@require_safe
def form_file(request: Request) -> HttpResponse:
    """The form to fill in, in the reader's language."""
    importer(request)
    from marketplace.web.forms.expert_sheet import workbook  # noqa: PLC0415 - openpyxl and what it brings: not for every process

    made = workbook(specialty_terms())
    return attached(HttpResponse(made, content_type=TYPES["xlsx"]), "experts.xlsx")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def upload(request: Request) -> HttpResponse:
    actor = importer(request)
    rows = ExpertImport.objects.visible_to(actor).filter(state=ImportState.PREVIEWED)
    context: dict[str, Any] = {
        "people_most": PEOPLE_MOST,
        "ties_most": TIES_MOST,
        "waiting": rows.order_by("-pk").first(),
    }
    if request.method != "POST":
        return page(request, "experts/import.html", context)
    try:
        tables, sha256 = read(request)
    except Wrong as wrong:
        context["wrong"] = wrong.message
        response = page(request, "experts/import.html", context)
        response.status_code = 422
        return response
    made, error = attempt(
        actions.preview_import,
        actor=actor,
        tables=tables,
        file_sha256=sha256,
        specialties=specialty_words(),
    )
    if error is None:
        return redirect("expert-import-preview", uid=made.uid)
    context["wrong"] = first_sentence(error)
    return page(request, "experts/import.html", context, error=error)


def read(request: Request) -> tuple[list[Table], str]:
    """Raises Wrong where there is no file, or none that can be read."""
    sent = sent_file(request)
    raw = sent.read()
    named = (sent.name or "").lower()
    tables = [commas_of(raw)] if named.endswith(".csv") else tables_of(raw)
    return tables, hashlib.sha256(raw).hexdigest()


def first_sentence(error: DomainError) -> str:
    if isinstance(error, Invalid) and error.errors:
        return str(next(iter(error.errors.values()))[0])
    return str(error)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def preview(request: Request, uid: UUID) -> HttpResponse:
    """What was understood, kept as it was; the button takes over exactly this."""
    actor = importer(request)
    row = first_or_404(ExpertImport.objects.visible_to(actor).filter(uid=uid))
    form = ConsentForm(request.POST if request.method == "POST" else None)
    error = None
    shown = row.rows or {"people": [], "ties": []}
    numbers = [person["row"] for person in shown["people"]]
    skipped = [n for n in numbers if request.POST.get(f"row-{n}") == "skip"]
    if request.method == "POST":
        done, error = attempt(
            actions.confirm_import,
            actor=actor,
            import_uid=uid,
            skip=skipped,
            consent_number=form["consent_number"].value(),
        )
        if error is None:
            said = _("Added: %(added)s, updated: %(updated)s, ties: %(ties)s.") % {
                "added": done.added,
                "updated": done.updated,
                "ties": done.ties_added,
            }
            messages.success(request, said)
            return redirect("experts")
        show_refusal(form, error)
    elif row.state != ImportState.PREVIEWED:
        return redirect("expert-import")
    terms = specialty_terms()
    kinds, relations = dict(InterestKind.choices), dict(Relation.choices)
    for person in shown["people"]:
        person["words"] = [terms.get(code, code) for code in person["specialties"]]
    for tie in shown["ties"]:
        tie["word"] = relations.get(tie["relation"]) or kinds[tie["kind"]]
    context = {**shown, "faults": row.faults or [], "form": form, "skipped": skipped}
    return page(request, "experts/imported.html", context, error=error)


urlpatterns = [
    path("desk/experts/import/", upload, name="expert-import"),
    path("desk/experts/import/form.xlsx", form_file, name="expert-import-form"),
    path("desk/experts/import/<uuid:uid>/", preview, name="expert-import-preview"),
]
