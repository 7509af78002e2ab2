"""The offline script: holds what happened, and notices each change of it."""

import base64
import copy
import hashlib
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from marketplace.committee.draw import lottery, verify_draw
from marketplace.committee.draw.lottery import Stratum
from marketplace.ledger import verify

UID = "7b0c6a51-6f0a-4a8e-9a5e-0a1b2c3d4e5f"
EXPERTS = [f"00000000-0000-4000-8000-{n:012d}" for n in range(12)]
CODE_SALT, SALT = bytes([7]) * 32, bytes([8]) * 32
NONCES = {"secretary": bytes([1]) * 32, "witness": bytes([2]) * 32}


def leaves_with(data, size=11, index=6):
    return [data if n == index else f"other {n}".encode() for n in range(size)]


def made(fallback=False):
    """(a replay that holds, the log's verifier key)."""
    codes = {lottery.candidate_code(CODE_SALT, uid): uid for uid in EXPERTS}
    strata = [
        Stratum("net", 2, 3, dict.fromkeys(list(codes)[:8], 2)),
        Stratum("law", 1, 1, dict.fromkeys(list(codes)[6:], 1)),
    ]
    document = lottery.document(UID, strata)
    committed = lottery.commitment(SALT, document)
    hashes = {r: lottery.nonce_hash(n, UID, r).hex() for r, n in NONCES.items()}
    entry = {
        "kind": "draw.committed",
        "subjects": ["a demand", UID],
        "data": {"commitment": committed.hex(), "nonces": hashes},
    }
    data = json.dumps(entry).encode()
    hashed = [verify.leaf_hash(leaf) for leaf in leaves_with(data)]
    tree = subtree(hashed)
    key = Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes_raw()
    name = "example.invalid/log"
    head = hashlib.sha256(f"{name}\n".encode() + b"\x01" + public).digest()[:4]
    text = f"{name}\n11\n{base64.b64encode(tree).decode()}\n"
    signature = base64.b64encode(head + key.sign(text.encode())).decode()
    note = f"{text}\n— {name} {signature}\n"
    root = lottery.fallback_root(tree, hashed[6]) if fallback else tree
    seed = lottery.seed(UID, committed, NONCES["secretary"], NONCES["witness"], root)
    order = lottery.order(seed, strata)
    rows = [("law", order["law"][0]), *(("net", code) for code in order["net"][:3])]
    answers = ["accepted", "recused", "accepted", "accepted"]
    return {
        "format": verify_draw.FORMAT,
        "draw": UID,
        "document": document.decode(),
        "document_salt": SALT.hex(),
        "code_salt": CODE_SALT.hex(),
        "commitment": committed.hex(),
        "nonces": {role: nonce.hex() for role, nonce in NONCES.items()},
        "leaf": {
            "data": base64.b64encode(data).decode(),
            "index": 6,
            "hashes": [base64.b64encode(step).decode() for step in path(hashed, 6)],
        },
        "checkpoint": note,
        "fallback": fallback,
        "seed": seed.hex(),
        "order": order,
        "invitations": [
            {"number": n, "stratum": stratum, "code": code, "answer": answer}
            for n, ((stratum, code), answer) in enumerate(zip(rows, answers, strict=True), start=1)
        ],
        "seated": [
            {"code": code, "expert": codes[code], "name": "某", "seat": f"J{n}"}
            for n, (_stratum, code) in enumerate([rows[0], *rows[2:]], start=1)
        ],
    }, f"{name}+{head.hex()}+{base64.b64encode(bytes([1]) + public).decode()}"


def subtree(hashes):
    if len(hashes) == 1:
        return hashes[0]
    split = 1 << (len(hashes) - 1).bit_length() - 1
    both = subtree(hashes[:split]) + subtree(hashes[split:])
    return hashlib.sha256(b"\x01" + both).digest()


def path(hashes, index):
    if len(hashes) == 1:
        return []
    split = 1 << (len(hashes) - 1).bit_length() - 1
    if index < split:
        return [*path(hashes[:split], index), subtree(hashes[split:])]
    return [*path(hashes[split:], index - split), subtree(hashes[:split])]


