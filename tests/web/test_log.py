"""The log's addresses: what a stranger's mirror, a cache and a witness are given."""

import json
from argparse import Namespace
from functools import partial
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import transaction
from django.test import Client

from marketplace.base import packer
from marketplace.base.actor import SYSTEM
from marketplace.committee import verify_scores
from marketplace.committee.draw import verify_draw
from marketplace.ledger import actions as ledger
from marketplace.ledger import keys, leaves, verify
from marketplace.ledger import witness as witnessing
from marketplace.ledger.log import sequencer, tiles
from marketplace.ledger.log.models import Cosignature, Leaf
from marketplace.ledger.models import Audience
from tests import world
from tests.web.asking import browser

FOREVER = "public, max-age=31536000, immutable"


def get(path, **headers):
    return Client().get(f"/log/{path}", headers=headers)


def grow_to(size):
    """A log of exactly so many leaves, in as many batches as this is called."""
    last = tiles.newest()
    count = size - (last.size if last else 0)
    entries = [sequencer.Entry(leaves.padding()) for _ in range(count)]
    return sequencer.append_leaves(last, entries, sequencer.clock.now())


@transaction.atomic
def written(count, audience=Audience.PARTIES):
    return [
        ledger.append("a.b", actor=SYSTEM, subjects=[], audience=audience) for _ in range(count)
    ]


def witness(name="witness.example/w"):
    return witnessing.Witness(name, Ed25519PrivateKey.generate())


# -- Tiles -------------------------------------------------------------------------------------------
def levels_of(hashes):
    """The hashes of every level of tiles, made from the leaves alone."""
    levels = [hashes]
    while full := len(levels[-1]) // 256:
        below = levels[-1]
        levels.append([verify.tree_root(below[n * 256 : n * 256 + 256]) for n in range(full)])
    return levels


@pytest.mark.django_db
@pytest.mark.parametrize("sizes", [[1], [255, 256], [255, 257], [256], [300, 511, 512, 513]])
def test_every_tile_of_every_size_is_there_and_no_other(sizes):
    for size in sizes:
        grow_to(size)
    datas = [bytes(leaf.data) for leaf in Leaf.objects.order_by("index")]
    levels = levels_of([verify.leaf_hash(data) for data in datas])
    columns = {"entries": datas, 0: levels[0], 1: (*levels, [])[1], 2: []}
    for level, column in columns.items():
        for index in range(4):
            there = column[index * 256 : index * 256 + 256]
            for width in (1, 2, 43, 44, 254, 255, 256):
                answer = get(verify.tile_path(level, index, width))
                if width > len(there):
                    assert answer.status_code == 404, (level, index, width)
                    continue
                part = there[:width]
                wanted = verify.bundle_of(part) if level == "entries" else b"".join(part)
                assert (answer.status_code, answer.content) == (200, wanted)
                assert answer["Content-Type"] == "application/octet-stream"


@pytest.mark.django_db
def test_the_boundary_of_the_third_level():
    for size in (65_535, 65_536, 65_537):
        grow_to(size)
        assert get("checkpoint").content.decode().split("\n")[1] == str(size)
        level_one = verify.tile_width(1, 0, size)
        assert len(get(verify.tile_path(1, 0, level_one)).content) == level_one * 32
        assert get(verify.tile_path(2, 0, 1)).status_code == (200 if size >= 65_536 else 404)
        root = verify.range_root(partial(fetched, size=size), 0, size)
        assert root == bytes(tiles.newest().root)


def fetched(level, index, size):
    return get(verify.tile_path(level, index, verify.tile_width(level, index, size))).content


@pytest.mark.django_db
@pytest.mark.parametrize(
    "place",
    [
        "0/x000/000", "0/00", "0/0000", "0/0", "0/x001/1", "0/000.p/0", "0/000.p/256",
        "0/000.p/01", "0/000.p/", "0/000.p/1/", "00/000", "8/000", "9/000", "64/000", "-1/000",
        "0/x001/x234", "0/000/000", "0/x999/x999/x999/x999/x999/x999/999", "entries/x000/000",
        "entries/x999/x999/x999/x999/x999/999", "data/000", "0/\u0660\u0660\u0660", "0/000.p/1000",
        "0/../000", "", "0", "0/", "0/000%00", "entries/000.p/300", "0/x999/x999/x999/x999/x999/999",
    ],
)  # fmt: skip
def test_a_name_that_is_none_finds_nothing(place):
    grow_to(300)
    answer = get(f"tile/{place}")
    assert answer.status_code == 404
    if answer["Content-Type"] == "application/problem+json":
        assert answer["Cache-Control"] == "no-store"


