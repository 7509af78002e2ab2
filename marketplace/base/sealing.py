"""The sealed package, pure: no Django, no database.

A package is an uncompressed tar, manifest first, with a tail of zeros up to a Padmé size of at
least 64 KiB, encrypted with age to the one recipient of its envelope. Sizes then tell little
about contents, and the manifest binds the contents to scenario, organisation and envelope.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, Protocol

import pyrage

from marketplace.base import packer

HEAD = 4096  # bytes within which an age header of ours ends


class Unreadable(Exception):
    """The bytes are not a package that this identity and these expectations can read."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class Sink(Protocol):
    """Where sealed bytes go: a file, or one that hashes what it is given."""

    def write(self, chunk: bytes, /) -> int: ...

    def flush(self) -> None: ...


class Source(Protocol):
    """Where sealed bytes come from, at most so many at a time, none at the end."""

    def read(self, size: int, /) -> bytes: ...


@dataclass(frozen=True)
class Opened:
    """A package that holds what its manifest promises. Its files lie on disk."""

    manifest: dict[str, Any]
    _plain: IO[bytes]
    _places: dict[str, tuple[int, int]]

    @property
    def names(self) -> list[str]:
        """Of all files, the form among them."""
        return list(self._places)

    def pieces(self, name: str) -> Iterator[bytes]:
        """One file in small pieces. Raises KeyError if it is not there."""
        start, left = self._places[name]
        self._plain.seek(start)
        while left and (piece := self._plain.read(min(left, packer.PIECE))):
            left -= len(piece)
            yield piece

    def form(self) -> Any:
        """Raises KeyError if there is none, ValueError if it is no plain JSON of at most 1 MiB."""
        if self._places[packer.FORM][1] > packer.JSON_MOST:
            raise ValueError("larger than 1 MiB")
        return packer.read_json(b"".join(self.pieces(packer.FORM)))


def pack(
    files: dict[str, bytes], *, scenario: str, organisation: str, envelope: str, nonce: str = ""
) -> bytes:
    """The padded tar of one envelope. `files` maps a safe name to its bytes."""
    parts = [packer.part_of(name, body) for name, body in files.items()]
    manifest = packer.manifest_of(
        parts, scenario=scenario, organisation=organisation, envelope=envelope, nonce=nonce
    )
    return b"".join(packer.package(parts, manifest))


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


@contextmanager
def unseal(
    sealed: Source, *, identity: str, folder: Path, scenario: str, organisation: str, envelope: str
) -> Iterator[Opened]:
    """Open one envelope and hold it against what it must be, never with all of it in memory.

    What comes out lies in a file of `folder` that has no name and is gone with the block.
    Reads `sealed` to its end as far as it is age; what it raises, or the disk, is raised as it is.
    Raises Unreadable with reason undecryptable, not_a_package, other_scenario,
    other_organisation, other_envelope or file_hash.
    """
    with TemporaryFile(dir=folder) as plain:
        decrypt(sealed, plain, identity)
        opened = _unpack(plain)
        expected = {"scenario": scenario, "organisation": organisation, "envelope": envelope}
        for name, value in expected.items():
            if opened.manifest.get(name) != value:
                raise Unreadable(f"other_{name}")
        yield opened


def decrypt(sealed: Source, plain: Sink, identity: str) -> None:
    """Stream what is sealed into `plain`. Raises Unreadable, and what either side raises."""
    source, sink = Faithful(sealed.read), Faithful(plain.write)
    key = pyrage.x25519.Identity.from_str(identity)
    try:
        pyrage.decrypt_io(source, sink, [key])
    except (pyrage.DecryptError, OSError) as error:
        # age calls it undecryptable too when a disk fails, and that is nobody's bid.
        for fault in (source.fault, sink.fault):
            if fault is not None:
                raise fault from error
        raise Unreadable("undecryptable") from error


class Faithful:
    """A file's read or write that keeps what went wrong, whatever its caller makes of it."""

    def __init__(self, call: Callable[[Any], Any]) -> None:
        self.call = call
        self.fault: Exception | None = None

    def read(self, size: int = -1) -> bytes:
        return self._called(size)

    def write(self, chunk: bytes) -> int:
        return self._called(chunk)

    def flush(self) -> None:
        pass

    def _called(self, given: Any) -> Any:
        try:
            return self.call(given)
        except Exception as error:
            self.fault = error
            raise


def _unpack(plain: IO[bytes]) -> Opened:
    """Raises Unreadable: not_a_package, or file_hash where manifest and contents differ."""
    places: dict[str, tuple[int, int]] = {}

    def note(member: packer.Member) -> None:
        places[member.name] = (plain.tell(), member.size)

    plain.seek(0)
    try:
        manifest = packer.read_package(plain, note)
    except packer.NotAPackage as error:
        raise Unreadable(error.reason) from error
    return Opened(manifest, plain, places)


@dataclass(frozen=True)
class EnvelopeKey:
    recipient: str
    wrapped_identity: bytes


def new_envelope_key(*, master_recipient: str) -> EnvelopeKey:
    """A fresh age pair whose identity is kept only wrapped to the opener's master recipient."""
    identity = pyrage.x25519.Identity.generate()
    wrapped = wrap_identity(str(identity), master_recipient)
    return EnvelopeKey(str(identity.to_public()), wrapped)


def wrap_identity(identity: str, master_recipient: str) -> bytes:
    master = pyrage.x25519.Recipient.from_str(master_recipient)
    return pyrage.encrypt(identity.encode(), [master])


def unwrap_identity(wrapped: bytes, *, master_identity: str) -> str:
    """Raises Unreadable if the master identity is not the one it was wrapped to."""
    try:
        raw = pyrage.decrypt(wrapped, [pyrage.x25519.Identity.from_str(master_identity)])
    except pyrage.DecryptError as error:
        raise Unreadable("master_key") from error
    return raw.decode()
