"""The blinded score file and the script that adds it up on a machine without our code."""

import hashlib
import json
import random
import shutil
import subprocess
import sys
from decimal import Decimal

import pytest

from marketplace.base.canonical import canonical, plain
from marketplace.committee import arithmetic, queries, verify_scores
from marketplace.committee.queries.documents import ranked
from marketplace.ledger.models import Event
from tests import world
from tests.committee import factories
from tests.committee.test_pages import signed_in


def document(seed):
    """A report's body of either formula, with ties, vetoes, minimums and prices of all kinds."""
    luck = random.Random(seed)
    newer = luck.random() < 0.8
    judges = [f"J{n}" for n in range(1, luck.choice([3, 5, 7]) + 1)]
    criteria = [
        {"code": "C1", "name": "方案", "kind": "technical", "weight": "50.00"},
        {"code": "C2", "name": "实施", "kind": "technical", "weight": "20.00"},
        {"code": "C3", "name": "团队", "kind": "team", "weight": "20.00"},
        {"code": "C4", "name": "报价", "kind": "price", "weight": "10.00"},
    ]
    rules = {
        "trim_extremes": luck.random() < 0.5,
        "trim_panel_min": 5 if newer else 3,
        "pass_line_percent": "60.00",
        "recommend_max": 3,
        "budget_cny": "1000000.00",
    }
    if newer:
        for row in criteria:
            row |= {"veto": row["code"] == "C1", "minimum": None}
        criteria[0]["minimum"] = luck.choice([None, "30.00"])
        rules |= {
            "price": {
                "formula": luck.choice(arithmetic.PRICE_FORMULAS),
                "deduct_above": "1.25",
                "deduct_below": "0.50",
            },
            "veto_over_percent": "50.00",
            "technical_minimum_percent": luck.choice(["0.00", "60.00"]),
            "ties": [*luck.sample(["technical", "team", "price"], 3), "receipt"],
        }
    bids = []
    for number in range(luck.randint(1, 6)):
        # Few different points and prices, so that totals meet.
        points = {
            judge: {
                row["code"]: str(Decimal(row["weight"]) * luck.choice([4, 5, 6]) / 7)[:5]
                for row in criteria[:3]
            }
            for judge in judges
        }
        bid = {
            "uid": f"uid-{number}",
            "organisation": f"甲乙{number}",
            "blind_code": f"B{number}",
            "price_cny": luck.choice([None, "500000.00", "700000.01", "999999.99", "1000000.01"]),
            "received_at": f"2026-11-22T09:00:0{number}.000Z",
            "receipt_order": number + 1,
            "points": points,
        }
        vetoes = {"C1": {judge: "理由" for judge in judges if luck.random() < 0.3}}
        bids.append(bid | ({"vetoes": vetoes} if newer else {}))
    body = {
        "type": "jiebang-report/2" if newer else "jiebang-report/1",
        "formula": arithmetic.FORMULA if newer else arithmetic.FORMULA_1,
        "scenario": {"uid": "u", "ref": "LG-2026-0001"},
        "profile": "A/5",
        "rules": rules,
        "criteria": criteria,
        "judges": judges,
        "recused": [],
        "bids": bids,
    }
    return body | plain(ranked(body, arithmetic.recompute(body)))


@pytest.mark.parametrize("kind", ["report", "blinded"])
def test_the_script_agrees_to_the_last_digit(kind):
    for seed in range(150):
        body = document(seed)
        file, (lines, basis) = verify_scores.read(
            canonical(body if kind == "report" else queries.blinded(body))
        )
        assert list(verify_scores.differences(file, lines, basis)) == [], seed


def test_nothing_of_a_bidder_or_a_judges_words_is_in_the_blinded_file():
    body = document(7)
    raw = canonical(queries.blinded(body)).decode()
    told = [body["bids"][0][name] for name in ("uid", "organisation", "received_at")]
    assert [word in raw for word in (*told, "理由", "uid-")] == [False] * 5


def run(script, file):
    """In a process of the bare interpreter: no packages, no environment, another folder."""
    return subprocess.run(
        [sys.executable, "-I", "-S", script.name, file.name],
        cwd=script.parent, env={"PYTHONUTF8": "1"}, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_it_runs_alone_and_finds_a_changed_digit(tmp_path):
    script = tmp_path / "verify_scores.py"
    shutil.copy(verify_scores.__file__, script)
    file = tmp_path / "scores.json"
    blinded = queries.blinded(document(3))
    file.write_bytes(canonical(blinded))
    held = run(script, file)
    assert (held.returncode, held.stderr) == (0, "")
    assert hashlib.sha256(file.read_bytes()).hexdigest() in held.stdout
    points = next(iter(blinded["bids"][0]["points"].values()))
    points["C3"] = str(Decimal(points["C3"]) - Decimal("0.07"))
    file.write_bytes(canonical(blinded))
    broken = run(script, file)
    assert broken.returncode == 1
    assert "DIFFERS" in broken.stdout
    for wrong in (b"", b"[]", b"{}", b'{"type": "jiebang-scores/1"}', b"\xff\xfe"):
        file.write_bytes(wrong)
        assert run(script, file).returncode == 2


@pytest.mark.django_db
def test_bidders_download_it_with_the_result_and_its_hash_stands_in_the_log():
    scenario = factories.reported(2)
    url = f"/scenarios/{scenario.address}/scores.json"
    bidder = world.member(scenario.bids.get(blind_code="B2").organisation)
    outsider = world.vendor()
    assert [signed_in(who).get(url).status_code for who in (bidder, outsider)] == [404, 404]
    told = signed_in(world.officer()).get(url).content
    scenario.state = "publicity"
    scenario.save()
    answer = signed_in(bidder).get(url)
    assert answer.content == told
    assert signed_in(outsider).get(url).status_code == 404
    leaf = Event.objects.get(kind="review.finished").data
    assert leaf["scores_sha256"] == hashlib.sha256(told).hexdigest()
    names = scenario.bids.values_list("organisation__name", flat=True)
    assert [name in told.decode() for name in names] == [False, False]
    file, (lines, basis) = verify_scores.read(told)
    assert list(verify_scores.differences(file, lines, basis)) == []
    assert len(json.loads(told)["salt"]) == 64


@pytest.mark.django_db
def test_a_bidder_reads_its_own_points_median_and_reasons_and_nothing_of_others():
    scenario = factories.reported(2)
    scenario.state = "publicity"
    scenario.save()
    own = scenario.bids.get(blind_code="B2")
    body = json.loads(bytes(scenario.report.body))
    rows = queries.feedback_of(own, body)
    assert [(r.code, r.points, r.median, r.reasons, r.vetoes) for r in rows] == [
        ("C1", Decimal("42.50"), Decimal("42.50"), ["理由"] * 3, 0),
        ("C2", Decimal("17.00"), Decimal("17.00"), ["理由"] * 3, 0),
        ("C3", Decimal("17.00"), Decimal("17.00"), ["理由"] * 3, 0),
    ]
