"""Drawing what was committed. Only the opener's own process can: it alone decrypts the nonces.

It waits for the log's checkpoint over the commitment, or for the end of that wait, and looks for
itself: at the log's signature, at the leaf's place, and at each nonce against its hash.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from datetime import datetime

import pyrage
import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, transaction

from marketplace.base import clock
from marketplace.base.actor import OPENER
from marketplace.base.locks import lock
from marketplace.base.states import move
from marketplace.bidding.pauses import Pauses
from marketplace.committee.draw import lottery, numbers, seats
from marketplace.committee.draw.models import (
    Draw,
    DrawCommitment,
    DrawPlace,
    DrawResult,
    DrawState,
)
from marketplace.committee.models import Panel
from marketplace.committee.queries import rules_of
from marketplace.ledger import actions as ledger
from marketplace.ledger import leaves
from marketplace.ledger.log import tiles
from marketplace.ledger.log.models import Checkpoint, Leaf
from marketplace.ledger.log.queries import witness_name
from marketplace.ledger.models import Audience, Event
from marketplace.ledger.verify import (
    NotValid,
    leaf_hash,
    open_checkpoint,
    unbase64,
    verify_inclusion,
)
from marketplace.scenarios.models import Scenario

log = structlog.get_logger()
NONCE = 32
# `lottery.candidate_code` as the database computes it, over the whole pool at once.
BEHIND = """
SELECT code, id FROM (
    SELECT id, substr(
        encode(sha256(%(salt)s::bytea || convert_to(uid::text, 'UTF8')), 'hex'), 1, 32) AS code
    FROM marketplace_expert
) AS pool WHERE code = ANY(%(codes)s::text[])
"""


class NotYet(Exception):
    """The checkpoint has not come, and may still."""


class NotTrusted(Exception):
    """The log does not say what the rows say: nothing is drawn from it."""


class Mismatch(Exception):
    """A nonce that is not the one whose hash was published: the round is void."""

    def __init__(self, role: str) -> None:
        self.role = role
        super().__init__(role)


@dataclass(frozen=True)
class Root:
    """What the seed takes from the log."""

    value: bytes
    leaf: bytes  # the leaf's hash
    checkpoint: Checkpoint | None
    fallback: bool


def draw_committed(master_identity: str, pauses: Pauses | None = None) -> int:
    """Draw every committed round whose time has come. Returns how many ended, drawn or void.

    master_identity: the age identity (AGE-SECRET-KEY-…) of the opener. One that cannot be drawn is
    logged and left; the others go on. After a kill at any point the next run goes on.
    """
    pauses = pauses or Pauses()
    ended = 0
    rows = Draw.objects.filter(state=DrawState.COMMITTED).order_by("pk")
    for draw in rows.select_related("scenario__profile", "commitment"):
        key = ("draw", draw.pk)
        if pauses.rests(key):
            continue
        try:
            ended += carry_out(draw, master_identity)
        except NotYet:
            continue
        except (OperationalError, InterfaceError):
            raise
        except Exception:  # nobody's fault is known yet: the others go on, this one is tried again
            if pauses.failed(key):
                log.exception("opener.draw_failed", draw=str(draw.uid))
        else:
            pauses.went_well(key)
    return ended


def carry_out(draw: Draw, master_identity: str) -> bool:
    """Whether this round ended now."""
    root = root_for(draw)
    try:
        nonces = reveal(draw, master_identity)
    except Mismatch as mismatch:
        return void(draw, f"nonce_{mismatch.role}")
    commitment = draw.commitment
    strata = lottery.read_document(bytes(commitment.document))
    seed = lottery.seed(
        str(draw.uid),
        bytes(commitment.commitment),
        nonces[lottery.SECRETARY],
        nonces[lottery.WITNESS],
        root.value,
    )
    try:
        order = lottery.order(seed, strata)
    except lottery.EmptyStratum:
        return void(draw, "strata")
    return write(draw, nonces, root, seed, order)


# -- What the log says -----------------------------------------------------------------------------
def root_for(draw: Draw) -> Root:
    """The root of the first checkpoint over the commitment, or the published fallback.

    Raises NotYet while there is time for a checkpoint, NotTrusted where the log says otherwise.
    """
    event = Event.objects.get(pk=draw.commitment.event_id)
    data = leaves.leaf_data(event)
    said = json.loads(data)["data"]
    deposited = {row.role: row.nonce_hash for row in draw.deposits.all()}
    committed = bytes(draw.commitment.commitment).hex()
    if said["commitment"] != committed or said["nonces"] != deposited:
        raise NotTrusted("leaf")
    leaf = Leaf.objects.filter(event_id=event.pk).first()
    if leaf is not None and bytes(leaf.data) != data:
        raise NotTrusted("leaf")
    hashed = leaf_hash(data)
    checkpoint = first_over(leaf) if leaf is not None else None
    if leaf is not None and checkpoint is not None:
        verify(leaf, checkpoint)
        return Root(bytes(checkpoint.root), hashed, checkpoint, fallback=False)
    assert draw.committed_at is not None, "a committed draw says when"
    if clock.now() < checkpoint_until(draw, draw.committed_at):
        raise NotYet
    before = Checkpoint.objects.filter(at__lt=event.at).order_by("-pk").first()
    last = bytes(before.root) if before else lottery.EMPTY_ROOT
    return Root(lottery.fallback_root(last, hashed), hashed, before, fallback=True)


def checkpoint_until(draw: Draw, committed_at: datetime) -> datetime:
    return numbers.checkpoint_until(rules_of(draw.scenario), committed_at)


def first_over(leaf: Leaf) -> Checkpoint | None:
    """The first whose tree covers the leaf; where witnesses are listed, the first cosigned one."""
    rows = Checkpoint.objects.filter(size__gt=leaf.index).order_by("pk")
    names = [name for name in map(witness_name, settings.LOG_WITNESSES) if name]
    if names:
        rows = rows.filter(cosignature__witness__in=names)
    return rows.first()


def verify(leaf: Leaf, checkpoint: Checkpoint) -> None:
    """The log's own key signed this root, and the leaf lies under it. Raises NotTrusted."""
    try:
        opened = open_checkpoint(checkpoint.note, settings.OPENER_LOG_VKEY.split())
        if (opened.size, opened.root) != (checkpoint.size, bytes(checkpoint.root)):
            raise NotTrusted("checkpoint")
        path = [unbase64(step) for step in tiles.inclusion(leaf, checkpoint)["hashes"]]
        verify_inclusion(leaf_hash(bytes(leaf.data)), leaf.index, opened.size, path, opened.root)
    except (NotValid, ValueError) as error:
        raise NotTrusted("inclusion") from error


