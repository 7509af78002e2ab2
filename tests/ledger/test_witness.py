"""A witness over a real loopback server that serves a log."""

import shutil
import subprocess
import sys
import threading
import time

import pytest

from marketplace.ledger import verify, witness
from tests.ledger.mirrors import Log, padding
from tests.ledger.serving import Quiet

NAME = "witness.example.cn/w1"


@pytest.fixture
def at_work(served, tmp_path, capsys):
    """A log on its server, a witness with a key, and a way to run it: code, note, sentences."""
    url, folder = served
    log = Log(padding(600))
    log.publish(folder)
    key = tmp_path / "witness.pem"
    assert witness.main(["--make-key", NAME, "--key", str(key)]) == 0
    vkey = capsys.readouterr().out.strip()

    def run(*more, **changes):
        words = {"--log-vkey": log.vkey, "--key": key, "--state": tmp_path / "state"} | changes
        pairs = [str(word) for pair in words.items() for word in pair]
        code = witness.main([url, *pairs, "--lang", "en", *more])
        out, said = capsys.readouterr()
        return code, out, [line for line in said.splitlines() if line[:1] in "√×－？"]

    return log, folder, tmp_path / "state", vkey, run


def sentence(code, **values):
    return verify.sentence(code, "en", **values)


def test_a_growing_log_is_cosigned_again_and_again(at_work):
    log, folder, state, vkey, run = at_work
    before = int(time.time())
    code, note, said = run()
    assert (code, said[1]) == (0, "－ " + sentence("cosign.first"))
    checkpoint = verify.open_checkpoint(note, [log.vkey, vkey])
    assert [line.name for line in checkpoint.signatures] == [log.origin, NAME]
    assert before <= checkpoint.signatures[1].at <= time.time()
    log.leaves += padding(3000)
    log.publish(folder)
    code, note, said = run()
    assert (code, said[1]) == (0, "√ " + sentence("consistency.held", size1=600, size2=3600))
    assert verify.open_checkpoint(note, [log.vkey, vkey]).size == 3600
    assert (state / "cosigned").read_text("utf-8") == note
    assert run()[0] == 0  # the same checkpoint again: a fresh cosignature


def test_its_own_earlier_line_is_replaced_and_others_stay(at_work):
    log, folder, _state, vkey, run = at_work
    _code, first, _said = run()
    other = witness.Witness("other.example.cn", Log().key)
    (folder / "checkpoint").write_text(other.cosign(first, 1_795_000_000), "utf-8")
    _code, note, _said = run()
    keys = [log.vkey, vkey, other.vkey]
    names = [line.name for line in verify.open_checkpoint(note, keys).signatures]
    assert names == [log.origin, "other.example.cn", NAME]


def smaller(log, folder):
    log.publish(folder, 500)
    return "consistency.shrunk", {"size1": 600, "size2": 500}


def other_root(log, folder):
    log.leaves[0] = bytes(32)
    log.publish(folder)
    return "consistency.split", {"size1": 600}


def rewritten(log, folder):
    log.leaves = [bytes(32), *log.leaves[1:], *padding(100)]
    log.publish(folder)
    return "consistency", {}


def forgotten(log, folder):
    log.leaves = [*log.leaves[:599], *padding(100)]
    log.publish(folder)
    return "consistency", {}


@pytest.mark.parametrize("change", [smaller, other_root, rewritten, forgotten])
def test_another_history_gets_no_cosignature_but_is_shown(at_work, change):
    log, folder, state, _vkey, run = at_work
    run()
    kept = (state / "checkpoint").read_bytes()
    first = (folder / "checkpoint").read_text("utf-8")
    code, values = change(log, folder)
    second = (folder / "checkpoint").read_text("utf-8")
    done, out, said = run()
    assert (done, said[-2:]) == (
        1, ["× " + sentence(code, **values), "× " + sentence("cosign.refused")],
    )  # fmt: skip
    assert out == f"{first}\n{second}"
    assert NAME not in out
    assert (state / "checkpoint").read_bytes() == kept
    assert (state / f"refused.{len(log.leaves) if code != 'consistency.shrunk' else 500}").is_file()


def test_tiles_that_do_not_lead_to_the_signed_root(at_work):
    log, folder, _state, _vkey, run = at_work
    (folder / "checkpoint").write_text(log.checkpoint(root=bytes(32)), "utf-8")
    code, out, said = run()
    assert (code, out, said[-1]) == (1, "", "× " + sentence("mirror.root"))


