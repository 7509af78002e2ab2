"""Reads the inside of a Word or Excel file that a stranger sent, within limits.

Pure. Nothing is unpacked to disk, nothing that it links to is fetched, no macro or formula is run,
and embedded objects are never opened. Every refusal is a Wrong with its rule and a sentence.
"""

from __future__ import annotations

import io
import struct
import time
import zipfile
import zlib
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser
from django.utils.translation import gettext as _

from marketplace.base.texts import Wrong

FILE_MOST = 2 * 1024 * 1024
ENTRIES_MOST = 300
ENTRY_MOST = 4 * 1024 * 1024
UNPACKED_MOST = 8 * 1024 * 1024
# Text packs well, but not a hundredfold.
RATIO_MOST = 100
RATIO_FROM = 256 * 1024
SECONDS = 5.0
PIECE = 64 * 1024
# Word 97, Excel 97, and every file that is locked with a password.
OLD = b"\xd0\xcf\x11\xe0"
# What a damaged archive may raise, wherever it is damaged.
UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    LookupError,
    ValueError,
    RuntimeError,
    OSError,
)
PLAIN = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def broken() -> Wrong:
    sentence = _("The file is damaged, or is neither Word (.docx) nor Excel (.xlsx).")
    return Wrong("file.broken", sentence)


class Archive:
    """A .docx or .xlsx, its entries by name."""

    def __init__(self, raw: bytes, *, seconds: float = SECONDS) -> None:
        self._until = time.monotonic() + seconds
        self._unpacked = 0
        if len(raw) > FILE_MOST:
            sentence = _("The file may have at most %(most)s MB.")
            raise Wrong("file.size", sentence % {"most": FILE_MOST // 1024 // 1024})
        if raw.startswith(OLD):
            sentence = _(
                "This is an old Word or Excel file, or one with a password."
                " Save it as .docx or .xlsx without a password."
            )
            raise Wrong("file.old", sentence)
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(raw))
            entries = self._zip.infolist()
        except UNREADABLE as error:
            raise broken() from error
        self.names = {entry.filename for entry in entries}
        self._check(entries)

    def _check(self, entries: list[zipfile.ZipInfo]) -> None:
        if len(entries) > ENTRIES_MOST or len(self.names) != len(entries):
            sentence = _("The file holds more parts than a form needs; use the form to download.")
            raise Wrong("file.entries", sentence)
        if any(
            "vbaproject" in name.lower() or "macrosheets" in name.lower() for name in self.names
        ):
            raise Wrong("file.macros", _("The file holds macros. Save it as .docx or .xlsx."))
        for entry in entries:
            if entry.flag_bits & 1 or entry.compress_type not in PLAIN:
                raise broken()
            large = entry.file_size > RATIO_FROM
            if large and entry.file_size > RATIO_MOST * max(entry.compress_size, 1):
                raise self._too_much()
        if sum(entry.file_size for entry in entries) > 4 * UNPACKED_MOST:
            raise self._too_much()
        if "[Content_Types].xml" not in self.names:
            raise broken()
        if b"macroenabled" in self.read("[Content_Types].xml").lower():
            raise Wrong("file.macros", _("The file holds macros. Save it as .docx or .xlsx."))

    def _too_much(self) -> Wrong:
        return Wrong("file.unpacked", _("Unpacked, the file is larger than a form can be."))

    def read(self, name: str) -> bytes:
        """One entry, at most ENTRY_MOST bytes whatever its header says; all at most UNPACKED_MOST."""
        try:
            with self._zip.open(name) as stream:
                raw = stream.read(ENTRY_MOST + 1)
        except UNREADABLE as error:
            raise broken() from error
        self._unpacked += len(raw)
        if len(raw) > ENTRY_MOST or self._unpacked > UNPACKED_MOST:
            raise self._too_much()
        return raw

    def xml(self, name: str) -> Element:
        """An entry as XML without a document type: no entities, nothing from elsewhere."""
        raw = self.read(name)
        parser = DefusedXMLParser(forbid_dtd=True)
        try:
            for at in range(0, len(raw), PIECE):
                parser.feed(raw[at : at + PIECE])
                self.in_time()
            root: Element = parser.close()
        except DefusedXmlException as error:
            sentence = _("The file declares entities, which no form needs.")
            raise Wrong("file.entities", sentence) from error
        except (ParseError, ValueError, LookupError, RecursionError) as error:
            raise broken() from error
        return root

    def in_time(self) -> None:
        if time.monotonic() > self._until:
            sentence = _("The file takes too long to read; use the form to download.")
            raise Wrong("file.time", sentence)
