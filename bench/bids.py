"""Whole bid submissions over HTTP against pgbench doing three inserts in one transaction.

    python -m bench bids [--rounds 5] [--seconds 5]

Ours: 32 clients with a bearer token each submit packages that were sealed before: authentication,
idempotency key, deadline and rules under locks, bid, version, three envelopes, signed receipt,
ledger event, commit, answer. Theirs: 32 clients, three inserts, the same database server, which
keeps every commit on disk for both. Needs `wrk` (Debian: apt-get install wrk).
"""

from __future__ import annotations

import argparse
import re
import resource
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import psutil

from bench.installation import Installation, installation, setup_django, web
from bench.measure import paired, report
from config.runtime.postgres import OWNER

CLIENTS = 32
FLOOR, GOAL = 0.20, 0.35
TABLES = """
CREATE TABLE bench_bid (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, scenario_id bigint,
    org_id bigint, idem uuid UNIQUE, sha256 bytea, sealed bytea, size bigint,
    created_at timestamptz DEFAULT now());
CREATE INDEX ON bench_bid (scenario_id, org_id);
CREATE TABLE bench_audit (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, xid xid8 DEFAULT
    pg_current_xact_id(), scope bigint, kind text, actor bigint, payload jsonb, h bytea,
    created_at timestamptz DEFAULT now());
CREATE TABLE bench_receipt (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, bid_id bigint,
    digest bytea, sig bytea, created_at timestamptz DEFAULT now());
"""
HASH = "'\\x00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff'"
THREE_INSERTS = f"""
\\set s random(1,5000)
\\set o random(1,20000)
BEGIN;
INSERT INTO bench_bid (scenario_id, org_id, idem, sha256, sealed, size) VALUES
 (:s, :o, gen_random_uuid(), {HASH}, convert_to(repeat('x',1024),'UTF8'), 20000000)
 RETURNING id \\gset
INSERT INTO bench_audit (scope, kind, actor, payload, h) VALUES
 (:s, 'bid.submitted', :o, '{{"a":1,"bid":2}}', {HASH});
INSERT INTO bench_receipt (bid_id, digest, sig) VALUES
 (:id, {HASH}, convert_to(repeat('s',64),'UTF8'));
COMMIT;
"""
# Each thread of wrk takes its own part of the jobs; a job is used once.
SCRIPT = """
local threads = 0
function setup(thread)
  thread:set("part", threads)
  threads = threads + 1
end
function init(args)
  jobs, at = {}, 0
  local index = 0
  for line in io.lines(args[1]) do
    if index % 2 == part then jobs[#jobs + 1] = line end
    index = index + 1
  end
end
function request()
  at = at + 1
  local package, token = jobs[at]:match("(%S+) (%S+)")
  return wrk.format("POST", "/api/v1/packages/" .. package .. "/submit/", {
    ["Authorization"] = "Bearer " .. token,
    ["Idempotency-Key"] = package,
    ["Content-Type"] = "application/json",
    ["Host"] = "localhost",
  }, "{}")
end
function done(summary, latency, requests)
  local bad = summary.errors.status + summary.errors.connect + summary.errors.read
    + summary.errors.write + summary.errors.timeout
  io.write(string.format("RESULT %d %d %f %f\\n", summary.requests, bad,
    summary.duration / 1e6, latency:percentile(99) / 1000))
end
"""


def submissions(given: argparse.Namespace) -> int:
    if shutil.which("wrk") is None:
        print("wrk is needed: apt-get install wrk")
        return 2
    with installation() as made:
        made.env["API_LIMIT_FACTOR"] = "100000"  # nobody is refused for asking fast
        setup_django(made)
        (made.folder / "submit.lua").write_text(SCRIPT)
        (made.folder / "inserts.sql").write_text(THREE_INSERTS)
        psql(made, TABLES)
        enough = given.seconds * 2500
        with web(made) as address:
            submit(made, address, write_jobs(made, 5000), 2)  # warm up
            pairs = paired(
                lambda: submit(made, address, write_jobs(made, enough), given.seconds, told=True),
                lambda: three_inserts(made, given.seconds),
                rounds=given.rounds,
            )
    held = report("Whole bid submission", pairs, unit="/s", floor=FLOOR, goal=GOAL)
    return 0 if held else 1


# -- Ours ------------------------------------------------------------------------------------------
VENDORS: list[tuple[int, int, str]] = []


def vendors() -> list[tuple[int, int, str]]:
    """(organisation id, user id, token) of thirty-two vendors, made once."""
    from marketplace.accounts.tokens.actions import create_token  # after setup
    from tests import world

    if not VENDORS:
        for _ in range(CLIENTS):
            actor = world.vendor()
            token = create_token(actor=actor, name="bench", scopes=["read", "bids:write"])
            VENDORS.append((actor.party.pk, actor.person.pk, token.text))
    return VENDORS


