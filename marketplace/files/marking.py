"""A reader's copy of a restricted file: whose it is and when it was given, over every page.

PDF and pictures are marked at each delivery; what is stored never changes. A visible mark deters
and tells copies apart; who wants to remove it from a PDF can.
"""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import structlog
import typst
from pypdf import PdfReader, PdfWriter
from pypdf.errors import PyPdfError

from marketplace.base.printing import TEMPLATES, fonts, printed

logger = structlog.get_logger(__name__)
PICTURES = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp"}
PDF = "application/pdf"
# A text of ours alone (`serving.Readable.printed`): others are data, which a paper would spoil.
TEXT = "text/plain; charset=utf-8"
KINDS = frozenset({PDF, *PICTURES})
# Marking holds the whole file in memory; larger ones are given as they are.
BYTES_MOST = 32 * 1024**2
PAGES_MOST = 500
SIZE_PDF, SIZE_LEAST = 11.0, 9.0
SUFFIXES = {PDF: "pdf", "image/png": "png"}


def marked(body: bytes, content_type: str, lines: Sequence[str]) -> tuple[bytes, str] | None:
    """(bytes, content type) of the marked copy; None where this file cannot be marked.

    lines: who reads it, for whom, when, in which request.
    """
    if len(body) > BYTES_MOST:
        return None
    try:
        if content_type == PDF:
            return _marked_pdf(body, lines), PDF
        if content_type == TEXT:
            told = {"paragraphs": body.decode().split("\n")}
            return _marked_pdf(printed("restricted_text", told), lines), PDF
        if content_type in PICTURES:
            return _marked_picture(body, PICTURES[content_type], lines), "image/png"
    except (PyPdfError, typst.TypstError, ValueError, KeyError, TypeError, OSError) as error:
        # Broken or encrypted: given as it is, and the reading is on record.
        logger.warning("file.unmarked", kind=content_type, why=type(error).__name__)
    return None


def _marked_pdf(body: bytes, lines: Sequence[str]) -> bytes:
    reader = PdfReader(io.BytesIO(body), strict=False)
    if reader.is_encrypted or len(reader.pages) > PAGES_MOST:
        raise ValueError
    writer = PdfWriter(clone_from=reader)
    overlays: dict[tuple[float, float], Any] = {}
    for page in writer.pages:
        if page.rotation:
            page.transfer_rotation_to_content()
        box = page.mediabox
        size = (round(float(box.width), 1), round(float(box.height), 1))
        if size not in overlays:
            told = {"lines": list(lines), "size": SIZE_PDF, "width": size[0], "height": size[1]}
            overlays[size] = PdfReader(io.BytesIO(printed("watermark", told))).pages[0]
        page.merge_translated_page(overlays[size], float(box.left), float(box.bottom))
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def _marked_picture(body: bytes, suffix: str, lines: Sequence[str]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / f"picture.{suffix}").write_bytes(body)
        (root / "watermark.typ").write_bytes((TEMPLATES / "watermark.typ").read_bytes())
        told = {"lines": list(lines), "size": SIZE_LEAST * 1.6}
        made = typst.compile(
            str(root / "watermark.typ"),
            root=folder,
            font_paths=fonts(),
            ignore_system_fonts=True,
            format="png",
            ppi=72,
            sys_inputs={
                "data": json.dumps(told, ensure_ascii=False),
                "picture": f"picture.{suffix}",
            },
        )
    if not isinstance(made, bytes):
        raise TypeError
    return made
