"""Signals: the figures by hand, and that nobody but witness and inspector learns of them."""

import hashlib
import subprocess
import sys
from decimal import Decimal
from math import isnan

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kendalltau

from marketplace.base import queue
from marketplace.base.actor import VISITOR, Role
from marketplace.base.canonical import canonical
from marketplace.base.models import OutboxJob
from marketplace.committee import actions
from marketplace.committee.models import SheetStage
from marketplace.committee.signals.calibration import severity
from marketplace.committee.signals.computing import make_signals, totals_of
from marketplace.committee.signals.figures import flags, histories, tau_b
from marketplace.committee.signals.models import Signal
from tests import world
from tests.api.client import As
from tests.committee import factories
from tests.committee.test_pages import signed_in


def table(*rows):
    """One row of points per judge, a column per bid, as {bid: {judge: points}}."""
    return {
        f"B{b}": {f"J{j}": float(row[b - 1]) for j, row in enumerate(rows, start=1)}
        for b in range(1, len(rows[0]) + 1)
    }


CALM = table((80, 70, 60, 90), (82, 71, 63, 88), (79, 72, 58, 91))


def told(totals, kind):
    return [(f.judges, f.bid, f.figure) for f in flags(totals) if f.kind == kind]


def test_a_calm_panel_raises_nothing_but_agreement():
    assert {flag.kind for flag in flags(CALM)} == {"alike"}
    assert told(CALM, "alike") == [(("J1", "J2", "J3"), "", 3.0)]


def test_one_judge_far_from_the_others_is_told_in_each_way():
    totals = table((80, 70, 60, 90), (82, 71, 63, 88), (79, 72, 30, 91))
    # J3 gives B3 31.5 less than the mean of the others; their root mean square is 11.3.
    assert told(totals, "deviation") == [(("J3",), "B3", -2.8)]
    assert told(totals, "distance") == [(("J3",), "B3", -50.0)]
    assert told(totals, "favour") == [(("J3",), "B3", -30.7)]


@pytest.mark.parametrize(
    ("one", "other", "tau"),
    [((1, 2, 3), (1, 2, 3), 1), ((1, 2, 3), (3, 2, 1), -1), ((1, 1, 1), (1, 2, 3), 0)],
)
def test_kendalls_tau(one, other, tau):
    assert tau_b(one, other) == tau


POINTS = st.lists(st.integers(0, 6), min_size=6, max_size=6)


@settings(max_examples=50)
@given(POINTS, POINTS)
def test_tau_agrees_with_scipy(one, other):
    found = kendalltau(one, other).statistic
    assert tau_b(one, other) == pytest.approx(0 if isnan(found) else found)


def test_history_needs_two_panels_and_looks_at_three():
    met = {("J1", "B1"): [9.0], ("J1", "B2"): [9.0, 8.0], ("J2", "B1"): [9.0, 9.0, 9.0, -90.0]}
    assert [(f.judges, f.bid, f.figure, f.more) for f in histories(met)] == [
        (("J1",), "B2", 8.5, {"panels": 2}),
        (("J2",), "B1", 9.0, {"panels": 3}),
    ]


def test_the_model_finds_who_is_strict():
    rows = [(80, 70, 60, 90, 75), (81, 70, 62, 89, 76), (70, 61, 51, 79, 66), (80, 72, 60, 91, 74)]
    effects = severity(table(*rows))
    assert min(effects, key=effects.get) == "J3"
    assert -9.5 < effects["J3"] < -6
    assert abs(sum(effects.values())) < 0.1
    assert severity(table((80, 70), (81, 71), (79, 72))) is None


