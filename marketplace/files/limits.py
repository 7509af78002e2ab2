"""Every limit on files, in one table. docs/operations.md repeats it and a test compares the two."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.db import models
from django.utils.translation import gettext_lazy as _

MEBIBYTE = 1024 * 1024

# -- Files inside an ordinary form: they stay in memory ------------------------------------------
FILE_LIMIT = 10 * MEBIBYTE
REQUEST_LIMIT = 40 * MEBIBYTE

# -- Resumable uploads ---------------------------------------------------------------------------
CHUNK_MOST = 8 * MEBIBYTE
EXPIRES_AFTER = timedelta(hours=24)
OPEN_MOST = 20
ORGANISATION_BYTES_MOST = 8 * 1024 * MEBIBYTE
NAME_MOST = 150
# An entry of the access log whose detail is the SHA-256 (hex) of a marked copy.
COPIED = "file.copied"


class Purpose(models.TextChoices):
    """What an upload is for. It decides who may upload it, how large it may be, who reads it."""

    ATTACHMENT = "attachment", _("Attachment of a demand")
    EVIDENCE = "evidence", _("Evidence of an organisation")
    SEALED = "sealed", _("Sealed envelope of a bid")
    DOCUMENT = "document", _("Document of the gate before publication")
    COURSE = "course", _("Input of a race")
    TRUTH = "truth", _("Sealed truth of a race")
    RESULT = "result", _("Result file of a race")
    SIGNED = "signed", _("Scan of a signed and stamped paper")


@dataclass(frozen=True)
class Limit:
    """bytes_most: of one file. count_most: of one thing that they belong to."""

    bytes_most: int
    count_most: int


LIMITS = {
    Purpose.ATTACHMENT: Limit(bytes_most=256 * MEBIBYTE, count_most=20),
    Purpose.EVIDENCE: Limit(bytes_most=20 * MEBIBYTE, count_most=10),
    Purpose.SEALED: Limit(bytes_most=2048 * MEBIBYTE, count_most=3),
    Purpose.DOCUMENT: Limit(bytes_most=20 * MEBIBYTE, count_most=1),
    Purpose.SIGNED: Limit(bytes_most=20 * MEBIBYTE, count_most=1),
    Purpose.COURSE: Limit(bytes_most=1024 * MEBIBYTE, count_most=20),
    # What age adds to a GiB of truth: a stanza, and 16 bytes for each 64 KiB.
    Purpose.TRUTH: Limit(bytes_most=1025 * MEBIBYTE, count_most=1),
    Purpose.RESULT: Limit(bytes_most=1024 * MEBIBYTE, count_most=1),
}
# They come encrypted with age to one recipient, and are refused otherwise.
COMES_SEALED = {Purpose.SEALED, Purpose.TRUTH}
# Handed in by a vendor and not to be removed by it: once claimed they take none of its room.
HANDED_IN = {Purpose.SEALED, Purpose.RESULT}
LARGEST = max(limit.bytes_most for limit in LIMITS.values())
