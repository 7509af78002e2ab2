"""Which stored file somebody may read, and under which record.

A file is readable exactly where the record that it belongs to is: upper rooms say for their
purpose how that record is found, by its own `visible_to`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID, uuid4

import structlog

from marketplace.accounts.models import Organisation
from marketplace.base import clock
from marketplace.base.actor import Actor
from marketplace.base.errors import DomainError, NotFound
from marketplace.files.access import record_access
from marketplace.files.limits import COPIED, Purpose
from marketplace.files.marking import KINDS, TEXT
from marketplace.files.models import Upload, UploadState
from marketplace.files.queries import evidence_of


@dataclass(frozen=True)
class Readable:
    """A file that somebody may read now. `restricted` ones are read on the record.

    refusal: what comes before its bytes, though the reader may know of it.
    """

    subject_uid: UUID
    restricted: bool
    refusal: DomainError | None = None
    # The copy is for this reader alone, and shows it.
    marked: bool = False
    # It is a text of ours, which goes to such a reader as a paper.
    printed: bool = False


@dataclass(frozen=True)
class Copied:
    """What stands over every page of a copy: who reads it, for whom, when, in which request."""

    subject_uid: UUID
    lines: tuple[str, ...]

    @property
    def number(self) -> str:
        return self.lines[-1]


@dataclass(frozen=True)
class Served:
    stored_name: str
    name: str
    sha256: str
    size: int
    content_type: str
    # Set where what leaves is a copy for this reader.
    copied: Copied | None = None


Finder = Callable[[Actor, Upload], Readable | None]
FINDERS: dict[str, Finder] = {}


def reads(purpose: Purpose) -> Callable[[Finder], Finder]:
    """Register how the record of a claimed upload is found for a reader; None: not for him."""

    def register(finder: Finder) -> Finder:
        FINDERS[purpose] = finder
        return finder

    return register


def find_file(*, actor: Actor, upload_uid: UUID, part: str, reading: bool) -> Served:
    """The stored file, if the actor may read it now; a restricted reading is recorded first.

    part: which bytes, for the record. reading: False when only its headers are asked for. Raises
    NotFound, and the file's own refusal.
    """
    upload = Upload.objects.filter(uid=upload_uid, state=UploadState.STORED).first()
    if upload is None:
        raise NotFound
    found = readable(actor, upload)
    if found is None:
        raise NotFound
    if found.refusal is not None:
        raise found.refusal
    copied = None
    printed = found.printed and upload.content_type == TEXT
    if found.marked and (upload.content_type in KINDS or printed):
        copied = Copied(found.subject_uid, reader_lines(actor))
    if found.restricted and reading:
        # A copy is given whole, whatever part was asked for.
        detail = copied.number if copied else part
        record_access(
            actor=actor, subject_uid=found.subject_uid, what="file.read", detail=detail[:80]
        )
    return Served(
        upload.stored_name, upload.name, upload.sha256, upload.length, upload.content_type, copied
    )


def record_copy(*, actor: Actor, copied: Copied, sha256: str) -> None:
    """Whose copy has this hash: in the access log, which is sealed day by day."""
    record_access(actor=actor, subject_uid=copied.subject_uid, what=COPIED, detail=sha256)


def reader_lines(actor: Actor) -> tuple[str, ...]:
    """Person, organisation, time in Beijing, and the request that the record of access names."""
    number = str(structlog.contextvars.get_contextvars().get("request_id", "") or uuid4().hex)
    now = clock.now().astimezone(clock.SHANGHAI)
    party = actor.organisation.name if actor.organisation else ""
    return (actor.person.name, party, f"{now:%Y-%m-%d %H:%M:%S} 北京时间", number)


def readable(actor: Actor, upload: Upload) -> Readable | None:
    """Before a record claims it, an upload is its maker's alone."""
    if upload.subject_uid is None:
        own = Upload.objects.visible_to(actor).filter(pk=upload.pk).exists()
        return Readable(upload.uid, restricted=False) if own else None
    finder = FINDERS.get(upload.purpose)
    return finder(actor, upload) if finder else None


@reads(Purpose.EVIDENCE)
def read_evidence(actor: Actor, upload: Upload) -> Readable | None:
    """As `evidence_of` lists it."""
    about = {"uid": upload.subject_uid} if upload.subject_uid else {"pk": None}
    organisation = Organisation.objects.filter(**about).first()
    seen = organisation and evidence_of(actor, organisation).filter(pk=upload.pk).exists()
    return Readable(upload.uid, restricted=True) if seen else None
