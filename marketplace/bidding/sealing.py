"""Sealed envelopes in storage: those that came as uploads, and those that the server seals.

Sealing on the server encrypts each envelope while it streams into storage; plaintext stays in
memory. It runs before any transaction, so the deadline never waits for it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.utils.crypto import salted_hmac

from marketplace.accounts.models import Organisation
from marketplace.base import packer, sealing
from marketplace.base.canonical import canonical
from marketplace.base.errors import Invalid
from marketplace.bidding.forms_schema import File, Form, check_bid
from marketplace.files import storage
from marketplace.files.models import FOLDER as UPLOADS
from marketplace.scenarios.models import Envelope, EnvelopeKey, Scenario

FOLDER = "sealed"


@dataclass(frozen=True)
class SealedFile:
    """One sealed envelope in storage, not yet part of a bid.

    `content_mark` is keyed with the installation's secret and tells two contents apart without
    telling anything of them; sealing the same twice gives other bytes but the same mark.
    """

    envelope: str
    stored_name: str
    sha256: str
    size: int
    content_mark: str = ""
    # The upload that the bidder sealed; empty for what the server sealed.
    upload: str = ""


class StorageFault(Exception):
    """The disk did not give back what was written to it."""


def seal_bid(
    *,
    scenario: Scenario,
    organisation: Organisation,
    forms: Mapping[str, Form],
    files: Mapping[str, Sequence[File]] | None = None,
) -> list[SealedFile]:
    """Check a bid, then seal its three envelopes into storage.

    Raises Invalid with every fault of the forms, TooLarge for a file.
    """
    clean = check_bid(scenario=scenario, organisation=organisation, forms=forms, files=files)
    recipients = dict(
        EnvelopeKey.objects.filter(scenario=scenario).values_list("envelope", "recipient")
    )
    sealed: list[SealedFile] = []
    try:
        for envelope in Envelope:
            bodies = {
                packer.FORM: canonical(clean[envelope]),
                **dict((files or {}).get(envelope, ())),
            }
            package = sealing.pack(
                bodies,
                scenario=str(scenario.uid),
                organisation=str(organisation.uid),
                envelope=str(envelope),
            )
            sealed.append(store(package, str(envelope), recipients[envelope], mark(bodies)))
    except BaseException:
        discard(sealed)
        raise
    return sealed


def store(package: bytes, envelope: str, recipient: str, content_mark: str) -> SealedFile:
    with storage.incoming(FOLDER) as incoming:
        sealing.seal(package, recipient=recipient, into=incoming.writer)
    stored = incoming.stored
    return SealedFile(envelope, stored.name, stored.sha256, stored.size, content_mark)


def mark(bodies: Mapping[str, bytes]) -> str:
    parts = {name: hashlib.sha256(body).hexdigest() for name, body in bodies.items()}
    return salted_hmac("jiebang.bid.content", canonical(parts), algorithm="sha256").hexdigest()


def check_stored(sealed: Iterable[SealedFile]) -> None:
    """Read back what the disk holds. Raises StorageFault, or Invalid if it is not age for us."""
    for file in sealed:
        head = reread(file)
        try:
            sealing.check_form(head)
        except sealing.Unreadable as error:
            raise Invalid(code=f"bid.{error.reason}") from error


def reread(file: SealedFile) -> bytes:
    """Hash what is stored, piece by piece; its first bytes. Raises StorageFault if it differs."""
    running, size, head = hashlib.sha256(), 0, b""
    # One byte more than there should be tells a longer file.
    for piece in storage.stream(file.stored_name, 0, file.size + 1):
        running.update(piece)
        size += len(piece)
        if len(head) < sealing.HEAD:
            head += piece[: sealing.HEAD]
    if running.hexdigest() != file.sha256 or size != file.size:
        raise StorageFault(file.stored_name)
    return head


def storage_is_there() -> bool:
    """Whether there is a folder of sealed envelopes, ours or of uploads: a mount may be missing."""
    return any(map(storage.is_there, (FOLDER, UPLOADS)))


def discard(sealed: Iterable[SealedFile]) -> None:
    """Remove files that the server sealed and no bid points to; uploads are let go as such."""
    for file in sealed:
        if not file.upload:
            storage.discard(file.stored_name)
