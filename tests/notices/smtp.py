"""Mail servers on loopback that refuse, ask for a login or speak TLS."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message
from aiosmtpd.smtp import AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

USER, PASSWORD = b"jiebang", b"a password of its own"


class Sink(Message):
    """Keeps what arrives, parsed, with the envelope's sender and receivers as headers.

    `answers` are said instead of taking mail, one after another, at RCPT or DATA.
    """

    def __init__(self, *, at_rcpt: list[str] | None = None, at_data: list[str] | None = None):
        super().__init__()
        self.received: list = []
        self.sources: list[bytes] = []
        self.at_rcpt, self.at_data = at_rcpt or [], at_data or []
        self.ciphered: list[bool] = []

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802
        if self.at_rcpt:
            return self.at_rcpt.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        if self.at_data:
            return self.at_data.pop(0)
        self.sources.append(envelope.content)
        self.ciphered.append(server.transport.get_extra_info("cipher") is not None)
        return await super().handle_DATA(server, session, envelope)

    def handle_message(self, message):
        self.received.append(message)


class AnyPort(Controller):
    """Listens where the system lets it; the controller's trial connection needs to know where."""

    def _trigger_server(self):
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@contextmanager
def served(handler: Sink, settings, **options) -> Iterator[Sink]:
    """The site sends to this server as in service."""
    controller = AnyPort(handler, hostname="127.0.0.1", port=0, **options)
    controller.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST = "127.0.0.1"
    settings.EMAIL_PORT = controller.port
    settings.SITE_URL = "https://jiebang.test"
    try:
        yield handler
    finally:
        controller.stop()


def login(server, session, envelope, mechanism, given) -> AuthResult:
    right = isinstance(given, LoginPassword) and (given.login, given.password) == (USER, PASSWORD)
    return AuthResult(success=right, handled=False)


def certificate(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """A server's context, and the file of the authority that vouches for it (itself)."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mail.test")])
    now = datetime.now().astimezone()
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    chain, secret = folder / "mail.pem", folder / "mail.key"
    chain.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(chain, secret)
    return context, chain
