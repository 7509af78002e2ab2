from marketplace.experts.actions.interests import add_interest, end_interest, strike_interest
from marketplace.experts.actions.pool import (
    confirm_record,
    edit_expert,
    lift_suspension,
    register_expert,
    suspend_expert,
)
from marketplace.experts.importing.actions import confirm_import, preview_import

__all__ = [
    "add_interest",
    "confirm_import",
    "confirm_record",
    "edit_expert",
    "end_interest",
    "lift_suspension",
    "preview_import",
    "register_expert",
    "strike_interest",
    "suspend_expert",
]
