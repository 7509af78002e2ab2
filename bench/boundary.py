"""Ten thousand submissions around their deadlines: none accepted is lost, none late is accepted.

    python -m bench boundary [--tries 10000]

Thirty-two vendors each submit a waiting package for each of some three hundred demands, whose
deadlines follow one another; each request is sent within a tenth of a second around its demand's
deadline, thirty-two at once. Afterwards what was answered is held against what is stored: an
accepted bid is there, once, with the time of its receipt before the deadline; a refused one left
nothing. Exits with 1 if one try breaks this.
"""

from __future__ import annotations

import argparse
import http.client
import json
import random
import threading
import time
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from bench.bids import write_jobs
from bench.installation import installation, setup_django, web

AROUND = 0.1  # seconds before and after
STEP = 0.2  # seconds from one deadline to the next
FIRST = 30.0  # seconds to get ready
KNOWN = [(201, ""), (409, "deadline.passed")]


@dataclass
class Try:
    package: str
    token: str
    deadline_at: datetime
    status: int = 0
    code: str = ""
    received_at: str = ""


def tries(given: argparse.Namespace) -> int:
    with installation(API_LIMIT_FACTOR="100000") as made:
        setup_django(made)
        with web(made) as address:
            jobs = write_jobs(made, given.tries, first=FIRST, step=STEP)
            planned = with_deadlines(jobs.read_text().splitlines())
            send_all(address, planned)
            return conclude(planned)


def with_deadlines(lines: list[str]) -> list[Try]:
    from marketplace.bidding.models import SealedPackage  # after setup

    rows = SealedPackage.objects.values_list("uid", "scenario__deadline_at")
    deadlines = {str(uid): at for uid, at in rows.iterator()}
    return [Try(*line.split(), deadlines[line.split()[0]]) for line in lines]


def send_all(address: str, planned: list[Try]) -> None:
    """Each vendor has a thread and a connection; the database's clock says when."""
    from marketplace.base import clock  # after setup

    ahead = clock.now().timestamp() - time.time()
    parts: dict[str, list[Try]] = {}
    for one in planned:
        parts.setdefault(one.token, []).append(one)
    threads = [
        threading.Thread(target=send_in_turn, args=(address, part, ahead))
        for part in parts.values()
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def send_in_turn(address: str, part: list[Try], ahead: float) -> None:
    connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=60)
    for one in part:
        at = one.deadline_at.timestamp() - ahead + random.uniform(-AROUND, AROUND)
        time.sleep(max(0.0, at - time.time()))
        headers = {
            "Authorization": f"Bearer {one.token}",
            "Idempotency-Key": one.package,
            "Content-Type": "application/json",
        }
        connection.request("POST", f"/api/v1/packages/{one.package}/submit/", "{}", headers)
        answer = connection.getresponse()
        said = json.loads(answer.read())
        one.status, one.code = answer.status, said.get("code", "")
        if answer.status == 201:  # created
            one.received_at = said["receipt"]["received_at"]


def conclude(planned: list[Try]) -> int:
    """Hold what was answered against what is stored, and say both."""
    from marketplace.bidding.models import BidVersion, SealedPackage  # after setup

    submitted = SealedPackage.objects.exclude(version=None)
    stored: dict[UUID, datetime] = dict(submitted.values_list("uid", "version__received_at"))
    accepted = {UUID(one.package): one for one in planned if one.status == 201}
    kept = [(one, stored[uid]) for uid, one in accepted.items() if uid in stored]
    answers = Counter((one.status, one.code) for one in planned)
    print(f"{len(planned)} tries: {dict(answers)}")
    if kept:
        closest = min(one.deadline_at - at for one, at in kept)
        print(f"closest accepted: {closest.total_seconds() * 1000:.3f} ms before its deadline")
    wrong = {
        "accepted and lost": len(accepted) - len(kept),
        "accepted and late": sum(at >= one.deadline_at for one, at in kept),
        "receipts that tell another time": sum(tells_another_time(one, at) for one, at in kept),
        "refused, yet stored": len(stored.keys() - accepted.keys()),
        "versions without a package": BidVersion.objects.filter(package=None).count(),
        "answers that are neither": len(planned) - sum(answers[known] for known in KNOWN),
    }
    for what, count in wrong.items():
        print(f"  {what}: {count}")
    return 1 if any(wrong.values()) else 0


def tells_another_time(one: Try, at: datetime) -> bool:
    """A receipt's time is cut to the millisecond."""
    return not 0 <= (at - datetime.fromisoformat(one.received_at)).total_seconds() < 0.001
