"""A vendor's file: what is taken, and what it is refused for, by row and column."""

from __future__ import annotations

import gzip
import io
import resource
import zipfile
from dataclasses import replace

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from marketplace.races.evaluation import commas, limits, parquet, reading
from marketplace.races.evaluation.evaluators import evaluator
from marketplace.races.evaluation.faults import Refused
from tests.races.evaluation.conftest import ids_of

SCORED = {
    "labels": ["benign", "phishing"],
    "positive": "phishing",
    "scores": "probability",
}
TRUTH = "id,label\na,benign\nb,phishing\nc,benign\n"
GOOD = "id,prediction,score\na,benign,0.1\nb,phishing,0.9\nc,benign,0.25\n"


@pytest.fixture
def laid(course):
    return course("classification", SCORED, ["a", "b", "c"], TRUTH)


def values(table):
    return {name: column.tolist() for name, column in table.columns.items()}


READ = {"prediction": [0, 1, 0], "score": [0.1, 0.9, 0.25]}


@pytest.mark.parametrize(
    "content",
    [
        GOOD,
        GOOD.removesuffix("\n"),
        GOOD + "\n\r\n\n",
        GOOD.replace("\n", "\r\n"),
        b"\xef\xbb\xbf" + GOOD.encode(),
        "score,id,prediction\n0.9,b,phishing\n.25,c,benign\n1e-1,a,benign\n",
        'id,prediction,"score"\n"a","benign","0.1"\nb,phishing,0.9\nc,benign, +0.25\n',
    ],
)
def test_what_is_taken(laid, content):
    assert values(laid.read(content)) == READ


FAULTS = {
    "nothing": ("", [("empty", None, None)]),
    "blank": ("\n\n", [("empty", None, None)]),
    "only a header": ("id,prediction,score\n", [("no_rows", None, None)]),
    "no header": (
        "a,benign,0.1\n",
        [
            ("missing_column", 1, "id"),
            ("missing_column", 1, "prediction"),
            ("missing_column", 1, "score"),
            ("extra_column", 1, "a"),
            ("extra_column", 1, "benign"),
            ("extra_column", 1, "0.1"),
        ],
    ),
    "semicolons": (GOOD.replace(",", ";"), [("separator", 1, None)]),
    "a column more": (
        "id,prediction,score,truth\na,benign,0.1,x\n",
        [("extra_column", 1, "truth")],
    ),
    "a column twice": ("id,prediction,score,id\n", [("duplicate_column", 1, "id")]),
    "missing id": (GOOD.replace("c,benign,0.25\n", ""), [("missing_id", None, "id")]),
    "an id twice": (GOOD + "a,benign,0.1\n", [("duplicate_id", 5, "id")]),
    "twice at once": (
        GOOD.replace("c,", "b,"),
        [("duplicate_id", 4, "id"), ("missing_id", None, "id")],
    ),
    "an id more": (GOOD + "d,benign,0.1\n", [("unknown_id", 5, "id")]),
    "no id": (GOOD + ",benign,0.1\n", [("empty_cell", 5, "id")]),
    "NaN": (GOOD.replace("0.9", "NaN"), [("not_finite", 3, "score")]),
    "infinity": (GOOD.replace("0.9", "-inf"), [("not_finite", 3, "score")]),
    "overflow": (GOOD.replace("0.9", "1e400"), [("not_finite", 3, "score")]),
    "no number": (GOOD.replace("0.9", "high"), [("not_a_number", 3, "score")]),
    "digits of another script": (GOOD.replace("0.9", "٠"), [("not_a_number", 3, "score")]),
    "no score": (GOOD.replace("0.9", ""), [("empty_cell", 3, "score")]),
    "out of range": (GOOD.replace("0.9", "1.01"), [("out_of_range", 3, "score")]),
    "unknown label": (GOOD.replace(",phishing", ",Phishing"), [("unknown_label", 3, "prediction")]),
    "too few cells": (GOOD.replace(",0.9", ""), [("fields", 3, None), ("missing_id", None, "id")]),
    "too many cells": (
        GOOD.replace("0.9", "0.9,1"),
        [("fields", 3, None), ("missing_id", None, "id")],
    ),
    "a blank line": (GOOD.replace("\nb", "\n\nb"), [("empty_line", 3, None)]),
    "a quote that is open": (
        GOOD.replace("b,", '"b,'),
        [("quote", 3, None), ("missing_id", None, "id")],
    ),
    "a line break in a value": (
        'id,prediction,score\n"a\n",benign,0.1\n',
        [("quote", 2, None), ("quote", 3, None), *[("missing_id", None, "id")] * 3],
    ),
    "GBK": (
        "id,prediction,score\n甲,benign,0.1\n".encode("gbk"),
        [("encoding", 2, None), *[("missing_id", None, "id")] * 3],
    ),
    "UTF-16": (GOOD.encode("utf-16"), [("encoding", 1, None)]),
    "GBK in the header": ("编号,prediction\n".encode("gbk"), [("encoding", 1, None)]),
    "a nul": (GOOD.replace("0.9", "0.9\0"), [("nul", 3, None)]),
    "a nul in the header": (GOOD.replace("id,", "id\0,"), [("nul", 1, None)]),
    "gzip": (gzip.compress(GOOD.encode()), [("not_a_table", None, None)]),
    "json": ('{"a": 1}', [("not_a_table", None, None)]),
    "half a Parquet": (b"PAR1" + b"x" * 20, [("parquet_damaged", None, None)]),
}


