"""The opening record as a paper, made from the signed document alone."""

from __future__ import annotations

import hashlib
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils.translation import override

from marketplace.base.printing import beijing, dated, printed
from marketplace.ledger.verify import unbase64

STAGES = {
    "first": {"zh": "资格与商务、技术暗标", "en": "Business and technical envelopes"},
    "price": {"zh": "报价", "en": "Price envelopes"},
}
ENVELOPES = {
    "business": {"zh": "资格与商务", "en": "Business"},
    "technical": {"zh": "技术暗标", "en": "Technical"},
    "price": {"zh": "报价", "en": "Price"},
}
OUTCOMES = {
    "opened": {"zh": "已打开", "en": "Opened"},
    "bidder_fault": {"zh": "未能打开，揭榜方责任", "en": "Not opened, the bidder's fault"},
    "platform_fault": {"zh": "未能打开，平台责任", "en": "Not opened, the platform's fault"},
}


def pdf(document: dict[str, Any]) -> bytes:
    """document: as `queries.document` gives it, with `persons` or without."""
    return printed("opening_record", values(document))


def values(document: dict[str, Any]) -> dict[str, Any]:
    said = document["receipt"]
    names = [row["name"] for row in document.get("persons") or ()]
    return {
        **{name: said[name] for name in ("title", "title_en", "time_source", "rule", "statement")},
        **{name: beijing(said[name]) for name in ("deadline_at", "requested_at", "confirmed_at")},
        **proof(document, "opening-record", said["scenario_ref"], said["stage"]),
        "ref": said["scenario_ref"],
        "stage": STAGES[said["stage"]],
        "finished_at": beijing(said["finished_at"]),
        "date": dated(said["finished_at"]),
        "closing_tree_size": said["closing_tree_size"] or "—",
        "never": never(said.get("never")),
        "needed": said["confirmations_needed"],
        "confirmations": [
            {
                "name": names[place] if names else None,
                "confirmed_at": beijing(row["confirmed_at"]),
                "tree_size": str(row["tree_size"] or "—"),
            }
            for place, row in enumerate(said["confirmations"])
        ],
        "bids": [bid(row) for row in said["bids"]],
    }


def never(row: dict[str, Any] | None) -> dict[str, Any] | None:
    """Why this opening can never happen, with its times as they are read."""
    return row and row | {name: beijing(row[name]) for name in ("declared_at", "agreed_at")}


def proof(document: dict[str, Any], page: str, *place: Any) -> dict[str, str]:
    """Where the signed data lie, and what they are known by."""
    with override(settings.LANGUAGE_CODE):
        return {
            "address": settings.SITE_URL + reverse(page, args=place),
            "verify": settings.SITE_URL + reverse("verify"),
            "sha256": hashlib.sha256(unbase64(document["signed_text"])).hexdigest(),
            "key_id": document["key_id"],
        }


def bid(row: dict[str, Any]) -> dict[str, Any]:
    return {
        **{name: row[name] for name in ("name", "name_en", "uscc", "version", "receipt_sha256")},
        "received_at": beijing(row["received_at"]),
        "outcome": OUTCOMES[row["outcome"]],
        "price": row.get("price_cny"),
        "envelopes": [
            {
                "name": ENVELOPES[sealed["envelope"]],
                "sha256": sealed["sha256"] or "—",
                "size": str(sealed["size"] or "—"),
                "outcome": OUTCOMES[sealed["outcome"]],
                "why": sealed["why"],
            }
            for sealed in row["envelopes"]
        ],
    }
