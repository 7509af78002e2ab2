"""The commands of the downloaded script, on mirrors with one fault each."""

import json
import shutil
import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest

from marketplace.ledger import verify
from marketplace.ledger.verify import Keys, Mirror
from tests.ledger.mirrors import Log, b64, padding, public, signature_line
from tests.ledger.serving import Quiet

SIZE = 70_000  # 273 full tiles of level 0 and a partial one, and so on up to level 2


@pytest.fixture(scope="module")
def big(tmp_path_factory):
    log = Log(number.to_bytes(32, "big") for number in range(SIZE))
    return log, log.publish(tmp_path_factory.mktemp("big"))


@pytest.fixture
def small(tmp_path):
    log = Log(padding(600))
    return log, log.publish(tmp_path / "mirror")


def run(capsys, *words):
    """Exit code, the sentences that were said, and the verdict."""
    code = verify.main([*map(str, words), "--lang", "en"])
    lines = capsys.readouterr().out.splitlines()
    return code, [line for line in lines[:-1] if line[:1] in "√×－？"], lines[-1]


def sentence(code, **values):
    return verify.sentence(code, "en", **values)


# -- A mirrored log ------------------------------------------------------------------------------------
def test_a_whole_mirror_of_three_levels_holds(big, capsys):
    log, folder = big
    (folder / "mine.json").write_text(json.dumps(log.keys()), "utf-8")
    code, said, verdict = run(capsys, "mirror", folder, "--keys", folder / "mine.json")
    assert (code, verdict) == (0, "VALID")
    assert said[-2:] == [
        "√ " + sentence("mirror.held", size=SIZE),
        "√ " + sentence("story.held", demands=0),
    ]
    assert len(list((folder / "tile" / "0").iterdir())) == 274


def test_memory_stays_flat(big):
    _log, folder = big
    tracemalloc.start()
    mirror = Mirror(folder, SIZE)
    root = verify.tree_root(mirror.leaves(lambda *_: None))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert root == verify.open_checkpoint((folder / "checkpoint").read_text(), _log.vkey).root
    assert peak < 1_000_000  # bytes; the entries alone are 2.2 million


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 512])
def test_sizes_around_a_full_tile(tmp_path, capsys, size):
    log = Log(padding(size))
    folder = log.publish(tmp_path)
    assert run(capsys, "mirror", folder, "--key", log.vkey)[0] == 0


def truncated_tile(log, folder):
    file = folder / "tile/0/001"
    file.write_bytes(file.read_bytes()[:-1])
    return "mirror.length", {"path": "tile/0/001", "wanted": 8192, "found": 8191}


def truncated_bundle(log, folder):
    file = folder / "tile/entries/002.p/88"
    file.write_bytes(file.read_bytes()[:-1])
    return "mirror.length", {"path": "tile/entries/002.p/88", "wanted": 88, "found": 0}


def swapped_entries(log, folder):
    leaves = log.leaves[256:512]
    leaves[3], leaves[4] = leaves[4], leaves[3]
    (folder / "tile/entries/001").write_bytes(verify.bundle_of(leaves))
    return "mirror.entry", {"index": 259, "path": "tile/0/001"}


def altered_hash(log, folder):
    file = folder / "tile/0/002.p/88"
    raw = bytearray(file.read_bytes())
    raw[-1] ^= 1
    file.write_bytes(bytes(raw))
    return "mirror.entry", {"index": 599, "path": "tile/0/002.p/88"}


def altered_hash_above(log, folder):
    file = folder / "tile/1/000.p/2"
    raw = bytearray(file.read_bytes())
    raw[32] ^= 1
    file.write_bytes(bytes(raw))
    return "mirror.tile", {"path": "tile/1/000.p/2"}


def rewritten_entry_with_its_hashes(log, folder):
    """Everything below the root is made to fit; the signed root is not."""
    note = (folder / "checkpoint").read_text("utf-8")
    log.leaves[300] = bytes(32)
    log.publish(folder)
    (folder / "checkpoint").write_text(note, "utf-8")
    return "mirror.root", {}


