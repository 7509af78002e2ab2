"""The keys of an installation made by us, and the environment that its processes are given."""

import base64
import hashlib
import os
import secrets
from pathlib import Path

import pyrage
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from config.runtime.process import ROOT

# No 0, O, 1, l or I: the password is read from a screen.
PASSWORD_LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"
LOG_ORIGIN = "localhost/jiebang-demo"
PASSED_ON = (
    *("HOME", "USER", "LOGNAME", "TMPDIR", "TERM"),
    *("LOG_LEVEL", "SWEEP_SECONDS", "METRICS_TOKEN", "METRICS_FOLDER"),
)


def write_secret(path: Path, content: bytes) -> None:
    """Write once, readable by us alone, never half."""
    if path.exists():
        return
    path.parent.mkdir(mode=0o700, exist_ok=True)
    draft = path.with_name(path.name + ".new")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
    draft.replace(path)


def new_signing_key() -> bytes:
    """An Ed25519 private key in PEM."""
    return Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )


def log_vkey(key_file: Path, origin: str) -> str:
    """The verifier key (C2SP signed-note) of the log whose private key is in the file."""
    key = load_pem_private_key(key_file.read_bytes(), password=None)
    raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    typed = b"\x01" + raw
    key_id = hashlib.sha256(f"{origin}\n".encode() + typed).hexdigest()[:8]
    return f"{origin}+{key_id}+{base64.b64encode(typed).decode()}"


def make_keys(folder: Path) -> None:
    """Make what is missing: receipt key, log key, factors' key, the opener's identity, secret key, demo password.

    The opener's identity has a folder of its own, so that a separate account can own it; so has
    the evaluation's.
    """
    write_secret(folder / "keys" / "receipt.pem", new_signing_key())
    write_secret(folder / "keys" / "log.pem", new_signing_key())
    write_secret(folder / "keys" / "demo_holders", secrets.token_bytes(32))
    factor_key = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
    write_secret(folder / "keys" / "factors", f"first {factor_key}\n".encode())
    write_secret(folder / "keys" / "secret", secrets.token_urlsafe(48).encode())
    for file in (opener_identity_file(folder), evaluation_identity_file(folder)):
        write_secret(file, f"{pyrage.x25519.Identity.generate()}\n".encode())
    groups = ("".join(secrets.choice(PASSWORD_LETTERS) for _ in range(4)) for _ in range(4))
    write_secret(folder / "password", ("-".join(groups) + "\n").encode())


def opener_identity_file(folder: Path) -> Path:
    return folder / "opener" / "identity.txt"


def evaluation_identity_file(folder: Path) -> Path:
    return folder / "evaluation" / "identity.txt"


def recipient_of(identity_file: Path) -> str:
    identity = pyrage.x25519.Identity.from_str(identity_file.read_text().strip())
    return str(identity.to_public())


def environment(
    folder: Path, *, database_url: str, owner_url: str, redis_url: str, port: int = 8000
) -> dict[str, str]:
    """What every process of a demo is given. The opener and the evaluation alone get theirs."""
    make_keys(folder)
    for name in ("storage", "static"):
        (folder / name).mkdir(mode=0o700, exist_ok=True)
    return {
        **{name: os.environ[name] for name in PASSED_ON if name in os.environ},
        # The site's own programs only: no database, node or gettext of this machine is used.
        "PATH": f"{ROOT / '.venv' / 'bin'}:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "SECRET_KEY": (folder / "keys" / "secret").read_text(),
        "DEBUG": "0",
        "DEMO": "1",
        "MFA_OPTIONAL": "1",
        "ALLOWED_HOSTS": "localhost,127.0.0.1,[::1],testserver",
        "SITE_URL": f"http://localhost:{port}",
        "PORT": str(port),
        "DATABASE_URL": database_url,
        "DATABASE_OWNER_URL": owner_url,
        "REDIS_URL": redis_url,
        "STORAGE_ROOT": str(folder / "storage"),
        "STATIC_ROOT": str(folder / "static"),
        "STATIC_FROM_SOURCE": "1",
        "RECEIPT_KEY_FILE": str(folder / "keys" / "receipt.pem"),
        "LOG_KEY_FILE": str(folder / "keys" / "log.pem"),
        "LOG_ANCHOR_FILE": str(folder / "log" / "checkpoint"),
        "MONITOR_FILE": str(folder / "monitor" / "seen.json"),
        "LOG_ORIGIN": LOG_ORIGIN,
        "OPENER_LOG_VKEY": log_vkey(folder / "keys" / "log.pem", LOG_ORIGIN),
        "DEMO_HOLDER_KEYS_FILE": str(folder / "keys" / "demo_holders"),
        "FACTOR_KEY_FILE": str(folder / "keys" / "factors"),
        "OPENER_RECIPIENT": recipient_of(opener_identity_file(folder)),
        "EVALUATION_RECIPIENT": recipient_of(evaluation_identity_file(folder)),
        "EVALUATION_FOLDER": str(folder / "evaluation" / "work"),
        "DEMO_PASSWORD_FILE": str(folder / "password"),
    }
