"""Batches: which calls are open, what stands in one, what its announcement would publish."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from marketplace.accounts.models import Membership, User
from marketplace.base.actor import Actor
from marketplace.scenarios.batches.models import Batch, BatchDemand, BatchState
from marketplace.scenarios.documents.queries import Paper, papers_of
from marketplace.scenarios.models import Scenario, State
from marketplace.scenarios.queries import key_holder_candidates

# Filed with the office and not yet decided on.
FILED = (State.SUBMITTED, State.DEMONSTRATING, State.RETURNED, State.DEMONSTRATED)


def takes_demands(batch: Batch, now: datetime) -> bool:
    """Whether demands are filed under its call at this instant."""
    return (
        batch.state == BatchState.CALLED and batch.closes_at is not None and now < batch.closes_at
    )


def open_calls(now: datetime) -> list[Batch]:
    rows = Batch.objects.filter(state=BatchState.CALLED, closes_at__gt=now)
    return list(rows.order_by("closes_at", "pk"))


def batch_of(scenario: Scenario) -> Batch | None:
    row = BatchDemand.objects.filter(scenario=scenario).select_related("batch").first()
    return row.batch if row else None


def announced_batch_of(scenario: Scenario) -> Batch | None:
    """The batch that everybody may read of; none while the demand is on its way in it."""
    standing = getattr(scenario, "in_batch", None)
    return standing.batch if standing and standing.batch.state == BatchState.ANNOUNCED else None


@dataclass(frozen=True)
class Entry:
    """A demand of a batch with its documents. ready: the announcement would publish it."""

    scenario: Scenario
    papers: list[Paper]

    @property
    def ready(self) -> bool:
        return self.scenario.state == State.DEMONSTRATED and all(p.there for p in self.papers)

    @property
    def there(self) -> int:
        return sum(paper.there for paper in self.papers)


def entries(actor: Actor, batch: Batch) -> list[Entry]:
    """What this person sees of its demands, in the order of filing. Four queries."""
    rows = BatchDemand.objects.visible_to(actor).filter(batch=batch).order_by("pk")
    demands = [
        row.scenario for row in rows.select_related("scenario__organisation", "scenario__domain")
    ]
    papers = papers_of(demands) if actor.is_office else {}
    return [Entry(row, papers.get(row.pk, [])) for row in demands]


def key_holders_for(demands: list[Scenario]) -> QuerySet[User]:
    """Who may hold the keys of all of these: with several owners nobody who belongs to one."""
    if not demands:
        return User.objects.none()
    people = key_holder_candidates(demands[0])
    owners = {row.organisation_id for row in demands}
    if len(owners) == 1:
        return people
    tied = Membership.objects.filter(organisation_id__in=owners)
    return people.exclude(pk__in=tied.values("user_id"))


def people_of_the_office() -> QuerySet[User]:
    office = Membership.objects.filter(organisation__is_office=True)
    return User.objects.filter(is_active=True, pk__in=office.values("user_id")).order_by("name")


def may_be_taken(actor: Actor) -> QuerySet[Scenario]:
    """Filed demands that stand in no batch, for the office to gather; the oldest first."""
    rows = Scenario.objects.visible_to(actor).filter(state__in=FILED, in_batch=None)
    return rows.select_related("organisation").order_by("pk")
