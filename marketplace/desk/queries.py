"""What waits for me, and what I may do with one demand."""

from __future__ import annotations

from dataclasses import replace

from django.db.models import Exists, OuterRef, QuerySet
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from marketplace.awards.challenges.queries import unheard, until
from marketplace.awards.models import Decision, DecisionState
from marketplace.base import clock
from marketplace.base.actor import Actor, Role
from marketplace.bidding.consortia.actions import CHANGE_BIDS, CHANGE_STATES
from marketplace.bidding.consortia.models import ChangeState, ConsortiumChange
from marketplace.bidding.models import OVER, Opening, OpeningState
from marketplace.bidding.returns.queries import uncertified
from marketplace.committee.defence.queries import unanswered_by
from marketplace.committee.draw.queries import awaiting_deposit, waiting_invitations
from marketplace.committee.models import (
    MemberState,
    Panel,
    PanelMember,
    PanelState,
    Sheet,
    SheetState,
)
from marketplace.committee.queries import second_due
from marketplace.committee.signing.queries import unsaid
from marketplace.desk import after, racing
from marketplace.desk.acts import LABELS, Act, Desk
from marketplace.desk.tasks import LIMIT, Task, line, timed
from marketplace.races.queries import awaiting_race
from marketplace.scenarios.demonstration.models import DemonstrationSeat, SeatState
from marketplace.scenarios.documents.queries import GATE_STATES
from marketplace.scenarios.models import AwardMode, Scenario, State
from marketplace.scenarios.reminders import since

PARTS = ("organisation", "domain")


def actions_for(actor: Actor, scenario: Scenario, desk: Desk | None = None) -> list[Act]:
    """The moves of one actor on one demand. Pass one Desk for a whole list."""
    return (desk or Desk(actor, clock.now())).acts(scenario)


def desk_for(actor: Actor) -> Desk:
    return Desk(actor, clock.now())


def waiting_for(actor: Actor) -> list[Task]:
    """What waits for me, the nearest deadline first. A constant number of queries."""
    tasks = [*_keys(actor), *after.questions(actor), *after.releases(actor)]
    tasks += racing.tasks(actor)
    if actor.writes:
        tasks += _owned(actor)
    if actor.role == Role.OFFICER:
        tasks += [*_officer(actor), *after.amendments(actor)]
    if actor.role == Role.SECRETARY:
        tasks += [*_secretary(actor), *_deposits(actor)]
    if actor.role == Role.EXPERT:
        tasks += _seats(actor)
    if actor.role == Role.WITNESS:
        tasks += [*_openings(), *_deposits(actor)]
    return timed(tasks)


def _scenarios(*states: str) -> list[Scenario]:
    rows = Scenario.objects.filter(state__in=states).select_related(*PARTS)
    return list(rows.order_by("pk")[:LIMIT])


def _owned(actor: Actor) -> list[Task]:
    mine = Scenario.objects.filter(organisation=actor.organisation).select_related(*PARTS)
    rows = mine.filter(state__in=[State.DRAFT, State.RETURNED]).order_by("pk")[:LIMIT]
    tasks = [
        replace(
            line(
                "edit_scenario",
                scenario,
                "scenario-edit",
                note=_("Returned: see why") if scenario.state == State.RETURNED else _("Draft"),
            ),
            since_at=scenario.created_at,
        )
        for scenario in rows
    ]
    desk = Desk(actor, clock.now())
    at_gate = mine.filter(state__in=GATE_STATES).order_by("pk")[:LIMIT]
    tasks += [
        line("file_documents", scenario, "scenario-documents", rule="gate")
        for scenario in at_gate
        if desk.owes_papers(scenario)
    ]
    tasks += _asked_by_panels(actor)
    if actor.role == Role.OWNER:
        undecided = mine.filter(state=State.DECISION, award_mode=AwardMode.OWNER_CHOICE)
        undecided = undecided.exclude(Exists(_standing())).order_by("pk")
        undecided = undecided.exclude(pk__in=awaiting_race(Scenario.objects.all()).values("pk"))
        tasks += [
            line("choose_winner", scenario, "decision", rule="choice")
            for scenario in undecided[:LIMIT]
        ]
    return tasks


def _asked_by_panels(actor: Actor) -> list[Task]:
    """Written questions to the own bids, each until it may be answered."""
    return [
        Task(
            LABELS["answer_panel_question"],
            row.scenario,
            reverse("bid-panel", args=[row.bid.uid]),
            due_at=row.answer_by,
            since_at=row.asked_at,
        )
        for row in unanswered_by(actor, clock.now())[:LIMIT]
    ]


