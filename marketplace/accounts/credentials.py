"""The security keys with which a person confirms what a password or a code may not: openings."""

from __future__ import annotations

import hmac
from dataclasses import dataclass

from allauth.mfa.models import Authenticator
from django.conf import settings
from fido2 import cbor

from marketplace.accounts.models import User
from marketplace.base.assertions import SoftwareKey


@dataclass(frozen=True)
class Credential:
    id: bytes
    public_key: bytes  # COSE
    demo: bool = False


def credentials_of(user: User) -> list[Credential]:
    """Passkeys and security keys, and in a demonstration the key that it keeps for everybody."""
    rows = Authenticator.objects.filter(user_id=user.pk, type=Authenticator.Type.WEBAUTHN).order_by(
        "pk"
    )
    found = []
    for row in rows:
        data = row.wrap().authenticator_data.credential_data
        if data is not None:
            found.append(Credential(data.credential_id, cbor.encode(dict(data.public_key))))
    demo = demo_key(user)
    if demo:
        found.append(Credential(demo.id, demo.public_key, demo=True))
    return found


def demo_key(user: User) -> SoftwareKey | None:
    """The key that a demonstration keeps for this person; None in a real installation."""
    if not settings.DEMO_HOLDER_KEYS_FILE:
        return None
    secret = settings.DEMO_HOLDER_KEYS_FILE.read_bytes()
    return SoftwareKey(hmac.digest(secret, user.uid.bytes, "sha256"))