def another_root_for_the_size(log, folder):
    (folder / "checkpoint").write_text(log.checkpoint(root=bytes(32)), "utf-8")
    return "mirror.root", {}


def wrong_key(log, folder):
    (folder / "checkpoint").write_text(log.checkpoint(key=Log().key), "utf-8")
    return "checkpoint.unsigned", {}


def altered_checkpoint(log, folder):
    note = (folder / "checkpoint").read_text("utf-8")
    (folder / "checkpoint").write_text(note.replace("\n600\n", "\n599\n"), "utf-8")
    return "checkpoint", {}


def no_checkpoint(log, folder):
    (folder / "checkpoint").write_bytes(b"\xff\xfe")
    return "checkpoint.format", {}


def another_log(log, folder):
    Log(log.leaves, origin="other.example.cn").publish(folder)
    (folder / "keys.json").write_text(json.dumps(log.keys()), "utf-8")
    return "inclusion.origin", {"origin": "other.example.cn"}


def bad_cosignature(log, folder):
    witness = Log().key
    name = verify.named("w.example.cn", public(witness), verify.COSIGNATURE)
    log.witnesses.append(name.text())
    note = log.checkpoint()
    raw = name.id + (1_795_000_000).to_bytes(8, "big") + witness.sign(b"something else")
    (folder / "checkpoint").write_text(f"{note}— w.example.cn {b64(raw)}\n", "utf-8")
    (folder / "keys.json").write_text(json.dumps(log.keys()), "utf-8")
    return "witness", {"name": "w.example.cn"}


@pytest.mark.parametrize(
    "fault",
    [
        truncated_tile, truncated_bundle, swapped_entries, altered_hash, altered_hash_above,
        rewritten_entry_with_its_hashes, another_root_for_the_size, wrong_key, altered_checkpoint,
        no_checkpoint, another_log, bad_cosignature,
    ],
)  # fmt: skip
def test_each_fault_has_its_sentence(small, capsys, fault):
    log, folder = small
    code, values = fault(log, folder)
    done, said, verdict = run(capsys, "mirror", folder)
    assert (done, verdict) == (1, "NOT VALID")
    assert said[-1] == "× " + sentence(code, **values)


@pytest.mark.parametrize(
    ("name", "code"), [("tile/0/001", "mirror.missing"), ("tile/entries/000", "mirror.missing"), ("checkpoint", "unreadable"), ("keys.json", "unreadable")]
)  # fmt: skip
def test_what_is_missing_cannot_be_checked(small, capsys, name, code):
    _log, folder = small
    (folder / name).unlink()
    done, said, verdict = run(capsys, "mirror", folder)
    assert (done, verdict) == (2, "CANNOT CHECK")
    assert said[-1].startswith("？ ")
    assert name in said[-1]


def test_sentences_come_in_the_language_asked_for(small, capsys):
    _log, folder = small
    assert verify.main(["mirror", str(folder), "--lang", "zh"]) == 0
    chinese = capsys.readouterr().out
    assert "√ 镜像中的 600 条全部核对" in chinese
    assert sentence("mirror.held", size=600) not in chinese
    assert verify.main(["mirror", str(folder)]) == 0
    both = capsys.readouterr().out
    assert "√ 镜像中的 600 条全部核对" in both
    assert sentence("mirror.held", size=600) in both


# -- Two checkpoints -------------------------------------------------------------------------------------
@pytest.fixture
def two(small, tmp_path):
    log, folder = small
    old, new = tmp_path / "old", tmp_path / "new"
    old.write_text(log.checkpoint(300), "utf-8")
    new.write_text(log.checkpoint(550), "utf-8")
    return log, folder, old, new