def test_only_the_worker_loads_the_library():
    """What web and worker import at their start does not; it is loaded when a panel is judged."""
    code = (
        "import sys; import django; django.setup(); import marketplace.registry as r; r.connect();"
        "import config.urls; print({'statsmodels', 'scipy', 'pandas'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "set()"


@pytest.fixture
def judged(db):
    """Four bids; J3 puts B4 far below. Both stages locked, and the worker has run."""
    scenario = factories.scenario_in_review(4)
    panel, judges = factories.scoring_panel(scenario, factories.experts(3))
    for place, judge in enumerate(judges):
        for number, sheet in enumerate(factories.sheets(judge)):
            low = place == 2 and number == 3
            factories.fill(judge, sheet, Decimal("0.3") if low else Decimal(95 - number) / 100)
            actions.lock_sheet(actor=judge, sheet_uid=sheet.uid)
    factories.lock_stage(judges, SheetStage.NAMED)
    return scenario, panel, judges


def test_the_worker_makes_them_after_locking_and_again_without_doubling(judged):
    _scenario, panel, judges = judged
    assert OutboxJob.objects.filter(kind="panel.signals").count() == 2
    assert totals_of(panel)["B4"]["J3"] == pytest.approx(100 * (21 + 16) / 90)
    assert queue.HANDLERS["panel.signals"] is make_signals
    for _ in range(2):
        make_signals(panel_uid=str(panel.uid))
    rows = Signal.objects.filter(panel=panel).values_list("kind", "judges", "blind_code")
    assert sorted(map(str, rows)) == sorted(
        str(row)
        for row in [
            ("deviation", ["J3"], "B4"),
            ("distance", ["J3"], "B4"),
            ("favour", ["J3"], "B4"),
            ("alike", ["J1", "J2", "J3"], ""),
            *(("severity", [f"J{n}"], "") for n in (1, 2, 3)),
        ]
    )
    sheet = factories.sheets(judges[2]).last()
    actions.correct_sheet(
        actor=judges[2],
        sheet_uid=sheet.uid,
        revision=sheet.revision,
        kind="extreme",
        reason="畸低，重新认定。",
        scores={"C1": ("46", ""), "C2": ("18", "")},
    )
    make_signals(panel_uid=str(panel.uid))
    assert set(Signal.objects.values_list("kind", flat=True)) == {"alike", "severity"}


def test_only_witness_and_inspector_ever_see_them(judged):
    scenario, panel, judges = judged
    make_signals(panel_uid=str(panel.uid))
    url = f"/scenarios/{scenario.address}/signals/"
    bidder = world.member(scenario.bids.first().organisation)
    blind = {
        "owner": world.member(scenario.organisation),
        "bidder": bidder,
        "officer": world.officer(),
        "secretary": world.secretary(),
        "judge": judges[0],
        "expert": world.person(Role.EXPERT),
        "holder": world.key_holder_actors(scenario)[0],
        "evaluator": world.person(Role.EVALUATOR),
        "complaints": world.person(Role.COMPLAINTS),
        "operator": world.person(Role.OPERATOR),
        "inspector without a request": world.person(Role.INSPECTOR),
    }
    assert {who: signed_in(actor).get(url).status_code for who, actor in blind.items()} == (
        dict.fromkeys(blind, 404)
    )
    for actor in (*blind.values(), VISITOR):
        assert not Signal.objects.visible_to(actor).exists()
    watching = world.person(Role.WITNESS)
    witness = signed_in(watching).get(url)
    program = f"scenarios/{scenario.uid}/signals/"
    told = As(watching).get(program).json()["signals"]
    assert [row["kind"] for row in told] == [
        *Signal.objects.order_by("kind", "blind_code", "judges", "pk").values_list(
            "kind", flat=True
        )
    ]
    assert {As(blind[who]).get(program).status_code for who in ("officer", "judge")} == {404}
    file = f"scenarios/{scenario.uid}/scores/"
    assert As(bidder).get(file).status_code == 404
    assert witness.status_code == 200
    names = [judge.user.name for judge in judges] + [bidder.organisation.name]
    assert [name in witness.content.decode() for name in names] == [False] * 4
    factories.open_prices(scenario, dict.fromkeys(("B1", "B2", "B3", "B4"), "800000"))
    report = factories.finish(scenario)
    shown = As(blind["officer"]).get(file).json()
    assert shown["sha256"] == hashlib.sha256(canonical(shown["scores"])).hexdigest()
    assert b"signal" not in bytes(report.body)
