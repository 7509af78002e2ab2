"""How a draw stands, for those who may know that much: codes and states, never a name."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from marketplace.base.actor import Actor, Role
from marketplace.committee.draw import numbers, seats
from marketplace.committee.draw.models import Answer, Draw, DrawInvitation, DrawState, RegisterEntry
from marketplace.committee.queries import rules_of
from marketplace.ledger.log.models import Leaf
from marketplace.scenarios.models import Scenario

CODE_SHOWN = 8


@dataclass(frozen=True)
class Asked:
    """One invitation as the office sees it."""

    number: int
    round: int
    stratum: str
    code: str
    state: str
    invited_at: datetime
    answer_by: datetime


@dataclass(frozen=True)
class Standing:
    """draw: the newest round. missing: {specialty: seats} that call for another one."""

    draw: Draw | None
    rounds: list[Draw]
    deposited: dict[str, datetime]
    logged: bool
    waits_until: datetime | None
    asked: list[Asked]
    missing: dict[str, int]

    @property
    def may_prepare(self) -> bool:
        if self.draw is None or self.draw.state in {DrawState.PREPARED, DrawState.VOID}:
            return True
        return self.draw.state == DrawState.DRAWN and bool(self.missing)


def standing(scenario: Scenario) -> Standing:
    rounds = list(Draw.objects.filter(scenario=scenario).order_by("round"))
    draw = rounds[-1] if rounds else None
    deposited = {row.role: row.deposited_at for row in draw.deposits.all()} if draw else {}
    logged, waits_until = False, None
    if draw is not None and draw.state == DrawState.COMMITTED and draw.committed_at:
        logged = Leaf.objects.filter(event_id=draw.commitment.event_id).exists()
        waits_until = numbers.checkpoint_until(rules_of(scenario), draw.committed_at)
    rows = DrawInvitation.objects.filter(draw__scenario=scenario).select_related("place", "draw")
    return Standing(
        draw,
        rounds,
        deposited,
        logged,
        waits_until,
        [asked(row) for row in rows.order_by("draw__round", "number")],
        seats.missing(scenario) or {},
    )


def asked(row: DrawInvitation) -> Asked:
    state = "excluded" if row.excluded else row.answer or "waiting"
    code = row.place.code[:CODE_SHOWN]
    times = (row.invited_at, row.answer_by)
    return Asked(row.number, row.draw.round, row.place.stratum, code, state, *times)


def register_of(scenario: Scenario) -> list[RegisterEntry]:
    return list(RegisterEntry.objects.filter(scenario=scenario).order_by("position"))


def waiting_invitations(actor: Actor) -> list[DrawInvitation]:
    """For a desk: this expert's, not answered yet."""
    rows = DrawInvitation.objects.visible_to(actor).filter(answer=Answer.WAITING)
    return list(rows.select_related("draw__scenario__organisation").order_by("answer_by"))


def awaiting_deposit(actor: Actor) -> list[Draw]:
    """Draws that wait for a nonce of the actor's side."""
    if actor.role not in {Role.SECRETARY, Role.WITNESS}:
        return []
    rows = Draw.objects.visible_to(actor).filter(state=DrawState.PREPARED)
    rows = rows.exclude(deposits__role=str(actor.role)).select_related("scenario__organisation")
    return list(rows.order_by("pk"))
