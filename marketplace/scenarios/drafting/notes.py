"""Help and an example for every field: seeds/reference/field_notes.yaml, read once a process."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import yaml
from django.conf import settings
from django.utils.translation import get_language


@dataclass(frozen=True)
class Note:
    help_zh: str
    help_en: str
    example_zh: str
    example_en: str

    def told(self, language: str | None = None) -> tuple[str, str]:
        """Help and example in the language of the reader."""
        if (language or get_language() or "").startswith("en"):
            return self.help_en, self.example_en
        return self.help_zh, self.example_zh


@cache
def field_notes() -> dict[str, Note]:
    """By field ("title") or part and column ("metrics.value"); every field has one."""
    path = settings.BASE_DIR / "seeds" / "reference" / "field_notes.yaml"
    rows = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {
        name: Note(**{key: str(text) for key, text in row.items()}) for name, row in rows.items()
    }