def write_jobs(made: Installation, count: int, *, first: float = 86_400, step: float = 0) -> Path:
    """Packages waiting to be submitted, by each vendor for each of `count // CLIENTS + 1` demands.

    The first demand's deadline is in `first` seconds, each further one's `step` seconds later.
    """
    from django.db import connections  # after setup

    from marketplace.scenarios.models import Scenario
    from tests import world

    bidders = vendors()
    demands = count // CLIENTS + 1
    pattern = world.published_scenario()
    columns = [
        field.column
        for field in Scenario._meta.concrete_fields  # Django's documented way
        if field.column not in {"id", "uid", "ref", "deadline_at"}
    ]
    lines = []
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            f"INSERT INTO marketplace_scenario (uid, ref, deadline_at, {', '.join(columns)}) "
            "SELECT gen_random_uuid(), 'B' || substr(gen_random_uuid()::text, 1, 12), "
            "marketplace_now() + make_interval(secs => %s + number * %s), "
            f"{', '.join(columns)} FROM marketplace_scenario, generate_series(0, %s) AS number "
            "WHERE id = %s RETURNING id",
            [first, step, demands - 1, pattern.pk],
        )
        scenarios = [row[0] for row in cursor.fetchall()]
        cursor.execute(
            "INSERT INTO marketplace_envelopekey (scenario_id, envelope, recipient, wrapped_identity)"
            " SELECT made.id, envelope, recipient || made.id, wrapped_identity"
            " FROM marketplace_envelopekey, unnest(%s) AS made (id) WHERE scenario_id = %s",
            [scenarios, pattern.pk],
        )
        rows = []
        for scenario in scenarios:
            for organisation, user, token in bidders:
                uid = uuid4()
                rows.append((uid, scenario, organisation, user))
                lines.append(f"{uid} {token}\n")
        cursor.execute(
            """
            INSERT INTO marketplace_sealedpackage
                (uid, scenario_id, organisation_id, user_id, envelopes)
            SELECT uid, scenario_id, organisation_id, user_id, (
                SELECT jsonb_agg(jsonb_build_object(
                    'envelope', envelope, 'stored_name', 'sealed/' || gen_random_uuid(),
                    'sha256', encode(sha256((uid::text || envelope)::bytea), 'hex'), 'size', 65944))
                FROM unnest(ARRAY['business', 'technical', 'price']) AS envelope)
            FROM unnest(%s::uuid[], %s::bigint[], %s::bigint[], %s::bigint[])
                AS made (uid, scenario_id, organisation_id, user_id)
            """,
            [list(column) for column in zip(*rows, strict=True)],
        )
        cursor.execute("ANALYZE")
    jobs = made.folder / "jobs.txt"
    jobs.write_text("".join(lines))
    return jobs


def submit(
    made: Installation, address: str, jobs: Path, seconds: int, *, told: bool = False
) -> float:
    """Submissions per second. Every one must succeed. told: also what each cost the processor."""
    before = spent(made)
    said = subprocess.run(
        [
            *("wrk", "-t2", f"-c{CLIENTS}", f"-d{seconds}s", "--timeout", "10s"),
            *("-s", str(made.folder / "submit.lua"), address, "--", str(jobs)),
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    after = spent(made)
    found = re.search(r"RESULT (\d+) (\d+) (\S+) (\S+)", said)
    assert found, said
    count, bad, lasted, p99 = int(found[1]), int(found[2]), float(found[3]), float(found[4])
    assert bad == 0, f"{bad} of {count} submissions were refused or lost"
    print(f"  {count} submissions, p99 {p99:.0f} ms")
    if told:
        tell_each(before, after, count)
    return count / lasted


def tell_each(before: dict[str, float], after: dict[str, float], count: int) -> None:
    each = {name: (after[name] - before[name]) * 1000 / count for name in after}
    parts = ", ".join(f"{name} {ms:.3f}" for name, ms in each.items())
    print(f"    processor, ms each: {sum(each.values()):.3f} ({parts})")


def spent(made: Installation) -> dict[str, float]:
    """Processor seconds so far: of web processes, both servers, and what ended here, as wrk did."""
    valkey, postgres = (child.process.pid for child in made.servers.children if child.process)
    mine = psutil.Process().children()
    web = [one.pid for one in mine if f"--port {made.port}" in " ".join(one.cmdline())]
    load = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "web": sum(map(of_tree, web)),
        "database": of_tree(postgres),
        "valkey": of_tree(valkey),
        "load": load.ru_utime + load.ru_stime,
    }


def of_tree(pid: int) -> float:
    root = psutil.Process(pid)
    times = [root.cpu_times()]
    for one in root.children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # a worker of autovacuum comes and goes
            times.append(one.cpu_times())
    ended = times[0].children_user + times[0].children_system
    return ended + sum(one.user + one.system for one in times)


# -- Theirs ----------------------------------------------------------------------------------------
def psql(made: Installation, text: str) -> None:
    url = made.servers.postgres.url(OWNER)
    subprocess.run(
        [made.binaries / "psql", "-q", "-v", "ON_ERROR_STOP=1", url],
        input=text,
        text=True,
        check=True,
    )


def three_inserts(made: Installation, seconds: int) -> float:
    before = spent(made)
    told = subprocess.run(
        [
            *(made.binaries / "pgbench", "-n", "-c", str(CLIENTS), "-j", "2", "-T", str(seconds)),
            *("-f", str(made.folder / "inserts.sql"), made.servers.postgres.url(OWNER)),
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    after = spent(made)
    found = re.search(r"tps = (\S+)", told)
    count = re.search(r"actually processed: (\d+)", told)
    assert found, told
    assert count, told
    tell_each(before, after, int(count[1]))
    return float(found[1])