def test_two_saved_checkpoints_are_held_against_the_mirror(two, capsys):
    _log, folder, old, new = two
    code, said, _verdict = run(capsys, "consistency", old, new, "--mirror", folder)
    assert (code, said[-1]) == (0, "√ " + sentence("consistency.held", size1=300, size2=550))


def other_history(log, old, new):
    fork = Log([*log.leaves[:299], bytes(32)])
    fork.key = log.key
    old.write_text(fork.checkpoint(300), "utf-8")
    return 1, "consistency", {}


def shrunk(log, old, new):
    new.write_text(log.checkpoint(299), "utf-8")
    return 1, "consistency.shrunk", {"size1": 300, "size2": 299}


def split_view(log, old, new):
    new.write_text(log.checkpoint(300, root=bytes(32)), "utf-8")
    return 1, "consistency.split", {"size1": 300}


def beyond_the_mirror(log, old, new):
    log.leaves += padding(1)
    new.write_text(log.checkpoint(601), "utf-8")
    return 2, "consistency.mirror", {"have": 600, "need": 601}


@pytest.mark.parametrize("change", [other_history, shrunk, split_view, beyond_the_mirror])
def test_each_inconsistency_has_its_sentence(two, capsys, change):
    log, folder, old, new = two
    wanted, code, values = change(log, old, new)
    done, said, _verdict = run(capsys, "consistency", old, new, "--mirror", folder)
    assert (done, said[-1][2:]) == (wanted, sentence(code, **values))


# -- A receipt in a mirror ---------------------------------------------------------------------------------
@pytest.fixture
def received(tmp_path):
    log = Log(padding(100))
    document, leaf = log.receipt()
    log.leaves += [leaf, *padding(199)]
    file = tmp_path / "receipt.json"
    file.write_text(json.dumps(document), "utf-8")
    (tmp_path / "keys.json").write_text(json.dumps(log.keys()), "utf-8")
    return log, document, file, tmp_path / "mirror", ["--keys", str(tmp_path / "keys.json")]


def seen(folder, at, size):
    (folder / "fetched.json").write_text(json.dumps({"size": size, "at": at}), "utf-8")


def test_a_receipt_without_proof_is_found_in_the_mirror(received, capsys):
    log, _document, file, folder, keys = received
    log.publish(folder)
    code, said, _verdict = run(capsys, "receipt", file, "--mirror", folder, *keys)
    assert (code, said[-1]) == (0, "√ " + sentence("found.held", index=100))
    log.publish(folder, 100)
    seen(folder, "2026-11-22T09:05:00Z", 100)
    code, said, _verdict = run(capsys, file, "--mirror", folder, *keys)
    until = {"until": "2026-11-22T09:10:00Z", "seen": "2026-11-22T09:05:00Z"}
    assert (code, said[-1]) == (2, "？ " + sentence("found.early", **until))


def test_past_the_promised_delay_its_absence_is_evidence(received, capsys):
    log, _document, file, folder, keys = received
    log.publish(folder, 100)
    assert run(capsys, file, "--mirror", folder, *keys)[0] == 2  # seen nobody knows when
    seen(folder, "2026-11-22T09:10:01Z", 100)
    code, said, verdict = run(capsys, file, "--mirror", folder, *keys)
    values = {"until": "2026-11-22T09:10:00Z", "seen": "2026-11-22T09:10:01Z", "size": 100}
    assert (code, verdict, said[-1]) == (1, "NOT VALID", "× " + sentence("found.late", **values))
    assert "evidence against the operator" in said[-1]


def test_a_proof_must_belong_to_the_mirrored_history(received, capsys):
    log, document, file, folder, keys = received
    log.publish(folder)
    file.write_text(json.dumps(log.prove(document, 100, 200)), "utf-8")
    code, said, _verdict = run(capsys, file, "--mirror", folder, *keys)
    assert (code, said[-2]) == (0, "√ " + sentence("consistency.held", size1=200, size2=300))
    fork = Log([bytes(32), *log.leaves[1:]])
    fork.key = log.key
    file.write_text(json.dumps(fork.prove(document, 100, 200)), "utf-8")
    code, said, _verdict = run(capsys, file, "--mirror", folder, *keys)
    assert (code, said[-1]) == (1, "× " + sentence("consistency"))


