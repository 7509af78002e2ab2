"""What waits for me, what I wait for, and what I may do with one demand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from marketplace.awards.models import Decision, DecisionState
from marketplace.base import clock
from marketplace.base.actor import Actor, Role
from marketplace.bidding.models import Bid, BidState, Opening, OpeningState
from marketplace.committee.models import MemberState, Panel, PanelMember, Sheet, SheetState
from marketplace.desk.acts import LABELS, Act, Desk
from marketplace.scenarios.models import AwardMode, Scenario, State

LIMIT = 100
Text = str | Promise


@dataclass(frozen=True)
class Task:
    """One line of a desk: a verb, what it is about, where, and until when."""

    verb: Text
    scenario: Scenario
    url: str
    due_at: datetime | None = None
    note: Text = ""


# Who has it while its owner or bidder waits.
WHO_HAS: dict[str, Text] = {
    State.SUBMITTED: _("The park office: to start the demonstration"),
    # Over, and on no public list: here its owner finds it and the reason.
    State.REJECTED: _("Rejected: see why"),
    State.DEMONSTRATING: _("The park office: demonstration"),
    State.DEMONSTRATED: _("The park office: to publish"),
    State.PUBLISHED: _("Open for bids until the deadline"),
    State.CLOSED: _("The key holders: to confirm the opening"),
    State.OPENED: _("The secretary: to start the eligibility check"),
    State.ELIGIBILITY: _("The secretary: eligibility check"),
    State.REVIEW: _("The panel: review"),
    State.DECISION: _("Decision and publicity"),
    State.PUBLICITY: _("Publicity, until its window ends"),
}
PARTS = ("organisation", "domain")


def actions_for(actor: Actor, scenario: Scenario, desk: Desk | None = None) -> list[Act]:
    """The moves of one actor on one demand. Pass one Desk for a whole list."""
    return (desk or Desk(actor, clock.now())).acts(scenario)


def desk_for(actor: Actor) -> Desk:
    return Desk(actor, clock.now())


def waiting_for(actor: Actor) -> list[Task]:
    """What waits for me, the nearest deadline first. A constant number of queries."""
    tasks = [*_keys(actor)]
    if actor.writes:
        tasks += _owned(actor)
    if actor.role == Role.OFFICER:
        tasks += _officer(actor)
    if actor.role == Role.SECRETARY:
        tasks += _secretary()
    if actor.role == Role.EXPERT:
        tasks += _seats(actor)
    if actor.role == Role.WITNESS:
        tasks += _openings()
    return sorted(tasks, key=_by_deadline)


def _by_deadline(task: Task) -> tuple:
    return (task.due_at is None, task.due_at or task.scenario.created_at, task.scenario.pk)


def _line(
    name: str, scenario: Scenario, page: str, due_at: datetime | None = None, note: Text = ""
) -> Task:
    return Task(LABELS[name], scenario, reverse(page, args=[scenario.address]), due_at, note)


def _scenarios(*states: str) -> list[Scenario]:
    rows = Scenario.objects.filter(state__in=states).select_related(*PARTS)
    return list(rows.order_by("pk")[:LIMIT])


def _owned(actor: Actor) -> list[Task]:
    mine = Scenario.objects.filter(organisation=actor.organisation).select_related(*PARTS)
    rows = mine.filter(state__in=[State.DRAFT, State.RETURNED]).order_by("pk")[:LIMIT]
    tasks = [
        _line(
            "edit_scenario",
            scenario,
            "scenario-edit",
            note=_("Returned: see why") if scenario.state == State.RETURNED else "",
        )
        for scenario in rows
    ]
    if actor.role == Role.OWNER:
        undecided = mine.filter(state=State.DECISION, award_mode=AwardMode.OWNER_CHOICE)
        undecided = undecided.exclude(Exists(_standing())).order_by("pk")[:LIMIT]
        tasks += [_line("choose_winner", scenario, "decision") for scenario in undecided]
    return tasks


def _standing() -> QuerySet[Decision]:
    rows = Decision.objects.filter(scenario=OuterRef("pk"))
    return rows.exclude(state=DecisionState.REFUSED)


def _officer(actor: Actor) -> list[Task]:
    gate = {
        State.SUBMITTED: ("start_demonstration", "scenario-gate"),
        State.DEMONSTRATING: ("conclude_demonstration", "scenario-gate"),
        State.DEMONSTRATED: ("publish_scenario", "scenario-publish"),
    }
    tasks = []
    for scenario in _scenarios(*gate):
        name, page = gate[State(scenario.state)]
        tasks.append(_line(name, scenario, page))
    collective = Scenario.objects.filter(state=State.DECISION, award_mode=AwardMode.COLLECTIVE)
    undecided = collective.exclude(Exists(_standing())).select_related(*PARTS).order_by("pk")
    tasks += [_line("decide_by_minutes", scenario, "decision") for scenario in undecided[:LIMIT]]
    decisions = Decision.objects.select_related("scenario__organisation", "publicity")
    for row in decisions.filter(state=DecisionState.PROPOSED).order_by("pk")[:LIMIT]:
        if row.decided_by_id != actor.user_id:
            tasks.append(_line("publicise", row.scenario, "publicity"))
    for row in decisions.filter(state=DecisionState.PUBLICISED).order_by("pk")[:LIMIT]:
        if row.publicity.ends_at <= clock.now():
            tasks.append(_line("confirm_award", row.scenario, "award-confirm"))
    return tasks


def _secretary() -> list[Task]:
    tasks = [
        _line("start_eligibility", scenario, "eligibility") for scenario in _scenarios(State.OPENED)
    ]
    checks = _scenarios(State.ELIGIBILITY)
    tasks += [_line("check_eligibility", scenario, "eligibility") for scenario in checks]
    panels = Panel.objects.in_bulk(field_name="scenario_id")
    for scenario in _scenarios(State.REVIEW):
        name = "run_panel" if scenario.pk in panels else "appoint_panel"
        note = panels[scenario.pk].get_state_display() if scenario.pk in panels else ""
        tasks.append(_line(name, scenario, "panel", note=note))
    return tasks


def _keys(actor: Actor) -> list[Task]:
    """Openings that wait for this person's confirmation."""
    if not actor.user_id or actor.role == Role.EXPERT:
        return []
    waiting = Opening.objects.filter(
        state=OpeningState.WAITING, scenario__uid__in=Desk(actor, clock.now()).keys
    ).exclude(confirmations__user=actor.user_id)
    rows = waiting.select_related("scenario__organisation").order_by("pk")[:LIMIT]
    return [
        _line("confirm_opening", row.scenario, "opening", note=row.get_stage_display())
        for row in rows
    ]


