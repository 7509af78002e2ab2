"""Whom a draw kept out and why: for the office and inspectors, once the result is public."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from marketplace.accounts.models import User
from marketplace.base.actor import Actor, Role
from marketplace.committee.draw.models import Draw, DrawCommitment
from marketplace.committee.queries import names_are_public
from marketplace.experts import graph
from marketplace.experts.candidates import REASONS
from marketplace.experts.models import Expert
from marketplace.scenarios.models import Scenario

# Beside those of the pool: what this room kept out; see candidates.barred.
OWN = {
    "challenged": _("A bidder challenged this person under seal."),
    "demonstrated": _("Demonstrated the demand."),
    "asked": _("Asked in an earlier round, or a member already."),
}
SHOWN_MOST = 200


@dataclass(frozen=True)
class Excluded:
    """path: the way of an automatic conflict, as it was when the list was committed."""

    user: User
    round: int
    reason: str | Promise
    path: str


@dataclass(frozen=True)
class Exclusions:
    """counts: [(reason, how many)], most first. people: conflicts first, at most SHOWN_MOST."""

    counts: list[tuple[str | Promise, int]]
    people: list[Excluded]
    total: int


def exclusions(actor: Actor, scenario: Scenario) -> Exclusions | None:
    """None for everybody else, and before the result is public."""
    may = actor.is_office or actor.role == Role.INSPECTOR
    seen = Draw.objects.visible_to(actor).filter(scenario=scenario)
    if not may or not names_are_public(scenario) or not seen.exists():
        return None
    rows = [
        (commitment.draw.round, uid, code, tie)
        for commitment in DrawCommitment.objects.filter(draw__in=seen)
        .select_related("draw")
        .order_by("draw__round")
        for uid, code, tie in commitment.excluded
    ]
    rows.sort(key=lambda row: (row[2] != "conflict", row[2] not in OWN, row[0], row[1]))
    counts = Counter(code for _round, _uid, code, _tie in rows)
    told = rows[:SHOWN_MOST]
    uids = [uid for _round, uid, _code, _tie in told]
    users = {
        str(row.uid): row.user for row in Expert.objects.filter(uid__in=uids).select_related("user")
    }
    return Exclusions(
        [(words(code), number) for code, number in counts.most_common()],
        [
            Excluded(users[uid], number, words(code), graph.told(tie).sentence if tie else "")
            for number, uid, code, tie in told
        ],
        len(rows),
    )


def words(code: str) -> str | Promise:
    return REASONS.get(code) or OWN[code]
