"""Resumable uploads: tus 1.0 with creation, creation-with-upload, checksum, termination, expiration.

https://tus.io/protocols/resumable-upload
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import io
import re
from base64 import b64decode
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, ClassVar
from uuid import UUID

from django.http import UnreadablePostError
from django.urls import reverse
from django.utils.http import http_date
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers as s
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from marketplace.accounts.tokens.models import Scope
from marketplace.api.hats import put_hat_on
from marketplace.api.pagination import KeysetPagination
from marketplace.api.shapes import Links, Shape, instant, text
from marketplace.api.views import absolute, actor_of
from marketplace.base.canonical import plain
from marketplace.base.errors import DomainError, TooLarge
from marketplace.files import actions, limits
from marketplace.files.models import Purpose, Upload, UploadState
from marketplace.files.rules import can_continue_upload

VERSION = "1.0.0"
EXTENSIONS = "creation,creation-with-upload,checksum,termination,expiration"
ALGORITHMS = ("sha256", "sha1")
OFFSET_STREAM = "application/offset+octet-stream"
NUMBER = re.compile(r"[0-9]{1,15}", re.ASCII)
METADATA_MOST = 4096
READ = 256 * 1024


class BadHeader(DomainError):
    status = 400
    code = "request.header"
    message = gettext_lazy("The header %(name)s is missing or not right.")


class OtherVersion(DomainError):
    status = 412
    code = "upload.version"
    message = gettext_lazy("This server speaks version 1.0.0 of tus.")


class OtherMediaType(DomainError):
    status = 415
    code = "upload.media_type"
    message = gettext_lazy("Chunks are sent as application/offset+octet-stream.")


class LengthRequired(DomainError):
    status = 411
    code = "upload.content_length"
    message = gettext_lazy("Say with Content-Length how long the chunk is.")


class ChecksumMismatch(DomainError):
    """460 is a status of tus alone."""

    status = 460
    code = "upload.checksum"
    message = gettext_lazy("The chunk did not arrive as it was sent; send it again.")


class UploadShape(Shape):
    uid = s.UUIDField()
    purpose = s.ChoiceField(Purpose.choices)
    state = s.ChoiceField(UploadState.choices)
    name = text("As it will be offered for download.")
    length = s.IntegerField(help_text="Bytes announced.")
    offset = s.IntegerField(help_text="Bytes synced to disk.")
    sha256 = text("Of the whole, in hex, once stored.")
    content_type = text("By its bytes, once stored.")
    expires_at = instant("It ends then, unless it goes on or a record uses it.")
    finished_at = instant(null=True)
    links = Links()
    actions = s.ListField(child=s.CharField(), help_text="Moves that are possible now.")


def header(name: str, description: str, *, required: bool = True) -> OpenApiParameter:
    return OpenApiParameter(
        name, str, OpenApiParameter.HEADER, required=required, description=description
    )


RESUMABLE = header("Tus-Resumable", "1.0.0")
NO_BODY = OpenApiResponse(description="Done; the headers tell.")
CHUNK = {OFFSET_STREAM: {"type": "string", "format": "binary"}}
CHECKSUM = header(
    "Upload-Checksum", "sha256 or sha1, a space, and the hash in base64.", required=False
)


class Tus(APIView):
    permission_classes = [IsAuthenticated]
    parser_classes = []
    scope: ClassVar[dict[str, str]] = dict.fromkeys(
        ("post", "patch", "delete", "head"), Scope.UPLOADS.value
    )

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        put_hat_on(request)
        if request.method in {"POST", "PATCH", "DELETE", "HEAD"}:
            require_version(request)

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        finished = super().finalize_response(request, response, *args, **kwargs)
        finished.headers["Tus-Resumable"] = VERSION
        if finished.status_code == OtherVersion.status:
            finished.headers["Tus-Version"] = VERSION
        finished.headers.setdefault("Cache-Control", "no-store")
        let_go(request)
        return finished

    @extend_schema(exclude=True)
    def options(self, request: Any, *args: Any, **kwargs: Any) -> Response:
        """What this server speaks. tus asks for it without a version."""
        return Response(
            status=204,
            headers={
                "Tus-Version": VERSION,
                "Tus-Extension": EXTENSIONS,
                "Tus-Max-Size": str(limits.LARGEST),
                "Tus-Checksum-Algorithm": ",".join(ALGORITHMS),
            },
        )


class UploadList(Tus):
    pagination_class = KeysetPagination

    @extend_schema(
        operation_id="uploads_list",
        summary="One's own uploads",
        description="Those of the present person for the present organisation, newest first.",
        responses=UploadShape(many=True),
    )
    def get(self, request: Request) -> Response:
        pages = KeysetPagination()
        rows = Upload.objects.visible_to(actor_of(request))
        found = pages.paginate_queryset(rows, request, view=self) or []
        return pages.get_paginated_response([shape(request, row) for row in found])

    @extend_schema(
        operation_id="uploads_create",
        summary="Begin an upload (tus creation)",
        description=(
            "Upload-Metadata names `filename` and `purpose` (attachment, evidence, sealed, document), and"
            " `sha256` in hex where the whole is to be checked. A first chunk may come along."
        ),
        parameters=[
            RESUMABLE,
            header("Upload-Length", "Bytes of the whole."),
            header("Upload-Metadata", "Comma-separated: key, a space, value in base64."),
            header("Idempotency-Key", "Repeating it gives the same upload.", required=False),
            CHECKSUM,
        ],
        request=CHUNK,
        responses={201: OpenApiResponse(description="Location tells where to send the bytes.")},
    )
    def post(self, request: Request) -> Response:
        if "Upload-Defer-Length" in request.headers:
            raise BadHeader(name="Upload-Defer-Length")
        length = number(request, "Upload-Length")
        told = metadata(request.headers.get("Upload-Metadata", ""))
        # Read before anything is begun: a chunk that is refused begins nothing.
        streams = request.content_type == OFFSET_STREAM
        body = b"".join(chunk(request).pieces) if streams else b""
        upload = actions.create_upload(
            actor=actor_of(request),
            purpose=told.get("purpose", ""),
            length=length,
            name=told.get("filename", ""),
            sha256=told.get("sha256", ""),
            idempotency_key=request.headers.get("Idempotency-Key", ""),
        )
        if body:
            upload = actions.append_to_upload(
                actor=actor_of(request), upload_uid=upload.uid, offset=0, body=body
            )
        place = reverse("api-upload", args=[upload.uid])
        return Response(status=201, headers={"Location": place, **standing(upload)})


class UploadOne(Tus):
    @extend_schema(operation_id="uploads_retrieve", summary="One upload", responses=UploadShape)
    def get(self, request: Request, uid: UUID) -> Response:
        upload = actions.find_upload(actor_of(request), uid)
        return Response(shape(request, upload))

    @extend_schema(
        operation_id="uploads_offset",
        summary="Where an upload stands (tus)",
        description="Upload-Offset is what is synced to disk; a whole that it tells is stored.",
        parameters=[RESUMABLE],
        responses={200: NO_BODY},
    )
    def head(self, request: Request, uid: UUID) -> Response:
        upload = actions.resume_upload(actor=actor_of(request), upload_uid=uid)
        headers = {"Upload-Length": str(upload.length), "Cache-Control": "no-store"}
        return Response(status=200, headers=standing(upload) | headers)

    @extend_schema(
        operation_id="uploads_append",
        summary="Add a chunk (tus)",
        description="At most 8 MiB. The answer to the last one says that the whole is stored.",
        parameters=[RESUMABLE, header("Upload-Offset", "Where the chunk begins."), CHECKSUM],
        request=CHUNK,
        responses={204: NO_BODY},
    )
    def patch(self, request: Request, uid: UUID) -> Response:
        if request.content_type != OFFSET_STREAM:
            raise OtherMediaType
        offset = number(request, "Upload-Offset")
        # Its bytes are read only once the upload is known to be ours and alive.
        coming = chunk(request)
        try:
            upload = actions.append_to_upload(
                actor=actor_of(request), upload_uid=uid, offset=offset, body=coming
            )
        finally:
            drain(request)
        return Response(status=204, headers=standing(upload))

    @extend_schema(
        operation_id="uploads_end",
        summary="Give up an upload (tus termination)",
        parameters=[RESUMABLE],
        responses={204: NO_BODY},
    )
    def delete(self, request: Request, uid: UUID) -> Response:
        actions.end_upload(actor=actor_of(request), upload_uid=uid)
        return Response(status=204)

    @extend_schema(exclude=True)
    def post(self, request: Request, uid: UUID) -> Response:
        """For clients behind a proxy that knows no PATCH."""
        meant = request.headers.get("X-HTTP-Method-Override", "").upper()
        if meant == "PATCH":
            return self.patch(request, uid)
        if meant == "DELETE":
            return self.delete(request, uid)
        return self.http_method_not_allowed(request)


# -- Headers ---------------------------------------------------------------------------------------
def require_version(request: Request) -> None:
    if request.headers.get("Tus-Resumable") != VERSION:
        raise OtherVersion


def number(request: Request, name: str) -> int:
    given = request.headers.get(name, "")
    if not NUMBER.fullmatch(given):
        raise BadHeader(name=name)
    return int(given)


def metadata(given: str) -> dict[str, str]:
    """`key base64,key base64,key`: each key once. Raises BadHeader."""
    wrong = BadHeader(name="Upload-Metadata")
    if len(given) > METADATA_MOST:
        raise wrong
    told: dict[str, str] = {}
    for pair in filter(None, (part.strip() for part in given.split(","))):
        key, _space, value = pair.partition(" ")
        try:
            said = b64decode(value, validate=True).decode("utf-8")
        except (binascii.Error, ValueError) as error:
            raise wrong from error
        if key in told or not key.isascii():
            raise wrong
        told[key] = said
    return told


def standing(upload: Upload) -> dict[str, str]:
    told = {"Upload-Offset": str(upload.offset)}
    if upload.state == UploadState.RECEIVING:
        told["Upload-Expires"] = http_date(upload.expires_at.timestamp())
    return told


# -- Bodies ----------------------------------------------------------------------------------------
def chunk(request: Request) -> actions.Chunk:
    """The body, piece by piece. Raises TooLarge before a byte of it is read.

    Of a connection that breaks, what came is kept, unless a checksum says what had to come: then
    the pieces end in ChecksumMismatch.
    """
    announced = request.META.get("CONTENT_LENGTH") or ""
    if not NUMBER.fullmatch(announced):
        raise LengthRequired
    if int(announced) > limits.CHUNK_MOST:
        raise TooLarge(
            _("A chunk may have at most %(most)s MiB."),
            code="limit.chunk_bytes",
            most=limits.CHUNK_MOST // limits.MEBIBYTE,
        )
    return actions.Chunk(int(announced), pieces(request, wanted_checksum(request)))


def pieces(request: Request, checksum: tuple[str, bytes] | None) -> Iterator[bytes]:
    algorithm, wanted = checksum or (ALGORITHMS[0], b"")
    running = hashlib.new(algorithm, usedforsecurity=False)
    with suppress(UnreadablePostError, OSError):
        while piece := request.read(READ):
            if checksum:
                running.update(piece)
            yield piece
    if checksum and not hmac.compare_digest(running.digest(), wanted):
        raise ChecksumMismatch


def drain(request: Request) -> None:
    """Read what is left of a body that was refused, so that its sender hears why."""
    with suppress(UnreadablePostError, OSError):
        while request.read(READ):
            pass


def let_go(request: Any) -> None:
    """Forget the body's stream, which has been read.

    View and request refer to each other, so a request outlives its answer until the next search for
    garbage, and that comes late (config/wsgi.py); its stream would keep most of a megabyte so long.
    """
    plain_request = getattr(request, "_request", request)
    plain_request.META.pop("wsgi.input", None)
    plain_request._stream = io.BytesIO()  # noqa: SLF001  # Django offers no other way


def wanted_checksum(request: Request) -> tuple[str, bytes] | None:
    given = request.headers.get("Upload-Checksum")
    if given is None:
        return None
    algorithm, _space, text = given.partition(" ")
    try:
        wanted = b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadHeader(name="Upload-Checksum") from error
    if algorithm not in ALGORITHMS or len(wanted) != hashlib.new(algorithm).digest_size:
        raise BadHeader(name="Upload-Checksum")
    return algorithm, wanted


def shape(request: Request, upload: Upload) -> dict[str, Any]:
    body = {
        name: plain(getattr(upload, name))
        for name in (
            *("uid", "purpose", "state", "name", "length", "offset", "sha256"),
            *("content_type", "expires_at", "finished_at"),
        )
    }
    body["links"] = {
        "self": absolute(request, "api-upload", upload.uid),
        "html": absolute(request, "file", upload.uid),
    }
    actor = actor_of(request)
    body["actions"] = []
    if upload.state != UploadState.ENDED and can_continue_upload(actor, upload):
        body["actions"] = ["append"] if upload.state == UploadState.RECEIVING else []
        body["actions"] += ["end"] if upload.subject_uid is None else []
    return body