@pytest.mark.django_db
def test_caches_keep_tiles_for_good_and_ask_again_by_their_tag():
    grow_to(300)
    for path in ("tile/0/000", "tile/0/000.p/17", "tile/0/001.p/44", "tile/entries/001.p/44"):
        answer = get(path)
        assert answer["Cache-Control"] == FOREVER
        again = get(path, if_none_match=answer["ETag"])
        assert (again.status_code, again.content) == (304, b"")
        assert Client().head(f"/log/{path}")["ETag"] == answer["ETag"]
    assert get("checkpoint")["Cache-Control"] == "public, max-age=5"


@pytest.mark.django_db
def test_who_asks_and_in_which_language_changes_nothing():
    grow_to(3)
    stranger = browser().get("/log/tile/0/000.p/3")
    known = browser(world.officer()).get(
        "/log/tile/0/000.p/3", headers={"Accept-Language": "en", "Authorization": "Bearer x"}
    )
    for answer in (stranger, known):
        assert answer.cookies == {}
        assert {"Vary", "Content-Language"} & set(answer.headers) == set()
        assert answer["Cache-Control"] == FOREVER
    assert stranger.content == known.content
    assert Client().get("/en/log/tile/0/000.p/3").status_code == 404


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "most"),
    [
        ("checkpoint", 2), ("tile/0/000", 1), ("tile/entries/000", 1), ("keys.json", 2),
        ("verify.py", 0), ("tile/0/x000/000", 0),
    ],
)  # fmt: skip
def test_how_much_is_asked_of_the_database(path, most, assert_max_queries):
    written(300)
    sequencer.seal_batch()
    signed_in = browser(world.officer())
    with assert_max_queries(most):
        signed_in.get(f"/log/{path}")


@pytest.mark.django_db
def test_before_the_first_batch_there_is_no_checkpoint():
    answer = get("checkpoint", accept_language="en")
    assert answer.status_code == 404
    assert answer["Content-Type"] == "application/problem+json"


# -- A stranger's mirror --------------------------------------------------------------------------
def test_a_mirror_fetched_over_http_holds(committing_db, site, tmp_path, settings):
    settings.LOG_BATCH_QUANTUM = 16
    written(300)
    written(5, Audience.PUBLIC)
    sequencer.seal_batch()
    folder = tmp_path / "mirror"
    given = Namespace(url=f"{site}/log", folder=folder, keys=None, key=[], mirror=folder)
    states = {finding.code: finding.state for finding in verify.fetch(given)}
    assert states["fetch.held"] == "held"
    written(400)
    last = sequencer.seal_batch()
    found = [*verify.fetch(given), *verify.check_mirror(given)]
    assert {finding.state for finding in found} == {"held", "unchecked", "absent"}
    held = {finding.code: finding.values for finding in found}
    assert held["mirror.held"] == {"size": last.size}
    assert held["consistency.held"]["size2"] == last.size


def test_the_scripts_are_those_that_run_here(committing_db, site, tmp_path):
    with urlopen(f"{site}/log/verify.py") as answer:
        assert answer.headers["Content-Disposition"] == 'attachment; filename="jiebang_verify.py"'
        assert answer.read() == Path(verify.__file__).read_bytes()
    with urlopen(f"{site}/log/witness.py") as answer:
        assert answer.read() == Path(witnessing.__file__).read_bytes()
    with urlopen(f"{site}/seal/packer.py") as answer:
        assert answer.headers["Content-Disposition"] == 'attachment; filename="packer.py"'
        assert answer.headers["Vary"] is None
        assert answer.read() == Path(packer.__file__).read_bytes()
    with urlopen(f"{site}/log/verify_draw.py") as answer:
        assert answer.read() == Path(verify_draw.__file__).read_bytes()
    with urlopen(f"{site}/log/verify_scores.py") as answer:
        assert answer.read() == Path(verify_scores.__file__).read_bytes()
    with urlopen(f"{site}/log/keys.json") as answer:
        assert json.load(answer) == keys.published()


@pytest.mark.django_db
def test_a_receipt_key_is_published_as_soon_as_it_signs():
    told = get("keys.json").json()["keys"]
    assert [(key["use"], key["from"]) for key in told] == [("receipt", None)]
    assert told[0]["key_id"] == keys.receipt_key().key_id
    sequencer.seal_batch()
    assert [key["use"] for key in get("keys.json").json()["keys"]] == ["receipt", "checkpoint"]


# -- Cosignatures --------------------------------------------------------------------------------
def hand_in(note, **more):
    return Client(enforce_csrf_checks=True).post(
        "/log/cosignatures", note, content_type="text/plain", **more
    )


def problem(answer):
    assert answer["Content-Type"] == "application/problem+json"
    return answer.status_code, answer.json()["code"]


@pytest.fixture
def sealed(db, settings):
    """(a listed witness, the newest checkpoint's note)."""
    one = witness()
    settings.LOG_WITNESSES = [one.vkey.text()]
    written(2)
    sequencer.seal_batch()
    return one, tiles.newest().note


