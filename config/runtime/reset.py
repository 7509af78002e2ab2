"""`make reset`: stop a running demo of this checkout and delete its data.

Standard library only, so that it works without the virtual environment.
"""

import fcntl
import json
import os
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(os.environ.get("DATA_FOLDER") or ROOT / "var" / "demo").resolve()
STOP_SECONDS = 60


def main() -> int:
    if not FOLDER.exists():
        print("There is no demo data to delete.")
        return 0
    if not (FOLDER / "lock").exists():
        print(f"{FOLDER} holds no demo data: nothing is deleted.")
        return 1
    with os.fdopen(os.open(FOLDER / "lock", os.O_RDWR | os.O_CREAT, 0o600), "r+") as lock:
        if not stopped(lock):
            print("The running demo does not stop: stop it with Ctrl-C and run `make reset` again.")
            return 1
        delete()
    print("The demo data is deleted; `make demo` starts anew.")
    return 0


def stopped(lock: IO[str]) -> bool:
    """Take the lock that a running demo holds, asking it to stop first."""
    deadline = time.monotonic() + STOP_SECONDS
    asked = False
    while time.monotonic() < deadline:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if not asked:
                pid = int(lock.read().split()[0])
                print(f"Stopping the running demo (process {pid}) …", flush=True)
                os.kill(pid, signal.SIGTERM)
                asked = True
            time.sleep(0.2)
        else:
            return True
    return False


def delete() -> None:
    try:
        home = json.loads((FOLDER / "state.json").read_text()).get("pg_home")
    except (OSError, ValueError):
        home = None
    # PostgreSQL's part lies elsewhere when its account cannot reach the checkout.
    if home and Path(home).name.startswith("jiebang-"):
        shutil.rmtree(home, ignore_errors=True)
    shutil.rmtree(FOLDER)


if __name__ == "__main__":
    sys.exit(main())
