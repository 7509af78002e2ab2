"""How a stored file goes out: streamed in pieces or by ranges, always as an attachment."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import quote
from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.translation import gettext as _

from marketplace.base.actor import Actor
from marketplace.base.errors import StorageAway
from marketplace.files import storage
from marketplace.files.marking import BYTES_MOST, SUFFIXES, marked
from marketplace.files.serving import Served, find_file, record_copy
from marketplace.files.sniffing import UNKNOWN, safe_name

RANGE = re.compile(r"bytes=([0-9]{0,15})-([0-9]{0,15})", re.ASCII)
# Whatever a browser makes of the bytes, it runs nothing and loads nothing.
POLICY = "default-src 'none'; sandbox"


def serve(request: HttpRequest, actor: Actor, upload_uid: UUID) -> HttpResponseBase:
    """The file, if the actor may read it. Raises NotFound, and the file's own refusal."""
    reading = request.method == "GET"
    part = request.headers.get("Range", "")[:80] if reading else ""
    found = find_file(actor=actor, upload_uid=upload_uid, part=part, reading=reading)
    if found.copied is not None:
        if not reading:
            return _copy_dressed(HttpResponse(), found)
        if (copy := _reader_copy(actor, found)) is not None:
            return copy
    return send(request, found)


def send(request: HttpRequest, served: Served) -> HttpResponseBase:
    """The file or the one range of it that is asked for, in small pieces, as an attachment."""
    etag = f'"{served.sha256}"'
    wanted = request.headers.get("Range", "")
    if request.headers.get("If-Range", etag) != etag or request.method != "GET":
        wanted = ""
    if not wanted and etag in tags(request.headers.get("If-None-Match", "")):
        return dressed(HttpResponse(status=304), served, etag)
    try:
        part = span(wanted, served.size)
    except ValueError:
        refused = HttpResponse(status=416, headers={"Content-Range": f"bytes */{served.size}"})
        return dressed(refused, served, etag)
    start, end = part or (0, served.size)
    try:
        pieces: Iterator[bytes] = iter(())
        if request.method == "GET":
            pieces = storage.stream(served.stored_name, start, end - start)
    except (FileNotFoundError, StorageAway):
        # The record is there and the bytes are not: a fault of ours, which an operator sees.
        sentence = _("The platform cannot read this file at the moment.")
        return HttpResponse(sentence, status=503, headers={"Retry-After": "60"})
    response = StreamingHttpResponse(pieces, status=206 if part else 200)
    if part:
        response.headers["Content-Range"] = f"bytes {start}-{end - 1}/{served.size}"
    response.headers["Content-Length"] = str(end - start)
    return dressed(response, served, etag)


def _reader_copy(actor: Actor, served: Served) -> HttpResponseBase | None:
    """The marked copy, whole and never the same twice; None where this file cannot be marked.

    Its own hash is on record, with who got it and when, before a byte of it leaves.
    """
    if served.size > BYTES_MOST or served.copied is None:
        return None
    try:
        body = storage.read(served.stored_name)
    except (FileNotFoundError, StorageAway):
        return None
    found = marked(body, served.content_type, served.copied.lines)
    if found is None:
        return None
    copy, content_type = found
    record_copy(actor=actor, copied=served.copied, sha256=hashlib.sha256(copy).hexdigest())
    name = served.name
    if content_type != served.content_type:
        name = f"{name.rpartition('.')[0] or name}.{SUFFIXES[content_type]}"
    response = HttpResponse(copy)
    response.headers["Content-Length"] = str(len(copy))
    return _copy_dressed(response, replace(served, name=name, content_type=content_type))


def _copy_dressed(response: HttpResponse, served: Served) -> HttpResponseBase:
    """Without the original's tag and ranges, which are of other bytes."""
    dressed(response, served, "")
    del response.headers["ETag"]
    response.headers["Accept-Ranges"] = "none"
    return response


def dressed(response: HttpResponseBase, served: Served, etag: str) -> HttpResponseBase:
    told = {
        "Content-Type": served.content_type or UNKNOWN,
        "Content-Disposition": disposition(served.name),
        "Content-Security-Policy": POLICY,
        "X-Content-Type-Options": "nosniff",
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-store",
        "ETag": etag,
    }
    for name, value in told.items():
        response.headers[name] = value
    return response


def disposition(name: str) -> str:
    """RFC 6266: a plain name for old readers, the real one in UTF-8 beside it."""
    name = safe_name(name, 150)
    plain = re.sub(r"[^A-Za-z0-9 ._()-]", "_", name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def span(wanted: str, size: int) -> tuple[int, int] | None:
    """(start, end), half-open, of the one range asked for; None: the whole.

    What is no range, or several, is answered with the whole (RFC 9110 §14.2). Raises ValueError
    for a range that the file does not have (416).
    """
    found = RANGE.fullmatch(wanted.strip())
    if not found or found.groups() == ("", ""):
        return None
    first, last = found.groups()
    if not first:
        start, end = max(0, size - int(last)), size
    elif last and int(last) < int(first):
        return None
    else:
        start, end = int(first), min(int(last) + 1, size) if last else size
    if start >= end:
        raise ValueError(wanted)
    return start, end


def tags(header: str) -> set[str]:
    return {tag.strip().removeprefix("W/") for tag in header.split(",")}
