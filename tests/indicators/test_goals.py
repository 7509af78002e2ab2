"""The facts kept by projections, recounted from the rows they came from; what the page is told."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction

from marketplace.base.actor import SYSTEM
from marketplace.indicators.k4 import DemandFact, Reason, count_k4
from marketplace.indicators.models import OpenDemand
from marketplace.indicators.projections import RELATED, facts_of, withdrawal_at
from marketplace.indicators.queries import (
    FACT_FIELDS,
    goals,
    open_demands,
    opened_of,
    opened_so_far,
)
from marketplace.indicators.tallies import RECOUNT, DemandTally
from marketplace.ledger import actions as ledger
from marketplace.ledger.models import Audience, Event
from marketplace.scenarios.models import Publication, State
from tests import world

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 22, 4, tzinfo=UTC)


def publish(actor=None, **fields):
    """A published scenario with its publication and its event, as the action leaves them."""
    scenario = world.published_scenario(actor, **fields)
    Publication.objects.create(
        scenario=scenario,
        version=1,
        profile=scenario.profile,
        body=b"{}",
        sha256="ab" * 32,
        published_by=scenario.published_by,
        published_at=scenario.published_at,
    )
    with transaction.atomic():
        tell("scenario.published", scenario)
    return scenario


def withdraw(scenario):
    scenario.state = State.WITHDRAWN
    scenario.save()
    with transaction.atomic():
        tell("scenario.withdrawn", scenario)


def tell(kind, scenario):
    ledger.append(kind, actor=SYSTEM, subjects=[scenario.uid], audience=Audience.PUBLIC)


def recount():
    """Every fact anew, from scenarios, publications and events; one standing row per root."""
    found = {}
    rows = Publication.objects.filter(version=1).select_related(*RELATED)
    for publication in rows.order_by("published_at", "scenario__ref"):
        facts = facts_of(publication)
        taken_back = Event.objects.filter(
            kind="scenario.withdrawn", subjects__contains=[facts["scenario_uid"]]
        ).first()
        facts["withdrawn_at"] = None
        if taken_back:
            facts["withdrawn_at"] = withdrawal_at(taken_back, facts["deadline_at"])
        standing = found.get(facts["root_uid"])
        if standing is None or standing["withdrawn_at"]:
            found[facts["root_uid"]] = facts
    return found


def kept():
    names = [field.name for field in OpenDemand._meta.concrete_fields]
    names = [name for name in names if name not in {"id", "uid", "created_at"}]
    return {row["root_uid"]: row for row in OpenDemand.objects.values(*names)}


def test_publication_keeps_the_facts(clock):
    clock.freeze(NOON)
    scenario = publish(title="防护需求", title_en="Protection")
    row = OpenDemand.objects.get()
    assert (row.root_uid, row.scenario_uid, row.ref) == (scenario.uid, scenario.uid, scenario.ref)
    assert (row.title, row.title_en) == ("防护需求", "Protection")
    assert (row.profile_version, row.counts_in_demo_only) == ("A/2", False)
    assert (row.domain_code, row.area_code) == ("industrial_internet", "innovation_zone")
    assert (row.owner_in_lingang, row.publication_sha256) == (True, "ab" * 32)
    # Five whole Shanghai days after 22 November.
    assert row.summary_counts_at == datetime(2026, 11, 27, 16, tzinfo=UTC)


def test_a_second_round_leaves_the_first_publication_standing(clock):
    clock.freeze(NOON)
    first = publish()
    clock.move(timedelta(days=40))
    publish(root=first)
    assert OpenDemand.objects.get().scenario_uid == first.uid


def test_a_round_after_a_withdrawal_takes_its_place(clock):
    clock.freeze(NOON)
    first = publish()
    withdraw(first)
    assert OpenDemand.objects.get().withdrawn_at == NOON
    again = publish(root=first)
    row = OpenDemand.objects.get()
    assert (row.scenario_uid, row.withdrawn_at) == (again.uid, None)


def test_an_event_rolled_back_leaves_no_fact():
    scenario = world.published_scenario()
    with pytest.raises(RuntimeError), transaction.atomic():
        tell("scenario.published", scenario)
        raise RuntimeError
    assert OpenDemand.objects.count() == 0


def test_a_full_recount_finds_what_the_projections_kept(clock, settings):
    settings.DEMO = False
    clock.freeze(datetime(2025, 12, 30, 4, tzinfo=UTC))
    outside = world.owner(in_lingang=False)
    scenarios = []
    for number in range(9):
        fields = {"profile": world.profile("D")} if number % 4 == 0 else {}
        actor = outside if number % 3 == 0 else None
        scenarios.append(publish(actor, **fields))
        clock.move(timedelta(hours=11))
    withdraw(scenarios[1])
    withdraw(scenarios[5])
    publish(root=scenarios[5])
    publish(root=scenarios[2])
    assert kept() == recount()
    facts = [DemandFact(**{name: row[name] for name in FACT_FIELDS}) for row in recount().values()]
    _, k4 = open_demands()
    assert k4 == count_k4(facts, period=k4.period, demo=False, as_of=k4.as_of)
    # 0, 4 and 8 are demo data, 1 was withdrawn; 5 was replaced by its next round.
    assert [fact.ref for fact in k4.withdrawn] == [scenarios[1].ref]
    assert len(k4.excluded) == 3
    assert len(k4.broad.in_period) == 2  # 2 and 3, on 31 December at 10:00 and 21:00 Shanghai
    assert len(k4.broad.together) == 5


# -- The sums that are kept ------------------------------------------------------------------------
def sums():
    names = ("published_on", "summary_counts_at", "demo_only", "strict", "rows")
    return sorted(DemandTally.objects.exclude(rows=0).values_list(*names))


@pytest.mark.parametrize("demo", [False, True])
def test_the_sums_say_what_is_counted_one_by_one(clock, settings, demo):
    """Across the ends of the plan and of the summaries' time, with rounds and withdrawals."""
    settings.DEMO = demo
    clock.freeze(datetime(2025, 12, 30, 4, tzinfo=UTC))
    owners = [None, world.owner(in_lingang=False)]
    kinds = [{}, {"profile": world.profile("D")}, {"domain": None}]
    scenarios = []
    for number in range(12):
        scenarios.append(publish(owners[number % 4 == 3], **kinds[number % 3]))
        if number % 5 == 2:
            withdraw(scenarios[-1])
        if number == 9:
            publish(root=scenarios[2])
            publish(root=scenarios[1])
        clock.move(timedelta(hours=11))
        assert opened_so_far() == opened_of(*open_demands())
    told = opened_so_far()
    assert (told.inside, told.after > 0, 0 < told.strict < told.inside + told.after) == (
        len(open_demands()[1].broad.in_period),
        True,
        True,
    )
    for _ in range(8):
        clock.move(timedelta(hours=23))
        assert opened_so_far() == opened_of(*open_demands())
    found = sums()
    with connection.cursor() as cursor:
        cursor.execute(RECOUNT)
    assert sums() == found


