"""Tips at rest: AES-256-GCM under a key derived from SECRET_KEY, bound to the tip's uid.

It keeps the words out of dumps, backups and the eyes of whoever reads the database. Whoever holds
the web process's settings could read them: see docs/decisions.md.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

NONCE = 12
ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # nothing that is misread aloud
NUMBER_SIGNS = 8
SECRET_SIGNS = 24  # 120 bits


def _key(secret: str) -> AESGCM:
    derived = HKDF(SHA256(), 32, salt=None, info=b"jiebang tips 1").derive(secret.encode())
    return AESGCM(derived)


def seal(text: str, uid: UUID) -> bytes:
    nonce = secrets.token_bytes(NONCE)
    return nonce + _key(settings.SECRET_KEY).encrypt(nonce, text.encode(), uid.bytes)


def unseal(body: bytes | memoryview, uid: UUID) -> str:
    """The words. Older keys stand in SECRET_KEY_FALLBACKS. Raises InvalidTag for a foreign key."""
    sealed = bytes(body)
    for secret in [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]:
        try:
            return _key(str(secret)).decrypt(sealed[:NONCE], sealed[NONCE:], uid.bytes).decode()
        except InvalidTag:
            continue
    raise InvalidTag


def _signs(count: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(count))


def new_number() -> str:
    return _signs(NUMBER_SIGNS)


def new_secret() -> str:
    return _signs(SECRET_SIGNS)


def tidy(typed: str) -> str:
    """A number or secret as somebody types it: spaces, hyphens and small letters do not matter."""
    return "".join(typed.split()).replace("-", "").upper()


def secret_hash(secret: str) -> str:
    """120 random bits need no slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()


def is_secret(secret: str, hashed: str) -> bool:
    return hmac.compare_digest(secret_hash(secret), hashed)