@pytest.mark.parametrize("name", FAULTS)
def test_what_is_refused(laid, name):
    content, faults = FAULTS[name]
    assert laid.refusal(content) == faults


def test_several_faults_of_a_file_are_told_by_row(laid):
    content = "id,prediction,score\na,spam,2\nz,benign,x\na,benign,nan\n"
    assert laid.refusal(content) == [
        ("unknown_label", 2, "prediction"),
        ("out_of_range", 2, "score"),
        ("not_a_number", 3, "score"),
        ("unknown_id", 3, "id"),
        ("not_finite", 4, "score"),
        ("duplicate_id", 4, "id"),
        ("missing_id", None, "id"),
        ("missing_id", None, "id"),
    ]


def test_at_most_twenty_are_told_of_harmless_signs(laid):
    with pytest.raises(Refused) as found:
        laid.read("id,prediction,score\n" + "x" * 100 + "\x1b[1m,benign,0.1\n" * 50)
    faults = found.value.faults
    assert len(faults) == limits.TOLD_MOST
    assert found.value.more
    assert faults[0].params == {"value": "x" * limits.SHOWN_MOST + "…"}
    assert faults[1].params == {"value": "\ufffd[1m"}


def test_a_refusal_speaks_of_published_ids_alone(course):
    """The truth leaves `c` out; a file without it is refused just as for one that is measured."""
    laid = course("classification", SCORED, ["a", "b", "c"], TRUTH.replace("c,benign\n", ""))
    for left_out in "abc":
        lines = [line for line in GOOD.splitlines() if not line.startswith(left_out)]
        with pytest.raises(Refused) as found:
            laid.read("\n".join(lines))
        assert [fault.plain() for fault in found.value.faults] == [
            {
                "code": "missing_id",
                "row": None,
                "column": "id",
                "params": {"value": left_out, "missing": 1},
            }
        ]


def test_a_zip_bomb_is_not_unpacked(laid):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("result.csv", b"0" * 10_000_000)
    assert laid.refusal(packed.getvalue()) == [("not_a_table", None, None)]


def test_a_line_of_a_gigabyte_costs_a_block(laid, tmp_path):
    path = tmp_path / "long.csv"
    with path.open("wb") as stream:
        stream.write(GOOD.encode() + b"a,")
        stream.truncate(limits.FILE_MOST)  # a hole: nul bytes that take no room
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert laid.refusal(path) == [("line_too_long", 5, None)]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024
    with path.open("wb") as stream:
        stream.truncate(limits.FILE_MOST + 1)
    assert laid.refusal(path) == [("too_big", None, None)]
    assert laid.refusal(b"id," + b"x" * limits.LINE_MOST) == [("line_too_long", 1, None)]
    assert laid.refusal(GOOD + "\n" * limits.LINE_MOST * 2) == [("empty_line", 5, None)]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_blocks_of_any_size_give_the_same(laid, monkeypatch, data):
    """Files in any order, read in blocks of a few lines, are those of one block."""
    ids = [f"id-{n}" for n in range(data.draw(st.integers(1, 30)))]
    order = data.draw(st.permutations(ids))
    scores = {name: data.draw(st.integers(0, 1000)) / 1000 for name in ids}
    content = "id,prediction,score\n" + "".join(f"{n},phishing,{scores[n]}\n" for n in order)
    content += "\n" * data.draw(st.integers(0, 3))
    monkeypatch.setattr(commas, "BLOCK", data.draw(st.integers(1, 200)))
    laid.ids = ids_of(ids)
    assert values(laid.read(content))["score"] == [scores[name] for name in ids]


