"""The transparency log: what it costs the one who appends, and how fast it is sealed and proved.

    python -m bench ledger [--rounds 5] [--seconds 5] [--rows 1000000]

1. Appends by 32 clients through the action's own call, while the sequencer seals every second,
   against the same with neither sequencer nor pending rows. (In service it seals every 300 s: the
   work per event is the same.)
2. Leaves a second that the sequencer seals of a backlog.
3. An inclusion proof in a log of a million leaves: CPU to build it from tiles in the database, and
   to verify it with the checkpoint's signature.
4. Peak memory while a backlog of 20,000 is sealed, and one of 200,000.
"""

from __future__ import annotations

import argparse
import random
import statistics
import subprocess
import sys
import time

from bench.installation import Installation, installation, setup_django
from bench.measure import paired, report
from config.runtime.postgres import OWNER
from config.runtime.process import ROOT

CLIENTS, PROCESSES = 32, 2
FLOOR, GOAL = 0.8, 0.95
LEAVES_A_SECOND, PROOF_MS = 5_000, 50.0
BACKLOG, SMALL, LARGE = 50_000, 20_000, 200_000
PROOFS = 300

BEGIN = "import django; django.setup()\n"
# Prints how many it appended. Each thread has a connection of its own.
APPEND = """
import sys, threading, time
from uuid import uuid4
from django.db import connection, transaction
from marketplace.base.actor import SYSTEM
from marketplace.ledger import actions as ledger
threads, seconds, logged = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3] == "logged"
if not logged:
    before, after = ledger.WRITE.split(", pending AS (")
    ledger.WRITE = before + after.split(")", 2)[2]
counts, ready = [0] * threads, threading.Barrier(threads)
def run(place):
    connection.ensure_connection()
    ready.wait()
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        with transaction.atomic():
            ledger.append("bid.counted", actor=SYSTEM, subjects=[uuid4(), uuid4()],
                          inputs={"size": 65944}, data={"number": 3})
        counts[place] += 1
    connection.close()
all_of_them = [threading.Thread(target=run, args=(place,)) for place in range(threads)]
[thread.start() for thread in all_of_them]
[thread.join() for thread in all_of_them]
print(sum(counts))
"""
SEAL = """
import time
from marketplace.ledger.log import sequencer
print("ready", flush=True)
while True:
    began = time.monotonic()
    sequencer.seal_due()
    time.sleep(max(0.0, 1.0 - (time.monotonic() - began)))
"""
SEAL_ALL = """
import resource
from django.conf import settings
from marketplace.ledger.log import sequencer
from marketplace.ledger.models import PendingEvent
while PendingEvent.objects.exists():
    sequencer.seal_batch()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
COPIES = """
WITH made AS (
    INSERT INTO marketplace_event (uid, {columns})
    SELECT gen_random_uuid(), {columns}
    FROM (SELECT * FROM marketplace_event WHERE kind = 'bid.counted' ORDER BY id LIMIT 1) pattern,
        generate_series(1, %s)
    RETURNING id
)
INSERT INTO marketplace_pendingevent (event_id) SELECT id FROM made
"""


def everything(given: argparse.Namespace) -> int:
    service = {"LOG_CADENCE_SECONDS": "1", "LOG_BATCH_QUANTUM": "16", "LOG_LEVEL": "ERROR"}
    with installation(**service) as made:
        setup_django(made)
        held = [
            appending(made, given),
            sealing(made, given.rounds),
            memory(made),
            proving(made, given.rows),
        ]
    return 0 if all(held) else 1


# -- Appending -------------------------------------------------------------------------------------
def appending(made: Installation, given: argparse.Namespace) -> bool:
    append(made, 2, logged=True)  # warm up
    pairs = paired(
        lambda: append_while_sealing(made, given.seconds),
        lambda: append(made, given.seconds, logged=False),
        rounds=given.rounds,
    )
    name = f"Appends by {CLIENTS} clients with sequencing, against none"
    return report(name, pairs, unit="/s", floor=FLOOR, goal=GOAL)


def append(made: Installation, seconds: int, *, logged: bool) -> float:
    """Events a second, of all clients."""
    mine = [str(CLIENTS // PROCESSES), str(seconds), "logged" if logged else "bare"]
    running = [program(made, APPEND, *mine) for _ in range(PROCESSES)]
    said = [process.communicate()[0] for process in running]
    assert all(process.returncode == 0 for process in running)
    return sum(int(text) for text in said) / seconds


def append_while_sealing(made: Installation, seconds: int) -> float:
    sequencer = program(made, SEAL)
    try:
        assert sequencer.stdout is not None
        assert sequencer.stdout.readline() == "ready\n"
        return append(made, seconds, logged=True)
    finally:
        sequencer.kill()
        sequencer.communicate()
        program(made, SEAL_ALL).communicate()


def program(made: Installation, code: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", BEGIN + code, *arguments],
        cwd=ROOT, env=made.env, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


# -- Sealing ---------------------------------------------------------------------------------------
def fill(made: Installation, count: int) -> None:
    """So many events that wait, copies of one that the benchmark appended."""
    import psycopg  # beside Django's, as the owner

    from marketplace.ledger.models import Event  # after setup

    columns = [
        field.column
        for field in Event._meta.concrete_fields  # Django's documented way
        if field.column not in {"id", "uid"}
    ]
    with psycopg.connect(made.url(OWNER), autocommit=True) as owner:
        owner.execute(COPIES.format(columns=", ".join(columns)).encode(), [count])
        owner.execute("ANALYZE")


def sealing(made: Installation, rounds: int) -> bool:
    from marketplace.ledger.log import sequencer, tiles  # after setup

    print("\nSealing a backlog")
    found = []
    for number in range(1, rounds + 1):
        fill(made, BACKLOG)
        before, began = tiles.newest(), time.perf_counter()
        assert before is not None
        last = sequencer.seal_due()
        while sequencer.more_waits():
            last = sequencer.seal_batch()
        lasted = time.perf_counter() - began
        assert last is not None
        found.append((last.size - before.size) / lasted)
        print(f"  round {number}: {found[-1]:10.0f} leaves/s")
    return verdict("leaves/s", statistics.median(found), at_least=LEAVES_A_SECOND)


def memory(made: Installation) -> bool:
    """Peak resident memory of a program that seals a backlog, in MiB."""
    print("\nMemory while a backlog is sealed")
    peaks = []
    for count in (SMALL, LARGE):
        fill(made, count)
        said = program(made, SEAL_ALL).communicate()[0]
        peaks.append(int(said) / 1024)
        print(f"  {count:7} events: {peaks[-1]:6.1f} MiB at most")
    return verdict("times the smaller's", peaks[1] / peaks[0], at_most=1.1)


# -- Proofs ----------------------------------------------------------------------------------------
def proving(made: Installation, size: int) -> bool:
    """CPU of this process; what PostgreSQL adds is in the time on the clock."""
    from django.db import transaction  # after setup

    from marketplace.base import clock
    from marketplace.ledger import keys, verify
    from marketplace.ledger.log import sequencer, tiles
    from marketplace.ledger.log.models import Leaf
    from marketplace.ledger.log.sequencer import Entry, leaves

    last = tiles.newest()
    while last is None or last.size < size:
        with transaction.atomic():
            entries = [Entry(leaves.padding()) for _ in range(sequencer.BATCH_MOST)]
            last = sequencer.append_leaves(last, entries, clock.now())
    print(f"\nInclusion proofs in a log of {last.size} leaves, {PROOFS} of them")
    vkeys = [key["vkey"] for key in keys.published()["keys"] if key["use"] == keys.CHECKPOINT]
    building, verifying, waiting = [], [], []
    for index in random.Random(1).sample(range(last.size), PROOFS):
        leaf = Leaf.objects.get(index=index)
        clock_before, before = time.perf_counter(), time.process_time()
        proof = tiles.inclusion(leaf, last)
        between = time.process_time()
        waiting.append((time.perf_counter() - clock_before) * 1000)
        opened = verify.open_checkpoint(proof["checkpoint"], vkeys)
        path = [verify.unbase64(item) for item in proof["hashes"]]
        hashed = verify.leaf_hash(bytes(leaf.data))
        verify.verify_inclusion(hashed, index, opened.size, path, opened.root)
        building.append((between - before) * 1000)
        verifying.append((time.process_time() - between) * 1000)
    for name, found in (
        ("CPU to build", building), ("CPU to verify", verifying), ("built, on the clock", waiting),
    ):  # fmt: skip
        ranked = sorted(found)
        median, late = statistics.median(ranked), ranked[len(ranked) * 99 // 100]
        print(f"  {name:20} {median:7.2f} ms, p99 {late:7.2f} ms")
    worst = max(one + other for one, other in zip(building, verifying, strict=True))
    return verdict("ms of CPU for both, at worst", worst, at_most=PROOF_MS)


def verdict(
    unit: str, found: float, *, at_least: float | None = None, at_most: float | None = None
) -> bool:
    wanted = f"at least {at_least:g}" if at_least is not None else f"at most {at_most:g}"
    held = found >= at_least if at_least is not None else found <= (at_most or 0)
    print(f"  {found:.2f} {unit} ({wanted}): {'held' if held else 'NOT HELD'}")
    return held
