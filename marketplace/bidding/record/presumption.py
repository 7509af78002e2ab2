"""When bids fail alike: the same failure of several bidders is presumed to be the platform's.

A bidder who seals to a wrong key fails alone. Where the bids of different bidders fail the same way
while they are decrypted, the likelier cause is what they have in common: the published key, the
page, the packer or the opener. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

# The step of decryption: nothing of what is inside has been seen yet.
DECRYPTION = frozenset({"not_age", "stanzas", "undecryptable"})
ALIKE = 2


class Failure(NamedTuple):
    bidder: int
    envelope: str
    reason: str


def presumed(failures: Iterable[Failure]) -> set[Failure]:
    """Those that are presumed to be the platform's fault: alike in envelope and reason."""
    alike: dict[tuple[str, str], set[int]] = {}
    counted = {failure for failure in failures if failure.reason in DECRYPTION}
    for bidder, envelope, reason in counted:
        alike.setdefault((envelope, reason), set()).add(bidder)
    return {one for one in counted if len(alike[one.envelope, one.reason]) >= ALIKE}
