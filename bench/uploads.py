"""Receiving, hashing and storing a sealed file of 200 MB against `age` making it, file to file.

    python -m bench uploads [--rounds 5] [--megabytes 200]

Ours: one client sends a sealed envelope by tus in chunks of 8 MiB; each is on the disk when it is
answered, and after the last one the whole was read again, hashed, looked at and stored. Theirs:
`age -r … -o sealed plain` on the same disk. Then the memory of the web processes while 2,000 MB
arrive, if asked for with --megabytes 2000. Needs `age` (Debian: apt-get install age).
"""

from __future__ import annotations

import argparse
import base64
import http.client
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from bench.installation import Installation, installation, setup_django, web
from bench.measure import paired, report

FLOOR, GOAL = 0.5, 0.7
MEGABYTE = 1_000_000


def everything(given: argparse.Namespace) -> int:
    if shutil.which("age") is None:
        print("age is needed: apt-get install age")
        return 2
    with installation(API_LIMIT_FACTOR="100000") as made:
        setup_django(made)
        plain = made.folder / "plain"
        write_random(plain, given.megabytes * MEGABYTE)
        recipient = new_recipient()
        sealed = made.folder / "sealed.age"
        seal(plain, sealed, recipient)
        token = vendor_token()
        with web(made) as address:
            memory = Memory(made)
            send(address, token, sealed)  # warm up
            pairs = paired(
                lambda: given.megabytes / timed(lambda: send(address, token, sealed)),
                lambda: given.megabytes / timed(lambda: seal(plain, sealed, recipient)),
                rounds=given.rounds,
            )
            print(f"\nMemory of the largest process, before and at most: {memory.told()}")
    name = f"Receiving, hashing and storing {given.megabytes} MB"
    return 0 if report(name, pairs, unit="MB/s", floor=FLOOR, goal=GOAL) else 1


def timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def write_random(path: Path, size: int) -> None:
    block = os.urandom(1 << 20)
    with path.open("wb") as file:
        while size > 0:
            size -= file.write(block[:size])


def new_recipient() -> str:
    import pyrage  # after setup

    return str(pyrage.x25519.Identity.generate().to_public())


def seal(plain: Path, sealed: Path, recipient: str) -> None:
    subprocess.run(["age", "-r", recipient, "-o", str(sealed), str(plain)], check=True)


def vendor_token() -> str:
    from marketplace.accounts.tokens.actions import create_token  # after setup
    from tests import world

    scopes = ["read", "uploads:write"]
    return create_token(actor=world.vendor(), name="bench", scopes=scopes).text


# -- The client ------------------------------------------------------------------------------------
CHUNK = 8 * 1024 * 1024


class Client:
    """One connection that speaks tus."""

    def __init__(self, address: str, token: str) -> None:
        host = address.removeprefix("http://")
        self.address, self.connection = address, http.client.HTTPConnection(host)
        self.common = {"Authorization": f"Bearer {token}", "Tus-Resumable": "1.0.0", "Host": host}

    def ask(
        self, method: str, path: str, headers: dict[str, str], body: bytes = b""
    ) -> http.client.HTTPMessage:
        self.connection.request(method, path, body, self.common | headers)
        answer = self.connection.getresponse()
        said = answer.read()
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path}: {answer.status} {said[:500]!r}")
        return answer.headers


def send(address: str, token: str, sealed: Path) -> None:
    """Create, send chunk by chunk, then end the upload: it was measured."""
    client = Client(address, token)
    told = ",".join(
        f"{name} {base64.b64encode(value.encode()).decode()}"
        for name, value in {"filename": "technical.age", "purpose": "sealed"}.items()
    )
    new = {"Upload-Length": str(sealed.stat().st_size), "Upload-Metadata": told}
    place = client.ask("POST", "/api/v1/uploads/", new)["Location"].removeprefix(address)
    offset = "0"
    with sealed.open("rb") as file:
        while chunk := file.read(CHUNK):
            at = {"Upload-Offset": offset, "Content-Type": "application/offset+octet-stream"}
            offset = client.ask("PATCH", place, at, chunk)["Upload-Offset"]
    client.ask("DELETE", place, {})
    client.connection.close()


# -- Memory ----------------------------------------------------------------------------------------
class Memory:
    """Peak resident memory of the site's processes, as the kernel counts it."""

    def __init__(self, made: Installation) -> None:
        self.port = made.port
        self.before = self.peaks()

    def peaks(self) -> int:
        """MB of the largest of them."""
        ours = [
            one.pid
            for one in psutil.process_iter(["cmdline"])
            if str(self.port) in (one.info["cmdline"] or [])
        ]
        family = {pid for one in ours for pid in [one, *children(one)]}
        return max(peak(pid) for pid in family) // 1000

    def told(self) -> str:
        return f"{self.before} MB, {self.peaks()} MB"


def children(pid: int) -> list[int]:
    return [child.pid for child in psutil.Process(pid).children(recursive=True)]


def peak(pid: int) -> int:
    """VmHWM in kB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1])
    return 0
