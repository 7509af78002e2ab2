"""A security key plugged into the browser of a test."""

from __future__ import annotations

import base64
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from marketplace.accounts.models import User
from tests import world

VIRTUAL = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


def plug_in_a_key(page: Any) -> tuple[Any, str]:
    """An empty virtual authenticator; (its session of the DevTools protocol, its id)."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    made = devtools.send("WebAuthn.addVirtualAuthenticator", {"options": VIRTUAL})
    return devtools, made["authenticatorId"]


def hold_key(page: Any, user: User) -> None:
    """Put this person's key of the small world into the browser."""
    devtools, authenticator = plug_in_a_key(page)
    key = world.holder_key(user)
    private = key.private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    credential = {
        "credentialId": base64.b64encode(key.id).decode(),
        "isResidentCredential": False,
        "rpId": "localhost",
        "privateKey": base64.b64encode(private).decode(),
        "signCount": 0,
    }
    devtools.send(
        "WebAuthn.addCredential", {"authenticatorId": authenticator, "credential": credential}
    )
