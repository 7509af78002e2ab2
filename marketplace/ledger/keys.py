"""The signing keys: private halves in files, public halves published for good.

Each signature stands beside the id of its key and the name of the algorithm, so that a key can be
changed, and an algorithm too, without spoiling what was signed before.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)
from django.conf import settings
from django.db import transaction

from marketplace.base.actor import SYSTEM
from marketplace.base.canonical import stamp
from marketplace.ledger import actions as ledger
from marketplace.ledger.log.models import Checkpoint, PublishedKey
from marketplace.ledger.models import Audience
from marketplace.ledger.verify import key_id, named, public_text, unbase64

ED25519 = "Ed25519"
RECEIPT, CHECKPOINT = "receipt", "checkpoint"


@dataclass(frozen=True)
class SigningKey:
    use: str
    algorithm: str
    key_id: str
    public_text: str  # base64 of the raw public key
    private: Ed25519PrivateKey

    def sign(self, text: bytes) -> bytes:
        return self.private.sign(text)

    @property
    def public_raw(self) -> bytes:
        return self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def public_key(of: str) -> str:
    """The public half of a receipt key by its id, as base64; empty if it was never published."""
    if of == receipt_key().key_id:
        return receipt_key().public_text
    row = PublishedKey.objects.filter(use=RECEIPT, key_id=of).first()
    return row.public_key if row else ""


def public_keys(use: str) -> list[str]:
    """All public keys of a use, as base64: those that were published, and the present one.

    Where the private file is not at hand (the web process needs none), only those published.
    """
    known = list(
        PublishedKey.objects.filter(use=use).order_by("id").values_list("public_key", flat=True)
    )
    path = settings.LOG_KEY_FILE if use == CHECKPOINT else settings.RECEIPT_KEY_FILE
    if path.is_file():
        known.append(read_key(use, str(path)).public_text)
    return list(dict.fromkeys(known))


def receipt_key() -> SigningKey:
    return read_key(RECEIPT, str(settings.RECEIPT_KEY_FILE))


def log_key() -> SigningKey:
    return read_key(CHECKPOINT, str(settings.LOG_KEY_FILE))


@lru_cache(maxsize=8)
def read_key(use: str, path: str) -> SigningKey:
    private = load_pem_private_key(Path(path).read_bytes(), password=None)
    assert isinstance(private, Ed25519PrivateKey), f"{path} holds no Ed25519 key"
    public = private.public_key()
    return SigningKey(use, ED25519, key_id(public), public_text(public), private)


@transaction.atomic
def publish_keys() -> list[PublishedKey]:
    """Enter the present keys into the log, once each, before anything signed by them is there.

    Returns those that are new. A key replaces the one of its use that was published before it.
    """
    new = []
    for key in (receipt_key(), log_key()):
        row, made = PublishedKey.objects.get_or_create(
            use=key.use,
            public_key=key.public_text,
            defaults={"key_id": key.key_id, "algorithm": key.algorithm},
        )
        if not made:
            continue
        ledger.append(
            "key.published",
            actor=SYSTEM,
            subjects=[row.uid],
            audience=Audience.PUBLIC,
            data=announced(row),
        )
        new.append(row)
    return new


def replaced() -> str:
    """The use whose present key was replaced by a later one, so that what it signs is refused."""
    for use, path in ((RECEIPT, settings.RECEIPT_KEY_FILE), (CHECKPOINT, settings.LOG_KEY_FILE)):
        rows = PublishedKey.objects.filter(use=use).order_by("id")
        if path.is_file() and (last := rows.last()):
            present = read_key(use, str(path)).public_text
            if present != last.public_key and rows.filter(public_key=present).exists():
                return use
    return ""


def announced(row: PublishedKey) -> dict[str, str]:
    """What the log says of a published key."""
    return {
        "use": row.use,
        "key_id": row.key_id,
        "algorithm": row.algorithm,
        "public_key": row.public_key,
    }


def published() -> dict[str, Any]:
    """What `/log/keys.json` says: every key that ever signed, and from when until when.

    A receipt key that signs already and that the next batch will publish has no beginning yet.
    """
    keys: list[dict[str, Any]] = []
    rows = PublishedKey.objects.order_by("id")
    for use in (RECEIPT, CHECKPOINT):
        mine = [row for row in rows if row.use == use]
        for row, later in zip(mine, [*mine[1:], None], strict=False):
            told = {
                "use": use,
                "algorithm": row.algorithm,
                "key_id": row.key_id,
                "public_key": row.public_key,
                "from": stamp(row.created_at),
                "until": stamp(later.created_at) if later else None,
            }
            if use == CHECKPOINT:
                told["vkey"] = named(settings.LOG_ORIGIN, unbase64(row.public_key)).text()
            keys.append(told)
    present = receipt_key()
    if present.public_text not in {row.public_key for row in rows}:
        told = {"use": RECEIPT, "algorithm": present.algorithm, "key_id": present.key_id}
        keys.append({**told, "public_key": present.public_text, "from": None, "until": None})
    return {
        "origin": settings.LOG_ORIGIN,
        "former": former(),
        "keys": keys,
        "witnesses": list(settings.LOG_WITNESSES),
        "merge_delay_seconds": settings.LOG_MERGE_DELAY_SECONDS,
    }


def former() -> list[dict[str, Any]]:
    """Origins under which the log went before it was restarted, and their verifier keys."""
    before = Checkpoint.objects.exclude(origin=settings.LOG_ORIGIN).order_by("origin")
    rows = PublishedKey.objects.filter(use=CHECKPOINT).order_by("id")
    return [
        {
            "origin": origin,
            "vkeys": [named(origin, unbase64(row.public_key)).text() for row in rows],
        }
        for origin in before.values_list("origin", flat=True).distinct()
    ]
