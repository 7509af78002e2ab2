"""Papers: PDF made by typst from plain data, the same bytes for the same data.

A template sees the data as values; nothing of it is ever read as markup. It has one font, which
holds Chinese and Latin, and neither those of the machine nor the network.
"""

from __future__ import annotations

import json
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import typst

from marketplace.base.clock import SHANGHAI

FOLDER = Path(__file__).resolve().parents[1]
FONTS = FOLDER / "static" / "vendor" / "noto"
TEMPLATES = FOLDER / "papers"


@lru_cache(maxsize=1)
def fonts() -> typst.Fonts:
    found = typst.Fonts(
        include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(FONTS)]
    )
    if not found.families():
        raise FileNotFoundError(f"{FONTS} holds no font: run config/runtime/prepare.py")
    return found


def printed(template: str, data: dict[str, Any]) -> bytes:
    """The PDF of `papers/<template>.typ`. Raises typst.TypstError for a fault of the template."""
    pdf = typst.compile(
        str(TEMPLATES / f"{template}.typ"),
        root=str(TEMPLATES),
        font_paths=fonts(),
        ignore_system_fonts=True,
        sys_inputs={"data": json.dumps(data, ensure_ascii=False)},
    )
    assert isinstance(pdf, bytes), "one file of pages"
    return pdf


def beijing(stamped: str | None) -> str:
    """2026-11-22T01:00:00.123Z as 2026-11-22 09:00:00.123; nothing for nothing."""
    if not stamped:
        return "—"
    at = datetime.fromisoformat(stamped).astimezone(SHANGHAI)
    return f"{at:%Y-%m-%d %H:%M:%S}.{at.microsecond // 1000:03d}"


def dated(stamped: str) -> dict[str, int]:
    """An instant as typst's datetime takes it, in UTC."""
    at = datetime.fromisoformat(stamped)
    names = ("year", "month", "day", "hour", "minute", "second")
    return {name: getattr(at, name) for name in names}
