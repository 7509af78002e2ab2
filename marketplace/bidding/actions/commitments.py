"""Committing before the deadline to bytes that may arrive shortly after it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID, uuid4

from django.db import connection, transaction
from django.utils.translation import gettext_lazy as _

from marketplace.base import clock
from marketplace.base.actor import Actor
from marketplace.base.errors import Invalid, NotFound, StateConflict, Text, TooMany
from marketplace.base.locks import lock_shared
from marketplace.base.rules import require
from marketplace.bidding.commitment import BidCommitment
from marketplace.bidding.rules import can_bid
from marketplace.bidding.windows import require_open
from marketplace.files.limits import LIMITS, Purpose
from marketplace.ledger import actions as ledger
from marketplace.ledger import receipts
from marketplace.ledger.models import Audience
from marketplace.scenarios.models import Envelope, Scenario
from marketplace.scenarios.queries import closes_at

COMMITMENTS_MAX = 50
SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
STATEMENT = {
    "zh": "本回执证明在所述时间承诺了这些哈希值；文件本身须在宽限期届满前完整提交，否则视为未提交。",
    "en": "This receipt proves which hashes were committed and when. "
    "The bytes themselves count only if they are submitted before the grace ends.",
}


@transaction.atomic
def commit_hashes(
    *, actor: Actor, scenario_uid: UUID, envelopes: Sequence[Mapping[str, Any]]
) -> BidCommitment:
    """Promise three sealed files by their hashes, strictly before the deadline.

    envelopes: {envelope, sha256 (hex), size (bytes)}, one for each. The last commitment counts. It
    is no bid, and nobody but the bidder learns of it. Raises Invalid, DeadlinePassed, TooMany, and
    StateConflict where the profile takes no bytes after the deadline.
    """
    promised = in_order(envelopes)
    if not Scenario.objects.visible_to(actor).filter(uid=scenario_uid).exists():
        raise NotFound
    hold_commitments(actor, scenario_uid)
    scenario = lock_shared(Scenario, uid=scenario_uid)
    require(can_bid, actor, scenario)
    now = clock.now()
    require_open(scenario, now)
    until = closes_at(scenario)
    if until is None or until == scenario.deadline_at:
        raise StateConflict(
            _("Under this rule profile nothing is taken after the deadline, committed or not."),
            code="commitment.no_grace",
        )
    count = BidCommitment.objects.filter(scenario=scenario, organisation=actor.party).count()
    if count >= COMMITMENTS_MAX:
        raise TooMany(
            _("Hashes may be committed %(most)s times, and they were."),
            code="commitment.limit",
            most=COMMITMENTS_MAX,
        )
    uid = uuid4()
    said = {
        "scenario": scenario.uid,
        "scenario_ref": scenario.ref,
        "organisation": actor.party.uid,
        "commitment": uid,
        "number": count + 1,
        "committed_at": now,
        "deadline_at": scenario.deadline_at,
        "bytes_until": until,
        "envelopes": promised,
        "statement": STATEMENT,
    }
    event = ledger.append(
        "bid.committed",
        actor=actor,
        subjects=[scenario.uid, uid],
        audience=Audience.PARTIES,
        inputs=said,
    )
    return BidCommitment.objects.create(
        uid=uid,
        scenario=scenario,
        organisation=actor.party,
        user=actor.person,
        number=count + 1,
        envelopes=promised,
        committed_at=now,
        receipt=receipts.issue("bid-committed", subject_uid=uid, body=said, event=event),
    )


def in_order(envelopes: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Raises Invalid unless it is one possible file for each envelope."""
    given = {str(row["envelope"]): row for row in envelopes}
    if len(envelopes) != len(given) or sorted(given) != sorted(Envelope.values):
        raise Invalid(_("A bid is exactly three sealed envelopes."), code="bid.envelopes")
    errors: dict[str, list[Text]] = {}
    for place, row in enumerate(envelopes):
        if not SHA256.fullmatch(row["sha256"]):
            errors[f"envelopes.{place}.sha256"] = [_("A SHA-256 is 64 hexadecimal digits.")]
        if not 0 < row["size"] <= LIMITS[Purpose.SEALED].bytes_most:
            errors[f"envelopes.{place}.size"] = [_("No sealed envelope has this size.")]
    if errors:
        raise Invalid(errors=errors)
    return [
        {"envelope": name, "sha256": given[name]["sha256"], "size": given[name]["size"]}
        for name in Envelope.values
    ]


def hold_commitments(actor: Actor, scenario_uid: UUID) -> None:
    """One at a time of an organisation, so that each has its number."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))",
            [f"commitment:{actor.organisation_uid}:{scenario_uid}"],
        )
