"""Watch a log as an outsider: cosign its checkpoints as long as they tell one and the same history.

    witness.py --make-key NAME --key witness.pem
    witness.py URL --log-vkey VKEY --key witness.pem --state DIR [--submit]

Run it regularly, on a machine that the log's operator does not control. It keeps the last
checkpoint that it cosigned, fetches the new one and the tiles, makes the consistency proof itself,
and cosigns (C2SP tlog-cosignature, Ed25519). A log that shrank, or that shows another history, gets
no cosignature: both signed notes are printed, for together they are the evidence.
Needs only this file, verify.py beside it, Python 3.11 and `cryptography`. The cosigned note goes to
standard output, what is said about it to standard error. Exit code as of verify.py.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import time
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

try:
    from marketplace.ledger import verify
except ImportError:  # downloaded: the other file lies beside this one
    try:
        import jiebang_verify as verify  # type: ignore[import-not-found,no-redef]
    except ImportError:
        import verify  # type: ignore[import-not-found,no-redef]

# fmt: off
verify.SAYS.update({
    "cosign.first": ("首次见到该日志：记下这一检查点，今后据此核对。", "This log is seen for the first time: this checkpoint is kept, and later ones are held against it."),
    "cosign.held": ("已加上 {name} 的见证签名，时间 {at}。", "Cosigned by {name} at {at}."),
    "cosign.refused": ("拒绝见证签名；两份已签名的检查点如下，请一并保存作为证据。", "No cosignature is given; the two signed checkpoints follow: keep both as evidence."),
    "cosign.submitted": ("见证签名已提交：{url}。", "The cosignature was handed in at {url}."),
    "cosign.state": ("{name} 中保存的检查点不属于这个日志，或已损坏。", "The checkpoint kept in {name} is not of this log, or was damaged."),
    "cosign.busy": ("另一个见证程序正在使用 {name}。", "Another witness is at work in {name}."),
    "cosign.key": ("{name} 不是本程序制作的见证私钥。", "{name} is not a witness key made by this program."),
    "cosign.mode": ("{name} 可被他人读取；请改为仅本人可读写（chmod 600）。", "{name} can be read by others; allow only its owner (chmod 600)."),
    "cosign.made": ("已制作见证密钥，存于 {name}；请把这一行验证公钥交给日志运营方并公布：{vkey}。", "The key was made and kept in {name}; give this verifier key to the log's operator, and publish it: {vkey}."),
})
# fmt: on


class Witness:
    """The key with which somebody cosigns, and the name under which it does."""

    def __init__(self, name: str, key: Ed25519PrivateKey) -> None:
        self.key = key
        self.vkey = verify.named(name, key.public_key().public_bytes_raw(), verify.COSIGNATURE)

    @classmethod
    def make(cls, name: str, file: Path) -> Witness:
        """A new key in a new file: the name in its first line, then PEM. Raises FileExistsError."""
        witness = cls(name, Ed25519PrivateKey.generate())
        pem = witness.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        descriptor = os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(f"name: {name}\n".encode() + pem)
        return witness

    @classmethod
    def read(cls, file: Path) -> Witness:
        if os.name == "posix" and file.stat().st_mode & 0o077:
            raise verify.CannotCheck("cosign.mode", name=file)
        first, _, pem = file.read_bytes().partition(b"\n")
        try:
            key = load_pem_private_key(pem, password=None)
            name = first.decode().removeprefix("name: ")
            if isinstance(key, Ed25519PrivateKey):
                return cls(name, key)
        except (ValueError, TypeError, verify.NotValid) as error:
            raise verify.CannotCheck("cosign.key", name=file) from error
        raise verify.CannotCheck("cosign.key", name=file)

    def cosign(self, note: str, at: int) -> str:
        """The note with this witness's line of unix time `at`, in place of its earlier ones."""
        parsed = verify.parse_note(note)
        signed = self.key.sign(verify.cosigned_text(parsed.text, at))
        raw = self.vkey.id + at.to_bytes(8, "big") + signed
        mine = verify.Signature(self.vkey.name, raw[:4], raw[4:])
        others = [line for line in parsed.signatures if line[:2] != mine[:2]]
        lines = [f"— {one.name} {verify.base64_of(one.id + one.raw)}\n" for one in [*others, mine]]
        return f"{parsed.text}\n{''.join(lines)}"


