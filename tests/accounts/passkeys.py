"""A security key in software: what a browser would send for it."""

from __future__ import annotations

import hashlib
import json
import struct
from typing import Any

from allauth.account.utils import user_pk_to_url_str
from allauth.mfa.webauthn.internal.auth import WebAuthn
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from fido2.cose import ES256
from fido2.utils import websafe_encode
from fido2.webauthn import (
    Aaguid,
    AttestationObject,
    AttestedCredentialData,
    AuthenticatorData,
    CollectedClientData,
)

from marketplace.accounts.models import User

RP_ID, ORIGIN = "testserver", "https://testserver"
PRESENT_AND_VERIFIED = 0x05


class Passkey:
    def __init__(self, user: User) -> None:
        self.user, self.id = user, b"key of %d" % user.pk
        self.private = ec.generate_private_key(ec.SECP256R1())
        public = ES256.from_cryptography_key(self.private.public_key())
        credential = AttestedCredentialData.create(Aaguid.NONE, self.id, public)
        data = AuthenticatorData.create(
            hashlib.sha256(RP_ID.encode()).digest(), PRESENT_AND_VERIFIED | 0x40, 0, credential
        )
        WebAuthn.add(
            user,
            "key",
            self._message(
                clientDataJSON=self._client_data("webauthn.create", b"made"),
                attestationObject=AttestationObject.create("none", data, {}),
            ),
        )

    def answer(self, challenge: str) -> str:
        """The signed answer to one challenge, as the form's field `credential` takes it."""
        client_data = self._client_data("webauthn.get", challenge)
        data = hashlib.sha256(RP_ID.encode()).digest() + struct.pack(">BI", PRESENT_AND_VERIFIED, 1)
        signed = data + hashlib.sha256(client_data).digest()
        return json.dumps(
            self._message(
                clientDataJSON=client_data,
                authenticatorData=data,
                signature=self.private.sign(signed, ec.ECDSA(SHA256())),
                userHandle=user_pk_to_url_str(self.user).encode(),
            )
        )

    def _client_data(self, kind: str, challenge: Any) -> bytes:
        return CollectedClientData.create(type=kind, challenge=challenge, origin=ORIGIN)

    def _message(self, **response: bytes) -> dict[str, Any]:
        return {
            "id": websafe_encode(self.id),
            "rawId": websafe_encode(self.id),
            "type": "public-key",
            "response": {name: websafe_encode(value) for name, value in response.items()},
            "clientExtensionResults": {"credProps": {"rk": True}},
        }
