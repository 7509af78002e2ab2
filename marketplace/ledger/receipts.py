"""Receipts: RFC 8785 JSON signed with Ed25519, checkable offline with the published key.

A receipt states what was received and when, and promises the log the leaf of the event that records
it; once that leaf is sealed, the document carries the proof.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any
from uuid import UUID

import orjson
from django.conf import settings

from marketplace.base.canonical import canonical
from marketplace.ledger import keys, leaves
from marketplace.ledger.log import tiles
from marketplace.ledger.log.models import Leaf
from marketplace.ledger.models import Event, Receipt
from marketplace.ledger.verify import base64_of


def public_key_text() -> str:
    """The verifying key as base64 of its 32 raw bytes; this is what we publish."""
    return keys.receipt_key().public_text


def sign(
    kind: str, *, subject_uid: UUID, body: dict[str, Any], event: Event | None = None
) -> Receipt:
    """A signed receipt that is not kept yet.

    event: records what the receipt states, with `body` as its inputs; its leaf is promised.
    """
    leaf = leaves.event_commitment(event).hex() if event else ""
    text = canonical(worded(kind, body, leaf))
    return signed(kind, subject_uid=subject_uid, text=text, event=event)


def worded(kind: str, body: dict[str, Any], leaf: str) -> dict[str, Any]:
    """What is signed. leaf: the promised one (hex), or empty where nothing is promised."""
    promise = {"log": promised(leaf)} if leaf else {}
    return {"type": f"jiebang-receipt/1/{kind}", **body, **promise}


def signed(kind: str, *, subject_uid: UUID, text: bytes, event: Event | None = None) -> Receipt:
    """The same for a text that is canonical already."""
    key = keys.receipt_key()
    receipt = Receipt(
        kind=kind,
        subject_uid=subject_uid,
        body=text,
        signature=key.sign(text),
        key_id=key.key_id,
        algorithm=key.algorithm,
        event_id=event.pk if event else None,
    )
    receipt.event = event
    return receipt


def promised(leaf: str) -> dict[str, Any]:
    return {
        "origin": settings.LOG_ORIGIN,
        "leaf": leaf,
        "merge_delay_seconds": settings.LOG_MERGE_DELAY_SECONDS,
    }


def issue(
    kind: str, *, subject_uid: UUID, body: dict[str, Any], event: Event | None = None
) -> Receipt:
    """Sign and keep a receipt in the caller's transaction. Hand it out only after the commit."""
    receipt = sign(kind, subject_uid=subject_uid, body=body, event=event)
    receipt.save(force_insert=True)
    return receipt


def document(receipt: Receipt) -> dict[str, Any]:
    """The file that the receiver keeps: what was signed, letter by letter, and the signature.

    With the event and, as soon as it is sealed, its proof under the newest checkpoint.
    """
    body = bytes(receipt.body)
    return {
        "receipt": json.loads(body),
        "signed_text": base64_of(body),
        "signature": base64_of(bytes(receipt.signature)),
        "key_id": receipt.key_id,
        "algorithm": receipt.algorithm,
        "public_key": keys.public_key(receipt.key_id),
        **in_log(receipt),
    }


def fresh_document(text: bytes, signature: bytes, *, event: bytes, salt: bytes) -> dict[str, Any]:
    """The same for one that the present key has just signed; `receipt` for orjson alone."""
    key = keys.receipt_key()
    return {
        "event": {"body": base64_of(event), "salt": base64_of(salt)},
        "inclusion": None,
        "receipt": orjson.Fragment(text),
        "signed_text": base64_of(text),
        "signature": base64_of(signature),
        "key_id": key.key_id,
        "algorithm": key.algorithm,
        "public_key": key.public_text,
    }


def in_log(receipt: Receipt) -> dict[str, Any]:
    """Its event, and the proof that the event is in the log. Nothing for those before the log."""
    if receipt.event_id is None:
        return {}
    # Just composed: no sequencer has seen it.
    fresh = receipt.event
    event = fresh or Event.objects.get(pk=receipt.event_id)
    told = {"body": base64_of(bytes(event.body)), "salt": base64_of(bytes(event.salt))}
    origin = json.loads(bytes(receipt.body))["log"]["origin"]
    return {"event": told, "inclusion": None if fresh else proof(event, origin)}


def proof(event: Event, origin: str = "") -> dict[str, Any] | None:
    """The inclusion proof of an event under the newest checkpoint; None while it waits.

    origin: of the log that was promised to hold it, which may have gone on under another name.
    """
    leaf = Leaf.objects.filter(event_id=event.pk).first()
    checkpoint = tiles.newest(origin)
    if leaf is None or checkpoint is None or leaf.index >= checkpoint.size:
        return None
    found = tiles.inclusion(leaf, checkpoint)
    readable = {} if len(leaf.data) == leaves.OPAQUE else {"leaf": base64_of(bytes(leaf.data))}
    return {**found, **readable}


def receipt_hash(receipt: Receipt) -> str:
    """By which the next receipt, or another record, names this one (hex)."""
    return hashlib.sha256(bytes(receipt.body)).hexdigest()
