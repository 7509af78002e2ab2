"""Small drawings: steps, weights, the fifty, progress."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django import template
from django.utils.html import escape
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from marketplace.web.templatetags.jiebang import term
from marketplace.web.words import (
    localized_pair,
    part,
    plain,
)

register = template.Library()


@register.inclusion_tag("components/_stepper.html")
def stepper(steps: Iterable[Any]) -> dict[str, Any]:
    """Steps are dicts or objects: label, state (done, now, next, failed), at, date, note."""
    return {"steps": list(steps)}


@register.inclusion_tag("components/_weights_bar.html")
def weights_bar(criteria: Iterable[Any], label: str = "") -> dict[str, Any]:
    """One bar of weights; criteria carry name (or name_zh, name_en) and weight, of any sum."""
    rows = [
        (
            localized_pair(c, "name")[0] or term(c),
            Decimal(str(part(c, "weight", 0) or 0)),
            part(c, "note"),
        )
        for c in criteria
    ]
    total = sum((weight for _name, weight, _note in rows), Decimal(0))
    segments, start = [], Decimal(0)
    for place, (name, weight, note) in enumerate(rows, start=1):
        share = weight / total * 100 if total else Decimal(0)
        segments.append(
            {
                "place": place,
                "name": name,
                "note": note,
                "weight": plain(weight),
                "shade": (place - 1) % 6 + 1,
                "x": f"{start:.3f}%",
                "width": f"{share:.3f}%",
                "middle": f"{start + share / 2:.3f}%",
                "wide": share >= 6,
            }
        )
        start += share
    return {"segments": segments, "total": plain(total), "label": label or _("Weights")}


@register.inclusion_tag("components/_fifty.html")
def fifty(cells: Iterable[Any], target: int = 50) -> dict[str, Any]:
    """The target as cells. Each given cell: period (in or after), title, url, ref."""
    filled = list(cells)
    inside = sum(part(c, "period", "in") == "in" for c in filled)
    return {
        "filled": filled,
        "open": range(len(filled) + 1, target + 1),
        "target": target,
        "count": len(filled),
        "inside": inside,
        "after": len(filled) - inside,
        "missing": max(0, target - len(filled)),
    }


@register.inclusion_tag("components/_progress.html")
def progress(value: Any, maximum: Any, label: str, text: str = "") -> dict[str, Any]:
    """A bar with its words; text defaults to "37 / 50"."""
    done, whole = Decimal(str(value or 0)), Decimal(str(maximum or 0))
    share = min(Decimal(100), max(Decimal(0), done / whole * 100)) if whole else Decimal(0)
    return {
        "label": label,
        "width": f"{share:.2f}%",
        "text": text or f"{plain(done)} / {plain(whole)}",
    }


@register.filter
def figures(values: Iterable[str], labels: Iterable[str]) -> SafeString:
    """One cell of a table for each figure, with the head of its column for phones.

    In one piece: a page of scores has thousands of them.
    """
    heads = [escape(label) for label in labels]
    return SafeString(
        "".join(
            f'<td data-label="{head}" class="jb-right jb-num">{escape(value)}</td>'
            for head, value in zip(heads, values, strict=True)
        )
    )
