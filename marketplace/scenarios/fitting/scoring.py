"""How well a demand fits what a vendor says that it can do. Pure: codes of the vocabularies."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

TECHNOLOGY_POINTS, TECHNOLOGIES_COUNTED = 3, 3
DOMAIN_POINTS = FOCUS_POINTS = 2
# A capability is a technology; these are the fields in which it is at home. Ours (待核).
DOMAINS: dict[str, frozenset[str]] = {
    "ai": frozenset({"ai"}),
    "converged": frozenset({"industrial_internet"}),
    "mpc": frozenset({"data_compliance"}),
    "federated": frozenset({"data_compliance"}),
    "sandbox": frozenset({"data_compliance"}),
    "data_flow": frozenset({"data_compliance"}),
    "multi_cloud": frozenset({"digital_infrastructure"}),
    "compute_encryption": frozenset({"digital_infrastructure"}),
}
FOCUSES: dict[str, frozenset[str]] = {
    "converged": frozenset({"ics_security"}),
    "data_flow": frozenset({"cross_border_data"}),
}


@dataclass(frozen=True)
class Fit:
    """points: 0 for no fit, at most 13. technologies: those that both name, in the demand's order."""

    points: int = 0
    technologies: tuple[str, ...] = ()
    domain: str = ""
    focus: str = ""


def fit(
    capabilities: Collection[str], technologies: Collection[str], domain: str, focus: str
) -> Fit:
    """3 points for each technology that both name, of three at most; 2 each for domain and focus.

    domain and focus count where a capability is at home in them; empty ones never do.
    """
    mine = set(capabilities)
    shared = tuple(dict.fromkeys(code for code in technologies if code in mine))
    near = domain if domain in at_home(mine, DOMAINS) else ""
    sharp = focus if focus in at_home(mine, FOCUSES) else ""
    points = TECHNOLOGY_POINTS * min(len(shared), TECHNOLOGIES_COUNTED)
    points += DOMAIN_POINTS * bool(near) + FOCUS_POINTS * bool(sharp)
    return Fit(points, shared, near, sharp)


def at_home(capabilities: Collection[str], fields: dict[str, frozenset[str]]) -> set[str]:
    return {field for code in capabilities for field in fields.get(code, frozenset())}
