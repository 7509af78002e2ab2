"""The form to download: a Word document or an Excel workbook of the same questions."""

from __future__ import annotations

import io

from docx import Document
from docx.enum.section import WD_ORIENT
from docx.shared import Cm, Pt
from openpyxl import Workbook
from openpyxl.styles import Alignment, Font
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation

from marketplace.scenarios.content import ROWS_MOST
from marketplace.scenarios.drafting.sheet import Form, printed

LIST_MOST = 250  # what Excel keeps of a list written into a cell
EMPTY_ROWS = 6


def word(form: Form) -> bytes:
    document = Document()
    section = document.sections[0]
    section.orientation = WD_ORIENT.LANDSCAPE
    section.page_width, section.page_height = Cm(29.7), Cm(21)
    section.left_margin = section.right_margin = Cm(1.5)
    document.styles["Normal"].font.size = Pt(9)
    document.add_heading(form.title, 1)
    document.add_paragraph(form.intro)
    for place, (title, rows) in enumerate(printed(form)):
        if place:
            document.add_heading(title, 2)
        width = len(rows[0])
        empty = EMPTY_ROWS if place else 0
        table = document.add_table(rows=0, cols=width)
        table.style = "Table Grid"
        for row in [*rows, *[[""] * width for _one in range(empty)]]:
            for cell, words in zip(table.add_row().cells, row, strict=True):
                cell.text = words
    stream = io.BytesIO()
    document.save(stream)
    return stream.getvalue()


def excel(form: Form) -> bytes:
    book = Workbook()
    book.remove(book.active)
    lists = {asked.code: asked.choices for asked in form.fields if asked.kind == "choice"}
    for _part, _title, columns in form.parts:
        lists |= {asked.code: asked.choices for asked in columns if asked.kind == "choice"}
    for place, (title, rows) in enumerate(printed(form)):
        sheet = book.create_sheet(title[:31].replace("/", "·"))
        for line, row in enumerate(rows, start=1):
            for column, words in enumerate(row, start=1):
                cell = sheet.cell(line, column)
                cell.value, cell.data_type = words, "s"
                cell.alignment = Alignment(wrap_text=True, vertical="top")
                cell.number_format = "@"
                cell.font = Font(bold=line == 1)
        widths = (30, 60, 50, 50) if not place else (24,) * len(rows[0])
        for column, width in enumerate(widths, start=1):
            sheet.column_dimensions[get_column_letter(column)].width = width
        sheet.freeze_panes = "B2" if not place else "A3"
        if place:
            part, _title, columns = form.parts[place - 1]
            for column, asked in enumerate(columns, start=1):
                letter = get_column_letter(column)
                for line in range(3, 3 + ROWS_MOST[part]):
                    sheet.cell(line, column).number_format = "@"
                area = f"{letter}3:{letter}{2 + ROWS_MOST[part]}"
                _offer(sheet, lists.get(asked.code, ()), area)
        else:
            for line, asked in enumerate(form.fields, start=2):
                _offer(sheet, lists.get(asked.code, ()), f"B{line}")
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def _offer(sheet: object, choices: tuple[str, ...], area: str) -> None:
    words = ",".join(choices)
    if not choices or len(words) > LIST_MOST or any("," in one for one in choices):
        return
    rule = DataValidation(type="list", formula1=f'"{words}"', allow_blank=True)
    rule.add(area)
    sheet.add_data_validation(rule)  # type: ignore[attr-defined]
