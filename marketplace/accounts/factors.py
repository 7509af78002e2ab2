"""Secrets of second factors at rest: seeds of apps and recovery codes, encrypted in the database.

The key stands in a file that no database backup holds: one line per key, its id and 32 bytes in
URL-safe base64. The first line encrypts, every line decrypts, so a new key is put in front and the
old one is removed once `manage.py encrypt_factors` has been run. What is kept reads
`enc1:<id>:<nonce and ciphertext>` (AES-256-GCM, the prefix authenticated); anything else is a row
from before and is read as it stands.
"""

from __future__ import annotations

import base64
import re
import secrets
from functools import lru_cache
from pathlib import Path

from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from marketplace.base.locks import lock

FORM = "enc1"
KEY_BYTES, NONCE_BYTES = 32, 12
LINE = re.compile(r"([0-9A-Za-z-]{1,32}) ([0-9A-Za-z_-]{43}=?)")
SECRETS = ("secret", "seed")
# Words of allauth's pages that its own catalogue leaves in English.
BORROWED = (_("Passkey"), _("WebAuthn"))


class FactorAdapter(DefaultMFAAdapter):
    """What allauth asks before it keeps such a secret, and when it reads one."""

    def encrypt(self, text: str) -> str:
        return seal(text)

    def decrypt(self, encrypted_text: str) -> str:
        return unseal(encrypted_text)


def new_key_line() -> str:
    key = base64.urlsafe_b64encode(secrets.token_bytes(KEY_BYTES)).decode()
    return f"{secrets.token_hex(4)} {key}"


def keys() -> dict[str, AESGCM]:
    """By id, the encrypting one first. Read again when the file has changed."""
    path = Path(settings.FACTOR_KEY_FILE)
    try:
        return _keys(str(path), path.stat().st_mtime_ns)
    except OSError as error:
        raise ImproperlyConfigured(f"FACTOR_KEY_FILE cannot be read: {error.strerror}") from error


@lru_cache(maxsize=4)
def _keys(path: str, _changed: int) -> dict[str, AESGCM]:
    found: dict[str, AESGCM] = {}
    for line in filter(str.strip, Path(path).read_text("ascii").splitlines()):
        parts = LINE.fullmatch(line.strip())
        if parts is None or parts[1] in found:
            # Never the line itself: it may be a key.
            raise ImproperlyConfigured("FACTOR_KEY_FILE: each line is one id, a space and one key")
        key = base64.urlsafe_b64decode(parts[2].rstrip("=") + "=")
        found[parts[1]] = AESGCM(key)
    if not found:
        raise ImproperlyConfigured("FACTOR_KEY_FILE holds no key")
    return found


def seal(text: str) -> str:
    key_id, key = next(iter(keys().items()))
    prefix, nonce = f"{FORM}:{key_id}:", secrets.token_bytes(NONCE_BYTES)
    hidden = nonce + key.encrypt(nonce, text.encode(), prefix.encode())
    return prefix + base64.urlsafe_b64encode(hidden).decode()


def unseal(text: str) -> str:
    """Raises ImproperlyConfigured if its key is gone or it was tampered with."""
    if not text.startswith(f"{FORM}:"):
        return text
    _form, key_id, hidden = text.split(":", 2)
    key = keys().get(key_id)
    if key is None:
        raise ImproperlyConfigured(f"FACTOR_KEY_FILE does not hold the key {key_id}")
    raw = base64.urlsafe_b64decode(hidden)
    try:
        shown = key.decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], f"{FORM}:{key_id}:".encode())
    except InvalidTag as error:
        raise ImproperlyConfigured("The secret of a second factor was altered") from error
    return shown.decode()


def is_current(text: str) -> bool:
    return text.startswith(f"{FORM}:{next(iter(keys()))}:")


def encrypt_again() -> int:
    """Put every secret under the first key; rows already there are left. Returns how many moved.

    One transaction per person's authenticator, so nobody who signs in meanwhile waits for all.
    """
    moved = 0
    for pk in Authenticator.objects.order_by("pk").values_list("pk", flat=True).iterator():
        moved += _encrypt_row_again(pk)
    return moved


@transaction.atomic
def _encrypt_row_again(pk: int) -> int:
    row = lock(Authenticator, pk=pk)
    stale = [name for name in SECRETS if name in row.data and not is_current(row.data[name])]
    if not stale:
        return 0
    row.data = {**row.data, **{name: seal(unseal(row.data[name])) for name in stale}}
    row.save(update_fields=["data"])
    return 1
