"""The opener reads the log for itself: what was announced, when it closed, what had been received.

Rows may have been edited by whoever owns the database; leaves under a checkpoint signed by the log's
key may not. What is read here is believed only up to a size whose root such a signature covers.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from marketplace.files.disk import sync_folder
from marketplace.ledger.keys import RECEIPT
from marketplace.ledger.leaves import OPAQUE, event_commitment
from marketplace.ledger.log import tiles
from marketplace.ledger.log.models import Checkpoint, Leaf
from marketplace.ledger.models import Event
from marketplace.ledger.verify import (
    NotValid,
    Stories,
    instant,
    leaf_hash,
    node_hash,
    open_checkpoint,
    parse_checkpoint,
    parse_note,
    parse_vkey,
    tree_root,
    unbase64,
    verify_inclusion,
)

CHUNK = 5000
ANNOUNCES = {"scenario.published"}
CLOSES = "scenario.closed"
PUBLISHES_KEY = "key.published"
REOPENS = "scenario.deadline_extended"
# Whether the demand stands still from then on.
STANDS = {"scenario.suspended": True, "scenario.resumed": False}
OPENS = "opening.finished"
LOCKS = "panel.technical_locked"
GIVEN_UP = "opening.failed"


class LogNotTrusted(Exception):
    """The log in the database is not what its key signed, or is not there yet."""


@dataclass
class Announced:
    """What everybody could read about one demand."""

    keys: list[dict[str, Any]] = field(default_factory=list)
    confirmations: int = 0
    # (when it was announced, the deadline), as the leaves came.
    announcements: list[tuple[str, str]] = field(default_factory=list)
    # For how long after a deadline bytes are taken whose hashes were committed before it.
    grace: timedelta = timedelta(0)
    recipients: dict[str, str] = field(default_factory=dict)
    closed: bool = False
    # The size of the first signed checkpoint that covers the closing, the last one where outages
    # moved the deadline: what it covers was in time.
    closing_size: int | None = None
    technical_locked: bool = False
    opened: bool = False
    # When it stood still, as the leaves said it; nothing is taken then.
    suspensions: list[tuple[str, str | None]] = field(default_factory=list)
    # The stages of which two officers said that they can never be opened.
    given_up: set[str] = field(default_factory=set)
    # Where its public entries contradict one another: codes of `ledger.verify.Stories`.
    contradictions: list[str] = field(default_factory=list)

    @property
    def deadlines(self) -> list[str]:
        return [deadline for _at, deadline in self.announcements]

    @property
    def suspended(self) -> bool:
        return bool(self.suspensions) and self.suspensions[-1][1] is None

    def announced_with(self, data: dict[str, Any]) -> None:
        self.keys = data.get("keys", [])
        self.confirmations = data.get("confirmations", 0)
        self.recipients = data["recipients"]
        self.grace = timedelta(seconds=data.get("bytes_grace_seconds", 0))

    def stands(self, at: str, *, still: bool) -> None:
        if still and not self.suspended:
            self.suspensions.append((at, None))
        elif self.suspended and not still:
            self.suspensions[-1] = (self.suspensions[-1][0], at)

    def stood_still(self, at: datetime) -> bool:
        return any(
            instant(since) < at and (until is None or at < instant(until))
            for since, until in self.suspensions
        )

    def deadline_then(self, at: datetime) -> datetime:
        """The latest that was announced by then; the publication's counts from the beginning."""
        moved = [deadline for since, deadline in self.announcements[1:] if instant(since) <= at]
        return instant(max([self.announcements[0][1], *moved]))

    @property
    def deadline_at(self) -> datetime:
        """The latest ever announced: nobody can move it earlier."""
        return instant(max(self.deadlines))


def remember(file: Path, note: str) -> None:
    """Durable before anybody acts on it."""
    draft = file.with_suffix(".part")
    with draft.open("w", encoding="utf-8") as writer:
        writer.write(note)
        writer.flush()
        os.fsync(writer.fileno())
    draft.replace(file)
    sync_folder(file.parent)


