"""What an expert says to an invitation, and what follows when nothing is said in time."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from marketplace.accounts.models import PersonRole, User
from marketplace.accounts.queries import key_holders
from marketplace.base import clock
from marketplace.base.actor import SYSTEM, Actor
from marketplace.base.errors import DeadlinePassed, Invalid, NotFound, StateConflict
from marketplace.base.locks import lock, lock_shared
from marketplace.base.rules import require
from marketplace.committee import queries
from marketplace.committee.draw import seats
from marketplace.committee.draw.models import Answer, DrawInvitation, RegisterEntry
from marketplace.committee.draw.seating import seat
from marketplace.committee.models import PANEL_MAY_CHANGE, MemberState, Panel, PanelMember
from marketplace.committee.rules import can_answer_invitation
from marketplace.experts import graph
from marketplace.experts.candidates import NEVER_JUDGES
from marketplace.ledger import actions as ledger
from marketplace.ledger.models import Audience
from marketplace.scenarios.demonstration.queries import demonstrators
from marketplace.scenarios.models import Scenario

GIVEN = {Answer.ACCEPTED, Answer.RECUSED, Answer.NO_TIME}
REASON_MAX = 500


@transaction.atomic
def answer_invitation(
    *,
    actor: Actor,
    invitation_uid: UUID,
    answer: str,
    ticked: Collection[UUID] = (),
    reason: str = "",
) -> DrawInvitation:
    """Accept, recuse oneself, or have no time. ticked: uids of lines of the register.

    Whoever accepts and ticked somebody concerned gets no seat, and the next is asked; what the
    expert is told is the same. Raises DeadlinePassed, StateConflict for a second answer.
    """
    found = DrawInvitation.objects.visible_to(actor).filter(uid=invitation_uid).first()
    if found is None:
        raise NotFound
    scenario = lock_shared(Scenario, draws__invitations__pk=found.pk)
    panel = lock(Panel, scenario=scenario)
    invitation = lock(DrawInvitation, pk=found.pk)
    require(can_answer_invitation, actor, invitation)
    if invitation.answer:
        raise StateConflict(_("You have answered already."), code="invitation.answered")
    now = clock.now()
    if now >= invitation.answer_by or panel.state not in PANEL_MAY_CHANGE:
        raise DeadlinePassed(
            _("The time to answer is over; somebody else has been asked."),
            code="invitation.over",
        )
    if answer not in GIVEN:
        raise Invalid(errors={"answer": [_("Choose one of the three answers.")]})
    if len(reason) > REASON_MAX:
        told = _("A reason has at most %(most)s characters.") % {"most": REASON_MAX}
        raise Invalid(errors={"reason": [told]})
    lines = {row.uid: row.concerned for row in RegisterEntry.objects.filter(scenario=scenario)}
    if set(ticked) - set(lines):
        raise Invalid(errors={"ticked": [_("The register has no such line.")]})
    # Asked of everybody who accepts, ticks or not: both ways take the same steps.
    tied = tied_to_anybody(scenario, actor.person)
    concerned = any(lines[uid] for uid in ticked)
    invitation.answer, invitation.answered_at = answer, now
    invitation.reason, invitation.ticked = reason.strip(), sorted(map(str, ticked))
    invitation.excluded = answer == Answer.ACCEPTED and (concerned or tied)
    invitation.save(update_fields=["answer", "answered_at", "reason", "ticked", "excluded"])
    ledger.append(
        "draw.answered",
        actor=actor,
        subjects=[scenario.uid, invitation.draw.uid, invitation.uid],
        audience=Audience.OFFICE,
        reason=invitation.reason,
        inputs=[answer, invitation.ticked],
        data={"number": invitation.number, "answer": answer},
    )
    if answer == Answer.ACCEPTED and not invitation.excluded:
        [member] = seat(panel, [actor.person])
        tell_seated(panel, member, actor=actor)
    else:
        seats.fill(scenario, panel)
    return invitation


def tell_seated(panel: Panel, member: PanelMember, *, actor: Actor) -> None:
    """By its code: whose seat it is stays out of the event."""
    ledger.append(
        "member.added",
        actor=actor,
        subjects=[panel.scenario.uid, panel.uid, member.uid],
        audience=Audience.OFFICE,
        to_state=member.state,
        data={"code": member.code},
    )


def tied_to_anybody(scenario: Scenario, user: User) -> bool:
    """What the automatic check finds now; much may have happened since the list was committed."""
    ties = graph.conflicts_of([user], queries.concerned_organisations(scenario))[user.pk]
    return (
        any(tie.hard for tie in ties)
        or key_holders(scenario.uid).filter(pk=user.pk).exists()
        or user.pk in demonstrators(scenario)
        or PersonRole.objects.filter(user=user, role__in=NEVER_JUDGES).exists()
    )


def expire_due() -> int:
    """Close what was not answered in time, and ask the next. Returns how many.

    Each in a transaction of its own; two sweeps close each once.
    """
    due = DrawInvitation.objects.filter(answer="", answer_by__lte=clock.now())
    return sum(expire(pk) for pk in due.order_by("pk").values_list("pk", flat=True))


@transaction.atomic
def expire(pk: int) -> bool:
    scenario = lock_shared(Scenario, draws__invitations__pk=pk)
    panel = lock(Panel, scenario=scenario)
    invitation = lock(DrawInvitation, pk=pk)
    now = clock.now()
    if invitation.answer or now < invitation.answer_by:
        return False
    invitation.answer, invitation.answered_at = Answer.SILENT, now
    invitation.save(update_fields=["answer", "answered_at"])
    ledger.append(
        "draw.answered",
        actor=SYSTEM,
        subjects=[scenario.uid, invitation.draw.uid, invitation.uid],
        audience=Audience.OFFICE,
        data={"number": invitation.number, "answer": str(Answer.SILENT)},
    )
    seats.fill(scenario, panel)
    return True


def replace(scenario: Scenario, panel: Panel, member: PanelMember) -> None:
    """A member was recused: the seat goes to the next of the same order. Panel is locked."""
    assert member.state == MemberState.RECUSED, "a seat is given on when its member is recused"
    rows = DrawInvitation.objects.filter(
        draw__scenario=scenario, place__expert__user=member.user_id, answer=Answer.ACCEPTED
    )
    rows.update(excluded=True)
    seats.fill(scenario, panel)
