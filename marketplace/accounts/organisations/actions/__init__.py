from marketplace.accounts.organisations.actions.profile import save_profile
from marketplace.accounts.organisations.actions.registration import (
    Registered,
    register_organisation,
    register_own_organisation,
)
from marketplace.accounts.organisations.actions.ties import (
    end_control,
    end_relation,
    state_control,
    state_relation,
)
from marketplace.accounts.organisations.actions.verification import (
    ask_verification,
    refuse_verification,
    verify_organisation,
)

__all__ = [
    "Registered",
    "ask_verification",
    "end_control",
    "end_relation",
    "refuse_verification",
    "register_organisation",
    "register_own_organisation",
    "save_profile",
    "state_control",
    "state_relation",
    "verify_organisation",
]
