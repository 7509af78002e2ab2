"""The matrix domain × carrier: its page, its part of the goals, and the same as CSV."""

from __future__ import annotations

import hashlib
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_not_required
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from marketplace.base import clock
from marketplace.scenarios.matrix import Cell, Matrix, matrix
from marketplace.scenarios.reference import Term
from marketplace.web.answers import attached, table_csv, tagged
from marketplace.web.kept import kept_for_visitors
from marketplace.web.request import Request
from marketplace.web.shared import page_data, shared, whole
from marketplace.web.templatetags.jiebang import term

CSV_HEADS = (
    *("domain", "domain_zh", "domain_en", "carrier", "carrier_zh", "carrier_en"),
    *("posted", "open", "in_review", "done"),
)


def named(row: Term | None, none: str) -> str:
    return term(row) if row else none


def url_of(**chosen: str) -> str:
    """The board with these filters."""
    given = {name: code for name, code in chosen.items() if code}
    return f"{reverse('board')}?{urlencode(given)}" if given else reverse("board")


def shown(found: Matrix) -> dict[str, Any]:
    """The table in words. A cell that names no carrier leads nowhere: no filter finds it."""
    no_carrier = _("No carrier named")
    return {
        "heads": [named(row, no_carrier) for row in found.carriers],
        "lines": [
            {
                "name": named(row[0].domain, _("No domain named")),
                "url": url_of(domain=row[0].domain.code) if row[0].domain else "",
                "cells": [cell_shown(cell, no_carrier) for cell in row],
                "posted": sum(cell.posted for cell in row),
                "open": sum(cell.open for cell in row),
            }
            for row in found.rows
        ],
        "holes": [
            {
                "name": f"{term(cell.domain)} × {term(cell.carrier)}",
                "url": cell_shown(cell, no_carrier)["url"],
            }
            for cell in found.holes
        ],
        "places": found.places,
    }


def cell_shown(cell: Cell, no_carrier: str) -> dict[str, Any]:
    codes = {}
    if cell.domain and cell.carrier:
        codes = {"domain": cell.domain.code, "carrier": cell.carrier.code}
    return {
        "cell": cell,
        "carrier": named(cell.carrier, no_carrier),
        "url": url_of(**codes) if codes else "",
        "open_url": url_of(state="open", **codes) if codes and cell.open else "",
    }


@login_not_required
@require_safe
@kept_for_visitors
def matrix_page(request: Request) -> HttpResponse:
    name = _("Domains and carriers: where demands are missing")
    said = _(
        "How many demands are posted in each domain for each carrier, and where there is none."
    )
    here = page_data(whole(request.path), name, said)
    context = {
        "matrix": shown(matrix()),
        "now": clock.now(),
        "shared": shared(request, name, said, data=[here]),
    }
    return render(request, "public/matrix.html", context)


@login_not_required
@require_safe
def matrix_csv(request: Request) -> HttpResponse:
    """One line per cell, the empty ones too; the byte order mark is for spreadsheets."""
    rows: list[list[object]] = []
    for cell in matrix().cells:
        terms = [
            value
            for row in (cell.domain, cell.carrier)
            for value in ((row.code, row.name_zh, row.name_en) if row else ("", "", ""))
        ]
        rows.append([*terms, cell.posted, cell.open, cell.review, cell.done])
    body = table_csv(CSV_HEADS, rows)
    response = HttpResponse(body, content_type="text/csv; charset=utf-8")
    response.headers["Cache-Control"] = "no-cache"
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    return tagged(request, attached(response, "domains-carriers.csv"), tag)


urlpatterns = [
    path("goals/matrix/", matrix_page, name="matrix"),
    path("goals/matrix.csv", matrix_csv, name="matrix-csv"),
]
