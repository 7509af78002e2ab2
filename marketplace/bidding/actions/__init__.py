from marketplace.bidding.actions.commitments import commit_hashes
from marketplace.bidding.actions.eligibility import (
    check_condition,
    conclude_eligibility,
    start_eligibility,
)
from marketplace.bidding.actions.opening import (
    confirm_opening,
    fail_thin_listing,
    request_first_opening,
    request_price_opening,
)
from marketplace.bidding.actions.packages import (
    assemble_package,
    discard_stale_packages,
)
from marketplace.bidding.actions.submission import (
    submit_bid,
    submit_package,
    submit_sealed_bid,
    withdraw_bid,
)

__all__ = [
    "assemble_package",
    "check_condition",
    "commit_hashes",
    "conclude_eligibility",
    "confirm_opening",
    "discard_stale_packages",
    "fail_thin_listing",
    "request_first_opening",
    "request_price_opening",
    "start_eligibility",
    "submit_bid",
    "submit_package",
    "submit_sealed_bid",
    "withdraw_bid",
]
