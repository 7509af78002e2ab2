"""How a person's word on a document is made binding, and how anybody checks it afterwards.

A statement is canonical JSON: which document (its SHA-256), whose word, and what the word is. A
route turns it into a seal. The platform ships `reauthentication`: a fresh proof of who is signed
in, which is no seal, so the stamped paper is scanned and checked by two people besides. A provider
of electronic seals 电子签章 is another route: a class with these four members, registered at start.

    class Provider:
        code = "provider"
        needs_scan = False      # its seal binds alone
        asks_signature = True   # the signer brings what the provider signed
        def seal(self, statement: bytes, given: bytes) -> Seal: ...
        def fits(self, statement: bytes, seal: Seal) -> bool: ...

The statement holds no time, so that it is known before it is signed: the signer takes it to the
provider and comes back with `given`. No route may reach for the network: it runs in a transaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from marketplace.base.canonical import canonical

TYPE = "jiebang-signature/1"


@dataclass(frozen=True)
class Seal:
    """`value` is empty where the route proves who signed by other means."""

    route: str
    algorithm: str
    key_id: str = ""
    value: bytes = b""
    certificate: str = ""


class Refused(Exception):
    """What was brought is no signature of this statement."""


class Route(Protocol):
    code: str
    needs_scan: bool
    asks_signature: bool

    def seal(self, statement: bytes, given: bytes) -> Seal:
        """Raises Refused where `given` does not sign the statement."""
        ...

    def fits(self, statement: bytes, seal: Seal) -> bool: ...


class Reauthentication:
    """The fresh proof that every door asks for before it signs. It leaves nothing to verify."""

    code = "reauthentication"
    needs_scan = True
    asks_signature = False

    def seal(self, statement: bytes, given: bytes) -> Seal:
        return Seal(self.code, self.code)

    def fits(self, statement: bytes, seal: Seal) -> bool:
        return seal.route == self.code and not seal.value


class Ed25519Seals:
    """Stands in for a provider where there is none: raw Ed25519 over the statement, by one key."""

    code = "ed25519"
    needs_scan = False
    asks_signature = True

    def __init__(self, key: Ed25519PublicKey, key_id: str) -> None:
        self.key, self.key_id = key, key_id

    def seal(self, statement: bytes, given: bytes) -> Seal:
        seal = Seal(self.code, "Ed25519", self.key_id, given)
        if not self.fits(statement, seal):
            raise Refused
        return seal

    def fits(self, statement: bytes, seal: Seal) -> bool:
        try:
            self.key.verify(seal.value, statement)
        except InvalidSignature:
            return False
        return (seal.route, seal.key_id) == (self.code, self.key_id)


ROUTES: dict[str, Route] = {}


def register(route: Route) -> None:
    ROUTES[route.code] = route


def statement(
    *, kind: str, subject: UUID, sha256: str, signer: UUID, word: str, reason: str = ""
) -> bytes:
    """RFC 8785 of kind (what is signed, as “report”), document, signer, word and reason."""
    said = {"type": TYPE, "kind": kind, "subject": subject, "sha256": sha256}
    return canonical(said | {"signer": signer, "word": word, "reason": reason})


register(Reauthentication())