def test_exit_codes_of_a_receipt(received, capsys, tmp_path):
    log, document, file, _folder, keys = received
    assert run(capsys, file, *keys)[::2] == (0, "VALID")
    assert run(capsys, "--key", document["public_key"], file)[::2] == (0, "VALID")
    proved = tmp_path / "proved.json"
    proved.write_text(json.dumps(log.prove(document, 100, 200)), "utf-8")
    code, said, verdict = run(capsys, "--key", document["public_key"], proved)
    assert (code, verdict.startswith("VALID as a receipt; give the log's key")) == (0, True)
    assert "－ " + sentence("checkpoint.unchecked") in said
    code, _said, verdict = run(capsys, file)
    assert (code, verdict.startswith("VALID for the key inside")) == (0, True)
    assert run(capsys, tmp_path / "nothing.json")[0] == 2
    assert run(capsys, file, "--key", "AAAA")[0] == 2
    assert run(capsys, file, "--keys", file)[0] == 2
    file.write_text(json.dumps({**document, "algorithm": "SM2"}), "utf-8")
    code, said, _verdict = run(capsys, file, *keys)
    assert (code, said) == (2, ["？ " + sentence("algorithm", name="SM2")])
    file.write_text("{", "utf-8")
    assert run(capsys, file)[0] == 1


def test_the_file_runs_alone(received, tmp_path):
    """Copied to an empty folder, without our packages on the path and without a locale."""
    _log, _document, file, _folder, keys = received
    script = tmp_path / "alone" / "jiebang_verify.py"
    script.parent.mkdir()
    shutil.copy(verify.__file__, script)
    done = subprocess.run(
        [sys.executable, "-I", script.name, str(file), *keys],
        cwd=script.parent, env={}, capture_output=True, check=False,
    )  # fmt: skip
    lines = done.stdout.decode().splitlines()
    assert (done.returncode, lines[-1]) == (0, "VALID")
    assert "√ 签名与签名原文相符，一字未改。" in lines


# -- Mirroring -------------------------------------------------------------------------------------------
def test_a_log_is_mirrored_and_only_what_is_new_is_fetched_again(served, tmp_path, capsys):
    url, folder = served
    log, here = Log(padding(600)), tmp_path / "here"
    log.publish(folder)
    assert run(capsys, "fetch", url, here, "--key", log.vkey)[0] == 0
    assert run(capsys, "mirror", here, "--key", log.vkey)[0] == 0
    log.leaves += padding(200)
    log.publish(folder)
    Quiet.asked.clear()
    code, said, _verdict = run(capsys, "fetch", url, here, "--key", log.vkey)
    assert (code, said[1]) == (0, "√ " + sentence("consistency.held", size1=600, size2=800))
    assert sorted(Quiet.asked) == [
        "checkpoint", "keys.json", "tile/0/002", "tile/0/003.p/32", "tile/1/000.p/3",
        "tile/entries/002", "tile/entries/003.p/32",
    ]  # fmt: skip
    assert run(capsys, "mirror", here, "--key", log.vkey)[0] == 0


def test_an_interrupted_mirror_goes_on(served, tmp_path, capsys):
    url, folder = served
    log, here = Log(padding(600)), tmp_path / "here"
    log.publish(folder)
    (folder / "tile/entries/001").rename(tmp_path / "aside")
    code, said, _verdict = run(capsys, "fetch", url, here)
    assert (code, (here / "checkpoint").exists()) == (2, False)
    assert "tile/entries/001" in said[-1]
    (tmp_path / "aside").rename(folder / "tile/entries/001")
    Quiet.asked.clear()
    assert run(capsys, "fetch", url, here)[0] == 0
    assert "tile/0/000" not in Quiet.asked


