from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from marketplace.awards.challenges.models import UNHEARD, ChallengeState, MemberChallenge
from marketplace.awards.models import Decision, DecisionState, Publicity
from marketplace.base.actor import Actor
from marketplace.committee import arithmetic
from marketplace.committee.models import MemberState, PanelMember, Report
from marketplace.scenarios.models import Scenario, State
from marketplace.scenarios.reference import RuleProfile
from marketplace.scenarios.windows import window_end

WINDOW = "panel_challenge"
HEARD_IN = (State.DECISION, State.PUBLICITY)


def window_of(profile: RuleProfile, starts_at: datetime, ends_at: datetime) -> datetime:
    """Until when members may be challenged; where a profile names no window, the publicity's."""
    return window_end(profile, WINDOW, starts_at) if WINDOW in profile.values else ends_at


def until(publicity: Publicity) -> datetime:
    """Half-open. Notices of before there were challenges have no time of their own."""
    return publicity.challenges_until or publicity.ends_at


def standing_publicity(scenario: Scenario) -> Publicity | None:
    """Of the decision that is in publicity now."""
    rows = Publicity.objects.filter(
        decision__scenario=scenario, decision__state=DecisionState.PUBLICISED
    )
    return rows.select_related("decision").first()


def members_named(scenario: Scenario) -> list[PanelMember]:
    """Those whose points count, by code. Only for who may know the names."""
    rows = PanelMember.objects.filter(panel__scenario=scenario)
    rows = rows.exclude(state=MemberState.RECUSED)
    return list(rows.select_related("user", "panel").order_by("pk"))


def challenges_seen(actor: Actor, scenario: Scenario) -> list[MemberChallenge]:
    rows = MemberChallenge.objects.visible_to(actor)
    rows = rows.filter(publicity__decision__scenario=scenario)
    parts = ("member__user", "organisation", "admission_by", "ruled_by", "redone_by")
    return list(rows.select_related(*parts).order_by("pk"))


def unheard(actor: Actor) -> QuerySet[MemberChallenge]:
    """For the office's desk: what waits for an admission, a ruling or the record of a redo."""
    rows = MemberChallenge.objects.visible_to(actor)
    waiting = rows.filter(state__in=[*UNHEARD, ChallengeState.UPHELD])
    return waiting.filter(publicity__decision__scenario__state__in=HEARD_IN)


def blocking(decision: Decision) -> set[str]:
    """The states of challenges that keep an award from being confirmed."""
    rows = MemberChallenge.objects.filter(
        publicity__decision__scenario=decision.scenario_id,
        state__in=[*UNHEARD, ChallengeState.UPHELD],
    )
    return set(rows.values_list("state", flat=True))


@dataclass(frozen=True)
class Moved:
    """A bid's place and total with all members, and without the challenged one."""

    blind_code: str
    place: int | None
    total: str
    place_without: int | None
    total_without: str


def without(scenario: Scenario, code: str) -> list[Moved]:
    """What the ranking would be without one member's points: it decides nothing, it informs.

    Empty where the report has no such member, or nobody else.
    """
    report = Report.objects.filter(scenario=scenario).first()
    body: dict[str, Any] = json.loads(bytes(report.body)) if report else {"judges": []}
    if code not in body["judges"] or len(body["judges"]) < 2:
        return []
    left = {line.code: line for line in arithmetic.recompute(removed(body, code))}
    return [
        Moved(
            line.code,
            line.place,
            str(line.total),
            left[line.code].place,
            str(left[line.code].total),
        )
        for line in arithmetic.recompute(body)
    ]


def removed(body: dict[str, Any], code: str) -> dict[str, Any]:
    """The body as if this judge had not sat."""
    rest = deepcopy(body)
    rest["judges"] = [judge for judge in rest["judges"] if judge != code]
    for bid in rest["bids"]:
        bid["points"].pop(code, None)
        for judges in bid.get("vetoes", {}).values():
            judges.pop(code, None)
    return rest