def now():
    return int(sequencer.clock.now().timestamp())


def test_a_listed_witness_is_taken_once_and_shown(sealed):
    one, note = sealed
    cosigned = one.cosign(note, now())
    assert hand_in(cosigned).status_code == 204
    assert hand_in(one.cosign(note, now() - 1)).status_code == 204
    row = Cosignature.objects.get()
    assert (row.witness, row.checkpoint) == ("witness.example/w", tiles.newest())
    shown = get("checkpoint").content.decode()
    assert shown == cosigned
    opened = verify.Keys.published(keys.published()).open(shown)
    assert [line.name for line in opened.signatures] == [opened.origin, "witness.example/w"]


def test_an_earlier_checkpoint_may_be_cosigned(sealed):
    one, note = sealed
    written(1)
    sequencer.seal_batch()
    assert hand_in(one.cosign(note, now())).status_code == 204
    assert Cosignature.objects.get().checkpoint.note == note


def other_root(note):
    origin, size, _root, *_rest = note.split("\n")
    text_of = f"{origin}\n{size}\n{verify.base64_of(bytes(32))}\n"
    raw = verify.named(origin, keys.log_key().public_raw).id + keys.log_key().sign(text_of.encode())
    return f"{text_of}\n— {origin} {verify.base64_of(raw)}\n"


def larger(note):
    """The note with another size under the same signature."""
    origin, size, rest = note.split("\n", 2)
    return f"{origin}\n{int(size) + 1}\n{rest}"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda one, note: note, (422, "cosignature.unknown_witness")),
        (lambda one, note: witness("x").cosign(note, now()), (422, "cosignature.unknown_witness")),
        (lambda one, note: witness().cosign(note, now()), (422, "cosignature.unknown_witness")),
        (lambda one, note: one.cosign(other_root(note), now()),
         (409, "cosignature.unknown_checkpoint")),
        (lambda one, note: one.cosign(larger(note), now()), (422, "cosignature.invalid")),
        (lambda one, note: one.cosign(note, now() + 3600), (422, "cosignature.future")),
        (lambda one, note: one.cosign(note, 2**63 - 1), (422, "cosignature.future")),
        (lambda one, note: one.cosign(note, now())[:-6] + "AAA=\n", (422, "cosignature.invalid")),
        (lambda one, note: "nonsense", (422, "cosignature.invalid")),
        (lambda one, note: "", (422, "cosignature.invalid")),
        (lambda one, note: b"\xff\xfe", (422, "cosignature.invalid")),
        (lambda one, note: "x" * 16_385, (413, "limit.size")),
    ],
)  # fmt: skip
def test_what_is_not_taken(sealed, change, expected):
    one, note = sealed
    sent = change(one, note)
    assert problem(hand_in(sent)) == expected
    assert Cosignature.objects.count() == 0


def test_a_refusal_speaks_the_callers_language(sealed):
    _one, note = sealed
    told = hand_in(note, headers={"Accept-Language": "en"}).json()["detail"]
    assert told == "No witness that this log lists has cosigned this note."
    assert hand_in(note).json()["detail"] != told


def test_asked_too_often(sealed, settings):
    settings.ACCOUNT_RATE_LIMITS = {**settings.ACCOUNT_RATE_LIMITS, "cosign": "2/m/ip"}
    _one, note = sealed
    codes = [hand_in(note).status_code for _ in range(3)]
    assert codes == [422, 422, 429]


def test_two_at_once_are_kept_once(committing_db, settings, two_at_once):
    one = witness()
    settings.LOG_WITNESSES = [one.vkey.text()]
    sequencer.seal_batch()
    cosigned = one.cosign(tiles.newest().note, now())
    answers = two_at_once(lambda: hand_in(cosigned), lambda: hand_in(cosigned))
    assert [answer.status_code for answer in answers] == [204, 204]
    assert Cosignature.objects.count() == 1


def test_the_witness_of_the_house_hands_in(committing_db, site, settings, tmp_path, capsys):
    key = tmp_path / "witness.pem"
    assert witnessing.main(["--make-key", "w.example", "--key", str(key)]) == 0
    vkey = capsys.readouterr().out.strip()
    settings.LOG_WITNESSES = [vkey]
    written(40)
    sequencer.seal_batch()
    log_vkey = keys.published()["keys"][-1]["vkey"]
    run = [f"{site}/log", "--log-vkey", log_vkey, "--key", str(key), "--state", str(tmp_path / "s")]
    assert witnessing.main([*run, "--submit"]) == 0
    assert Cosignature.objects.get().witness == "w.example"
    asked = Request(f"{site}/log/checkpoint", headers={"Cookie": "sessionid=x"})
    with urlopen(asked) as answer:
        assert answer.headers.get("Set-Cookie") is None
        assert answer.read().decode().count("— w.example ") == 1
