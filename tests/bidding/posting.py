"""What a browser sends for a complete bid to `world.published_scenario`."""

from __future__ import annotations

from typing import Any

from marketplace.scenarios.models import Scenario
from tests.bidding import bids


def posted(scenario: Scenario, **changes: Any) -> dict[str, Any]:
    forms = bids.forms()
    business, technical, price = forms["business"], forms["technical"], forms["price"]
    body: dict[str, Any] = {
        **{name: value for name, value in business.items() if isinstance(value, str)},
        **{name: value for name, value in technical.items() if isinstance(value, str)},
        **{name: value for name, value in price.items() if isinstance(value, str)},
        "accepts_terms": "on",
    }
    for part, rows in (
        ("team", business["team"]),
        ("consortium", business["consortium"]),
        ("plan", technical["plan"]),
    ):
        body |= {f"{part}-TOTAL_FORMS": len(rows), f"{part}-INITIAL_FORMS": 0}
        for place, row in enumerate(rows):
            body |= {f"{part}-{place}-{name}": value for name, value in row.items()}
    for code, statement in business["condition_statements"].items():
        body[f"statement_{code}"] = statement
    for code, value in technical["commitments"].items():
        body[f"commitment_{code}"] = value
    for place, node in enumerate(price["nodes"]):
        body[f"node_{place}"] = node["amount_cny"]
    return body | changes
