"""Which of the two languages the moment speaks."""

from __future__ import annotations

from django.utils.translation import get_language


def english() -> bool:
    return (get_language() or "").startswith("en")


def either(chinese: str, in_english: str) -> str:
    """A row's text in the language of the moment; Chinese where there is no English one."""
    return (english() and in_english) or chinese
