"""What a sealed envelope turns out to be. Nothing here writes to the database.

Sealed bytes are read as they were received, and what was in them has no name on any disk until it
is known to be a bid's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings

from marketplace.base import packer, sealing
from marketplace.base.errors import StorageAway
from marketplace.bidding.forms_schema import Demands, anonymity_faults, envelope_faults
from marketplace.bidding.models import Bid, Outcome, SealedEnvelope
from marketplace.files import storage
from marketplace.scenarios.models import Envelope

FOLDER = "opened"


@dataclass
class Examined:
    """What one sealed envelope turned out to be. Nothing of it is written yet."""

    sealed: SealedEnvelope
    outcome: Outcome
    reason: str = ""
    form: dict[str, Any] | None = None
    names: list[str] = field(default_factory=list)
    opened: sealing.Opened | None = None

    def store(self, name: str) -> storage.Stored:
        """One of its files, where opened files lie."""
        assert self.opened is not None, "files come out of an opened package"
        with storage.incoming(FOLDER) as incoming:
            for piece in self.opened.pieces(name):
                incoming.writer.write(piece)
        return incoming.stored


StoredFile = tuple[Examined, str, storage.Stored]


def examine(
    sealed: SealedEnvelope, bid: Bid, identity: str, demands: Demands, stack: ExitStack
) -> Examined:
    """Whether these are the received bytes, and whether they are what they must be.

    Bytes that are gone or differ from the receipt are the platform's fault; bytes that are as
    received but cannot be opened or are no valid bid are the bidder's. What was unsealed lies in
    the opener's own folder, without a name, until the stack is left.
    """
    try:
        source = Received(sealed)
    except FileNotFoundError:
        return Examined(sealed, Outcome.PLATFORM_FAULT, "missing")
    unreadable = ""
    try:
        opened = stack.enter_context(
            sealing.unseal(
                source,
                identity=identity,
                folder=own_folder(),
                scenario=str(bid.scenario.uid),
                organisation=str(bid.organisation.uid),
                envelope=sealed.envelope,
            )
        )
    except sealing.Unreadable as error:
        unreadable = error.reason
    if not source.is_whole():
        return Examined(sealed, Outcome.PLATFORM_FAULT, "stored_hash")
    if unreadable:
        return Examined(sealed, Outcome.BIDDER_FAULT, unreadable)
    try:
        form = opened.form()
    except (KeyError, ValueError):
        return Examined(sealed, Outcome.BIDDER_FAULT, "form")
    names = [name for name in opened.names if name != packer.FORM]
    if envelope_faults(sealed.envelope, form, names, demands):
        return Examined(sealed, Outcome.BIDDER_FAULT, "schema")
    return Examined(sealed, Outcome.OPENED, "", form, names, opened)


def blame_names(examined: list[Examined], demands: Demands) -> None:
    """A technical envelope that names its bidder cannot be scored blind."""
    by_envelope = {str(found.sealed.envelope): found for found in examined}
    technical = by_envelope.get(str(Envelope.TECHNICAL))
    if technical is None or technical.form is None:
        return
    business = by_envelope.get(str(Envelope.BUSINESS))
    faults = anonymity_faults(
        technical.form,
        technical.names,
        business.form if business else None,
        demands.organisation,
    )
    if faults:
        technical.outcome, technical.reason = Outcome.BIDDER_FAULT, "not_anonymous"
        technical.form, technical.names = None, []


def files_of(examined: list[Examined]) -> Iterator[tuple[Examined, str]]:
    yield from ((found, name) for found in examined for name in found.names)


class Received:
    """A sealed envelope as it lies in storage, hashed as it is read.

    Raises FileNotFoundError if it is gone, StorageAway if the storage is.
    """

    def __init__(self, sealed: SealedEnvelope) -> None:
        self.sealed = sealed
        # One byte more than was received, so that a longer file is noticed.
        self._pieces = storage.stream(sealed.stored_name, 0, sealed.size + 1)
        self._rest = memoryview(b"")
        self._hash = hashlib.sha256()

    def read(self, size: int = -1, /) -> bytes:
        if not self._rest:
            self._rest = memoryview(self._next())
        size = len(self._rest) if size < 0 else size
        piece, self._rest = self._rest[:size], self._rest[size:]
        return bytes(piece)

    def _next(self) -> bytes:
        try:
            piece = next(self._pieces, b"")
        except OSError as error:
            raise StorageAway from error
        self._hash.update(piece)
        return piece

    def is_whole(self) -> bool:
        """Whether they are the bytes of the receipt. Reads what has not been read."""
        while self._next():
            pass
        return self._hash.hexdigest() == self.sealed.sha256


def own_folder() -> Path:
    """Of the opener's account alone: what lies here has no name and ends with its process."""
    folder = Path(settings.OPENER_FOLDER)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if folder.stat().st_mode & 0o077:
        folder.chmod(0o700)
    return folder
