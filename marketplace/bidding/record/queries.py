"""Reading opening records: the same signed text for everybody, with names for who took part."""

from __future__ import annotations

from typing import Any

from marketplace.base.actor import Actor
from marketplace.bidding.record.models import OpeningRecord
from marketplace.ledger import receipts
from marketplace.scenarios.models import Scenario


def records(actor: Actor, scenario: Scenario) -> list[OpeningRecord]:
    """First stage first. One query."""
    rows = OpeningRecord.objects.visible_to(actor).filter(opening__scenario=scenario)
    return list(rows.select_related("opening", "receipt").order_by("pk"))


def record_of(actor: Actor, scenario: Scenario, stage: str) -> OpeningRecord | None:
    rows = OpeningRecord.objects.visible_to(actor)
    rows = rows.filter(opening__scenario=scenario, opening__stage=stage)
    return rows.select_related("opening", "receipt").first()


def took_part(actor: Actor, record: OpeningRecord) -> bool:
    rows = OpeningRecord.objects.filter(OpeningRecord.objects.all().of_participants(actor))
    return rows.filter(pk=record.pk).exists()


def document(actor: Actor, record: OpeningRecord) -> dict[str, Any]:
    """A receipt that verify.py reads. Who took part finds the key holders' names beside it.

    persons: [{name, salt}] in the order of the signed confirmations, whose `name_hash` is the HMAC
    SHA-256 of the name under the salt; the name is empty where the person has been blanked since.
    """
    told = receipts.document(record.receipt)
    return told | {"persons": persons(record)} if took_part(actor, record) else told


def persons(record: OpeningRecord) -> list[dict[str, str]]:
    names = dict(record.opening.confirmations.values_list("user_id", "user__name"))
    return [{"name": names.get(row["user"], ""), "salt": row["salt"]} for row in record.salts]