def watch(given: argparse.Namespace) -> Iterator[verify.Finding]:
    witness, url = Witness.read(given.key), given.url.rstrip("/")
    kept: Path = given.state / "checkpoint"
    with alone(given.state):
        note = verify.must_get(f"{url}/checkpoint").decode(errors="replace")
        new = verify.open_checkpoint(note, given.log_vkey)
        yield verify.held("checkpoint", origin=new.origin, size=new.size)
        if kept.is_file():
            before = kept.read_text("utf-8")
            yield from compare(before, note, url, given)
        else:
            # Nothing to compare with; the tiles must at least lead to the root that was signed.
            if verify.range_root(tiles(url, new.size), 0, new.size) != new.root:
                raise verify.NotValid("mirror.root")
            yield verify.Finding("cosign", "absent", "cosign.first")
        at = int(time.time())
        cosigned = witness.cosign(note, at)
        # Kept before it is given away: what was cosigned is never forgotten, whatever happens.
        verify.write(kept, note.encode())
        verify.write(given.state / "cosigned", cosigned.encode())
    print(cosigned, end="")
    yield verify.held(
        "cosign", name=witness.vkey.name, at=verify.stamp(datetime.fromtimestamp(at, UTC))
    )
    if given.submit:
        hand_in(f"{url}/cosignatures", cosigned)
        yield verify.Finding("cosign", "held", "cosign.submitted", {"url": f"{url}/cosignatures"})


def compare(
    before: str, note: str, url: str, given: argparse.Namespace
) -> Iterator[verify.Finding]:
    """The new checkpoint against the one that was cosigned last. Raises NotValid."""
    try:
        old = verify.open_checkpoint(before, given.log_vkey)
    except verify.NotValid as error:
        raise verify.CannotCheck("cosign.state", name=given.state) from error
    new = verify.open_checkpoint(note, given.log_vkey)
    try:
        verify.hold_together(old, new, tiles(url, new.size))
    except verify.CannotCheck:
        raise
    except verify.NotValid as error:
        verify.write(given.state / f"refused.{new.size}", note.encode())
        yield verify.Finding(error.check, "failed", error.code, error.values)
        print(before, note, sep="\n", end="")
        raise verify.NotValid("cosign.refused") from error
    yield verify.held("consistency", size1=old.size, size2=new.size)


def tiles(url: str, size: int) -> verify.ReadTile:
    """The tiles of a log of that size, each asked for once."""

    @cache
    def read(level: int, index: int) -> bytes:
        return verify.get_tile(url, level, index, verify.tile_width(level, index, size))[1]

    return read


def hand_in(url: str, note: str) -> None:
    headers = {"Content-Type": "text/plain; charset=utf-8", "User-Agent": "jiebang-witness"}
    request = urllib.request.Request(url, data=note.encode(), headers=headers, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=60):
            pass  # anything but 2xx raises
    except OSError as error:
        raise verify.CannotCheck("fetch.failed", url=url, error=error) from error


@contextlib.contextmanager
def alone(state: Path) -> Iterator[None]:
    """One witness at a time: two could cosign two histories between reading and keeping."""
    state.mkdir(parents=True, exist_ok=True)
    lock = state / "lock"
    try:
        descriptor = os.open(lock, os.O_CREAT | os.O_RDWR, 0o600)
        try:
            hold(descriptor)
            yield
        finally:
            os.close(descriptor)
    except BlockingIOError as error:
        raise verify.CannotCheck("cosign.busy", name=state) from error


def hold(descriptor: int) -> None:
    """A lock that ends with the process. Raises BlockingIOError."""
    if os.name == "posix":
        import fcntl  # noqa: PLC0415 Windows has none

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def made(given: argparse.Namespace) -> Iterator[verify.Finding]:
    witness = Witness.make(given.make_key, given.key)
    print(witness.vkey.text())
    values = {"name": given.key, "vkey": witness.vkey.text()}
    yield verify.Finding("cosign", "held", "cosign.made", values)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("url", nargs="?", help="where the log is: what stands before /checkpoint")
    parser.add_argument("--log-vkey", help="the log's key, learnt from elsewhere than from it")
    parser.add_argument("--key", type=Path, required=True, help="the witness's own key")
    parser.add_argument("--state", type=Path, help="where the last checkpoint is kept")
    parser.add_argument("--submit", action="store_true", help="hand the cosignature in")
    parser.add_argument("--make-key", metavar="NAME", help="make a key that signs under this name")
    parser.add_argument("--lang", choices=["zh", "en", "both"], default="both")
    given = parser.parse_args(argv)
    if not given.make_key and not (given.url and given.log_vkey and given.state):
        parser.error("URL, --log-vkey and --state, or --make-key")
    return verify.conclude((made if given.make_key else watch)(given), given.lang, sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
