"""What a file is, by its bytes, and what it may be called and served as.

Only what bytes and name agree on is served under its type; everything else is a stream of bytes.
No Django.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from pathlib import PurePosixPath

import puremagic

UNKNOWN = "application/octet-stream"
TEXT = "text/plain; charset=utf-8"
OFFICE = "application/vnd.openxmlformats-officedocument"
# ending -> (what it is served as, what its bytes must say)
TYPES = {
    ".pdf": ("application/pdf", "application/pdf"),
    ".png": ("image/png", "image/png"),
    ".jpg": ("image/jpeg", "image/jpeg"),
    ".jpeg": ("image/jpeg", "image/jpeg"),
    ".webp": ("image/webp", "image/webp"),
    ".zip": ("application/zip", "zip"),
    ".docx": (f"{OFFICE}.wordprocessingml.document", "zip"),
    ".xlsx": (f"{OFFICE}.spreadsheetml.sheet", "zip"),
    ".pptx": (f"{OFFICE}.presentationml.presentation", "zip"),
    ".txt": (TEXT, "text"),
    ".csv": (TEXT, "text"),
    ".md": (TEXT, "text"),
}
# Bytes that a name must not be made of: control signs, direction marks, lone surrogates.
UNSHOWABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)


def kinds(head: bytes) -> set[str]:
    """Everything that the first bytes may be."""
    if head.startswith(b"PK\x03\x04"):
        return {"zip"}
    try:
        found = {match.mime_type for match in puremagic.magic_string(head)}
    except (puremagic.PureError, ValueError):
        found = set()
    if not found and is_text(head):
        return {"text"}
    return found


def is_text(head: bytes) -> bool:
    """UTF-8 without control signs; the last character may be cut off."""
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return not re.search("[\x00-\x08\x0e-\x1f\x7f]", text)


def served_type(name: str, head: bytes) -> str:
    served, wanted = TYPES.get(PurePosixPath(name).suffix.lower(), (UNKNOWN, ""))
    return served if wanted in kinds(head) else UNKNOWN


def safe_name(raw: str, most: int) -> str:
    """A file's own name: without folders and control signs, never empty, never hidden.

    A name that is too long loses its middle, not its ending.
    """
    name = unicodedata.normalize("NFC", UNSHOWABLE.sub("", raw))
    name = re.split(r"[/\\]", name)[-1]
    name = re.sub(r'[<>:"|?*]', "_", name).strip(" .")
    if len(name) > most:
        ending = PurePosixPath(name).suffix[-16:]
        name = name[: most - len(ending)] + ending
    return name or "file"
