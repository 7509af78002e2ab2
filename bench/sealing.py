"""Sealing in the bidder's browser against `age`, file to file.

    python -m bench sealing [--rounds 3] [--megabytes 200]

Ours: Chromium reads the file for its hash, packs it, encrypts it, hashes what comes out and writes
it into its private files, as the page that bids does it (static/jiebang/seal/), with the two small
envelopes beside it. Theirs: `age -r … -o sealed plain` on the same disk. Then the peak memory of
the renderer, in whose worker all of it happens. Needs `age` and chromium; no server, no database.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil

from bench.measure import paired
from bench.uploads import MEGABYTE, new_recipient, peak, seal, timed, write_random
from config.runtime.process import ROOT

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
FLAGS = "no-sandbox disable-gpu no-first-run disable-background-networking disable-sync"
PAGE = '<!doctype html><title>bench</title><input type="file" id="file">'
# In an ordinary profile, since private windows keep their private files in memory.
SEAL = """
async ([about, recipients]) => {
  const { workshop } = await import("/static/jiebang/seal/work.js");
  const { clearShelf, sealedFile } = await import("/static/jiebang/seal/shelf.js");
  const work = window.bench ??= workshop("/static/jiebang/seal/worker.js");
  await clearShelf("bench");
  const technical = [...document.getElementById("file").files];
  const files = { business: [], technical, price: [] };
  const forms = { business: {}, technical: {}, price: {} };
  const began = performance.now();
  await work("seal", { plan: { forms, files, ...about, recipients }, key: "bench" });
  const seconds = (performance.now() - began) / 1000;
  return [seconds, (await sealedFile("bench", "technical.age")).size];
}
"""


def everything(given: argparse.Namespace) -> int:
    chromium = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if chromium is None or shutil.which("age") is None:
        print("chromium and age are needed: apt-get install chromium age")
        return 2
    size = given.megabytes * MEGABYTE
    with tempfile.TemporaryDirectory(prefix="jiebang-bench-") as name:
        folder = Path(name)
        plain, sealed, recipient = folder / "plain.bin", folder / "sealed.age", new_recipient()
        write_random(plain, size)
        with served() as address, browser(chromium, folder / "profile", address) as page:
            page.set_input_files("#file", str(plain))
            in_browser = partial(sealing, page, recipient, size)
            before = renderers()
            pairs = paired(
                lambda: given.megabytes / in_browser(),
                lambda: given.megabytes / timed(lambda: seal(plain, sealed, recipient)),
                rounds=given.rounds,
            )
            after = renderers()
    print(f"\nSealing {given.megabytes} MB in Chromium against age, file to file")
    for number, (ours, theirs) in enumerate(pairs, 1):
        print(f"  round {number}: {ours:8.1f} against {theirs:8.1f} MB/s  {ours / theirs:.3f}")
    print(f"  median ratio {statistics.median(ours / theirs for ours, theirs in pairs):.3f}")
    print(f"  peak memory of the renderer: {before} MB before, {after} MB at most")
    return 0


def sealing(page: Any, recipient: str, size: int) -> float:
    """Seconds."""
    about = {"scenario": str(uuid4()), "organisation": str(uuid4())}
    recipients = dict.fromkeys(("business", "technical", "price"), recipient)
    seconds, written = page.evaluate(SEAL, [about, recipients])
    if written <= size:
        raise RuntimeError(f"only {written} bytes were sealed")
    return float(seconds)


@contextmanager
def served() -> Iterator[str]:
    """The static files alone: the scripts ask for nothing else."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_given: object) -> None:
            pass

    handler: Callable[..., Quiet] = partial(Quiet, directory=str(ROOT / "marketplace"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@contextmanager
def browser(chromium: str, profile: Path, address: str) -> Iterator[Any]:
    from playwright.sync_api import sync_playwright  # of the development requirements

    with sync_playwright() as play:
        context = play.chromium.launch_persistent_context(
            str(profile),
            executable_path=chromium,
            headless=True,
            args=[f"--{flag}" for flag in FLAGS.split()],
        )
        page = context.new_page()
        page.set_default_timeout(0)
        page.route("**/bench", lambda one: one.fulfill(body=PAGE, content_type="text/html"))
        page.goto(f"{address}/bench")
        yield page
        context.close()


def renderers() -> int:
    """Peak resident MB of the largest renderer of this program's browser."""
    children = psutil.Process().children(recursive=True)
    ours = [one.pid for one in children if "--type=renderer" in " ".join(one.cmdline())]
    return max(peak(pid) for pid in ours) // 1000
