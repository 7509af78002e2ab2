from marketplace.committee.actions.consortia import decide_consortium_change
from marketplace.committee.actions.corrections import correct_sheet
from marketplace.committee.actions.panel import (
    declare_interest,
    recuse_member,
)
from marketplace.committee.actions.report import finish_review
from marketplace.committee.actions.scoring import lock_sheet, save_scores, start_scoring

__all__ = [
    "correct_sheet",
    "decide_consortium_change",
    "declare_interest",
    "finish_review",
    "lock_sheet",
    "recuse_member",
    "save_scores",
    "start_scoring",
]
