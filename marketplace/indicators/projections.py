"""Keeps the facts behind the open demands in the transaction that publishes or withdraws."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from marketplace.indicators.models import OpenDemand
from marketplace.ledger.actions import project
from marketplace.ledger.models import Event
from marketplace.scenarios.models import Publication, Scenario
from marketplace.scenarios.windows import window_end

OUTSIDE = "none"  # organising mode of a demand that was put to bid on another platform


@project("scenario.published")
def opened(event: Event) -> None:
    """The first publication of a root stands, unless it was withdrawn before its deadline."""
    for publication in publications_of(event):
        facts = facts_of(publication)
        standing = OpenDemand.objects.filter(root_uid=facts["root_uid"]).first()
        if standing is None:
            OpenDemand.objects.create(**facts)
        elif standing.withdrawn_at is not None:
            OpenDemand.objects.filter(pk=standing.pk).update(**facts)


@project("scenario.withdrawn")
def withdrawn(event: Event) -> None:
    """The deadline is taken along: it may have been moved since the publication."""
    for scenario in Scenario.objects.filter(uid__in=event.subjects):
        rows = OpenDemand.objects.filter(scenario_uid=scenario.uid, withdrawn_at=None)
        deadline = scenario.deadline_at
        assert deadline is not None, "a published demand has a deadline"
        rows.update(withdrawn_at=withdrawal_at(event, deadline), deadline_at=deadline)


@project("scenario.deadline_extended")
def extended(event: Event) -> None:
    for scenario in Scenario.objects.filter(uid__in=event.subjects):
        rows = OpenDemand.objects.filter(scenario_uid=scenario.uid)
        rows.update(deadline_at=scenario.deadline_at)


def withdrawal_at(event: Event, deadline: datetime) -> datetime:
    """The action decided before the deadline; its event may be stamped a moment after."""
    return min(event.at, deadline - timedelta(microseconds=1))


def publications_of(event: Event) -> list[Publication]:
    """The first publication of each scenario that the event is about."""
    rows = Publication.objects.filter(scenario__uid__in=event.subjects, version=1)
    return list(rows.select_related(*RELATED))


RELATED = (
    "profile",
    "scenario__organisation",
    "scenario__root",
    "scenario__domain",
    "scenario__carrier",
    "scenario__area",
)


def facts_of(publication: Publication) -> dict[str, Any]:
    """What one publication says toward the count: the fields of an OpenDemand row."""
    scenario, profile = publication.scenario, publication.profile
    return {
        "root_uid": scenario.root.uid if scenario.root else scenario.uid,
        "scenario_uid": scenario.uid,
        "ref": scenario.ref,
        "title": scenario.title,
        "title_en": scenario.title_en,
        "published_at": publication.published_at,
        "deadline_at": scenario.deadline_at,
        "withdrawn_at": None,
        "profile_code": profile.code,
        "profile_version": profile.label,
        "counts_in_demo_only": profile.counts_in_demo_only,
        "domain_code": code(scenario.domain),
        "carrier_code": code(scenario.carrier),
        "area_code": code(scenario.area),
        "organising_mode": scenario.organising_mode if profile.takes_bids else OUTSIDE,
        "owner_in_lingang": scenario.organisation.in_lingang,
        "summary_counts_at": window_end(profile, "public_summary_min", publication.published_at),
        "publication_sha256": publication.sha256,
    }


def code(term: Any) -> str:
    return term.code if term else ""
