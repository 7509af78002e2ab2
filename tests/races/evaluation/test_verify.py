"""Whoever has the files finds the same figures, or is told which are not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from marketplace.races.evaluation import verify
from marketplace.races.evaluation.environment import environment
from tests.races.evaluation.conftest import SALT

SETTINGS = {"labels": ["no", "yes"], "positive": "yes"}


@pytest.fixture
def files(tmp_path):
    names = [f"id{n}" for n in range(40)]
    contents = {
        "ids": "id\n" + "".join(f"{name}\n" for name in names),
        "truth": "id,label\n" + "".join(f"{n},{'yes' if n[-1] < '4' else 'no'}\n" for n in names),
        "result": "id,prediction\n"
        + "".join(f"{n},{'yes' if n[-1] < '5' else 'no'}\n" for n in names[::-1]),
    }
    paths = {}
    for name, content in contents.items():
        paths[name] = tmp_path / f"{name}.csv"
        paths[name].write_text(content)
    return verify.Files(**paths, salt=SALT, public_percent=30)


@pytest.fixture
def claim(files):
    outcome = verify.recompute("classification", SETTINGS, "private", files)
    return verify.Claim(
        evaluator="classification",
        version="1",
        settings=SETTINGS,
        split="private",
        outcome=outcome.bytes(),
        hashes=files.hashes(),
    )


def test_the_same_files_give_the_same_bytes(claim, files):
    assert verify.verify(claim, files) == []


def test_what_is_not_the_same_is_told(claim, files):
    other = claim.outcome.replace(b'"recall":{"value":"1"}', b'"recall":{"value":"0.9"}')
    differences = verify.verify(replace(claim, outcome=other), files)
    assert ("metrics.recall.value", "0.9", "1") in {
        (row.what, row.claimed, row.found) for row in differences if isinstance(row.claimed, str)
    }
    spaced = replace(claim, outcome=claim.outcome + b" ")
    assert [row.what for row in verify.verify(spaced, files)] == ["bytes"]
    newer = replace(claim, version="0")
    assert verify.verify(newer, files) == [verify.Difference("version", "0", "1")]
    salted = replace(files, salt=b"another salt of bytes")
    assert "ids" in {row.what for row in verify.verify(claim, salted)}


def test_another_file_is_noticed(claim, files):
    files.result.write_text(files.result.read_text().replace("id7,no", "id7,maybe"))
    told = verify.verify(claim, files)
    assert [row.what for row in told] == ["sha256.result", "refused"]
    assert told[1].found[0]["code"] == "unknown_label"


def test_the_environment_names_what_computed():
    found = environment()
    assert {"python", "machine", "numpy", "polars", "scikit-learn"} <= set(found)
    assert all(found.values())
