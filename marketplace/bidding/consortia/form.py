"""What no schema can say of a consortium. Pure: a client holds the same rules before it seals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

Fault = tuple[str, str, dict[str, str]]


def consortium_faults(
    form: dict[str, Any], uscc: str, file_names: Sequence[str]
) -> Iterator[Fault]:
    """(path within the business form, code, values) of each fault; none where it bids alone.

    form: a business form that fits bid-1.json; uscc: of the bidder, who leads; file_names: of the
    files in the same envelope. Codes: named_twice, shares_sum (of the whole consortium, in exact
    hundredths of a percent; `sum` is what they add up to), agreement_file.
    """
    met = {uscc}
    for place, member in enumerate(form["consortium"]):
        if member["uscc"] in met:
            yield f"consortium.{place}.uscc", "named_twice", {}
        met.add(member["uscc"])
    if not form["consortium"]:
        return
    shares = [form["lead_share_percent"], *(row["share_percent"] for row in form["consortium"])]
    whole = sum(map(Decimal, shares))
    if whole != 100:
        yield "lead_share_percent", "shares_sum", {"sum": f"{whole:.2f}"}
    if form["consortium_agreement"] not in file_names:
        yield "consortium_agreement", "agreement_file", {}
