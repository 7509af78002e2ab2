import io
import tarfile

import pyrage
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketplace.base import sealing

IDENTITY = pyrage.x25519.Identity.generate()
OTHER = pyrage.x25519.Identity.generate()
PLACE = {"scenario": "s", "organisation": "o", "envelope": "technical"}


def sealed(package, recipient=IDENTITY):
    out = io.BytesIO()
    sealing.seal(package, recipient=str(recipient.to_public()), into=out)
    return out.getvalue()


def unseal(raw, **place):
    return sealing.unseal(raw, identity=str(IDENTITY), **(PLACE | place))


def reason_of(raw, **place):
    with pytest.raises(sealing.Unreadable) as refused:
        unseal(raw, **place)
    return refused.value.reason


def padme_by_counting(size):
    """The paper's definition, word by word: the S low bits of E - S are zero, rounding up."""
    exponent = len(bin(size)) - 3
    bits_of_exponent = len(bin(exponent)) - 2
    step = 2 ** (exponent - bits_of_exponent)
    steps, rest = divmod(size, step)
    return (steps + bool(rest)) * step


@given(st.integers(min_value=sealing.SMALLEST + 1, max_value=2**40))
def test_padme_is_the_paper_s(size):
    assert sealing.padme(size) == padme_by_counting(size)


@given(st.integers(min_value=0, max_value=2**40))
def test_padme_holds_the_size_and_wastes_little(size):
    padded = sealing.padme(size)
    assert padded >= size
    assert padded <= max(sealing.SMALLEST, size * 1.12)
    assert sealing.padme(padded) == padded


@given(st.integers(min_value=1, max_value=2**40), st.integers(min_value=1, max_value=2**40))
def test_padme_keeps_order(one, other):
    low, high = sorted((one, other))
    assert sealing.padme(low) <= sealing.padme(high)


NAMES = st.text("abcxyz文件-0123456789", min_size=1, max_size=40).map(lambda name: f"{name}.bin")


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(NAMES, st.binary(max_size=5000), max_size=5))
def test_what_is_sealed_is_what_comes_out(files):
    package = sealing.pack(files, **PLACE)
    assert len(package) == sealing.padme(len(package))
    opened = unseal(sealed(package))
    assert opened.files == files
    assert {name: opened.manifest[name] for name in PLACE} == PLACE


def test_sizes_tell_nothing_of_small_differences():
    sizes = {len(sealing.pack({"form.json": b"x" * n}, **PLACE)) for n in (5000, 5400)}
    assert sizes == {sealing.SMALLEST}


def test_two_packages_of_the_same_differ():
    files = {"form.json": b"{}"}
    assert sealing.pack(files, **PLACE) != sealing.pack(files, **PLACE)


@pytest.mark.parametrize("name", ["scenario", "organisation", "envelope"])
def test_a_package_is_bound_to_its_place(name):
    raw = sealed(sealing.pack({"form.json": b"{}"}, **PLACE))
    assert reason_of(raw, **{name: "another"}) == f"other_{name}"


def test_another_recipient_cannot_read():
    raw = sealed(sealing.pack({"form.json": b"{}"}, **PLACE), recipient=OTHER)
    assert reason_of(raw) == "undecryptable"


def test_a_flipped_byte_is_noticed():
    raw = bytearray(sealed(sealing.pack({"form.json": b"{}"}, **PLACE)))
    raw[-100] ^= 1
    assert reason_of(bytes(raw)) == "undecryptable"


def tar_of(*members):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, body in members:
            entry = tarfile.TarInfo(name)
            entry.size = len(body)
            tar.addfile(entry, io.BytesIO(body))
    return out.getvalue()


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"no tar at all",
        tar_of(("form.json", b"{}")),
        tar_of(("manifest.json", b"{}")),
        tar_of(("manifest.json", b"not json")),
        tar_of(("manifest.json", b"[" * 100_000)),
        tar_of(("manifest.json", b"[]")),
        tar_of(("manifest.json", b'{"files": []}')),
        tar_of(("manifest.json", b'{"files": {"a": 1}}')),
    ],
)
def test_what_is_no_package_is_refused(raw):
    assert reason_of(sealed(raw)) == "not_a_package"


def test_a_file_that_differs_from_the_manifest_is_refused():
    package = sealing.pack({"a.txt": b"one"}, **PLACE).replace(b"one", b"two", 1)
    assert reason_of(sealed(package)) == "file_hash"


def test_a_hole_that_claims_to_be_huge_is_not_unpacked():
    """A GNU sparse entry of a terabyte takes 512 bytes to write."""
    entry = bytearray(tarfile.TarInfo("manifest.json").tobuf(tarfile.GNU_FORMAT))
    entry[156:157] = b"S"
    entry[386 : 386 + 24] = b"00000000000\x0000000000000\x00"
    entry[483:495] = b"\x80" + (2**40).to_bytes(11, "big")
    entry[148:156] = b"        "
    entry[148:156] = f"{sum(entry):06o}\0 ".encode()
    assert reason_of(sealed(bytes(entry) + b"\0" * 1024)) == "not_a_package"


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"plain bytes", "not_age"),
        (b"", "not_age"),
        (b"age-encryption.org/v1\n-> X25519 abc\n", "not_age"),
        (pyrage.passphrase.encrypt(b"x", "secret"), "stanzas"),
        (pyrage.encrypt(b"x", [IDENTITY.to_public(), OTHER.to_public()]), "stanzas"),
        (b"age-encryption.org/v1\n-> yubikey abc\nbody\n--- mac\n", "stanzas"),
        (b"age-encryption.org/v1\n-> \n--- mac\n", "not_age"),
        (b"age-encryption.org/v1\n->\n--- mac\n", "stanzas"),
    ],
)
def test_only_age_to_one_x25519_recipient_is_taken(raw, reason):
    with pytest.raises(sealing.Unreadable) as refused:
        sealing.check_form(raw)
    assert refused.value.reason in {reason, "stanzas"}


def test_one_x25519_recipient_is_taken():
    assert sealing.check_form(sealed(sealing.pack({}, **PLACE))) is None


def test_an_envelope_s_identity_opens_only_with_the_master():
    key = sealing.new_envelope_key(master_recipient=str(IDENTITY.to_public()))
    identity = sealing.unwrap_identity(key.wrapped_identity, master_identity=str(IDENTITY))
    assert str(pyrage.x25519.Identity.from_str(identity).to_public()) == key.recipient
    with pytest.raises(sealing.Unreadable):
        sealing.unwrap_identity(key.wrapped_identity, master_identity=str(OTHER))


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_damaged_package_is_unreadable_and_nothing_worse(data):
    package = bytearray(sealing.pack({"form.json": b"{}", "a.txt": b"one"}, **PLACE))
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, 4095))
        package[place] = data.draw(st.integers(0, 255))
    try:
        opened = unseal(sealed(bytes(package)))
    except sealing.Unreadable:
        return
    assert set(opened.files) == {"form.json", "a.txt"}
