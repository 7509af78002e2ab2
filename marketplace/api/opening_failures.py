"""Openings that can never happen: declared by one officer, decided by another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from rest_framework import serializers as s

from marketplace.api.bids import UID_EXAMPLE
from marketplace.api.bodies import Body, Choice, Text, Uid
from marketplace.api.calls import calling
from marketplace.api.openings import OpeningDetail, opening_shown
from marketplace.base.actor import Actor
from marketplace.base.errors import NotFound
from marketplace.bidding.failed.actions import (
    confirm_failed_opening,
    declare_failed_opening,
    dismiss_failed_opening,
)
from marketplace.bidding.failed.models import FailedOpening, FailureCause
from marketplace.bidding.models import Opening


class FailureBody(Body):
    cause = Choice(FailureCause.values, help_text="What was lost.")
    lost = s.ListField(
        child=Uid(), required=False, max_length=20, help_text="For `holders`: whose keys."
    )
    reason = Text(2000, help_text="What happened and what was tried.")
    evidence_number = Text(120, help_text="Of the document that shows it.")
    evidence_sha256 = Text(64, help_text="Of the same, in hex.")


class FailureDecideBody(Body):
    failure = Uid(source="failure_uid", help_text="As the opening names it.")


FAILURE: dict[str, Any] = {
    "about": (Opening, "scenario__uid"),
    "scope": None,
    "shows": opening_shown,
    "answers": OpeningDetail,
    "proof": True,
}
OpeningFailureDeclare = calling(
    declare_failed_opening,
    "opening_uid",
    "openings_declare_failed",
    "Say that an opening can never happen",
    description="Keys are lost. Nothing ends before a second officer agrees; refused (409) while"
    " the opening could still happen.",
    takes=FailureBody,
    example={
        "cause": "master",
        "reason": "主密钥与三份备份分片均毁于火灾。",
        "evidence_number": "沪临消〔2026〕17号",
        "evidence_sha256": "0" * 64,
    },
    **FAILURE,
)


def deciding(action: Callable[..., FailedOpening], name: str, summary: str, **kept: Any) -> Any:
    """A second officer's word on what the body names; it must be of the opening in the address."""

    def decide(*, actor: Actor, opening_uid: UUID, failure_uid: UUID) -> FailedOpening:
        rows = FailedOpening.objects.visible_to(actor).filter(opening__uid=opening_uid)
        if not rows.filter(uid=failure_uid).exists():
            raise NotFound
        return action(actor=actor, failure_uid=failure_uid)

    return calling(decide, "opening_uid", name, summary, takes=FailureDecideBody, **kept, **FAILURE)


OpeningFailureConfirm = deciding(
    confirm_failed_opening,
    "openings_confirm_failed",
    "Agree that an opening can never happen",
    description="By another officer. The demand fails; its bids are void by no bidder's fault.",
    example={"failure": UID_EXAMPLE},
)
OpeningFailureDismiss = deciding(
    dismiss_failed_opening,
    "openings_dismiss_failed",
    "Do not agree that an opening can never happen",
    example={"failure": UID_EXAMPLE},
)
