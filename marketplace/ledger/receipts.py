"""Receipts: RFC 8785 JSON signed with Ed25519, checkable offline with the published key."""

from __future__ import annotations

import base64
import json
from functools import lru_cache
from pathlib import Path
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from django.conf import settings

from marketplace.base.canonical import canonical
from marketplace.ledger.models import Receipt
from marketplace.ledger.verify import key_id, public_text


@lru_cache(maxsize=4)
def _signing_key(path: str) -> Ed25519PrivateKey:
    key = load_pem_private_key(Path(path).read_bytes(), password=None)
    assert isinstance(key, Ed25519PrivateKey), "receipts are signed with Ed25519"
    return key


@lru_cache(maxsize=4)
def _signing_key_id(path: str) -> str:
    return key_id(_signing_key(path).public_key())


def signing_key() -> Ed25519PrivateKey:
    return _signing_key(str(settings.RECEIPT_KEY_FILE))


def signing_key_id() -> str:
    return _signing_key_id(str(settings.RECEIPT_KEY_FILE))


def public_key_text() -> str:
    """The verifying key as base64 of its 32 raw bytes; this is what we publish."""
    return public_text(signing_key().public_key())


def sign(kind: str, *, subject_uid: UUID, body: dict[str, Any]) -> Receipt:
    """A signed receipt that is not kept yet."""
    key = signing_key()
    text = canonical({"type": f"jiebang-receipt/1/{kind}", **body})
    return Receipt(
        kind=kind,
        subject_uid=subject_uid,
        body=text,
        signature=key.sign(text),
        key_id=signing_key_id(),
    )


def issue(kind: str, *, subject_uid: UUID, body: dict[str, Any]) -> Receipt:
    """Sign and keep a receipt in the caller's transaction. Hand it out only after the commit."""
    receipt = sign(kind, subject_uid=subject_uid, body=body)
    receipt.save(force_insert=True)
    return receipt


def document(receipt: Receipt) -> dict[str, Any]:
    """The file that the receiver keeps: what was signed, letter by letter, and the signature."""
    return {
        "receipt": json.loads(bytes(receipt.body)),
        "signed_text": base64.b64encode(bytes(receipt.body)).decode(),
        "signature": base64.b64encode(bytes(receipt.signature)).decode(),
        "key_id": receipt.key_id,
        "public_key": public_key_text(),
    }
