"""The proof of a public entry, as the log's pages give it, and a log that was begun anew."""

import json

import pytest

from marketplace.ledger import verify
from tests.ledger.mirrors import Log, b64, padding, signature_line

SAID = {"kind": "scenario.published", "subjects": ["a"], "commitment": "00" * 32}


@pytest.fixture
def log():
    return Log([*padding(20), verify.canonical(SAID), *padding(30)])


@pytest.fixture
def ask(log, tmp_path, capsys):
    """Write the proof with changes, and what the command answers: (exit code, lines)."""

    def asked(keys=None, **changes):
        hashes = verify.inclusion_proof(log.read, 20, 51)
        inclusion = {"index": 20, "size": 51, "hashes": [b64(one) for one in hashes]}
        inclusion |= {"checkpoint": log.checkpoint()} | changes.pop("inclusion", {})
        leaf = b64(verify.canonical(SAID))
        proof = {"leaf": leaf, "text": SAID, "inclusion": inclusion} | changes
        (tmp_path / "proof.json").write_text(json.dumps(proof))
        (tmp_path / "keys.json").write_text(json.dumps(keys or log.keys()))
        words = ["proof", str(tmp_path / "proof.json"), "--lang", "en"]
        code = verify.main([*words, "--keys", str(tmp_path / "keys.json")])
        return code, capsys.readouterr().out

    return asked


def test_a_public_entry_holds_and_is_shown(ask):
    code, said = ask()
    assert (code, '"kind": "scenario.published"' in said) == (0, True)
    assert said.splitlines()[-1] == "VALID"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"text": {**SAID, "subjects": ["b"]}}, "entry"),
        ({"leaf": "AAAA"}, "entry"),
        ({"inclusion": {"index": 19}}, "inclusion"),
        ({"inclusion": {"size": 50}}, "inclusion"),
        ({"inclusion": {"hashes": 1}}, "entry"),
    ],
)
def test_what_was_changed_is_found(ask, change, code):
    found, said = ask(**change)
    assert (found, verify.sentence(code, "en") in said) == (1, True)


def test_without_keys_it_proves_nothing(ask, tmp_path, capsys):
    ask()
    assert verify.main(["proof", str(tmp_path / "proof.json")]) == 2
    assert verify.sentence("checkpoint.unchecked", "en") in capsys.readouterr().out


def test_entries_of_the_log_before_its_new_beginning_stay_provable(ask, log):
    """After a loss the log has another name; keys.json tells those before with their keys."""
    later = Log(padding(3), origin="log.example.cn/second")
    keys = later.keys()
    assert ask(keys)[0] == 1
    former = [{"origin": log.origin, "vkeys": [log.vkey]}]
    assert ask({**keys, "former": former})[0] == 0


def test_a_former_name_takes_no_other_logs_note(ask, log):
    stranger = Log(log.leaves, origin="log.example.cn/stranger")
    text = stranger.checkpoint().split("\n\n")[0] + "\n"
    note = f"{text}\n{signature_line(stranger.origin, log.key, text)}"
    keys = log.keys() | {"former": [{"origin": "log.example.cn/first", "vkeys": [log.vkey]}]}
    code, said = ask(keys, inclusion={"checkpoint": note})
    told = verify.sentence("inclusion.origin", "en", origin=stranger.origin)
    assert (code, told in said) == (1, True)
