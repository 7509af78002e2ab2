"""RFC 8785 canonical JSON, and hashes over it."""

import hashlib
import hmac
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson
import rfc8785

LEAVES = frozenset({str, bool, type(None), UUID, Decimal, datetime, date, bytes})
# Beyond it RFC 8785 knows no whole numbers.
SAFE = 2**53 - 1


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
    """RFC 8785 of the plain value."""
    if simple(value):
        return orjson.dumps(value, default=plain, option=SIMPLE)
    return rfc8785.dumps(plain(value))


def simple(value: Any) -> bool:
    """Whether orjson writes this as RFC 8785 has it: sorts its names alike, has no fractions."""
    rows = [value]
    for row in rows:  # which grows meanwhile
        kind = type(row)
        if kind is dict:
            if not all(type(name) is str for name in row) or not "".join(row).isascii():
                return False
            rows.extend(row.values())
        elif kind is list or kind is tuple:
            rows.extend(row)
        elif kind is int:
            if not -SAFE <= row <= SAFE:
                return False
        elif kind not in LEAVES or (kind is str and not row.isprintable()):
            return False
    return True


# Instants in our own words; whatever orjson does not know goes through `plain`.
SIMPLE = orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_DATETIME


def digest(value: Any) -> bytes:
    return hashlib.sha256(canonical(value)).digest()


def salted(text: str, salt: bytes) -> str:
    """Keyed hash (hex) of something that must not be guessed from its hash."""
    return hmac.new(salt, text.encode(), hashlib.sha256).hexdigest()