# -- The nonces ------------------------------------------------------------------------------------
def reveal(draw: Draw, master_identity: str) -> dict[str, bytes]:
    """{role: nonce}. Raises Mismatch for one that cannot be read or is not what was promised."""
    identity = pyrage.x25519.Identity.from_str(master_identity)
    found = {}
    for deposit in draw.deposits.order_by("role"):
        try:
            nonce = pyrage.decrypt(bytes(deposit.sealed), [identity])
        except (pyrage.DecryptError, ValueError) as error:
            raise Mismatch(deposit.role) from error
        promised = lottery.nonce_hash(nonce, str(draw.uid), deposit.role).hex()
        if len(nonce) != NONCE or promised != deposit.nonce_hash:
            raise Mismatch(deposit.role)
        found[deposit.role] = nonce
    return found


# -- What becomes of it ----------------------------------------------------------------------------
@transaction.atomic
def write(
    draw: Draw, nonces: dict[str, bytes], root: Root, seed: bytes, order: dict[str, list[str]]
) -> bool:
    """Result, panel and the first invitations in one transaction; twice writes once."""
    scenario = lock(Scenario, pk=draw.scenario_id)
    row = lock(Draw, pk=draw.pk)
    if row.state != DrawState.COMMITTED:
        return False
    DrawResult.objects.create(
        draw=row,
        nonce_secretary=nonces[lottery.SECRETARY],
        nonce_witness=nonces[lottery.WITNESS],
        checkpoint=root.checkpoint,
        fallback=root.fallback,
        leaf_hash=root.leaf,
        root=root.value,
        seed=seed,
        order=order,
    )
    behind = experts_behind(row.commitment, {code for codes in order.values() for code in codes})
    DrawPlace.objects.bulk_create(
        DrawPlace(draw=row, stratum=stratum, place=place, code=code, expert_id=behind[code])
        for stratum, codes in order.items()
        for place, code in enumerate(codes)
    )
    row.drawn_at = clock.now()
    left = move(row, DrawState.DRAWN, also=("drawn_at",))
    event = {
        "round": row.round,
        "fallback": root.fallback,
        "checkpoint": root.checkpoint.size if root.checkpoint else 0,
        "root": base64.b64encode(root.value).decode(),
    }
    ledger.append(
        "draw.drawn",
        actor=OPENER,
        subjects=[scenario.uid, row.uid],
        audience=Audience.PUBLIC,
        from_state=left,
        to_state=row.state,
        inputs=order,
        data=event,
    )
    panel = Panel.objects.filter(scenario=scenario).first()
    if panel is None:
        panel = Panel.objects.create(scenario=scenario, appointed_by=row.proposed_by)
    seats.fill(scenario, lock(Panel, pk=panel.pk), actor=OPENER)
    return True


def experts_behind(commitment: DrawCommitment, codes: set[str]) -> dict[str, int]:
    """{code: id of the expert}, found by hashing the pool again: no table joins the two."""
    with connection.cursor() as cursor:
        cursor.execute(BEHIND, {"salt": bytes(commitment.code_salt), "codes": sorted(codes)})
        return dict(cursor.fetchall())


@transaction.atomic
def void(draw: Draw, reason: str) -> bool:
    """The round ends without a result; a public leaf says whose nonce it was."""
    scenario = lock(Scenario, pk=draw.scenario_id)
    row = lock(Draw, pk=draw.pk)
    if row.state != DrawState.COMMITTED:
        return False
    row.voided_at, row.void_reason = clock.now(), reason
    left = move(row, DrawState.VOID, also=("voided_at", "void_reason"))
    ledger.append(
        "draw.voided",
        actor=OPENER,
        subjects=[scenario.uid, row.uid],
        audience=Audience.PUBLIC,
        from_state=left,
        to_state=row.state,
        data={"round": row.round, "reason": reason},
    )
    return True