def answered(replay, key=""):
    found, code = verify_draw.replayed(json.dumps(replay), key)
    return found[-2][1] if code == 1 else found[-1][1], code


@pytest.mark.parametrize("fallback", [False, True])
def test_what_happened_replays(fallback):
    replay, key = made(fallback)
    found, code = verify_draw.replayed(json.dumps(replay), key)
    place = "fallback" if fallback else "included"
    assert code == 0
    assert [what for held, what, _values in found if held] == [
        *("document", "nonce", "nonce", "leaf", place, "signed"),
        *("seed", "order", "asked", "seated", "holds"),
    ]


def flip(text):
    return ("0" if text[0] != "0" else "1") + text[1:]


def swap(rows):
    rows[0], rows[1] = rows[1], rows[0]


TAMPERED = {
    "a heavier candidate": (
        lambda r: r.update(document=r["document"].replace(",2]", ",3]", 1)),
        "document.not",
    ),
    "another salt": (lambda r: r.update(document_salt=flip(r["document_salt"])), "document.not"),
    "another nonce": (
        lambda r: r["nonces"].update(witness=flip(r["nonces"]["witness"])),
        "nonce.not",
    ),
    "another draw": (lambda r: r.update(draw=flip(r["draw"])), "document.form"),
    "another place in the log": (lambda r: r["leaf"].update(index=5), "included.not"),
    "another size": (
        lambda r: r.update(checkpoint=r["checkpoint"].replace("\n11\n", "\n7\n")),
        "included.not",
    ),
    "another seed": (lambda r: r.update(seed=flip(r["seed"])), "seed.not"),
    "another order": (lambda r: swap(r["order"]["net"]), "order.not"),
    "somebody passed over": (lambda r: r["invitations"].pop(1), "asked.not"),
    "a named judge": (lambda r: r["seated"][0].update(expert=EXPERTS[0][:-1] + "x"), "seated.not"),
    "one who recused sits": (
        lambda r: r["invitations"][0].update(answer="recused"),
        "seated.not",
    ),
}


@pytest.mark.parametrize("name", TAMPERED)
def test_each_change_is_noticed(name):
    replay, key = made()
    changed = copy.deepcopy(replay)
    change, expected = TAMPERED[name]
    change(changed)
    assert answered(changed, key) == (expected, 1)


def test_another_log_key_is_noticed():
    replay, _key = made()
    _other, wrong = made()
    assert answered(replay, wrong) == ("signed.not", 1)


def test_what_is_no_replay_is_said_to_be_unreadable():
    assert verify_draw.replayed("{}")[1] == 2
    assert verify_draw.replayed("[")[1] == 2


def test_ed25519_agrees_with_the_library():
    key = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    public, signature = key.public_key().public_bytes_raw(), key.sign(b"a note")
    assert verify_draw.ed25519(public, b"a note", signature)
    assert not verify_draw.ed25519(public, b"a Note", signature)
    assert not verify_draw.ed25519(public, b"a note", signature[:-1] + b"\x00")


def test_the_script_runs_alone(tmp_path: Path):
    replay, key = made()
    file = tmp_path / "replay.json"
    file.write_text(json.dumps(replay), "utf-8")
    script = tmp_path / "verify_draw.py"
    script.write_bytes(Path(verify_draw.__file__).read_bytes())
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(script), str(file), "--log-key", key],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONUTF8": "1"},
    )
    assert (done.returncode, done.stdout.count("✓"), done.stderr) == (0, 11, "")


def test_it_speaks_one_language_when_asked(tmp_path: Path):
    replay, _key = made()
    file = tmp_path / "replay.json"
    file.write_text(json.dumps(replay), "utf-8")
    out = io.StringIO()
    assert verify_draw.main([str(file), "--lang", "en"], out) == 0
    assert out.getvalue().splitlines()[-1] == "✓ Verdict: the draw replays, with the same result."
