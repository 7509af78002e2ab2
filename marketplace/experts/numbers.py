"""The numbers of a rule profile that concern experts. A profile without them follows the law."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol


class Profile(Protocol):
    values: Any


@dataclass(frozen=True)
class Numbers:
    """years: in the field at least. senior: a senior title or an equal level is asked for.

    panels: in twelve months at most. weights: of somebody with 0, 1, 2, … panels in the last
    twelve months; who has more is as the last.
    """

    years: int = 8  # L1 §37
    senior: bool = True  # L1 §37
    panels: int = 6
    weights: tuple[int, ...] = (8, 4, 2, 1)

    def weight(self, panels: int) -> int:
        return self.weights[min(panels, len(self.weights) - 1)]


def numbers_of(profile: Profile | None) -> Numbers:
    values = profile.values if profile is not None else {}

    def said(name: str, otherwise: Any) -> Any:
        return values[name]["value"] if name in values else otherwise

    rest = Numbers()
    weights = [int(said(f"rotation_weight_{n}", w)) for n, w in enumerate(rest.weights)]
    return Numbers(
        years=int(said("expert_years_min", rest.years)),
        senior=bool(said("expert_senior", rest.senior)),
        panels=int(said("expert_panels_max", rest.panels)),
        weights=tuple(weights),
    )
