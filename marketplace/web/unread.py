"""The counter in the header of every page."""

from __future__ import annotations

from typing import Any

from django.utils.translation import get_language

from marketplace.notices.counter import COUNTED_MOST


def unread_shown(number: int | None) -> dict[str, Any]:
    """What the counter's part shows; a number that is not known is asked for at once."""
    return {
        "known": number is not None,
        "unread": number,
        "figure": f"{COUNTED_MOST - 1}+" if (number or 0) >= COUNTED_MOST else number,
        "seen": f"{number}-{get_language()}",
    }
