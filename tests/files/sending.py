"""Sending files as a tus client does, request by request."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from typing import Any

from django.test import Client

from marketplace.base.actor import Actor
from marketplace.files import actions
from marketplace.files.models import Upload

UPLOADS = "/api/v1/uploads/"
STREAM = "application/offset+octet-stream"
AGE = (
    b"age-encryption.org/v1\n-> X25519 " + b"a" * 43 + b"\n" + b"b" * 43 + b"\n--- x\n" + b"c" * 99
)


def signed_in(actor: Actor) -> Client:
    client = Client()
    client.force_login(actor.person)
    return client


def b64(raw: str | bytes) -> str:
    return b64encode(raw.encode() if isinstance(raw, str) else raw).decode()


def metadata(**told: str) -> str:
    return ",".join(f"{key} {b64(value)}" for key, value in told.items())


def create(client: Client, length: Any, *, name="plan.pdf", purpose="attachment", **more: Any):
    """more: HTTP_… headers, sha256, body (creation-with-upload)."""
    told = {"filename": name, "purpose": purpose}
    if "sha256" in more:
        told["sha256"] = more.pop("sha256")
    body = more.pop("body", None)
    headers = {
        "HTTP_TUS_RESUMABLE": "1.0.0",
        "HTTP_UPLOAD_LENGTH": str(length),
        "HTTP_UPLOAD_METADATA": metadata(**told),
    } | more
    if body is None:
        return client.post(UPLOADS, content_type="", data=b"", **headers)
    return client.post(UPLOADS, content_type=STREAM, data=body, **headers)


def patch(client: Client, place: str, offset: Any, body: bytes, **more: Any):
    headers = {"HTTP_TUS_RESUMABLE": "1.0.0", "HTTP_UPLOAD_OFFSET": str(offset)} | more
    kind = headers.pop("content_type", STREAM)
    if not body:  # the test client leaves these out
        headers |= {"CONTENT_TYPE": kind, "CONTENT_LENGTH": "0"}
    return client.patch(place, data=body, content_type=kind, **headers)


def head(client: Client, place: str):
    return client.head(place, HTTP_TUS_RESUMABLE="1.0.0")


def delete(client: Client, place: str):
    return client.delete(place, HTTP_TUS_RESUMABLE="1.0.0")


def checksum(body: bytes, algorithm: str = "sha256") -> str:
    return f"{algorithm} {b64(hashlib.new(algorithm, body).digest())}"


def stored(actor: Actor, body: bytes, *, name="plan.pdf", purpose="attachment") -> Upload:
    """A file uploaded whole, by the actions."""
    return actions.store_small(actor=actor, purpose=purpose, name=name, body=body)
