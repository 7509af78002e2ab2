"""Pages on which a demand begins: from one's own, a template, or a file that was filled in."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from marketplace.base import clock
from marketplace.base.languages import english
from marketplace.base.texts import Wrong
from marketplace.scenarios import queries
from marketplace.scenarios.content import by_field, read
from marketplace.scenarios.drafting.archive import FILE_MOST
from marketplace.scenarios.drafting.sheet import Understood, understand
from marketplace.scenarios.drafting.starting import own_demands, templates
from marketplace.scenarios.drafting.tables import tables_of
from marketplace.scenarios.models import OWNER_EDITS, Scenario
from marketplace.scenarios.queries import known_codes
from marketplace.scenarios.rules import can_draft_scenario, can_edit_scenario
from marketplace.web.answers import attached
from marketplace.web.forms.asked import choices_read, kinds, layout, spoken
from marketplace.web.forms.scenarios import (
    PARTS,
    initial_of,
    seen_of,
    typed_data,
)
from marketplace.web.pages import actor_of, forbid_unless, scenario_or_404
from marketplace.web.request import Request
from marketplace.web.scenarios import place_of
from marketplace.web.words import written

TYPES = {
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
SHOWN_MOST = 300  # characters of a value in the preview


@require_safe
def start(request: Request) -> HttpResponse:
    """Own demands and templates to begin with."""
    actor = actor_of(request)
    forbid_unless(can_draft_scenario(actor, actor.organisation))
    offered = [
        {"code": one.code, "name": one.name_en if english() else one.name_zh, "data": one.data}
        for one in templates().values()
    ]
    context = {"templates": offered, "own": own_demands(actor)}
    return render(request, "scenarios/start.html", context)


@require_safe
def form_file(request: Request, kind: str) -> HttpResponse:
    """The form to fill in, in the reader's language."""
    actor = actor_of(request)
    forbid_unless(can_draft_scenario(actor, actor.organisation))
    if kind not in TYPES:
        raise Http404
    from marketplace.scenarios.drafting import writing  # noqa: PLC0415 - openpyxl and what it brings: not for every process

    made = writing.word(layout()) if kind == "docx" else writing.excel(layout())
    return attached(HttpResponse(made, content_type=TYPES[kind]), f"demand.{kind}")


def import_new(request: Request) -> HttpResponse:
    actor = actor_of(request)
    forbid_unless(can_draft_scenario(actor, actor.organisation))
    return _import(request, None)


def import_into(request: Request, address: str) -> HttpResponse:
    scenario = scenario_or_404(request, address)
    forbid_unless(can_edit_scenario(actor_of(request), scenario))
    if scenario.state not in OWNER_EDITS:
        return redirect("scenario-gate", address=scenario.address)
    return _import(request, scenario)


def _import(request: Request, scenario: Scenario | None) -> HttpResponse:
    """The upload, and the preview of what was understood. Only the preview's button stores."""
    context: dict[str, Any] = {"scenario": scenario, "form_kinds": list(TYPES)}
    if request.method != "POST":
        return render(request, "scenarios/import.html", context)
    try:
        found = _understood(request)
    except Wrong as wrong:
        context["wrong"] = wrong.message
        return render(request, "scenarios/import.html", context, status=422)
    context |= _preview(found, scenario)
    return render(request, "scenarios/imported.html", context)


