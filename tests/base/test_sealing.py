import errno
import hashlib
import io
import json
import tarfile
import tempfile
from pathlib import Path

import pyrage
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketplace.base import packer, sealing
from tests.base.age_files import BY_PASSPHRASE

IDENTITY = pyrage.x25519.Identity.generate()
OTHER = pyrage.x25519.Identity.generate()
PLACE = {"scenario": "s", "organisation": "o", "envelope": "technical"}


def sealed(package, recipient=IDENTITY):
    out = io.BytesIO()
    sealing.seal(package, recipient=str(recipient.to_public()), into=out)
    return out.getvalue()


def unseal(raw, **place):
    """(manifest, {name: bytes})."""
    with (
        tempfile.TemporaryDirectory() as folder,
        sealing.unseal(
            io.BytesIO(raw), identity=str(IDENTITY), folder=folder, **(PLACE | place)
        ) as opened,
    ):
        assert list(Path(folder).iterdir()) == []
        files = {name: b"".join(opened.pieces(name)) for name in opened.names}
    return opened.manifest, files


def reason_of(raw, **place):
    with pytest.raises(sealing.Unreadable) as refused:
        unseal(raw, **place)
    return refused.value.reason


NAMES = st.text("abcxyz文件-0123456789", min_size=1, max_size=40).map(lambda name: f"{name}.bin")


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(NAMES, st.binary(max_size=5000), max_size=5))
def test_what_is_sealed_is_what_comes_out(files):
    package = sealing.pack(files, **PLACE)
    assert len(package) == packer.padme(len(package))
    manifest, found = unseal(sealed(package))
    assert found == files
    assert {name: manifest[name] for name in PLACE} == PLACE


def test_sizes_tell_nothing_of_small_differences():
    sizes = {len(sealing.pack({"form.json": b"x" * n}, **PLACE)) for n in (5000, 5400)}
    assert sizes == {packer.SMALLEST}


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
        (BY_PASSPHRASE, "stanzas"),
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


def test_the_file_by_passphrase_is_one():
    assert pyrage.passphrase.decrypt(BY_PASSPHRASE, "secret") == b"x"


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
        _manifest, files = unseal(sealed(bytes(package)))
    except sealing.Unreadable:
        return
    assert set(files) == {"form.json", "a.txt"}


# -- Hostile packages ------------------------------------------------------------------------------
def manifest_for(files):
    said = {n: {"sha256": hashlib.sha256(b).hexdigest(), "size": len(b)} for n, b in files.items()}
    return json.dumps({"format": packer.FORMAT, "files": said} | PLACE).encode()


def entry_of(kind, name="a.txt", *, target="", size=0):
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname, entry.size = kind, target, size
    return entry.tobuf(tarfile.GNU_FORMAT)


def hostile(*blocks):
    files = {"form.json": b"{}"}
    return tar_of(("manifest.json", manifest_for(files)), *files.items())[:2048] + b"".join(blocks)


END = b"\0" * 1024


@pytest.mark.parametrize(
    "block",
    [
        entry_of(tarfile.SYMTYPE, target="/etc/passwd"),
        entry_of(tarfile.LNKTYPE, target="manifest.json"),
        entry_of(tarfile.CHRTYPE),
        entry_of(tarfile.BLKTYPE),
        entry_of(tarfile.FIFOTYPE),
        entry_of(tarfile.DIRTYPE, "folder"),
        entry_of(tarfile.GNUTYPE_SPARSE),
        entry_of(tarfile.CONTTYPE),
        entry_of(tarfile.XGLTYPE, size=512) + b"12 path=x\n".ljust(512, b"\0"),
        entry_of(tarfile.XHDTYPE, size=2**31),
        entry_of(tarfile.GNUTYPE_LONGNAME, size=2**31),
        entry_of(tarfile.XHDTYPE, size=10) + b"999 path=x".ljust(512, b"\0"),
        entry_of(tarfile.XHDTYPE, size=22)
        + b"22 GNU.sparse.major=1\n".ljust(512, b"\0")
        + entry_of(tarfile.REGTYPE),
        entry_of(tarfile.REGTYPE, size=2**40),
        entry_of(tarfile.REGTYPE, size=-1),
        entry_of(tarfile.REGTYPE, "form.json"),
        entry_of(tarfile.REGTYPE, "manifest.json"),
        b"".join(entry_of(tarfile.REGTYPE, f"{n}.txt") for n in range(packer.MEMBERS_MOST)),
        entry_of(tarfile.REGTYPE)[:100],
        b"\xff" * 512,
    ],
)
def test_a_hostile_member_is_refused(block):
    assert reason_of(sealed(hostile(block) + END)) == "not_a_package"


