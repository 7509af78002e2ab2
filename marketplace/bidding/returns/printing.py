"""The certificate of return as a paper, made from the signed document alone."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from marketplace.base.printing import beijing, dated, printed
from marketplace.bidding.record.printing import proof

KINDS = {
    "returned": {"zh": "退还", "en": "Returned"},
    "blocked": {"zh": "留存停用", "en": "Kept, closed to use"},
    "destroyed": {"zh": "销毁", "en": "Destroyed"},
}


def pdf(uid: UUID, document: dict[str, Any]) -> bytes:
    said = document["receipt"]
    return printed(
        "return_certificate",
        {
            **{name: said[name] for name in ("title", "name", "uscc", "note", "statement")},
            **proof(document, "return-certificate", uid),
            "ref": said["scenario_ref"],
            "kind": KINDS[said["kind"]],
            "certified_at": beijing(said["certified_at"]),
            "retain_until": beijing(said["retain_until"]) if said["retain_until"] else None,
            "date": dated(said["certified_at"]),
            "contents": [{**row, "size": str(row["size"])} for row in said["contents"]],
        },
    )