def test_what_came_before_the_plan_is_in_no_sum(clock):
    clock.freeze(datetime(2020, 1, 1, 4, tzinfo=UTC))
    publish()
    told = opened_so_far()
    assert (told.inside, told.after, told.strict) == (0, 0, 0)
    assert told == opened_of(*open_demands())


def test_goals_name_every_unit_with_its_reasons(clock):
    clock.freeze(NOON)
    strict = publish()
    clock.move(timedelta(days=6))
    outside = publish(world.owner(in_lingang=False))
    gone = publish()
    withdraw(gone)
    told = goals()
    assert told.target == 50
    assert [(u.ref, u.standing, u.period, u.strict, u.reasons) for u in told.units] == [
        (strict.ref, "counted", "after", True, ()),
        (
            outside.ref,
            "counted",
            "after",
            False,
            (Reason.NOT_IN_LINGANG, Reason.SUMMARY_TOO_SHORT),
        ),
        (gone.ref, "withdrawn", "", False, (Reason.WITHDRAWN,)),
    ]
    assert [u.state for u in told.units] == ["published", "published", "withdrawn"]
    assert [row.key for row in told.others] == [f"K{n}" for n in range(1, 13) if n != 4]


def test_as_of_an_earlier_instant(clock):
    clock.freeze(NOON)
    publish()
    clock.move(timedelta(days=30))
    publish()
    assert len(open_demands()[1].broad.together) == 2
    assert len(open_demands(NOON)[1].broad.together) == 1


@pytest.mark.parametrize("rows", [1, 30])
def test_goals_take_four_queries(rows, count_queries):
    owner = world.owner()
    for _ in range(rows):
        publish(owner)
    with count_queries() as queries:
        goals()
    assert len(queries) == 4
