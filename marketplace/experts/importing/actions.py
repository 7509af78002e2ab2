"""A spreadsheet of experts in two steps: a preview that is kept, and its taking over as previewed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict
from datetime import date
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Lower
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from marketplace.accounts.models import User
from marketplace.base import clock
from marketplace.base.actor import Actor
from marketplace.base.canonical import digest, plain
from marketplace.base.errors import Gone, Invalid, NotFound, Stale, StateConflict
from marketplace.base.locks import lock
from marketplace.base.rules import require
from marketplace.base.states import move
from marketplace.base.texts import read_all, text
from marketplace.experts.actions.interests import INTERESTS_MOST, tie_of
from marketplace.experts.actions.pool import FIELDS, admit, fill
from marketplace.experts.importing.models import ExpertImport, ImportState
from marketplace.experts.importing.reading import (
    DAYS,
    EXPERT,
    TIE,
    Fault,
    Line,
    Table,
    Words,
    read_tables,
)
from marketplace.experts.models import Expert
from marketplace.experts.rules import can_import_experts
from marketplace.ledger.actions import append
from marketplace.ledger.models import Audience

KEYS = ("email", "number")


@transaction.atomic
def preview_import(
    *, actor: Actor, tables: list[Table], file_sha256: str, specialties: Words
) -> ExpertImport:
    """Read the tables of a file and keep what they would do; nothing of the pool is written.

    specialties: {code: its words}, from the vocabulary. An earlier preview of the same person is
    dropped. Raises Invalid where no row of the form is found.
    """
    require(can_import_experts, actor, None)
    found = read_tables(tables, today=clock.today(), specialties=specialties)
    if not found.people and not found.ties and not found.faults:
        sentence = _("Nothing of the form was found in this file, or nothing is filled in.")
        raise Invalid(errors={"file": [sentence]})
    people = _people(actor, found.people, found.faults)
    ties = _ties(found.ties, people, found.faults)
    earlier = ExpertImport.objects.filter(created_by=actor.user_id, state=ImportState.PREVIEWED)
    for row in earlier.select_for_update().order_by("pk"):
        _close(row, ImportState.DROPPED)
    faults = sorted(found.faults, key=lambda fault: (fault.table, fault.row))
    rows = plain({"people": people, "ties": ties})
    return ExpertImport.objects.create(
        file_sha256=file_sha256,
        rows_sha256=digest(rows).hex(),
        rows=rows,
        faults=[asdict(fault) for fault in faults],
        created_by=actor.person,
    )


def _people(actor: Actor, lines: list[Line], faults: list[Fault]) -> list[dict[str, Any]]:
    """The rows with the entries of the pool that they meet, by address or number. Two queries."""
    emails = {line.values["email"].lower() for line in lines} - {""}
    numbers = {line.values["number"] for line in lines} - {""}
    entries = Expert.objects.select_related("user")
    by_number = {row.number: row for row in entries.filter(number__in=numbers)}
    users = User.objects.annotate(low=Lower("email")).filter(low__in=emails)
    by_email = {user.low: user for user in users.select_related("expert")}
    rows = []
    for line in lines:
        values = line.values
        user = by_email.get(values["email"].lower())
        met = by_number.get(values["number"]) if values["number"] else None
        mine: Expert | None = getattr(user, "expert", None)
        entry = met or mine
        sentence = ""
        if met is not None and values["email"] and met != mine:
            sentence = _("The number belongs to the entry of another address.")
        elif entry is None and not values["email"]:
            sentence = _("No entry has this number; a new one needs an e-mail address.")
        elif actor.user_id in {user and user.pk, entry and entry.user_id}:
            sentence = _("Nobody gives such a role to themselves.")
        if sentence:
            faults.append(Fault(EXPERT, line.row, "", sentence))
            continue
        met_name = entry.user.name if entry else user.name if user else ""
        found = {"expert": entry.uid, "revision": entry.revision} if entry else {"expert": None}
        rows.append({"row": line.row, **values, **found, "stands": met_name})
    return rows


def _ties(
    lines: list[Line], people: list[dict[str, Any]], faults: list[Fault]
) -> list[dict[str, Any]]:
    """Ties belong to a row of the file, or else to an entry of the pool. Two queries."""
    of_file = {person[key].lower(): person["row"] for person in people for key in KEYS}
    emails = {line.values["email"].lower() for line in lines} - {""}
    numbers = {line.values["number"] for line in lines} - {""}
    pool = Expert.objects.annotate(low=Lower("user__email")).filter(low__in=emails)
    of_pool = dict(pool.values_list("low", "uid"))
    numbered = Expert.objects.filter(number__in=numbers).values_list("number", "uid")
    of_pool |= {number.lower(): uid for number, uid in numbered}
    rows = []
    for line in lines:
        key = (line.values["email"] or line.values["number"]).lower()
        if key not in of_file and key not in of_pool:
            sentence = _("Nobody of this file or of the pool has this address or number.")
            faults.append(Fault(TIE, line.row, "", sentence))
            continue
        whose = {"of_row": of_file.get(key), "expert": of_pool.get(key)}
        rows.append({"row": line.row, **line.values, **whose})
    return rows


@transaction.atomic
def confirm_import(
    *, actor: Actor, import_uid: UUID, skip: Collection[int], consent_number: str
) -> ExpertImport:
    """Take over what was previewed, but for the rows that are skipped; all of it or nothing.

    consent_number: under which the office keeps the people's agreement. Raises Gone for a preview
    that is too old, Stale when an entry changed since it was shown, StateConflict when somebody
    joined the pool meanwhile, Invalid.
    """
    if not ExpertImport.objects.visible_to(actor).filter(uid=import_uid).exists():
        raise NotFound
    row = lock(ExpertImport, uid=import_uid)
    require(can_import_experts, actor, None)
    if row.state != ImportState.PREVIEWED:
        raise StateConflict(
            gettext_lazy("This preview was taken over or dropped."), code="import.over"
        )
    if row.is_over(clock.now()):
        sentence = gettext_lazy("This preview is older than a day. Send the file again.")
        raise Gone(sentence, code="import.expired")
    clean = read_all(
        {"consent_number": text(120)}, {"consent_number": consent_number}, needed=["consent_number"]
    )
    assert row.rows is not None, "a preview holds its rows"
    experts: dict[int, Expert] = {}
    for person in row.rows["people"]:
        if person["row"] not in skip:
            experts[person["row"]] = _take(actor, row, _dated(person))
    for tie in row.rows["ties"]:
        _tie(actor, row, _dated(tie), experts)
    row.consent_number = clean["consent_number"]
    subjects = [expert.uid for expert in experts.values()]
    _close(row, ImportState.CONFIRMED, "consent_number", "added", "updated", "ties_added")
    append(
        "expert_import.confirmed",
        actor=actor,
        subjects=[*subjects, row.uid],
        audience=Audience.OFFICE,
        from_state=ImportState.PREVIEWED,
        to_state=row.state,
        data={
            "file_sha256": row.file_sha256,
            "rows_sha256": row.rows_sha256,
            "added": row.added,
            "updated": row.updated,
            "ties": row.ties_added,
            "skipped": sorted(skip),
        },
    )
    return row


def _take(actor: Actor, row: ExpertImport, person: dict[str, Any]) -> Expert:
    if person["expert"] is None:
        row.added += 1
        return admit(actor, person)
    expert = lock(Expert, uid=person["expert"])
    if expert.revision != person["revision"]:
        raise Stale
    # What the file leaves empty stays as it is.
    since = expert.field_from_year
    stands = {name: getattr(expert, name) for name in FIELDS if name != "field_from_year"}
    said = {name: person[name] for name in stands if person[name] not in ("", None, [])}
    fill(expert, person | stands | said)
    if person["years"] is None:
        expert.field_from_year = since
    expert.revision += 1
    expert.save()
    row.updated += 1
    return expert


def _tie(
    actor: Actor, row: ExpertImport, tie: dict[str, Any], experts: Mapping[int, Expert]
) -> None:
    """One tie more, unless the same stands; of a person who was skipped nothing is written."""
    expert = experts.get(tie["of_row"])
    if expert is None:
        if tie["of_row"] is not None or tie["expert"] is None:
            return
        expert = lock(Expert, uid=tie["expert"])
    fresh = tie_of(expert, tie, actor)
    rows = expert.interests.standing()
    same = rows.filter(
        kind=fresh.kind,
        relation=fresh.relation,
        organisation=fresh.organisation,
        party_name=fresh.party_name,
        from_date=fresh.from_date,
        until_date=fresh.until_date,
    )
    if same.exists() or rows.count() >= INTERESTS_MOST:
        return
    fresh.save(force_insert=True)
    row.ties_added += 1


def _dated(values: dict[str, Any]) -> dict[str, Any]:
    return {
        name: date.fromisoformat(value) if name in DAYS and value else value
        for name, value in values.items()
    }


def _close(row: ExpertImport, state: ImportState, *also: str) -> None:
    row.rows = row.faults = None
    row.decided_at = clock.now()
    move(row, state, also=("rows", "faults", "decided_at", *also))