def sent_file(request: Request) -> UploadedFile:
    """The filled-in form. Raises Wrong where there is none, or it is too large."""
    if getattr(request, "upload_refused", False):
        sentence = _("The file may have at most %(most)s MB.")
        raise Wrong("file.size", sentence % {"most": FILE_MOST // 1024 // 1024})
    sent = request.FILES.get("file")
    if sent is None:
        raise Wrong("file.none", _("Choose the file that you filled in."))
    return sent


def _understood(request: Request) -> Understood:
    """Raises Wrong where there is no file, or none that can be read."""
    found = understand(tables_of(sent_file(request).read()), kinds=kinds(), choices=choices_read())
    if not found.values and not found.rows:
        sentence = _("Nothing of the form was found in this file, or nothing is filled in.")
        raise Wrong("file.nothing", sentence)
    return found


def _preview(found: Understood, scenario: Scenario | None) -> dict[str, Any]:
    """Field by field what was understood, what not and why; and what the button will send."""
    post = _as_typed(found)
    faults = by_field(read(typed_data(post), base={}, known=known_codes(), now=clock.now())[1])
    odd: dict[str, str] = {}
    typed: dict[str, str] = {}
    for name, words, rule in found.odd:
        typed[name] = words
        odd[name] = format_html("{} {}", _why(rule), written(words[:SHOWN_MOST]))
    lines, understood, words_of = [], QueryDict(mutable=True), spoken()
    for name, value in found.values.items():
        why = " ".join(map(str, faults.get(name, [])))
        lines.append(_line(name, _said(words_of, name, value), why or odd.pop(name, "")))
        if not why:
            _put(understood, name, value)
    for part, rows in found.rows.items():
        kept = 0
        for number, row in enumerate(rows):
            told = [(column, faults.get(f"{part}-{number}-{column}")) for column in row]
            needs = [why for name, why in faults.items() if name.startswith(f"{part}-{number}-")]
            odd_here = [name for name in odd if name.startswith(f"{part}-{number}-")]
            told_all = [*(one for why in needs for one in why), *map(odd.pop, odd_here)]
            reasons = format_html_join(" ", "{}", ((one,) for one in told_all))
            told_row = [
                _said(words_of, f"{part}.{column}", words) for column, words in row.items() if words
            ]
            lines.append(_line(f"{part}-{number}", " · ".join(told_row), reasons))
            if not needs:
                for column, _why_not in told:
                    understood[f"{part}-{kept}-{column}"] = row[column]
                kept += 1
        understood[f"{part}-TOTAL_FORMS"] = str(kept)
    lines += [_line(name, typed[name], why) for name, why in odd.items()]
    context = {
        "lines": lines,
        "understood": sum(not line["why"] for line in lines),
        "mark": secrets.token_urlsafe(),
    }
    return context | _sent(understood, scenario)


def _sent(understood: QueryDict, scenario: Scenario | None) -> dict[str, Any]:
    """The hidden fields: the draft as it stands, with what was understood in its place."""
    post = QueryDict(mutable=True)
    revision, seen = 1, "{}"
    if scenario is not None:
        content = queries.stored_content(scenario)
        revision, seen = scenario.revision, seen_of(content)
        values, rows = initial_of(content)
        for name, value in values.items():
            _put(post, name, "on" if value is True else "" if value is False else value)
        for part in PARTS:
            if f"{part}-TOTAL_FORMS" in understood:
                continue
            post[f"{part}-TOTAL_FORMS"] = str(len(rows[part]))
            for number, row in enumerate(rows[part]):
                for column, value in row.items():
                    if value not in ("", False):
                        post[f"{part}-{number}-{column}"] = "on" if value is True else str(value)
    for name in understood:
        post.setlist(name, understood.getlist(name))
    hidden = [(name, str(value)) for name in post for value in post.getlist(name)]
    address = (
        reverse("scenario-edit", args=[scenario.address]) if scenario else reverse("scenario-new")
    )
    return {"hidden": hidden, "revision": revision, "seen": seen, "action": address}


def _as_typed(found: Understood) -> QueryDict:
    post = QueryDict(mutable=True)
    for name, value in found.values.items():
        _put(post, name, value)
    for part, rows in found.rows.items():
        post[f"{part}-TOTAL_FORMS"] = str(len(rows))
        for number, row in enumerate(rows):
            for column, words in row.items():
                post[f"{part}-{number}-{column}"] = words
    return post


def _put(post: QueryDict, name: str, value: Any) -> None:
    post.setlist(name, value if isinstance(value, list) else [value])


def _said(words_of: Mapping[str, Mapping[str, str]], name: str, value: Any) -> str:
    """As its reader says it, not as it is sent."""
    words = words_of.get(name, {})
    values = value if isinstance(value, list) else [value]
    return _(", ").join(words.get(str(one), str(one)) for one in values)


def _line(name: str, shown: str, why: str) -> dict[str, Any]:
    label, _anchor = place_of(name)
    cut = shown[:SHOWN_MOST] + ("…" if len(shown) > SHOWN_MOST else "")
    return {"label": label, "value": cut, "why": why}


def _why(rule: str) -> str:
    return {
        "choice": _("This is none of the values offered:"),
        "flag": _("Answer yes or no."),
        "unknown": _("The form asks no such thing."),
        "twice": _("This stands twice; the first counts."),
        "most": _("There are more rows than a demand may have; those from here on are left out:"),
    }[rule]


urlpatterns = [
    path("scenarios/start/", start, name="scenario-start"),
    path("scenarios/import/", import_new, name="scenario-import"),
    path("scenarios/import/form.<str:kind>", form_file, name="scenario-form-file"),
    path("scenarios/<str:address>/import/", import_into, name="scenario-import-into"),
]
