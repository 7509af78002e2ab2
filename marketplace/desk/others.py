"""What I wait for, who has it, until when; and what is over."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from marketplace.awards.models import Decision, DecisionState
from marketplace.base import clock
from marketplace.base.actor import Actor, Role
from marketplace.bidding.models import Bid, BidState, Opening, OpeningState
from marketplace.desk.acts import Desk
from marketplace.desk.supervision import Line, Link, Section
from marketplace.desk.tasks import LIMIT, Task, Text, timed
from marketplace.scenarios.models import AwardMode, Scenario, State

PARTS = ("organisation", "domain")
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
# The reminder that knows until when. Only owners are told these: a bidder sees no inner windows.
TIMED_BY = {
    State.SUBMITTED: "gate",
    State.DEMONSTRATING: "gate",
    State.DEMONSTRATED: "gate",
    State.OPENED: "eligibility",
    State.ELIGIBILITY: "eligibility",
}
# Over for its parties, or carried out outside this desk.
PAST = (
    State.AWARDED,
    State.IMPLEMENTING,
    State.ACCEPTED,
    State.FAILED,
    State.WITHDRAWN,
    State.TERMINATED,
)


def waiting_on(actor: Actor) -> list[Task]:
    """What I wait for, who has it, until when. A constant number of queries."""
    desk, tasks = Desk(actor, clock.now()), _keys(actor)
    if actor.organisation and actor.organisation.is_owner:
        rows = Scenario.objects.filter(organisation=actor.organisation, state__in=WHO_HAS)
        for row in rows.select_related(*PARTS).order_by("-pk")[:LIMIT]:
            url = reverse("scenario", args=[row.address])
            rule, until_at = TIMED_BY.get(State(row.state), ""), _until(row, desk)
            tasks.append(Task("", row, url, until_at, WHO_HAS[row.state], rule=rule))
    if actor.organisation and actor.organisation.is_vendor:
        tasks += _own_bids(actor, desk)
    if actor.is_office:
        tasks += _openings()
    if actor.role == Role.OFFICER:
        tasks += _choices()
        tasks += _publicities(desk)
    return timed(tasks)


def _until(scenario: Scenario, desk: Desk) -> datetime | None:
    if scenario.state == State.PUBLISHED:
        return scenario.deadline_at
    if scenario.state == State.PUBLICITY:
        return desk.publicity_ends.get(scenario.pk)
    return None


def _own_bids(actor: Actor, desk: Desk) -> list[Task]:
    return [
        Task(
            bid.get_state_display(),
            bid.scenario,
            reverse("bid", args=[bid.uid]),
            _until(bid.scenario, desk),
            WHO_HAS[bid.scenario.state],
        )
        for bid in bids_of(actor).filter(scenario__state__in=WHO_HAS).order_by("-pk")[:LIMIT]
    ]


def bids_of(actor: Actor) -> QuerySet[Bid]:
    """The own organisation's, without those that it took back."""
    rows = Bid.objects.visible_to(actor).filter(organisation=actor.organisation)
    return rows.exclude(Q(state=BidState.WITHDRAWN)).select_related("scenario__organisation")


def _keys(actor: Actor) -> list[Task]:
    """Demands whose key this person holds: the deadline, after which the confirmation is asked."""
    if not actor.user_id or actor.role == Role.EXPERT:
        return []
    keys = Desk(actor, clock.now()).keys
    rows = Scenario.objects.filter(uid__in=keys, state=State.PUBLISHED).select_related(*PARTS)
    note = _("Open for bids; then your confirmation is asked")
    return [
        Task("", row, reverse("scenario", args=[row.address]), row.deadline_at, note)
        for row in rows.order_by("deadline_at", "pk")[:LIMIT]
    ]


def _openings() -> list[Task]:
    rows = Opening.objects.filter(state=OpeningState.WAITING).order_by("pk")
    return [
        Task(
            "",
            row.scenario,
            reverse("opening", args=[row.scenario.address]),
            note=WHO_HAS[State.CLOSED],
            since_at=row.created_at,
            rule="opening",
            subject=row.uid,
        )
        for row in rows.select_related("scenario__organisation")[:LIMIT]
    ]


def _choices() -> list[Task]:
    standing = Decision.objects.exclude(state=DecisionState.REFUSED)
    rows = Scenario.objects.filter(state=State.DECISION, award_mode=AwardMode.OWNER_CHOICE)
    rows = rows.exclude(pk__in=standing.values("scenario")).select_related(*PARTS)
    note = _("The owner: to choose the winner")
    return [
        Task("", row, reverse("decision", args=[row.address]), note=note, rule="choice")
        for row in rows.order_by("pk")[:LIMIT]
    ]


def _publicities(desk: Desk) -> list[Task]:
    running = {pk: end for pk, end in desk.publicity_ends.items() if end and end > desk.now}
    rows = Scenario.objects.filter(pk__in=running).select_related(*PARTS).order_by("pk")
    note = WHO_HAS[State.PUBLICITY]
    return [
        Task("", row, reverse("publicity", args=[row.address]), running[row.pk], note)
        for row in rows[:LIMIT]
    ]


def over(actor: Actor) -> list[Section]:
    """What came of the own demands, bids and confirmations; nothing where there is nothing."""
    sections = []
    if actor.organisation and actor.organisation.is_owner:
        rows = Scenario.objects.filter(organisation=actor.organisation, state__in=PAST)
        demands = [
            Line(row, [Link(_("Demand"), reverse("scenario", args=[row.address]))])
            for row in rows.select_related(*PARTS).order_by("-pk")[:LIMIT]
        ]
        sections.append(Section(_("Awarded or over"), "", demands, states=True))
    if actor.organisation and actor.organisation.is_vendor:
        done = bids_of(actor).exclude(scenario__state__in=WHO_HAS).order_by("-pk")[:LIMIT]
        bids = [
            Line(
                row.scenario,
                [Link(_("My bid and its result"), reverse("bid", args=[row.uid]))],
                note=row.get_state_display(),
            )
            for row in done
        ]
        sections.append(Section(_("Results of my bids"), "", bids))
    sections.append(_confirmed(actor))
    return [section for section in sections if section.lines]


def _confirmed(actor: Actor) -> Section:
    """Openings that this person confirmed, the newest first."""
    rows = Opening.objects.none()
    if actor.user_id and actor.role != Role.EXPERT:
        rows = Opening.objects.standing().filter(confirmations__user=actor.user_id)
        rows = rows.select_related("scenario__organisation").order_by("-pk")
    lines = [
        Line(
            row.scenario,
            [Link(_("Opening"), reverse("opening", args=[row.scenario.address]))],
            at=row.finished_at,
            note=row.get_stage_display(),
        )
        for row in rows[:LIMIT]
    ]
    return Section(_("Openings that I confirmed"), "", lines)
