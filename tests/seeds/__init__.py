"""Reads the seeds as plain data, without the loader."""

from pathlib import Path

import yaml

SEEDS = Path(__file__).resolve().parents[2] / "seeds"


def read(path):
    # libyaml reads the same ten times as fast.
    return yaml.load((SEEDS / path).read_text(encoding="utf-8"), yaml.CSafeLoader)


def leaves(value, where=""):
    """Yield (path, value) of every scalar inside."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, f"{where}/{key}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from leaves(inner, f"{where}/{index}")
    else:
        yield where, value


VOCABULARIES = read("reference/vocabularies.yaml")
CODES = {name: {t["code"] for t in v["terms"]} for name, v in VOCABULARIES.items()}
PROFILES = {row["code"]: row for row in read("reference/profiles.yaml")["profiles"]}
