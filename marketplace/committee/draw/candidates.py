"""Whom a draw may fall on: the pool's candidates, less those whom this demand keeps out."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from marketplace.accounts.models import PersonRole
from marketplace.accounts.queries import key_holders
from marketplace.base.actor import Role
from marketplace.committee import queries
from marketplace.committee.draw.models import DrawInvitation
from marketplace.committee.models import PanelMember
from marketplace.experts import queries as experts
from marketplace.experts.models import Expert
from marketplace.scenarios.demonstration.queries import demonstrators
from marketplace.scenarios.models import Scenario

# Who tests, watches over the procedure or runs the machines does not score.
NEVER_JUDGES = (Role.EVALUATOR, Role.WITNESS, Role.COMPLAINTS, Role.INSPECTOR, Role.OPERATOR)


@dataclass
class Gathered:
    """candidates: {specialty: [(expert uid, user id, weight)]}. excluded: [(uid, code, tie)]."""

    candidates: dict[str, list[tuple[UUID, int, int]]]
    excluded: list[tuple[UUID, str, dict[str, Any]]] = field(default_factory=list)


def barred(scenario: Scenario) -> dict[int, str]:
    """{user id: code} of those whom this room keeps out, whatever the pool says of them."""
    asked = DrawInvitation.objects.filter(draw__scenario=scenario)
    sat = PanelMember.objects.filter(panel__scenario=scenario)
    found = dict.fromkeys(challenged(scenario), "challenged")
    found |= dict.fromkeys(demonstrators(scenario), "demonstrated")
    found |= dict.fromkeys(asked.values_list("place__expert__user", flat=True), "asked")
    return found | dict.fromkeys(sat.values_list("user_id", flat=True), "asked")


def challenged(scenario: Scenario) -> list[int]:
    """Ids of those whom a bidder named under seal. Everybody of that name: it says no more."""
    named = [plain_name(told.who) for told in queries.challenges_of(scenario)]
    if not named:
        return []
    people = Expert.objects.values_list("user_id", "user__name", "user__name_en")
    return [
        pk
        for pk, name, name_en in people
        if any(plain_name(one) in who for who in named for one in (name, name_en) if one)
    ]


def plain_name(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


def gather(scenario: Scenario, strata: Mapping[str, int]) -> Gathered:
    """strata: {specialty: seats}."""
    organisations = queries.concerned_organisations(scenario)
    kept_out = dict.fromkeys(
        key_holders(scenario.uid).values_list("pk", flat=True), "key_holder"
    ) | barred(scenario)
    apart = PersonRole.objects.filter(role__in=NEVER_JUDGES).values_list("user_id", flat=True)
    kept_out |= dict.fromkeys(apart, "role")
    users = experts.pool()
    ties = experts.conflicts_of(users, organisations)
    rows = Expert.objects.filter(user__in=users, specialties__overlap=[*strata])
    result = Gathered({code: [] for code in strata})
    for expert in rows.order_by("uid"):
        hard = [tie for tie in ties[expert.user_id] if tie.hard]
        why = kept_out.get(expert.user_id) or ("conflict" if hard else "")
        if why:
            result.excluded.append((expert.uid, why, {}))
            continue
        for code in strata:
            if code in expert.specialties:
                result.candidates[code].append((expert.uid, expert.user_id, 1))
    return result
