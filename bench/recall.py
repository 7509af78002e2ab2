"""Whether people find what they look for: recall@10 over the labelled set, written to docs/search.md."""

from __future__ import annotations

import argparse
import re
from statistics import mean

from bench.installation import setup_django
from bench.lists import readers
from config.runtime.process import ROOT

PAGE = ROOT / "docs" / "search.md"
BEGIN, END = "<!-- figures: python -m bench recall -->", "<!-- end of the figures -->"
HAN = re.compile("[\u4e00-\u9fff]")


def labelled(_given: argparse.Namespace) -> int:
    with readers() as made:
        setup_django(made)
        from tests.scenarios.search import corpus

        keys = corpus.load()
        found = {label.q: corpus.recall(label, keys) for label in corpus.labels()}
    told = figures(found, len(keys))
    print(told)
    page = PAGE.read_text("utf-8")
    head, rest = page.split(BEGIN)
    tail = rest.split(END)[1]
    PAGE.write_text(f"{head}{BEGIN}\n{told}\n{END}{tail}", "utf-8")
    return 0


def kind(q: str) -> str:
    latin = re.search("[A-Za-zＡ-Ｚ]", q)
    return ("mixed" if latin else "Chinese") if HAN.search(q) else "English and short names"


def figures(found: dict[str, float], demands: int) -> str:
    rows = ["| queries | how many | recall@10 |", "|---|---|---|"]
    for name in ("Chinese", "English and short names", "mixed"):
        values = [value for q, value in found.items() if kind(q) == name]
        rows.append(f"| {name} | {len(values)} | {mean(values):.3f} |")
    rows.append(f"| all, over {demands} demands | {len(found)} | {mean(found.values()):.3f} |")
    poor = sorted((value, q) for q, value in found.items() if value < 1)
    missed = ", ".join(f"{q} {value:.2f}" for value, q in poor)
    return "\n".join([*rows, "", f"Below 1: {missed}."])