class Replay:
    """The readable leaves up to the newest checkpoint, added to at each look.

    vkeys: the log's verifier keys, which the opener was given; the database's word does not count.
    More than one, separated by spaces, where the log's key was changed.
    memory: where the last believed checkpoint is kept from one start to the next, outside of the
    database: a log that does not begin with what was seen then is not believed.
    """

    def __init__(self, vkeys: str, memory: Path | None = None) -> None:
        self.vkeys = vkeys.split()
        self.memory = memory
        self._forget()

    def _forget(self) -> None:
        self.size = 0
        self.demands: dict[str, Announced] = {}
        self.receipt_keys: dict[str, str] = {}  # {key id: base64}, as the log published them
        self._owners: dict[str, str] = {}  # {recipient: the demand that announced it first}
        self._stories = Stories()
        self._peaks: list[tuple[int, bytes]] = []  # (leaves, root) of complete subtrees
        self._closing: list[Announced] = []

    def advance(self) -> None:
        """Read on to the newest checkpoint. Raises LogNotTrusted and then forgets what it read."""
        try:
            remembered = self._remembered()
            newest = None
            for checkpoint in self._checkpoints():
                self._read_to(checkpoint, remembered)
                newest = checkpoint
            self._reached(remembered)
        except LogNotTrusted:
            self._forget()
            raise
        if self.memory and newest:
            remember(self.memory, newest.note)

    def _reached(self, remembered: tuple[int, bytes] | None) -> None:
        if remembered and self.size < remembered[0]:
            raise LogNotTrusted("shorter_than_remembered")

    def _remembered(self) -> tuple[int, bytes] | None:
        """(size, root) of the last checkpoint that was believed. Raises LogNotTrusted."""
        if self.memory is None:
            return None
        try:
            _origin, size, root = parse_checkpoint(parse_note(self.memory.read_text("utf-8")).text)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, NotValid) as error:
            raise LogNotTrusted("memory_unreadable") from error
        return size, root

    def _checkpoints(self) -> Iterator[Checkpoint]:
        origins = [parse_vkey(text).name for text in self.vkeys]
        rows = Checkpoint.objects.filter(size__gt=self.size, origin__in=origins)
        yield from rows.order_by("size", "-id").iterator(chunk_size=1000)

    def _read_to(self, checkpoint: Checkpoint, remembered: tuple[int, bytes] | None) -> None:
        """Only a signature makes a checkpoint count, so each is checked."""
        try:
            opened = open_checkpoint(checkpoint.note, self.vkeys)
        except NotValid as error:
            raise LogNotTrusted("checkpoint") from error
        readable: list[bytes] = []
        while self.size < opened.size:
            end = min(self.size + CHUNK, opened.size)
            rows = Leaf.objects.filter(index__gte=self.size, index__lt=end).order_by("index")
            datas = [bytes(data) for data in rows.values_list("data", flat=True)]
            if len(datas) != end - self.size:
                raise LogNotTrusted("leaves_missing")
            for data in datas:
                self._add(data)
                if remembered and self.size == remembered[0] and self.root() != remembered[1]:
                    raise LogNotTrusted("other_than_remembered")
            readable += [data for data in datas if len(data) != OPAQUE]
        if self.root() != opened.root:
            raise LogNotTrusted("root")
        for data in readable:
            contradiction = self._stories.told(self.size, data)
            said = json.loads(data)
            self._note(said)
            if contradiction:
                demand = self.demands.setdefault(contradiction.values["demand"], Announced())
                demand.contradictions.append(contradiction.code)
        for demand in self._closing:
            demand.closing_size = opened.size
        self._closing.clear()

    def _add(self, data: bytes) -> None:
        width, rest = 1, leaf_hash(data)
        while self._peaks and self._peaks[-1][0] == width:
            rest = node_hash(self._peaks.pop()[1], rest)
            width *= 2
        self._peaks.append((width, rest))
        self.size += 1

    def root(self) -> bytes:
        if not self._peaks:
            return tree_root([])
        found = self._peaks[-1][1]
        for _width, peak in reversed(self._peaks[:-1]):
            found = node_hash(peak, found)
        return found

    def _note(self, said: dict[str, Any]) -> None:
        kind, data = said["kind"], said["data"]
        if kind == PUBLISHES_KEY and data["use"] == RECEIPT:
            self.receipt_keys[data["key_id"]] = data["public_key"]
        if not kind.startswith("scenario.") and kind not in {LOCKS, OPENS, GIVEN_UP}:
            return
        scenario = data["scenario"] if kind == LOCKS else said["subjects"][-1]
        demand = self.demands.setdefault(scenario, Announced())
        if "deadline_at" in data and kind != CLOSES:
            demand.announcements.append((said["at"], data["deadline_at"]))
        if kind in ANNOUNCES and not demand.keys and self._are_new(scenario, data["recipients"]):
            demand.announced_with(data)
        else:
            self._course(demand, kind, said)

    def _course(self, demand: Announced, kind: str, said: dict[str, Any]) -> None:
        """What becomes of an announced demand."""
        if kind == CLOSES and not demand.closed:
            demand.closed = True
            self._closing.append(demand)
        elif kind == REOPENS and not demand.opened:
            # The next closing is the one that counts; after an opening there is no other.
            demand.closed, demand.closing_size = False, None
            self._closing = [other for other in self._closing if other is not demand]
        elif kind == OPENS:
            demand.opened = True
        elif kind == GIVEN_UP:
            demand.given_up.add(said["data"]["stage"])
        elif kind == LOCKS:
            demand.technical_locked = True
        elif kind in STANDS:
            demand.stands(said["at"], still=STANDS[kind])

    def _are_new(self, scenario: str, recipients: dict[str, str]) -> bool:
        """Recipients belong to the demand that announced them first; no other opens with them."""
        owners = {self._owners.setdefault(key, scenario) for key in recipients.values()}
        return owners <= {scenario}

    def announced(self, scenario_uid: UUID) -> Announced:
        """Raises LogNotTrusted if the log does not know the demand."""
        found = self.demands.get(str(scenario_uid))
        if found is None or not found.announcements:
            raise LogNotTrusted("not_announced")
        return found

    def covers(self, event: Event, size: int) -> bool:
        """Whether the event's leaf lies under the first `size` leaves of the log read here."""
        leaf = Leaf.objects.filter(event_id=event.pk, index__lt=size).first()
        if leaf is None or bytes(leaf.data) != event_commitment(event):
            return False
        checkpoint = tiles.newest()
        if checkpoint is None:
            return False
        try:
            opened = open_checkpoint(checkpoint.note, self.vkeys)
            found = tiles.inclusion(leaf, checkpoint)
            path = [unbase64(item) for item in found["hashes"]]
            verify_inclusion(
                leaf_hash(bytes(leaf.data)), leaf.index, opened.size, path, opened.root
            )
        except (NotValid, ValueError):
            return False
        return True
