"""Signed notes, checkpoints and cosignatures: vectors that others published."""

import base64

import pytest
import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from marketplace.ledger import verify
from marketplace.ledger.verify import CannotCheck, NotValid, open_checkpoint, parse_vkey

# C2SP signed-note, "Verifier keys".
FOO = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
FOO_NOTE = "This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
# golang.org/x/mod/sumdb/note.
PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PETER_NOTE = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
PETER_SEED = base64.b64decode("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")[1:]
# A real checkpoint of a Certificate Transparency log with real cosignatures.
ARCHE = (
    "arche2025h1.staging.ct.transparency.dev+ba2f06c0+AU0vHmlGCS/PdN8b2OaGmKprLI8HKM+dJ472xgFYh15f"
)
REMORA = "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2"
ARCHE_NOTE = """\
arche2025h1.staging.ct.transparency.dev
1432088532
U7WM79jrzyhGZ5/GUBTpM7NzwdyfFx61t3RovgcC4Ro=

— arche2025h1.staging.ct.transparency.dev zTM8sQAAAZ5W0WdjBAMARjBEAiBjW5IQf9pvsYLfQFX6hoGREPMHbdQ3urbllzalApkptQIgIpwtEroeW2BXaHAI4kJXFbon5Ch9MNL5zRNZ55lvGt0=
— arche2025h1.staging.ct.transparency.dev ui8GwCF1+kWqZrxGdhj4aX3gcw7XUlXQQabg/27lefwhUkzbC3NygNI75MdhL1bfTW9g8Ei59RA23oHP7Ry1k3ZFWwQ=
— transparency.dev/DEV:witness-little-garden 2AQqhwAAAABqEiEgzgFIqqhbUoDwjMWE6UP8nd8/KYTzwZ2rhIgcqoXHAwVkjZr4AscylP3v7sEodkRAErumC2q44vdgJY096st5BQ==
— witness1.smartit.nu/witness1 pIyCDwAAAABqEiEghIp82KWebrw7/oHQwlTAm3g2RKS4+eebl8eO0WH+/iEcxZ75W3u5hNI7TOQtmJbqmNWVuE0tgh0XwzdZsDsUAQ==
— remora.n621.de 2net5wAAAABqEiEgPlfF3V06o0Y+fHM+J5J9s27wgxxcOVSpZ/2g/KSiXCg9DEZI+aVCIobWX9sXTynk5XeU/zZ0WBxtqB0DrAWfBw==
— witness.stagemole.eu Z/euoAAAAABqEiEgw0i+7g2ENfDAWHmtRzCfKTHSDwYDJA2NmKeGi9Y8FtEyOUvVr+AJmIY/2TUFucgKi7lI7cUiOvKFYe/TmN9DAg==
"""


@pytest.mark.parametrize(("note", "vkey"), [(FOO_NOTE, FOO), (PETER_NOTE, PETER)])
def test_published_notes_hold(note, vkey):
    key, parsed = parse_vkey(vkey), verify.parse_note(note)
    assert key.text() == vkey
    line = parsed.signatures[0]
    assert (line.name, line.id) == (key.name, key.id)
    assert verify.verify_line(line, key, parsed.text).kind == verify.LOG_SIGNATURE
    with pytest.raises(NotValid):
        verify.verify_line(line, key, parsed.text.replace("a", "b"))


def test_the_published_signature_comes_out_again():
    key = Ed25519PrivateKey.from_private_bytes(PETER_SEED)
    text, _, _ = PETER_NOTE.rpartition("\n\n")
    raw = parse_vkey(PETER).id + key.sign(f"{text}\n".encode())
    assert f"{text}\n\n— PeterNeumann {base64.b64encode(raw).decode()}\n" == PETER_NOTE


def test_a_real_checkpoint_and_its_real_cosignature():
    checkpoint = open_checkpoint(ARCHE_NOTE, [ARCHE, REMORA])
    assert (checkpoint.origin, checkpoint.size) == (ARCHE.partition("+")[0], 1_432_088_532)
    assert [(line.kind, line.at) for line in checkpoint.signatures] == [
        (1, None),
        (4, 1_779_573_024),
    ]
    assert checkpoint.root.hex().startswith("53b58cef")
    for old, new in [("1432088532", "1432088533"), ("2net5wAAAABqEiEg", "2net5wAAAABqEiEh")]:
        with pytest.raises(NotValid):
            open_checkpoint(ARCHE_NOTE.replace(old, new), [ARCHE, REMORA])


def test_a_cosignature_alone_does_not_make_a_checkpoint():
    with pytest.raises(NotValid) as error:
        open_checkpoint(ARCHE_NOTE, REMORA)
    assert error.value.code == "checkpoint.unsigned"


def test_a_raw_key_signs_under_the_origin():
    checkpoint = open_checkpoint(ARCHE_NOTE, parse_vkey(ARCHE).public)
    assert [line.name for line in checkpoint.signatures] == [checkpoint.origin]


def test_every_piece_of_a_vkey_is_refused():
    for start in range(len(PETER)):
        for end in range(start, len(PETER) + 1):
            if PETER[start:end] != PETER:
                with pytest.raises(NotValid):
                    parse_vkey(PETER[start:end])


def test_a_key_of_an_unknown_algorithm_says_so():
    with pytest.raises(CannotCheck) as error:
        parse_vkey("example.com/sm2+00000000+" + base64.b64encode(b"\xff" + bytes(32)).decode())
    assert "0xff" in str(error.value)
    assert "不认识" in error.value.said("zh-hans")


@pytest.mark.parametrize(
    "change",
    [
        lambda note: note[:-1],
        lambda note: note.replace("\n\n", "\n"),
        lambda note: note.replace("1432088532", "01432088532"),
        lambda note: note.replace("1432088532", "١٤٣"),
        lambda note: note.replace("1432088532", "9" * 19 + "9"),
        lambda note: note.replace("1432088532", "9" * 19),
        lambda note: note.replace("1432088532\n", ""),
        lambda note: note.replace("4Ro=", "4Rp="),
        lambda note: note.replace("4Ro=\n", "4Ro=\r\n"),
        lambda note: note.replace("— remora", "- remora"),
        lambda note: note.replace("remora.n621.de 2net5", "remora.n621.de  2net5"),
        lambda note: "\n" + note.partition("\n")[2],
        lambda note: "",
    ],
)
def test_what_is_no_checkpoint(change):
    with pytest.raises(NotValid) as error:
        open_checkpoint(change(ARCHE_NOTE), [ARCHE])
    assert error.value.code == "checkpoint.format"


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
def test_canonical_json_is_rfc_8785(value):
    assert verify.canonical(value) == rfc8785.dumps(value)


@pytest.mark.parametrize("value", [1.5, 2**53, float("nan"), "\ud800", object()])
def test_what_has_no_canonical_text(value):
    with pytest.raises((ValueError, TypeError)):
        verify.canonical([value])