def _standing() -> QuerySet[Decision]:
    rows = Decision.objects.filter(scenario=OuterRef("pk"))
    return rows.exclude(state=DecisionState.REFUSED)


def _officer(actor: Actor) -> list[Task]:
    gate = {
        State.SUBMITTED: ("start_demonstration", "scenario-gate"),
        State.DEMONSTRATING: ("invite_experts", "scenario-demonstration"),
        State.DEMONSTRATED: ("publish_scenario", "scenario-publish"),
    }
    desk = Desk(actor, clock.now())
    tasks = []
    for scenario in _scenarios(*gate):
        name, page = gate[State(scenario.state)]
        papers = desk.papers.get(scenario.pk, [])
        if name == "publish_scenario" and not all(paper.there for paper in papers):
            name, page = "file_documents", "scenario-documents"
        elif desk.owes_papers(scenario):
            tasks.append(line("file_documents", scenario, "scenario-documents", rule="gate"))
        if name == "invite_experts" and scenario.pk in desk.rounds:
            continue
        tasks.append(line(name, scenario, page, rule="gate"))
    collective = Scenario.objects.filter(state=State.DECISION, award_mode=AwardMode.COLLECTIVE)
    undecided = collective.exclude(Exists(_standing())).select_related(*PARTS).order_by("pk")
    undecided = undecided.exclude(pk__in=awaiting_race(Scenario.objects.all()).values("pk"))
    tasks += [
        line("decide_by_minutes", scenario, "decision", rule="minutes")
        for scenario in undecided[:LIMIT]
    ]
    decisions = Decision.objects.select_related("scenario__organisation", "publicity")
    for row in decisions.filter(state=DecisionState.PROPOSED).order_by("pk")[:LIMIT]:
        if row.decided_by_id != actor.user_id:
            tasks.append(line("publicise", row.scenario, "publicity", rule="publicity"))
    for row in decisions.filter(state=DecisionState.PUBLICISED).order_by("pk")[:LIMIT]:
        ended = max(row.publicity.ends_at, until(row.publicity)) <= clock.now()
        if ended and row.scenario_id not in desk.challenged:
            tasks.append(line("confirm_award", row.scenario, "award-confirm", rule="confirmation"))
    tasks += _challenges(actor)
    unreturned = Scenario.objects.filter(pk__in=uncertified().values("scenario"))
    tasks += [
        line("certify_return", scenario, "returns", rule="return")
        for scenario in unreturned.select_related(*PARTS).order_by("pk")[:LIMIT]
    ]
    return tasks + _changes()


def _challenges(actor: Actor) -> list[Task]:
    """To be admitted, ruled on or redone; not on demands on whose panel this officer sat."""
    rows = unheard(actor).exclude(member__panel__members__user=actor.user_id)
    told = rows.select_related("publicity__decision__scenario__organisation").order_by("pk")
    return [
        Task(
            LABELS["hear_challenge"],
            row.publicity.decision.scenario,
            reverse("challenges", args=[row.publicity.decision.scenario.address]),
            since_at=row.filed_at,
            rule="challenge",
            subject=row.uid,
        )
        for row in told[:LIMIT]
    ]


def _changes() -> list[Task]:
    """Consortia that ask for other members, where that may still be decided."""
    rows = ConsortiumChange.objects.filter(
        state=ChangeState.REQUESTED,
        bid__state__in=CHANGE_BIDS,
        bid__scenario__state__in=CHANGE_STATES,
        bid__scenario__suspended=False,
    )
    return [
        Task(
            LABELS["decide_consortium"],
            row.bid.scenario,
            reverse("bid", args=[row.bid.uid]),
            since_at=row.requested_at,
        )
        for row in rows.select_related("bid__scenario__organisation").order_by("pk")[:LIMIT]
    ]


def _secretary(actor: Actor) -> list[Task]:
    desk = Desk(actor, clock.now())
    ready = [pk for pk, may in desk.rounds.items() if may]
    concluding = Scenario.objects.filter(pk__in=ready).select_related(*PARTS).order_by("pk")
    tasks = [
        line("conclude_demonstration", scenario, "scenario-demonstration", rule="gate")
        for scenario in concluding[:LIMIT]
    ]
    tasks += [
        line("start_eligibility", scenario, "eligibility", rule="eligibility")
        for scenario in _scenarios(State.OPENED)
    ]
    checks = _scenarios(State.ELIGIBILITY)
    tasks += [
        line("check_eligibility", scenario, "eligibility", rule="eligibility")
        for scenario in checks
    ]
    reviews = _scenarios(State.REVIEW)
    panels = Panel.objects.in_bulk([row.pk for row in reviews], field_name="scenario_id")
    eligible_since = since([row.uid for row in reviews], ["eligibility.concluded"])
    for scenario in reviews:
        panel = panels.get(scenario.pk)
        if panel:
            task = line("run_panel", scenario, "panel", note=panel.get_state_display())
            tasks.append(replace(task, rule="sheets", subject=panel.uid))
        else:
            task = line("draw_panel", scenario, "draw")
            tasks.append(replace(task, since_at=eligible_since.get(scenario.uid)))
    return tasks