CELLS = st.sampled_from(
    [
        "",
        "1",
        "-1",
        "+5",
        " 7",
        "7 ",
        "0.5",
        ".5",
        "5.",
        "1e3",
        "1E-3",
        "nan",
        "inf",
        "x",
        '"3"',
        "007",
        "1_0",
        "0x1",
        "true",
        "9223372036854775808",
        '"',
        '"1',
        "1,2",
        "é",
        "-",
        "1e",
    ]
)


@settings(max_examples=150)
@given(cells=st.lists(CELLS, min_size=1, max_size=4), crlf=st.booleans())
def test_the_quick_way_reads_as_the_slow_one(cells, crlf):
    """Wherever polars reads a block at all, it reads what we read line by line."""
    chosen = evaluator("regression")
    for kind in ("text", "integer"):
        columns = list(chosen.columns({"ids": kind}))
        end = "\r\n" if crlf else "\n"
        block = "".join(f"{n},{cell}{end}" for n, cell in enumerate(cells)).encode()
        quick = commas.fast(block, len(cells), columns, 2)
        careful = commas.slow(block, columns, 2)
        if quick is not None:
            assert not [fault for fault in careful.faults if fault.code != "not_finite"]
            kept = [value for value in quick.columns["value"] if abs(value) < float("inf")]
            assert kept == [value for value in careful.columns["value"] if value is not None]
            assert quick.columns["id"].to_list() == careful.columns["id"].to_list()


# Parquet


def frame(**columns):
    return pl.DataFrame({"id": ["a", "b", "c"], **READ_PARQUET, **columns})


READ_PARQUET = {"prediction": ["benign", "phishing", "benign"], "score": [0.1, 0.9, 0.25]}


def packed(given, **options):
    out = io.BytesIO()
    given.write_parquet(out, **options)
    return out.getvalue()


@pytest.mark.parametrize("compression", ["zstd", "snappy", "gzip", "uncompressed"])
def test_parquet_is_read(laid, compression):
    assert values(laid.read(packed(frame(), compression=compression, row_group_size=2))) == READ


def test_parquet_in_other_types_is_read(laid):
    given = frame().with_columns(pl.col("prediction").cast(pl.Categorical))
    assert values(laid.read(packed(given)))["prediction"] == [0, 1, 0]
    chosen = evaluator("classification")
    settings_ = {"labels": ["0", "1"], "ids": "integer"}
    path = laid.file(packed(pl.DataFrame({"id": [7, 5], "prediction": [0, 1]})), "whole.parquet")
    found = reading.read_result(path, chosen, settings_, ids_of([5, 7]))
    assert values(found) == {"prediction": [1, 0]}


@pytest.mark.parametrize(
    ("given", "faults"),
    [
        (frame(score=[0.1, None, 0.2]), [("empty_cell", 2, "score")]),
        (
            frame(score=[0.1, float("nan"), 7.0]),
            [("not_finite", 2, "score"), ("out_of_range", 3, "score")],
        ),
        (frame(prediction=["x", "benign", "benign"]), [("unknown_label", 1, "prediction")]),
        (
            frame(id=["a", "a", "z"]),
            [("duplicate_id", 2, "id"), ("unknown_id", 3, "id")] + [("missing_id", None, "id")] * 2,
        ),
        (frame(score=["0.1", "0.2", "0.3"]), [("parquet_type", None, "score")]),
        (frame(more=[1, 2, 3]), [("extra_column", None, "more")]),
        (frame().drop("score"), [("missing_column", None, "score")]),
        (frame(score=[[1.0], [2.0], [3.0]]), [("parquet_nested", None, "score")]),
        (frame().head(0), [("no_rows", None, None)]),
    ],
)
def test_parquet_is_refused(laid, given, faults):
    assert laid.refusal(packed(given)) == faults