def _openings() -> list[Task]:
    """Openings under way, for the witness to watch."""
    rows = Opening.objects.exclude(state=OpeningState.FINISHED).order_by("pk")
    return [
        _line("witness_opening", row.scenario, "opening", note=row.get_stage_display())
        for row in rows.select_related("scenario__organisation")[:LIMIT]
    ]


def _seats(actor: Actor) -> list[Task]:
    seats = PanelMember.objects.filter(
        user=actor.user_id, panel__in=Panel.objects.visible_to(actor)
    ).select_related("panel__scenario__organisation")
    still_open: dict[int, int] = {}
    sheets = Sheet.objects.visible_to(actor).filter(state=SheetState.OPEN)
    for panel_id in sheets.values_list("member__panel", flat=True):
        still_open[panel_id] = still_open.get(panel_id, 0) + 1
    tasks = []
    for seat in seats.order_by("pk")[:LIMIT]:
        url = reverse("panel-desk", args=[seat.panel.uid])
        scenario = seat.panel.scenario
        if seat.state == MemberState.INVITED:
            tasks.append(Task(_("Declare your interests"), scenario, url))
        elif still_open.get(seat.panel_id):
            number = still_open[seat.panel_id]
            note = ngettext("%(n)s sheet open", "%(n)s sheets open", number) % {"n": number}
            tasks.append(Task(_("Score"), scenario, url, note=note))
    return tasks


def waiting_on(actor: Actor) -> list[Task]:
    """What I wait for, who has it, until when."""
    tasks: list[Task] = []
    if actor.organisation and actor.organisation.is_owner:
        rows = Scenario.objects.filter(organisation=actor.organisation, state__in=WHO_HAS)
        tasks += [
            Task("", row, reverse("scenario", args=[row.address]), _until(row), WHO_HAS[row.state])
            for row in rows.select_related(*PARTS).order_by("-pk")[:LIMIT]
        ]
    if actor.organisation and actor.organisation.is_vendor:
        tasks += _own_bids(actor)
    return sorted(tasks, key=_by_deadline)


def _until(scenario: Scenario) -> datetime | None:
    return scenario.deadline_at if scenario.state == State.PUBLISHED else None


def _own_bids(actor: Actor) -> list[Task]:
    bids = Bid.objects.visible_to(actor).filter(organisation=actor.organisation)
    done = Q(state=BidState.WITHDRAWN)
    rows = bids.exclude(done).select_related("scenario__organisation").order_by("-pk")[:LIMIT]
    return [
        Task(
            bid.get_state_display(),
            bid.scenario,
            reverse("bid", args=[bid.uid]),
            _until(bid.scenario),
            WHO_HAS.get(bid.scenario.state, bid.scenario.get_state_display()),
        )
        for bid in rows
    ]
