"""A draw from a pool of 100,000 experts: candidates, document, commitment, seed, order.

    python -m bench draw [--rows 100000] [--rounds 5]

Everything that `commit_draw` and the opener do beyond writing a few rows, in one process; the goal
is 2 s for both together.
"""

from __future__ import annotations

import argparse
import secrets
import statistics
import time
from typing import Any
from uuid import uuid4

from bench.installation import installation, setup_django

GOAL_SECONDS = 2.0
PEOPLE = 100_000
BIDDERS = 20
TIED_EACH = 50
STRATA = {"ot_security": 2, "cryptography": 1, "ai_security": 1, "data_law": 1}
BATCH = 5_000


def everything(given: argparse.Namespace) -> int:
    people = min(given.rows, PEOPLE)
    with installation(throwaway=True, LOG_LEVEL="ERROR") as made:
        setup_django(made)
        bidders = fill(people)
        taken = [drawn(bidders) for _round in range(given.rounds)]
    median = statistics.median(taken)
    print(f"{people} experts, {len(STRATA)} strata, {given.rounds} rounds: ", end="")
    print(f"{median:.2f} s (median), {max(taken):.2f} s (slowest); goal {GOAL_SECONDS:.0f} s")
    return 0 if median < GOAL_SECONDS else 1


def fill(people: int) -> list[Any]:
    """So many experts that any profile admits, each of two specialties; some tied to bidders."""
    from marketplace.accounts.models import Organisation, PersonRole, User
    from marketplace.experts.models import Expert, Grade, Interest, InterestKind

    known = [*STRATA, "testing", "port_iot"]
    bidders = Organisation.objects.bulk_create(
        Organisation(name=f"单位{n}", uscc=f"91310115MAX{n:07d}", is_vendor=True)
        for n in range(BIDDERS)
    )
    users = User.objects.bulk_create(
        (User(email=f"x{n}@bench.invalid", name=f"专家{n}", password="!") for n in range(people)),
        batch_size=BATCH,
    )
    PersonRole.objects.bulk_create(
        (PersonRole(user=user, role="expert") for user in users), batch_size=BATCH
    )
    rows = Expert.objects.bulk_create(
        (
            Expert(
                user=user,
                specialties=[known[n % len(known)], known[(n // 7) % len(known)]],
                grade=Grade.SENIOR,
                field_from_year=2000,
            )
            for n, user in enumerate(users)
        ),
        batch_size=BATCH,
    )
    Interest.objects.bulk_create(
        Interest(
            expert=rows[(n * 97) % people],
            organisation=bidders[n % BIDDERS],
            kind=InterestKind.EMPLOYMENT,
        )
        for n in range(min(BIDDERS * TIED_EACH, people))
    )
    return bidders


def drawn(bidders: list[Any]) -> float:
    from marketplace.base import clock
    from marketplace.committee.draw import candidates, drawing, lottery
    from marketplace.experts.candidates import gathered
    from marketplace.scenarios.reference import RuleProfile

    profile = RuleProfile.objects.filter(code="A").order_by("-version")[0]
    began, uid = time.perf_counter(), str(uuid4())
    found = gathered(uuid4(), STRATA, bidders, profile, clock.today())
    salt = secrets.token_bytes(32)
    rows = [{"code": c, "seats": n, "reserve": n * 3} for c, n in STRATA.items()]
    strata = candidates.strata_of(rows, found, salt)
    document = lottery.document(uid, strata)
    committed = lottery.commitment(salt, document)
    seed = lottery.seed(uid, committed, salt, salt, salt)
    order = lottery.order(seed, lottery.read_document(document))
    codes = {code for row in order.values() for code in row}
    people = drawing.experts_behind(stand_in(salt), codes)
    taken = time.perf_counter() - began
    assert len(people) == len(codes), "somebody drawn was not found again"
    return taken


def stand_in(salt: bytes) -> Any:
    """A commitment as far as it is asked for."""
    from marketplace.committee.draw.models import DrawCommitment

    return DrawCommitment(code_salt=salt)
