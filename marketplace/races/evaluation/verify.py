"""Measuring again from the files, and holding it against what was told. Needs no installation."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from marketplace.races.evaluation import evaluators, reading
from marketplace.races.evaluation.evaluators import Split
from marketplace.races.evaluation.faults import Refused
from marketplace.races.evaluation.figures import Outcome
from marketplace.races.evaluation.kinds import Settings
from marketplace.races.evaluation.truth import read_truth


@dataclass(frozen=True)
class Files:
    """Everything that a measurement depends on, beside the settings."""

    ids: Path
    truth: Path
    result: Path
    salt: bytes
    public_percent: int

    def hashes(self) -> dict[str, str]:
        """SHA-256 of each file, in hex."""
        found = {}
        for name in ("ids", "truth", "result"):
            with getattr(self, name).open("rb") as stream:
                found[name] = hashlib.file_digest(stream, "sha256").hexdigest()
        return found


@dataclass(frozen=True)
class Claim:
    """What a run says of itself. `hashes`: those of the files that it read, as far as it tells."""

    evaluator: str
    version: str
    settings: Settings
    split: Split
    outcome: bytes
    hashes: Mapping[str, str]


@dataclass(frozen=True)
class Difference:
    what: str
    claimed: Any
    found: Any


def recompute(name: str, settings: Settings, split: Split, files: Files) -> Outcome:
    """Raises Refused where a file cannot be counted."""
    chosen = evaluators.evaluator(name)
    ids = reading.read_ids(files.ids, settings)
    truth = read_truth(
        files.truth,
        chosen,
        settings,
        ids,
        salt=files.salt,
        public_percent=files.public_percent,
    )
    result = reading.read_result(files.result, chosen, settings, ids)
    return evaluators.evaluate(name, truth, result, settings, split)


def verify(claim: Claim, files: Files) -> list[Difference]:
    """Nothing where the very same bytes come out again; else what is not the same."""
    hashes = files.hashes()
    found = [
        Difference(f"sha256.{name}", told, hashes.get(name))
        for name, told in sorted(claim.hashes.items())
        if hashes.get(name) != told
    ]
    version = evaluators.evaluator(claim.evaluator).version
    if version != claim.version:
        # Another version may rightly find other figures.
        return [*found, Difference("version", claim.version, version)]
    try:
        outcome = recompute(claim.evaluator, claim.settings, claim.split, files)
    except Refused as refusal:
        faults = [fault.plain() for fault in refusal.faults]
        return [*found, Difference("refused", None, faults)]
    again = outcome.bytes()
    if again == claim.outcome:
        return found
    told, now = json.loads(claim.outcome), json.loads(again)
    parts = list(apart("", told, now)) or [Difference("bytes", len(claim.outcome), len(again))]
    return [*found, *parts]


def apart(path: str, told: Any, now: Any) -> Iterator[Difference]:
    if isinstance(told, dict) and isinstance(now, dict):
        for name in sorted(told.keys() | now.keys()):
            yield from apart(f"{path}.{name}".lstrip("."), told.get(name), now.get(name))
    elif told != now:
        yield Difference(path, told, now)