@pytest.mark.parametrize(
    ("note", "code"),
    [
        (lambda log: log.checkpoint(key=Log().key), "checkpoint.unsigned"),
        (lambda log: log.checkpoint().replace("\n600\n", "\n601\n"), "checkpoint"),
        (lambda log: "hello", "checkpoint.format"),
    ],
)
def test_what_the_log_did_not_sign(at_work, note, code):
    log, folder, state, _vkey, run = at_work
    (folder / "checkpoint").write_text(note(log), "utf-8")
    done, out, said = run()
    assert (done, out, said) == (1, "", ["× " + sentence(code)])
    assert not (state / "checkpoint").exists()


def test_what_cannot_be_checked_is_not_cosigned(at_work, tmp_path):
    log, folder, state, _vkey, run = at_work
    run()
    log.leaves += padding(100)
    log.publish(folder)
    shutil.rmtree(folder / "tile/0")
    assert run()[:2] == (2, "")
    log.publish(folder)
    (state / "checkpoint").write_text("damaged", "utf-8")
    code, _out, said = run()
    assert (code, said[-1]) == (2, "？ " + sentence("cosign.state", name=state))
    assert run(**{"--key": tmp_path / "nothing.pem"})[0] == 2


def test_a_state_of_another_log_is_not_forgotten(at_work):
    _log, folder, state, _vkey, run = at_work
    run()
    other = Log(padding(700), origin="other.example.cn/log")
    other.publish(folder)
    code, _out, said = run(**{"--log-vkey": other.vkey})
    assert (code, said[-1]) == (2, "？ " + sentence("cosign.state", name=state))


def test_a_key_is_made_once_and_only_its_owner_reads_it(at_work, tmp_path):
    _log, _folder, _state, vkey, run = at_work
    key = tmp_path / "witness.pem"
    assert key.stat().st_mode & 0o777 == 0o600
    made = key.read_bytes()
    assert witness.main(["--make-key", NAME, "--key", str(key)]) == 2
    assert key.read_bytes() == made
    assert witness.Witness.read(key).vkey.text() == vkey
    key.chmod(0o644)
    assert run()[0] == 2
    key.chmod(0o600)
    key.write_text("name: x\nnot a key", "utf-8")
    code, _out, said = run()
    assert (code, said[-1]) == (2, "？ " + sentence("cosign.key", name=key))
    for name in ("a b", "a+b"):
        assert witness.main(["--make-key", name, "--key", str(tmp_path / "other.pem")]) == 1
        assert not (tmp_path / "other.pem").exists()


def test_a_cosignature_is_handed_in(at_work):
    _log, _folder, state, _vkey, run = at_work
    code, note, said = run("--submit")
    assert code == 0
    assert Quiet.handed_in == [("/cosignatures", "text/plain; charset=utf-8", note.encode())]
    assert said[-1].startswith("√ The cosignature was handed in")
    Quiet.answer = 409
    assert run("--submit")[0] == 2
    assert (state / "cosigned").is_file()


def test_two_at_once_do_not_cosign_two_histories(at_work):
    _log, _folder, state, _vkey, run = at_work
    inside, go_on = threading.Event(), threading.Event()

    def hold():
        with witness.alone(state):
            inside.set()
            go_on.wait(10)

    thread = threading.Thread(target=hold)
    thread.start()
    inside.wait(10)
    code, out, said = run()
    go_on.set()
    thread.join()
    assert (code, out, said) == (2, "", ["？ " + sentence("cosign.busy", name=state)])
    assert run()[0] == 0


@pytest.mark.parametrize("name", ["verify.py", "jiebang_verify.py"])
def test_the_two_files_run_alone(served, tmp_path, name):
    url, folder = served
    log = Log(padding(300))
    log.publish(folder)
    alone = tmp_path / "alone"
    alone.mkdir()
    shutil.copy(verify.__file__, alone / name)
    shutil.copy(witness.__file__, alone / "witness.py")

    def run(*words):
        command = [sys.executable, "-E", "witness.py", "--key", "w.pem", *words]
        return subprocess.run(command, cwd=alone, env={}, capture_output=True, check=False)

    vkey = run("--make-key", NAME).stdout.decode().strip()
    done = run(url, "--log-vkey", log.vkey, "--state", "state")
    assert done.returncode == 0
    assert verify.open_checkpoint(done.stdout.decode(), [log.vkey, vkey]).size == 300
