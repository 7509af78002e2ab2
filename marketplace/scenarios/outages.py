"""The rule on outages, pure: how long the site was away before a deadline, and what follows.

Spans are pairs of instants, half-open: [from, until). No Django.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

Span = tuple[datetime, datetime]

# For so long after a deadline its closing waits for a monitor that lives.
RECORD_WAIT = timedelta(minutes=10)


@dataclass(frozen=True)
class OutageRule:
    """Outages of `total` within the `window` before a deadline move it by `extension`."""

    total: timedelta
    window: timedelta
    extension: timedelta


@dataclass(frozen=True)
class Extension:
    """What moves a deadline: the outages that count, merged and cut to the window, and their sum."""

    deadline_at: datetime
    spans: list[Span]
    total: timedelta


def rule_of(values: Mapping[str, Any]) -> OutageRule | None:
    """The rule of a profile's values (whole seconds); None where it has none."""
    names = ("outage_total", "outage_window", "outage_extension")
    if any(name not in values for name in names):
        return None
    return OutageRule(*(timedelta(seconds=int(values[name]["value"])) for name in names))


def merged(spans: Iterable[Span]) -> list[Span]:
    """The same instants in order, none in two spans; those that touch are one. Empty ones vanish."""
    found: list[Span] = []
    for start, end in sorted(span for span in spans if span[0] < span[1]):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


def within(spans: Iterable[Span], start: datetime, end: datetime) -> list[Span]:
    """What of these lies in [start, end), merged."""
    return merged((max(one, start), min(other, end)) for one, other in spans)


def moved(deadline: datetime, now: datetime, extension: timedelta) -> datetime:
    """The new deadline: later by the extension, as often as leaves half of one from now.

    More than once only where the record came so late that the day has passed already.
    """
    new = deadline + extension
    while new - now < extension / 2:
        new += extension
    return new


def extension_due(
    rule: OutageRule | None, spans: Iterable[Span], *, deadline: datetime, now: datetime
) -> Extension | None:
    """What the rule makes of the recorded outages. None where they do not add up."""
    if rule is None:
        return None
    counted = within(spans, deadline - rule.window, deadline)
    total = sum((end - start for start, end in counted), timedelta())
    if not counted or total < rule.total:
        return None
    return Extension(moved(deadline, now, rule.extension), counted, total)
