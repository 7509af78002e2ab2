"""The sealed package, pure: no Django, no database.

A package is an uncompressed tar, manifest first, with a tail of zeros up to a Padmé size of at
least 64 KiB, encrypted with age to the one recipient of its envelope. Sizes then tell little
about contents, and the manifest binds the contents to scenario, organisation and envelope.
"""

from __future__ import annotations

import hashlib
import io
import json
import secrets
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import pyrage

from marketplace.base.canonical import canonical

MANIFEST = "manifest.json"
FORM = "form.json"
SMALLEST = 64 * 1024
HEAD = 4096  # bytes within which an age header of ours ends
FORMAT = "jiebang-bid/1"


class Unreadable(Exception):
    """The bytes are not a package that this identity and these expectations can read."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class Sink(Protocol):
    """Where sealed bytes go: a file, or one that hashes what it is given."""

    def write(self, chunk: bytes, /) -> int: ...

    def flush(self) -> None: ...


@dataclass(frozen=True)
class Opened:
    manifest: dict[str, Any]
    files: dict[str, bytes]


def padme(size: int) -> int:
    """The least Padmé size that holds `size` bytes, at least 64 KiB.

    Padmé (PURBs, Nikitin et al. 2019) leaks O(log log n) bits of the length for at most 12 % more
    bytes: the last E-S bits of the length are zero, E = floor(log2 n), S = bits of E.
    """
    if size <= SMALLEST:
        return SMALLEST
    exponent = size.bit_length() - 1
    loose = exponent - exponent.bit_length()
    mask = (1 << loose) - 1
    return (size + mask) & ~mask


def pack(
    files: dict[str, bytes], *, scenario: str, organisation: str, envelope: str, nonce: str = ""
) -> bytes:
    """The padded tar of one envelope. `files` maps a safe name to its bytes."""
    manifest = {
        "format": FORMAT,
        "scenario": scenario,
        "organisation": organisation,
        "envelope": envelope,
        "nonce": nonce or secrets.token_hex(16),
        "files": {
            name: {"sha256": hashlib.sha256(body).hexdigest(), "size": len(body)}
            for name, body in files.items()
        },
    }
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, body in [(MANIFEST, canonical(manifest)), *files.items()]:
            entry = tarfile.TarInfo(name)
            entry.size = len(body)
            entry.mode = 0o600
            tar.addfile(entry, io.BytesIO(body))
    raw = out.getvalue()
    return raw.ljust(padme(len(raw)), b"\0")


def seal(package: bytes, *, recipient: str, into: Sink) -> None:
    """Encrypt a package to its envelope's recipient, streaming into a writer."""
    key = pyrage.x25519.Recipient.from_str(recipient)
    pyrage.encrypt_io(io.BytesIO(package), into, [key])


def stanzas(sealed: bytes) -> list[str]:
    """The kinds of the age header's recipient stanzas. Raises Unreadable if it is not age."""
    head = sealed[:HEAD]
    if not head.startswith(b"age-encryption.org/v1\n"):
        raise Unreadable("not_age")
    lines = head.split(b"\n")
    return [line.split(b" ")[1].decode("ascii", "replace") for line in _stanza_lines(lines)]


def _stanza_lines(lines: list[bytes]) -> Iterator[bytes]:
    for line in lines[1:]:
        if line.startswith(b"---"):
            return
        if line.startswith(b"-> "):
            yield line
    raise Unreadable("not_age")


def check_form(sealed: bytes) -> None:
    """Raise Unreadable unless it is age with exactly one X25519 stanza, grease aside."""
    kinds = [kind for kind in stanzas(sealed) if not kind.endswith("-grease")]
    if kinds != ["X25519"]:
        raise Unreadable("stanzas")


def unseal(
    sealed: bytes, *, identity: str, scenario: str, organisation: str, envelope: str
) -> Opened:
    """Open one envelope and hold it against what it must be.

    Raises Unreadable with reason undecryptable, not_a_package, other_scenario,
    other_organisation, other_envelope or file_hash.
    """
    try:
        raw = pyrage.decrypt(sealed, [pyrage.x25519.Identity.from_str(identity)])
    except pyrage.DecryptError as error:
        raise Unreadable("undecryptable") from error
    opened = _unpack(raw)
    expected = {"scenario": scenario, "organisation": organisation, "envelope": envelope}
    for name, value in expected.items():
        if opened.manifest.get(name) != value:
            raise Unreadable(f"other_{name}")
    return opened


def _unpack(raw: bytes) -> Opened:
    """Raises Unreadable: not_a_package, or file_hash where manifest and contents differ."""
    try:
        with tarfile.open(fileobj=io.BytesIO(raw), mode="r:") as tar:
            bodies = [_member(tar, entry, len(raw)) for entry in tar]
        if not bodies or bodies[0][0] != MANIFEST:
            raise Unreadable("not_a_package")
        manifest = json.loads(bodies[0][1])
        promised = {name: entry["sha256"] for name, entry in manifest["files"].items()}
    except (
        tarfile.TarError,
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
        RecursionError,
    ) as error:
        raise Unreadable("not_a_package") from error
    files = dict(bodies[1:])
    if promised != {name: hashlib.sha256(body).hexdigest() for name, body in files.items()}:
        raise Unreadable("file_hash")
    return Opened(manifest=manifest, files=files)


def _member(tar: tarfile.TarFile, entry: tarfile.TarInfo, at_most: int) -> tuple[str, bytes]:
    # A sparse entry may claim terabytes of holes: it would fill the opener's memory.
    if entry.type not in {tarfile.REGTYPE, tarfile.AREGTYPE} or entry.size > at_most:
        raise Unreadable("not_a_package")
    body = tar.extractfile(entry)
    if body is None or entry.sparse is not None:
        raise Unreadable("not_a_package")
    return entry.name, body.read()


@dataclass(frozen=True)
class EnvelopeKey:
    recipient: str
    wrapped_identity: bytes


def new_envelope_key(*, master_recipient: str) -> EnvelopeKey:
    """A fresh age pair whose identity is kept only wrapped to the opener's master recipient."""
    identity = pyrage.x25519.Identity.generate()
    master = pyrage.x25519.Recipient.from_str(master_recipient)
    wrapped = pyrage.encrypt(str(identity).encode(), [master])
    return EnvelopeKey(str(identity.to_public()), wrapped)


def unwrap_identity(wrapped: bytes, *, master_identity: str) -> str:
    """Raises Unreadable if the master identity is not the one it was wrapped to."""
    try:
        raw = pyrage.decrypt(wrapped, [pyrage.x25519.Identity.from_str(master_identity)])
    except pyrage.DecryptError as error:
        raise Unreadable("master_key") from error
    return raw.decode()
