"""After the deadline: bytes whose hashes were committed before it, for as long as the profile says.

What is decided before the deadline asks nothing here. Profiles without `bytes_grace` grant nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.utils.translation import gettext_lazy as _

from marketplace.base.errors import Invalid
from marketplace.bidding.commitment import BidCommitment
from marketplace.bidding.models import BidVersion, VersionKind
from marketplace.bidding.sealing import SealedFile
from marketplace.bidding.windows import require_before_deadline, require_open, require_taking
from marketplace.scenarios.models import RuleProfile, Scenario, State


def require_open_or_committed(
    scenario: Scenario, organisation_id: int, now: datetime
) -> BidCommitment | None:
    """None before the deadline; after it the commitment by which bytes are still taken.

    scenario: locked at least shared by who writes a bid. Raises as `require_open`.
    """
    deadline = scenario.deadline_at
    if deadline is None or now < deadline or scenario.state != State.PUBLISHED:
        require_open(scenario, now)
        return None
    commitment = standing_commitment(scenario, organisation_id)
    if commitment is None or now >= deadline + granted(scenario) or withdrawn_since(commitment):
        require_before_deadline(scenario, now)
    require_taking(scenario)
    return commitment


def require_taken(
    scenario: Scenario, organisation_id: int, now: datetime, sealed: Iterable[SealedFile]
) -> BidCommitment | None:
    """The same, and after the deadline only for the very bytes that were committed."""
    commitment = require_open_or_committed(scenario, organisation_id, now)
    if commitment is not None:
        require_committed(commitment, sealed)
    return commitment


def granted(scenario: Scenario) -> timedelta:
    """By the whole profile: the deadline's statement has read only a part of it."""
    if scenario.profile_id is None:
        return timedelta(0)
    return RuleProfile.objects.get(pk=scenario.profile_id).bytes_grace


def standing_commitment(scenario: Scenario, organisation_id: int) -> BidCommitment | None:
    """The last one, which alone counts."""
    rows = BidCommitment.objects.filter(scenario=scenario, organisation_id=organisation_id)
    return rows.select_related("receipt").order_by("-number").first()


def withdrawn_since(commitment: BidCommitment) -> bool:
    """Whoever withdrew the bid after committing has said that nothing is to be opened."""
    return BidVersion.objects.filter(
        bid__scenario=commitment.scenario_id,
        bid__organisation=commitment.organisation_id,
        kind=VersionKind.WITHDRAWN,
        received_at__gte=commitment.committed_at,
    ).exists()


def require_committed(commitment: BidCommitment, sealed: Iterable[SealedFile]) -> None:
    """Raise Invalid unless these are the very bytes, envelope by envelope."""
    promised = {row["envelope"]: (row["sha256"], row["size"]) for row in commitment.envelopes}
    if promised != {file.envelope: (file.sha256, file.size) for file in sealed}:
        raise Invalid(
            _("After the deadline only the bytes are taken whose hashes were committed last."),
            code="bid.other_bytes",
        )
