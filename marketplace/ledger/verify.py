"""Check a receipt offline: `python -m marketplace.ledger.verify RECEIPT [--key BASE64]`.

Needs only this file, Python and `cryptography`. Without --key the key inside the receipt is used,
which proves that the receipt is whole but not who signed it; compare the key with the published
one.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

# In this order; each is asked only when those before it hold.
CHECKS = ("format", "key", "signature", "reading")


class NotValid(Exception):
    """The receipt does not hold; the text says what failed, `check` which of CHECKS."""

    def __init__(self, text: str, check: str = "format") -> None:
        self.check = check
        super().__init__(text)


def public_text(key: Ed25519PublicKey) -> str:
    return base64.b64encode(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()


def key_id(key: Ed25519PublicKey) -> str:
    raw = key.public_bytes(Encoding.Raw, PublicFormat.Raw)
    return hashlib.sha256(raw).hexdigest()[:16]


def verify(document: dict[str, Any], *, published_key: str = "") -> dict[str, Any]:
    """The signed statement, if signature and key hold. Raises NotValid."""
    try:
        said = base64.b64decode(document["signed_text"], validate=True)
        signature = base64.b64decode(document["signature"], validate=True)
        raw_key = base64.b64decode(published_key or document["public_key"], validate=True)
        key = Ed25519PublicKey.from_public_bytes(raw_key)
        signed = json.loads(said)
    except (KeyError, TypeError, ValueError, binascii.Error) as error:
        raise NotValid("This is not a receipt of this platform.") from error
    if key_id(key) != document.get("key_id"):
        raise NotValid("The receipt names another signing key.", "key")
    try:
        key.verify(signature, said)
    except InvalidSignature as error:
        text = "The signature does not fit: the text was changed."
        raise NotValid(text, "signature") from error
    if signed != document.get("receipt"):
        raise NotValid("The readable part differs from what was signed.", "reading")
    return signed


def main() -> int:
    parser = argparse.ArgumentParser(description="Check a Jiebang receipt without the platform.")
    parser.add_argument("receipt", type=Path)
    parser.add_argument("--key", default="", help="the published key (base64)")
    given = parser.parse_args()
    try:
        signed = verify(json.loads(given.receipt.read_text("utf-8")), published_key=given.key)
    except (NotValid, OSError, ValueError) as error:
        print(f"NOT VALID: {error}", file=sys.stderr)
        return 1
    print(json.dumps(signed, ensure_ascii=False, indent=2, sort_keys=True))
    print("VALID" if given.key else "VALID for the key inside; compare it with the published key")
    return 0


if __name__ == "__main__":
    sys.exit(main())
