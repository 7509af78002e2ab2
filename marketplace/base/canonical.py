"""RFC 8785 canonical JSON, and hashes over it."""

import hashlib
import hmac
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import rfc8785


def plain(value: Any) -> Any:
    """JSON-ready: instants as RFC 3339 UTC with milliseconds, decimals and uuids as text."""
    if isinstance(value, datetime):
        return stamp(value)
    if isinstance(value, Decimal | UUID | date):
        return str(value)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def stamp(at: datetime) -> str:
    """2026-11-22T09:00:00.123Z. Cut, not rounded: a receipt never says later than it was."""
    utc = at.astimezone(UTC)
    return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03d}Z"


def canonical(value: Any) -> bytes:
    return rfc8785.dumps(plain(value))


def digest(value: Any) -> bytes:
    return hashlib.sha256(canonical(value)).digest()


def salted(text: str, salt: bytes) -> str:
    """Keyed hash (hex) of something that must not be guessed from its hash."""
    return hmac.new(salt, text.encode(), hashlib.sha256).hexdigest()