def test_a_partial_tile_that_has_filled_up_meanwhile(served, tmp_path, capsys):
    url, folder = served
    log, here = Log(padding(512)), tmp_path / "here"
    log.publish(folder)
    (folder / "checkpoint").write_text(log.checkpoint(300), "utf-8")
    log_of_300 = Log(log.leaves[:300])
    log_of_300.publish(tmp_path / "300")
    shutil.copytree(tmp_path / "300/tile/1", folder / "tile/1", dirs_exist_ok=True)
    assert run(capsys, "fetch", url, here, "--key", log.vkey)[0] == 0
    assert (here / "tile/0/001").stat().st_size == 8192
    assert run(capsys, "mirror", here, "--key", log.vkey)[0] == 0


def test_a_cut_tile_is_not_kept(served, tmp_path, capsys):
    url, folder = served
    log, here = Log(padding(600)), tmp_path / "here"
    log.publish(folder)
    (folder / "tile/0/001").write_bytes(b"short")
    code, said, _verdict = run(capsys, "fetch", url, here)
    values = {"path": "tile/0/001", "wanted": 8192, "found": 5}
    assert (code, said[-1]) == (1, "× " + sentence("mirror.length", **values))
    assert not (here / "tile/0/001").exists()


@pytest.mark.parametrize("size", [500, 600, 700])
def test_another_history_does_not_replace_the_mirrored_one(served, tmp_path, capsys, size):
    """A smaller tree, another root for the same size, a larger tree that forgot an entry."""
    url, folder = served
    log, here = Log(padding(600)), tmp_path / "here"
    log.publish(folder)
    assert run(capsys, "fetch", url, here)[0] == 0
    kept = (here / "checkpoint").read_bytes()
    log.leaves = [*log.leaves[:599], *padding(101)]
    shutil.rmtree(folder)
    log.publish(folder, size)
    code, said, _verdict = run(capsys, "fetch", url, here)
    expected = {500: "consistency.shrunk", 600: "consistency.split", 700: "consistency"}[size]
    assert (code, said[-2][2:]) == (1, sentence(expected, size1=600, size2=size))
    assert (here / "checkpoint").read_bytes() == kept
    assert run(capsys, "mirror", here)[0] == 0  # nothing of the other history stayed
    shown = (here / f"checkpoint.refused.{size}").read_text("utf-8")
    assert Keys.published(log.keys()).open(shown).size == size


@pytest.mark.parametrize("url", ["file:///etc", "ftp://127.0.0.1/", "http://127.0.0.1:9/"])
def test_an_address_that_gives_nothing(tmp_path, capsys, url):
    assert run(capsys, "fetch", url, tmp_path)[::2] == (2, "CANNOT CHECK")
    assert list(Path(tmp_path).iterdir()) == []


def test_a_cosignature_tells_when_the_mirror_was_seen(received, capsys):
    log, _document, file, folder, keys = received
    witness = Log().key
    name = verify.named("w.example.cn", public(witness), verify.COSIGNATURE)
    log.witnesses.append(name.text())
    log.publish(folder, 100)
    Path(keys[1]).write_text(json.dumps(log.keys()), "utf-8")
    at = int(verify.instant("2026-11-22T10:00:00Z").timestamp())
    note = log.checkpoint(100)
    text = verify.parse_note(note).text
    raw = name.id + at.to_bytes(8, "big") + witness.sign(verify.cosigned_text(text, at))
    (folder / "checkpoint").write_text(f"{note}— w.example.cn {b64(raw)}\n", "utf-8")
    code, said, _verdict = run(capsys, file, "--mirror", folder, *keys)
    assert (code, "as seen at 2026-11-22T10:00:00Z" in said[-1]) == (1, True)
    assert "√ " + sentence("witness.held", names="w.example.cn") in said


def test_a_signature_line_is_as_the_specification_says():
    log = Log()
    line = signature_line(log.origin, log.key, "x\n")
    assert line.startswith(f"— {log.origin} ")