@pytest.mark.parametrize("size", ["1e999", "-1e999", "2.0", "NaN", '"inf"', "[]", "9" * 5000])
def test_a_manifest_whose_sizes_are_no_whole_numbers_is_refused(size):
    """One bid that cannot even be refused would keep its whole opening from finishing."""
    said = manifest_for({"form.json": b"{}"}).replace(b'"size": 2', f'"size": {size}'.encode())
    raw = tar_of(("manifest.json", said), ("form.json", b"{}"))
    assert reason_of(sealed(raw)) == "not_a_package"


def test_what_stands_before_the_hostile_members_is_a_package():
    _manifest, files = unseal(sealed(hostile(END)))
    assert files == {"form.json": b"{}"}


@pytest.mark.parametrize("made", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT, tarfile.USTAR_FORMAT])
def test_an_ordinary_tar_of_any_kind_is_read(made):
    name = "方案" * 14 if made == tarfile.USTAR_FORMAT else "很长的方案" * 16
    files = {"form.json": b"{}", f"{name}.pdf": bytes(range(256)) * 9}
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=made) as tar:
        for one, body in [("manifest.json", manifest_for(files)), *files.items()]:
            entry = tarfile.TarInfo(one)
            entry.size, entry.mtime = len(body), 1_700_000_000.5
            tar.addfile(entry, io.BytesIO(body))
    assert unseal(sealed(out.getvalue()))[1] == files


def test_the_package_is_what_tarfile_reads():
    files = {"form.json": b"{}", "很长的方案" * 16 + ".pdf": bytes(range(256)) * 9}
    with tarfile.open(fileobj=io.BytesIO(sealing.pack(files, **PLACE))) as tar:
        found = {entry.name: tar.extractfile(entry).read() for entry in tar}
    assert next(iter(found)) == "manifest.json"
    assert dict(list(found.items())[1:]) == files


@pytest.mark.parametrize(
    "form",
    [
        b'{"total_cny": "1", "total_cny": "2"}',
        b'{"a": NaN}',
        b"[" * 17 + b"]" * 17,
        b"[" * 100_000,
        b'"' + b"x" * packer.JSON_MOST + b'"',
        b"\xff",
        b"1" * 5000,
    ],
)
def test_a_form_has_one_reading_and_a_size(form):
    with (
        tempfile.TemporaryDirectory() as folder,
        sealing.unseal(
            io.BytesIO(sealed(sealing.pack({"form.json": form}, **PLACE))),
            identity=str(IDENTITY),
            folder=folder,
            **PLACE,
        ) as opened,
        pytest.raises(ValueError),
    ):
        opened.form()


class Failing(io.BytesIO):
    def read(self, size=-1, /):
        if self.tell() > 60_000:
            raise OSError(errno.EIO, "the disk")
        return super().read(size)


def test_a_disk_that_fails_is_not_the_bidder_s_fault():
    raw = sealed(sealing.pack({"form.json": b"{}"}, **PLACE))
    with (
        tempfile.TemporaryDirectory() as folder,
        pytest.raises(OSError, match="the disk"),
        sealing.unseal(Failing(raw), identity=str(IDENTITY), folder=folder, **PLACE),
    ):
        pass
