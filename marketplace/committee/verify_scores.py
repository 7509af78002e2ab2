"""Add up the scores of a review anew, without asking the platform that ran it 离线复算评审得分.

    verify_scores.py FILE

FILE is the blinded score file that every bidder may download with the result 结果公布后可下载的匿名评分文件,
or a report's own JSON. Needs only this file and Python 3.9, no network and no packages. It computes
every stage score, veto, minimum, price score, total and place anew, in whole fractions, and holds
each figure against the one in the file, to the last digit. The SHA-256 that it prints is the one in
the log's entry “review.finished”.

Exit code: 0 everything agrees; 1 something does not; 2 the file cannot be read.
Written apart from the platform's own code, so that an error in one shows in the other.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, TextIO

OLDER, NEWER = "jiebang-score/1", "jiebang-score/2"
TYPES = ("jiebang-scores/1", "jiebang-report/1", "jiebang-report/2")
USAGE = "verify_scores.py FILE"

# A parsed file, one of its bids or lines.
Row = dict[str, Any]
# The judges' totals of one stage, who was left out, the plain mean and the one that counts.
Stage = tuple[dict[str, Fraction], list[str], Fraction, Fraction]


class Unreadable(Exception):
    """Not a score file, or one of a formula that this script does not know."""


# -- Figures -----------------------------------------------------------------------------------------
def two_places(value: Fraction) -> Fraction:
    """Half up, as whole hundredths."""
    return Fraction((value * 100 + Fraction(1, 2)).__floor__(), 100)


def average(values: list[Fraction]) -> Fraction:
    if not values:
        raise Unreadable("nobody scored a bid")
    return two_places(sum(values, Fraction(0)) / len(values))


def written(value: Fraction) -> str:
    """A figure with two places, as the file has it."""
    hundredths = value * 100
    if hundredths.denominator != 1:
        raise Unreadable("a figure has more than two places")
    sign, whole = ("-" if hundredths < 0 else ""), abs(hundredths.numerator)
    return f"{sign}{whole // 100}.{whole % 100:02d}"


# -- The rules ---------------------------------------------------------------------------------------
class Rules:
    def __init__(self, file: Row) -> None:
        frozen = file["rules"]
        self.criteria = {row["code"]: row for row in file["criteria"]}
        self.weight = dict.fromkeys(("technical", "team", "price"), Fraction(0))
        for row in file["criteria"]:
            self.weight[row["kind"]] += Fraction(row["weight"])
        self.full = sum(self.weight.values(), Fraction(0))
        self.budget = Fraction(frozen["budget_cny"])
        self.pass_line = self.full * Fraction(frozen["pass_line_percent"]) / 100
        self.recommended = int(frozen["recommend_max"])
        self.formula, self.above, self.below = "lowest_price", Fraction(0), Fraction(0)
        self.veto_over, self.minimums, self.technical_least = Fraction(100), {}, Fraction(0)
        self.ties, fewest = ["technical", "price", "receipt"], 3
        if file["formula"] == NEWER:
            price = frozen["price"]
            self.formula = price["formula"]
            self.above, self.below = (
                Fraction(price["deduct_above"]),
                Fraction(price["deduct_below"]),
            )
            self.veto_over = Fraction(frozen["veto_over_percent"])
            self.minimums = {
                code: Fraction(row["minimum"])
                for code, row in self.criteria.items()
                if row["minimum"] is not None
            }
            share = Fraction(frozen["technical_minimum_percent"])
            self.technical_least = self.weight["technical"] * share / 100
            self.ties, fewest = list(frozen["ties"]), 5
        elif file["formula"] != OLDER:
            raise Unreadable(f"unknown formula {file['formula']!r}")
        if self.formula not in ("lowest_price", "benchmark_mean"):
            raise Unreadable(f"unknown price formula {self.formula!r}")
        trims = frozen["trim_extremes"]
        self.trim_from = max(int(frozen["trim_panel_min"]), fewest) if trims else None


def stage(bid: Row, kind: str, rules: Rules) -> Stage:
    codes = [code for code, row in rules.criteria.items() if row["kind"] == kind]
    if not codes:
        return {}, [], Fraction(0), Fraction(0)
    totals = {
        judge: sum((Fraction(given[code]) for code in codes), Fraction(0))
        for judge, given in bid["points"].items()
    }
    out = []
    if rules.trim_from is not None and len(totals) >= rules.trim_from:
        ordered = sorted((points, judge) for judge, points in totals.items())
        out = [ordered[0][1], ordered[-1][1]]
    kept = [points for judge, points in totals.items() if judge not in out]
    return totals, out, average(list(totals.values())), average(kept)


def judged(bid: Row, rules: Rules) -> Row:
    """Everything of one bid that no other bid has a part in."""
    found: Row = {"code": bid["blind_code"], "order": int(bid["receipt_order"])}
    found["technical"] = stage(bid, "technical", rules)
    found["team"] = stage(bid, "team", rules)
    judges = len(bid["points"])
    found["vetoed"] = sorted(
        code
        for code, who in bid.get("vetoes", {}).items()
        if Fraction(len(who) * 100, judges) > rules.veto_over
    )
    missed = [
        code
        for code, least in rules.minimums.items()
        if average([Fraction(given[code]) for given in bid["points"].values()]) < least
    ]
    if found["technical"][3] < rules.technical_least:
        missed.append("technical")
    found["below"] = sorted(missed)
    found["price_cny"] = None if bid["price_cny"] is None else Fraction(bid["price_cny"])
    found["invalid"] = ""
    if found["vetoed"]:
        found["invalid"] = "vetoed"
    elif missed:
        found["invalid"] = "below_minimum"
    elif found["price_cny"] is None:
        found["invalid"] = "no_price"
    elif found["price_cny"] > rules.budget:
        found["invalid"] = "over_budget"
    return found


def price_points(price: Fraction, basis: Fraction, rules: Rules) -> Fraction:
    weight = rules.weight["price"]
    if rules.formula == "lowest_price":
        return two_places(basis * weight / price)
    off = (price - basis) / basis * 100
    lost = weight * abs(off) * (rules.above if off > 0 else rules.below) / 100
    return max(Fraction(0), two_places(weight - lost))


def ranking(file: Row) -> tuple[list[Row], str]:
    """The whole ranking anew, in the words of the file, and what the prices were held against."""
    rules = Rules(file)
    rows = [judged(bid, rules) for bid in file["bids"]]
    prices = [row["price_cny"] for row in rows if not row["invalid"]]
    basis = Fraction(0)
    if prices:
        basis = min(prices) if rules.formula == "lowest_price" else average(prices)
    for row in rows:
        valid = not row["invalid"]
        row["price"] = price_points(row["price_cny"], basis, rules) if valid else Fraction(0)
        row["total"] = row["technical"][3] + row["team"][3] + row["price"]

    def order(row: Row) -> tuple[Any, ...]:
        decide = {
            "technical": -row["technical"][3],
            "team": -row["team"][3],
            "price": row["price_cny"] or Fraction(0),
            "receipt": row["order"],
        }
        return (
            row["invalid"] != "",
            -row["total"],
            [decide[tie] for tie in rules.ties],
            row["order"],
        )

    rows.sort(key=order)
    lines = []
    for place, row in enumerate(rows, 1):
        placed = not row["invalid"] and row["total"] >= rules.pass_line
        line: Row = {
            "blind_code": row["code"],
            "place": place if placed else None,
            "candidate": placed and place <= rules.recommended,
            "invalid": row["invalid"],
            "price": written(row["price"]),
            "total": written(row["total"]),
        }
        if file["formula"] == NEWER:
            line.update(vetoed=row["vetoed"], below=row["below"])
        for kind in ("technical", "team"):
            totals, out, raw, score = row[kind]
            line[kind] = {
                "totals": {judge: written(points) for judge, points in totals.items()},
                "left_out": out,
                "raw": written(raw),
                "score": written(score),
            }
        lines.append(line)
    return lines, written(basis)


# -- Reading and comparing ---------------------------------------------------------------------------
def read(raw: bytes) -> tuple[Row, tuple[list[Row], str]]:
    """The file, and its ranking made anew. Raises Unreadable."""
    try:
        file = json.loads(raw)
        kind = file["type"]
        anew = ranking(file) if kind in TYPES else None
    except (ValueError, KeyError, TypeError, AttributeError, ZeroDivisionError) as error:
        raise Unreadable(f"{type(error).__name__}: {error}") from error
    if anew is None:
        raise Unreadable(f"not a score file: {kind!r}")
    return file, anew


def differences(file: Row, lines: list[Row], basis: str) -> Iterator[str]:
    """What the file says otherwise: one sentence each."""
    said = {line["blind_code"]: line for line in file["ranking"]}
    told = [line["blind_code"] for line in file["ranking"]]
    anew = [line["blind_code"] for line in lines]
    if told != anew:
        yield f"order of the ranking 排序: {' '.join(told)}, anew {' '.join(anew)}"
    for line in lines:
        other = said.get(line["blind_code"], {})
        for name, value in line.items():
            if other.get(name) != value:
                yield f"{line['blind_code']} {name}: {other.get(name)}, anew {value}"
    if file["formula"] == NEWER and file["price_basis_cny"] != basis:
        yield f"price basis 评标基准价: {file['price_basis_cny']}, anew {basis}"


def main(given: list[str], out: TextIO = sys.stdout) -> int:
    if len(given) != 1 or given[0].startswith("-"):
        print(USAGE, file=out)
        return 2
    try:
        raw = Path(given[0]).read_bytes()
        file, (lines, basis) = read(raw)
        wrong = list(differences(file, lines, basis))
    except (OSError, Unreadable, KeyError, TypeError, AttributeError) as error:
        print(f"cannot be read 无法读取: {error}", file=out)
        return 2
    print(f"SHA-256 {hashlib.sha256(raw).hexdigest()}", file=out)
    counted = (len(file["judges"]), len(file["bids"]))
    print(
        "formula 公式 {}, judges 评委 {}, bids 申报 {}".format(file["formula"], *counted), file=out
    )
    for line in lines:
        figures = [line["technical"]["score"], line["team"]["score"], line["price"]]
        place = "-" if line["place"] is None else line["place"]
        summed = f"{' + '.join(figures)} = {line['total']}"
        print(f"{place:>3}  {line['blind_code']:<6} {summed}  {line['invalid']}", file=out)
    for sentence in wrong:
        print(f"DIFFERS 不一致: {sentence}", file=out)
    print("everything agrees 全部一致" if not wrong else "does NOT agree 不一致", file=out)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