def _keys(actor: Actor) -> list[Task]:
    """Openings that wait for this person's confirmation."""
    if not actor.user_id or actor.role == Role.EXPERT:
        return []
    waiting = Opening.objects.filter(
        state=OpeningState.WAITING, scenario__uid__in=Desk(actor, clock.now()).keys
    ).exclude(confirmations__user=actor.user_id)
    rows = waiting.select_related("scenario__organisation").order_by("pk")[:LIMIT]
    return [_opening("confirm_opening", row) for row in rows]


def _openings() -> list[Task]:
    """Openings under way, for the witness to watch."""
    rows = Opening.objects.exclude(state__in=OVER).order_by("pk")
    rows = rows.select_related("scenario__organisation")
    return [_opening("witness_opening", row) for row in rows[:LIMIT]]


def _opening(name: str, row: Opening) -> Task:
    task = line(name, row.scenario, "opening", note=row.get_stage_display(), rule="opening")
    return replace(task, since_at=row.created_at, subject=row.uid)


def _opinions(actor: Actor) -> list[Task]:
    """Demands on which this expert is asked for an opinion."""
    seats = DemonstrationSeat.objects.filter(
        user=actor.user_id, state=SeatState.INVITED, demonstration__concluded_at=None
    )
    rows = seats.select_related("demonstration__scenario__organisation").order_by("pk")
    return [
        Task(
            LABELS["give_opinion"],
            seat.demonstration.scenario,
            reverse("scenario-demonstration", args=[seat.demonstration.scenario.address]),
            since_at=seat.created_at,
            rule="opinion",
            subject=seat.demonstration.uid,
        )
        for seat in rows[:LIMIT]
    ]


def _invitations(actor: Actor) -> list[Task]:
    """Panels for which this expert was drawn."""
    return [
        Task(
            LABELS["answer_invitation"],
            row.draw.scenario,
            reverse("draw-invitation", args=[row.uid]),
            since_at=row.invited_at,
            due_at=row.answer_by,
        )
        for row in waiting_invitations(actor)[:LIMIT]
    ]


def _deposits(actor: Actor) -> list[Task]:
    """Draws that wait for this side's nonce."""
    return [
        line("deposit_nonce", draw.scenario, "draw") for draw in awaiting_deposit(actor)[:LIMIT]
    ]


def _seats(actor: Actor) -> list[Task]:
    seats = PanelMember.objects.filter(
        user=actor.user_id, panel__in=Panel.objects.visible_to(actor)
    ).select_related("panel__scenario__organisation")
    still_open: dict[int, int] = {}
    sheets = Sheet.objects.visible_to(actor).filter(state=SheetState.OPEN)
    for panel_id in sheets.values_list("member__panel", flat=True):
        still_open[panel_id] = still_open.get(panel_id, 0) + 1
    unsigned = set(unsaid().filter(user=actor.user_id).values_list("pk", flat=True))
    again = set(second_due().filter(user=actor.user_id).values_list("pk", flat=True))
    tasks = [*_opinions(actor), *_invitations(actor)]
    for seat in seats.order_by("pk")[:LIMIT]:
        url = reverse("panel-desk", args=[seat.panel.uid])
        scenario = seat.panel.scenario
        if seat.state == MemberState.INVITED:
            task = Task(_("Declare your interests"), scenario, url, since_at=seat.created_at)
            tasks.append(replace(task, rule="declaration", subject=seat.uid))
        elif seat.panel.state == PanelState.SIGNING:
            if seat.pk in unsigned:
                page = reverse("panel-report", args=[seat.panel.uid])
                task = Task(_("Sign the report"), scenario, page)
                tasks.append(replace(task, rule="report", subject=seat.uid))
        elif seat.pk in again:
            page = reverse("panel-bidders", args=[seat.panel.uid])
            task = Task(_("Declare toward those who bid"), scenario, page)
            tasks.append(replace(task, rule="declaration_named", subject=seat.uid))
        elif still_open.get(seat.panel_id):
            number = still_open[seat.panel_id]
            note = ngettext("%(n)s sheet open", "%(n)s sheets open", number) % {"n": number}
            panel = seat.panel.uid
            tasks.append(Task(_("Score"), scenario, url, note=note, rule="sheets", subject=panel))
    return tasks