def test_parquet_bombs_are_seen_in_footer_and_pages(laid, monkeypatch):
    monkeypatch.setattr(limits, "ROWS_MOST", 2)
    assert laid.refusal(packed(frame())) == [("too_many_rows", None, None)]
    monkeypatch.undo()
    many = pl.DataFrame({"id": ["a"] * 100_000, "prediction": ["benign"] * 100_000, "score": 0.5})
    content = packed(many)
    assert len(content) < 10_000
    for limit in ("PARQUET_UNPACKED_MOST", "PARQUET_PAGE_MOST", "PARQUET_PAGES_MOST"):
        monkeypatch.setattr(limits, limit, 1)
        with pytest.raises(Refused) as found:
            laid.read(content)
        assert found.value.faults[0].code == "parquet_too_big"
        monkeypatch.undo()
    wide = pl.DataFrame({f"c{n}": [1] for n in range(limits.PARQUET_COLUMNS_MOST + 1)})
    assert laid.refusal(packed(wide)) == [("parquet_too_big", None, None)]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(4, 10_000), value=st.integers(0, 255))
def test_a_damaged_parquet_is_refused_or_read(laid, at, value):
    """Whatever a byte is turned into: a table or a refusal, nothing else."""
    content = bytearray(packed(frame()))
    content[at % len(content)] = value
    try:
        assert len(laid.read(bytes(content)).columns) == 2
    except Refused as refusal:
        assert refusal.faults


def test_a_footer_that_lies_about_its_rows(laid):
    content = bytearray(packed(frame(), compression="uncompressed"))
    length = int.from_bytes(content[-8:-4], "little")
    footer = parquet.Reader(bytes(content[-8 - length : -8])).struct()
    assert footer[3] == 3
    path = laid.file(bytes(content), "lie.parquet")
    with path.open("rb") as stream, pytest.raises(parquet.Damaged):
        group = footer[4][0]
        list(parquet.walk(stream, len(content), group[1][0], 4))


# Ids


@settings(max_examples=40)
@given(
    known=st.lists(st.integers(0, 2**62), min_size=1, max_size=30, unique=True),
    asked=st.lists(st.integers(0, 2**62), max_size=10),
    dense=st.booleans(),
    text=st.booleans(),
)
def test_places_are_those_of_a_dictionary(known, asked, dense, text):
    if dense:
        known = [5 + (value % 97) for value in known]
        known, asked = list(dict.fromkeys(known)), [value % 128 for value in asked]
    turn = str if text else int
    known, asked = list(map(turn, known)), list(map(turn, [*asked, *known[::-1]]))
    table = {value: place for place, value in enumerate(known)}
    ids = ids_of(known)
    found = ids.places(pl.Series("id", asked, pl.String if text else pl.Int64), 0)
    places = list(range(len(known)))[found] if isinstance(found, slice) else found.tolist()
    assert places == [table.get(value, -1) for value in asked]


def test_ids_with_the_same_hash_are_told_apart(monkeypatch):
    class Same(pl.Series):
        def hash(self, *_seeds):
            return pl.Series([7] * len(self), dtype=pl.UInt64)

    ids = ids_of(["a", "b", "c"])
    ids.values = Same("id", ["a", "b", "c"])
    assert ids.places(Same("id", ["c", "z", "a", None]), 0).tolist() == [2, -1, 0, -1]


def test_a_list_of_ids_is_read(laid, tmp_path):
    path = laid.file("id\nx\ny\n", "ids.csv")
    assert reading.read_ids(path, {}).values.to_list() == ["x", "y"]
    assert reading.read_ids(laid.file("id\n5\n3\n"), {"ids": "integer"}).values.to_list() == [5, 3]
    for content, code in [
        ("id\nx\nx\n", "duplicate_id"),
        ("id\n", "no_rows"),
        ('id\nx\n""\n', "empty_cell"),
        ("id\n" + "x" * 300 + "\n", "too_long"),
    ]:
        with pytest.raises(Refused) as found:
            reading.read_ids(laid.file(content), {})
        assert [fault.code for fault in found.value.faults] == [code]


def test_rows_that_are_the_same_are_refused(course):
    laid = course("sets", {}, ["a", "b"], "id,match\na,x\nb,\n")
    assert laid.refusal("id,match\na,x\nb,y\na,x\n") == [("duplicate_row", 4, None)]
    laid = course("ranking", {"k": 2}, ["a"], "id,item,relevance\na,x,1\n")
    assert laid.refusal("id,item,rank\na,x,1\na,y,1\n") == [("duplicate_row", 3, None)]
    assert laid.refusal("id,item,rank\na,x,0\n") == [("out_of_range", 2, "rank")]
    assert laid.refusal("id,item,rank\na,x,1.5\n") == [("not_an_integer", 2, "rank")]
    assert replace(laid.chosen, rows="any").rows == "any"
