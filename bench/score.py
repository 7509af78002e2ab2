"""The page of all scores of a panel, against the queries of pretalx's review dashboard."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import psycopg

from bench.installation import Installation
from bench.lists import readers
from bench.measure import interleaved, tell
from config.runtime.postgres import APP, SUPER

BIDS, JUDGES, CRITERIA = 40, 9, 12
SUBMISSIONS, REVIEWS, PAGE = 20_000, 3, 50
# What was counted on its page; beyond those below they fetch single rows, one by one.
QUERIES = 547

# Our emulation of pretalx's tables and of ReviewDashboard.get_queryset, without its templates.
TABLES = f"""
CREATE SCHEMA peer;
CREATE TABLE peer.submission (id int PRIMARY KEY, code text UNIQUE, title text, abstract text,
    state text, track_id int);
CREATE TABLE peer.review (id int PRIMARY KEY, submission_id int, user_id int, score numeric,
    text text);
CREATE TABLE peer.person (id int PRIMARY KEY, name text);
INSERT INTO peer.person SELECT n, 'Person ' || n FROM generate_series(1, {SUBMISSIONS}) n;
INSERT INTO peer.submission SELECT n, 'S' || n, 'Proposal ' || n, repeat('lorem ipsum ', 20),
    'submitted', n % 5 FROM generate_series(1, {SUBMISSIONS}) n;
INSERT INTO peer.review SELECT n, 1 + n / {REVIEWS}, 1 + n % 6, n % 6, repeat('good ', 15)
    FROM generate_series(0, {SUBMISSIONS * REVIEWS - 1}) n;
CREATE INDEX ON peer.review (submission_id);
GRANT USAGE ON SCHEMA peer TO PUBLIC;
GRANT SELECT ON ALL TABLES IN SCHEMA peer TO PUBLIC;
ANALYZE peer.submission; ANALYZE peer.review; ANALYZE peer.person;
"""
COUNTED = "SELECT count(*) FROM peer.submission WHERE state IN ('submitted', 'accepted')"
DASHBOARD = f"""
SELECT s.*, count(DISTINCT r.id), count(DISTINCT r.id) FILTER (WHERE r.score IS NOT NULL),
    (SELECT u.score FROM peer.review u WHERE u.submission_id = s.id AND u.user_id = 1 LIMIT 1),
    percentile_cont(0.5) WITHIN GROUP (ORDER BY r.score) AS median, avg(r.score)
FROM peer.submission s LEFT JOIN peer.review r ON r.submission_id = s.id
WHERE s.state IN ('submitted', 'accepted') GROUP BY s.id
ORDER BY median DESC NULLS LAST, s.code LIMIT {PAGE}
"""
ONE = "SELECT * FROM peer.person WHERE id = %s"


def page(given: argparse.Namespace) -> int:
    with readers() as made:
        with psycopg.connect(made.url(SUPER), autocommit=True) as peer:
            peer.execute(TABLES)
        compare(made, given.rounds)
    return 0


def compare(made: Installation, rounds: int) -> float:
    ours, queries = our_page()
    with psycopg.connect(made.url(APP), autocommit=True) as raw:
        found = interleaved({"ours": ours, "theirs": dashboard(raw)}, rounds=rounds, times=5)
    print(f"{BIDS} bids, {JUDGES} judges, {CRITERIA} criteria: {queries} queries, {rounds} rounds")
    print(f"{SUBMISSIONS} submissions, {REVIEWS} reviews each, page of {PAGE}: {QUERIES} queries")
    return tell("dashboard's queries over our page", found["theirs"], found["ours"], floor="≥ 30")


def dashboard(raw: psycopg.Connection[Any]) -> Callable[[], None]:
    """The queries alone: neither models nor templates are made of the rows."""

    def ask() -> None:
        raw.execute(COUNTED).fetchone()
        rows = raw.execute(DASHBOARD).fetchall()
        raw.execute(
            "SELECT r.*, p.* FROM peer.review r JOIN peer.person p ON p.id = r.user_id"
            " WHERE r.submission_id = ANY(%s)",
            [[row[0] for row in rows]],
        ).fetchall()
        for number in range(QUERIES - 3):
            raw.execute(ONE, [number + 1]).fetchone()

    return ask


def our_page() -> tuple[Callable[[], bytes], int]:
    """The page as an officer gets it, and its number of queries."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from tests import world
    from tests.committee.test_pages import signed_in

    client = signed_in(world.officer())
    address = f"/scenarios/{reviewed().address}/scores/"

    def ask() -> bytes:
        answer = client.get(address, headers={"Host": "localhost"})
        assert answer.status_code == 200, answer.status_code
        return answer.content

    ask()
    with CaptureQueriesContext(connection) as queried:
        ask()
    return ask, len(queried)


def reviewed(bids: int = BIDS, judges: int = JUDGES, criteria: int = CRITERIA) -> Any:
    """A finished review of that size, written directly."""
    from django.utils import timezone

    from marketplace.base.actor import Role
    from marketplace.bidding.models import Bid, BidState
    from marketplace.committee.models import (
        MemberState,
        Panel,
        PanelMember,
        PanelState,
        Ranking,
        Report,
        Score,
        Sheet,
        SheetStage,
    )
    from marketplace.scenarios.models import Criterion, State
    from tests import world

    kinds = ["technical"] * (criteria - 3) + ["team"] * 2 + ["price"]
    scenario = world.published_scenario(
        state=State.REVIEW,
        profile=world.profile("D"),
        criteria=[
            (f"C{n}", f"标准{n}", kind, Decimal(100) / criteria)
            for n, kind in enumerate(kinds, start=1)
        ],
    )
    officer = world.officer()
    panel = Panel.objects.create(
        scenario=scenario, appointed_by=officer.person, state=PanelState.REPORTED
    )
    members = [
        PanelMember.objects.create(
            panel=panel,
            user=world.person(Role.EXPERT).person,
            code=f"J{n}",
            state=MemberState.DECLARED,
        )
        for n in range(1, judges + 1)
    ]
    report = Report.objects.create(
        scenario=scenario, body=b"{}", sha256="0" * 64, made_by=officer.person
    )
    by_stage = {
        SheetStage.TECHNICAL: list(Criterion.objects.filter(scenario=scenario, kind="technical")),
        SheetStage.NAMED: list(Criterion.objects.filter(scenario=scenario, kind="team")),
    }
    for number in range(1, bids + 1):
        bid = Bid.objects.create(
            scenario=scenario,
            organisation=world.make_organisation(is_vendor=True),
            state=BidState.LOST,
            blind_code=f"B{number}",
        )
        Ranking.objects.create(
            report=report, bid=bid, place=number, technical=60, team=15, price=8, total=83
        )
        for stage, judged in by_stage.items():
            sheets = Sheet.objects.bulk_create(
                Sheet(member=member, bid=bid, stage=stage) for member in members
            )
            Score.objects.bulk_create(
                Score(sheet=sheet, criterion=criterion, points=Decimal(number % 7) + place % 3)
                for place, sheet in enumerate(sheets)
                for criterion in judged
            )
    Sheet.objects.filter(bid__scenario=scenario).update(state="locked", locked_at=timezone.now())
    return scenario
