"""The spreadsheet of experts to download: the columns that the import reads, with an example each."""

from __future__ import annotations

import io
from typing import Any

from django.utils.translation import gettext as _
from openpyxl import Workbook
from openpyxl.styles import Alignment, Font
from openpyxl.utils import get_column_letter

from marketplace.experts.importing.reading import ASIDE, EXPERT, EXPERT_COLUMNS, TIE, TIE_COLUMNS
from marketplace.experts.models import ExpertKind, Grade, InterestKind, Relation


def _words(choices: Any) -> str:
    return " / ".join(str(label) for value, label in choices.choices if value)


def columns(specialties: dict[str, str]) -> dict[str, dict[str, tuple[str, str]]]:
    """{table: {column: (label, what is written there)}}, in the language of the moment."""
    day = "2026-11-22"
    return {
        EXPERT: {
            "email": (_("E-mail"), _("by which the person is recognised")),
            "name": (_("Name"), _("needed")),
            "name_en": (_("Name in English"), ""),
            "number": (_("Number in the pool"), _("recognises an entry, too")),
            "title": (_("Professional title"), ""),
            "title_en": (_("Title in English"), ""),
            "grade": (_("Level"), _words(Grade)),
            "kind": (_("Kind of expert"), _words(ExpertKind)),
            "specialties": (_("Specialties"), " / ".join(specialties.values())),
            "years": (_("Years in the field"), _("a whole number")),
            "valid_until": (_("Valid until"), day),
            "panels_most": (_("Panels in twelve months, at most"), _("a whole number")),
        },
        TIE: {
            "email": (_("E-mail of the expert"), _("or the number")),
            "number": (_("Number in the pool"), ""),
            "kind": (_("Kind"), _words(InterestKind)),
            "relation": (_("Which relative"), _words(Relation)),
            "party_name": (_("Organisation"), _("needed")),
            "party_uscc": (_("Its unified social credit code"), ""),
            "from_date": (_("Since when"), day),
            "until_date": (_("Until when"), _("empty while it lasts")),
        },
    }


def workbook(specialties: dict[str, str]) -> bytes:
    book = Workbook()
    book.remove(book.active)
    said = columns(specialties)
    for kind, names, title in (
        (EXPERT, EXPERT_COLUMNS, _("Experts")),
        (TIE, TIE_COLUMNS, _("Employers, shares and relations")),
    ):
        sheet = book.create_sheet(title[:31])
        for place, name in enumerate(names, start=1):
            label, note = said[kind][name]
            head, below = sheet.cell(1, place), sheet.cell(2, place)
            head.value, head.font = f"{label} [{kind}.{name}]", Font(bold=True)
            below.value = f"{ASIDE} {note}" if place == 1 else note
            for cell in (head, below):
                cell.data_type, cell.number_format = "s", "@"
                cell.alignment = Alignment(wrap_text=True, vertical="top")
            letter = get_column_letter(place)
            sheet.column_dimensions[letter].width = 24
            sheet.column_dimensions[letter].number_format = "@"
        sheet.freeze_panes = "A3"
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()
