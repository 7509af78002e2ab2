"""The schema of the bids to one demand, made from `schema/bid-1.json`: who seals checks by it.

It stands for itself, without files beside it, and refuses in shape what `envelope_faults` refuses.
What no schema can say (sums, the budget, who may be named) stands beside it as rules.
"""

from __future__ import annotations

import copy
import json
from functools import lru_cache
from typing import Any

from marketplace.bidding.forms_schema import SCHEMA_FILE, Demands, asked_in
from marketplace.scenarios.models import Envelope


def demand_schema(demands: Demands) -> dict[str, dict[str, Any]]:
    """{envelope: JSON Schema 2020-12}: every code of the demand is asked for, and no other."""
    return {str(envelope): envelope_schema(envelope, demands) for envelope in Envelope}


def envelope_schema(envelope: Envelope, demands: Demands) -> dict[str, Any]:
    whole = copy.deepcopy(bid_schema())
    schema = whole["$defs"][envelope]
    shared = {name: part for name, part in whole["$defs"].items() if name not in Envelope.values}
    part, codes = asked_in(envelope, demands)
    if part:
        answer = schema["properties"][part]["additionalProperties"]
        schema["properties"][part] = {
            "type": "object",
            "additionalProperties": False,
            "required": [*codes],
            "properties": dict.fromkeys(codes, answer),
        }
    if envelope == Envelope.BUSINESS:
        members = schema["properties"]["consortium"]
        members["maxItems"] = min(members["maxItems"], demands.consortium_max - 1)
    return {"$schema": whole["$schema"], **schema, "$defs": shared}


@lru_cache
def bid_schema() -> dict[str, Any]:
    read: dict[str, Any] = json.loads(SCHEMA_FILE.read_text("utf-8"))
    return read
