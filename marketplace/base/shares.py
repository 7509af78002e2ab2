"""A secret in three shares, any two of which give it back. Pure: no Django, no library.

Three random-looking parts add up (XOR) to the secret; each share holds two of them and lacks one.
One share alone tells nothing of the secret, for the part that it lacks could be anything; two
always have all three. That can be followed by hand, and unlike Shamir's scheme as libraries have it
no wrong secret comes out silently: every share carries a salted hash of itself and of the others.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from typing import Any

from marketplace.base.canonical import canonical

FORMAT = "jiebang-share/1"
PLACES = ("1", "2", "3")
LARGEST = 16 * 1024  # bytes of a share


class BadShare(Exception):
    """A share that cannot be used. `name` is the file, `reason` why."""

    def __init__(self, name: str, reason: str) -> None:
        self.name, self.reason = name, reason
        super().__init__(f"{name}: {reason}")


def split(secret: bytes, *, label: str) -> list[bytes]:
    """Three shares as JSON texts. label: what is public of the secret, to tell sets apart by."""
    first, second = secrets.token_bytes(len(secret)), secrets.token_bytes(len(secret))
    parts = dict(zip(PLACES, (first, second, xor(secret, first, second)), strict=True))
    kit = secrets.token_hex(16)
    made = [
        {
            "format": FORMAT,
            "set": kit,
            "label": label,
            "share": place,
            "salt": secrets.token_hex(16),
            "parts": {other: part.hex() for other, part in parts.items() if other != place},
        }
        for place in PLACES
    ]
    checks = [check(share) for share in made]
    return [canonical(share | {"checks": checks}) + b"\n" for share in made]


def restore(given: dict[str, bytes]) -> tuple[bytes, str]:
    """(the secret, its label) from two or three shares by file name. Raises BadShare."""
    shares = {name: read(name, raw) for name, raw in given.items()}
    if len(shares) < 2:
        raise BadShare(next(iter(shares), "—"), "one share alone gives nothing; two are needed")
    (first, one), *others = shares.items()
    places = {one["share"]: first}
    for name, share in others:
        if any(share[key] != one[key] for key in ("set", "label")):
            raise BadShare(name, f"is of another set than {first}")
        if share["checks"] != one["checks"]:
            raise BadShare(name, f"was altered, or {first} was: they disagree about the shares")
        if share["share"] in places:
            raise BadShare(name, f"is the same share as {places[share['share']]}")
        places[share["share"]] = name
    parts: dict[str, bytes] = {}
    for share in shares.values():
        parts |= {place: bytes.fromhex(part) for place, part in share["parts"].items()}
    return xor(*(parts[place] for place in PLACES)), one["label"]


def read(name: str, raw: bytes) -> dict[str, Any]:
    """One share that is what it was when it was made. Raises BadShare."""
    if len(raw) > LARGEST:
        raise BadShare(name, "is no share, or is damaged")
    try:
        share: dict[str, Any] = json.loads(raw)
        place = share["share"]
        fits = share["format"] == FORMAT and set(share["parts"]) == set(PLACES) - {place}
        sizes = {len(bytes.fromhex(part)) for part in share["parts"].values()}
        own = share["checks"][PLACES.index(place)]
        whole = fits and len(sizes) == 1 and len(share["checks"]) == len(PLACES)
        label, kit = str(share["label"]), str(share["set"])
        found = check(share | {"label": label, "set": kit})
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise BadShare(name, "is no share, or is damaged") from error
    if not whole:
        raise BadShare(name, "is no share, or is damaged")
    if own != found:
        raise BadShare(name, "was altered")
    return share


def check(share: dict[str, Any]) -> str:
    """Salted, so that the other shares, which carry it, help nobody to guess this one."""
    return hashlib.sha256(canonical({k: v for k, v in share.items() if k != "checks"})).hexdigest()


def xor(first: bytes, *others: bytes) -> bytes:
    total = int.from_bytes(first, "big")
    for other in others:
        if len(other) != len(first):
            raise ValueError("parts of different lengths")
        total ^= int.from_bytes(other, "big")
    return total.to_bytes(len(first), "big")
