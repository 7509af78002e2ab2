"""The office's queue: every demand on its way, who has it and until when, oldest first.

A demand stalls by the published rule: each stage has its days, or the window of the demand's own
profile. Nothing here counts, dates or sorts by bids: while a demand takes them it shows its
deadline alone, and afterwards only who has it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from django.db.models import QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from marketplace.base import clock
from marketplace.base.actor import Actor
from marketplace.scenarios.batches.models import BatchDemand
from marketplace.scenarios.demonstration.queries import open_rounds
from marketplace.scenarios.documents.queries import GATE_STATES, Paper, papers_of
from marketplace.scenarios.models import Scenario, State
from marketplace.scenarios.reminders import since
from marketplace.scenarios.windows import due_by

# So many of a filter are read; the page says if there are more.
MOST = 500
Text = str | Promise


class Who:
    OFFICE, OWNER, EXPERTS, HOLDERS, PANEL, NOBODY = (
        "office",
        "owner",
        "experts",
        "holders",
        "panel",
        "clock",
    )


WHO: dict[str, Text] = {
    Who.OFFICE: _("The park office"),
    Who.OWNER: _("The demand's owner"),
    Who.EXPERTS: _("The experts"),
    Who.HOLDERS: _("The key holders"),
    Who.PANEL: _("The panel"),
    Who.NOBODY: _("Nobody: the clock runs"),
}


class Stage(NamedTuple):
    """Who has it; the profile's window and the days (待核) after which it stalls; None: never."""

    who: str
    window: str
    days: int | None


STAGES: dict[str, Stage] = {
    State.SUBMITTED: Stage(Who.OFFICE, "take_up_max", 2),
    State.DEMONSTRATING: Stage(Who.OFFICE, "demonstration_max", 5),
    State.RETURNED: Stage(Who.OWNER, "revision_max", 10),
    State.DEMONSTRATED: Stage(Who.OFFICE, "publication_max", 3),
    State.PUBLISHED: Stage(Who.NOBODY, "", None),
    State.CLOSED: Stage(Who.HOLDERS, "opening_max", 2),
    State.OPENED: Stage(Who.OFFICE, "eligibility_start_max", 2),
    State.ELIGIBILITY: Stage(Who.OFFICE, "eligibility_max", 5),
    State.REVIEW: Stage(Who.PANEL, "review_max", 10),
    State.DECISION: Stage(Who.OFFICE, "decision_max", 5),
    State.PUBLICITY: Stage(Who.NOBODY, "", None),
}
# What brings a demand to its stage. Public or told to the office; none of them tells of a bid.
ENTERED = (
    "scenario.submitted",
    "scenario.demonstration_started",
    "scenario.returned",
    "scenario.demonstrated",
    "scenario.published",
    "scenario.closed",
    "opening.finished",
    "eligibility.started",
    "eligibility.concluded",
    "review.finished",
    "award.publicised",
)


@dataclass(frozen=True)
class Line:
    """One demand. `papers` only where it stands before its publication."""

    scenario: Scenario
    who: str
    since_at: datetime
    until_at: datetime | None
    stalled: bool
    batch: int | None
    papers: list[Paper]

    @property
    def who_label(self) -> Text:
        return WHO[self.who]

    @property
    def there(self) -> int:
        return sum(paper.there for paper in self.papers)


@dataclass(frozen=True)
class Queue:
    lines: list[Line]
    more: bool


def queue(
    actor: Actor, *, stage: str = "", who: str = "", batch: int | None = None, stalled: bool = False
) -> Queue:
    """What the office has on its way, the longest in its stage first. A constant number of queries.

    Without a stage, those that wait for their deadline are left out.
    """
    rows = _rows(actor, stage)
    if batch is not None:
        rows = rows.filter(in_batch__batch__number=batch)
    found = list(rows[: MOST + 1])
    more, found = len(found) > MOST, found[:MOST]
    now, entered = clock.now(), since([row.uid for row in found], ENTERED)
    papers = papers_of([row for row in found if row.state in GATE_STATES])
    batches = dict(
        BatchDemand.objects.filter(scenario__in=found).values_list("scenario_id", "batch__number")
    )
    asked = open_rounds(now)
    lines = [
        _line(
            row,
            entered.get(row.uid, row.created_at),
            now,
            experts=asked.get(row.pk) is False,
            batch=batches.get(row.pk),
            papers=papers.get(row.pk, []),
        )
        for row in found
    ]
    kept = [
        line for line in lines if (not who or line.who == who) and (line.stalled or not stalled)
    ]
    return Queue(sorted(kept, key=lambda line: (line.since_at, line.scenario.pk)), more)


def _rows(actor: Actor, stage: str) -> QuerySet[Scenario]:
    stages = [stage] if stage in STAGES else [s for s in STAGES if s != State.PUBLISHED]
    rows = Scenario.objects.visible_to(actor).filter(state__in=stages)
    return rows.select_related("organisation", "profile").order_by("pk")


def _line(
    row: Scenario,
    since_at: datetime,
    now: datetime,
    *,
    experts: bool,
    batch: int | None,
    papers: list[Paper],
) -> Line:
    stage = STAGES[row.state]
    until = row.deadline_at if row.state == State.PUBLISHED else None
    if stage.days is not None:
        until = due_by(row.profile, stage.window, stage.days, since_at)
    stalled = stage.days is not None and until is not None and now >= until
    who = Who.EXPERTS if experts and row.state == State.DEMONSTRATING else stage.who
    if row.state == State.DECISION and row.award_mode == "owner_choice":
        who = Who.OWNER
    return Line(row, who, since_at, until, stalled, batch, papers)
