"""WebAuthn assertions checked apart from any sign-in: who held the key agreed to these very bytes.

Pure. The bytes are those that navigator.credentials.get() gives, in JSON with base64url.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Mapping
from typing import Any, cast

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from fido2 import cbor
from fido2.cose import ES256, CoseKey
from fido2.utils import websafe_decode, websafe_encode
from fido2.webauthn import AuthenticatorData, CollectedClientData

PRESENT, VERIFIED = 0x01, 0x04
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # of P-256


class NotConfirmed(Exception):
    """The assertion does not hold; the text is a stable code."""


def check_assertion(assertion: Mapping[str, Any], *, public_key: bytes, challenge: bytes) -> None:
    """Raise NotConfirmed unless the key signed the challenge, its holder present and verified.

    public_key: COSE, as the authenticator gave it. Which site asked is not looked at: a credential
    belongs to one site, and the challenge names what is agreed to.
    """
    try:
        response = assertion["response"]
        client_data = CollectedClientData(websafe_decode(response["clientDataJSON"]))
        raw = websafe_decode(response["authenticatorData"])
        flags = AuthenticatorData(raw).flags
        signature = websafe_decode(response["signature"])
        key = CoseKey.parse(cast(Mapping[int, Any], cbor.decode(public_key)))
    except (KeyError, TypeError, ValueError, AttributeError, struct.error) as error:
        raise NotConfirmed("malformed") from error
    if client_data.type != CollectedClientData.TYPE.GET or client_data.challenge != challenge:
        raise NotConfirmed("challenge")
    if not (flags & PRESENT and flags & VERIFIED):
        raise NotConfirmed("not_verified")
    try:
        key.verify(raw + hashlib.sha256(client_data).digest(), signature)
    except (InvalidSignature, NotImplementedError, ValueError, TypeError) as error:
        raise NotConfirmed("signature") from error


class SoftwareKey:
    """An authenticator without hardware: for a demonstration, whose pages say so, and for tests."""

    def __init__(self, seed: bytes) -> None:
        self.private = ec.derive_private_key(int.from_bytes(seed) % (ORDER - 1) + 1, ec.SECP256R1())
        public = ES256.from_cryptography_key(self.private.public_key())
        self.public_key = cbor.encode(dict(public))
        self.id = hashlib.sha256(b"jiebang software key" + self.public_key).digest()

    def answer(self, challenge: bytes, *, site: str = "localhost") -> dict[str, Any]:
        """What a browser would send for this key."""
        client_data = json.dumps(
            {
                "type": "webauthn.get",
                "challenge": websafe_encode(challenge),
                "origin": f"https://{site}",
            },
            separators=(",", ":"),
        ).encode()
        data = hashlib.sha256(site.encode()).digest() + struct.pack(">BI", PRESENT | VERIFIED, 0)
        signed = data + hashlib.sha256(client_data).digest()
        signature = self.private.sign(signed, ec.ECDSA(SHA256()))
        return {
            "id": websafe_encode(self.id),
            "type": "public-key",
            "response": {
                "clientDataJSON": websafe_encode(client_data),
                "authenticatorData": websafe_encode(data),
                "signature": websafe_encode(signature),
            },
        }
