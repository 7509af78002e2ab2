from marketplace.committee.actions.consortia import decide_consortium_change
from marketplace.committee.actions.corrections import correct_sheet
from marketplace.committee.actions.panel import (
    declare_against_bidders,
    declare_interest,
    recuse_member,
)
from marketplace.committee.actions.report import finish_review
from marketplace.committee.actions.scoring import lock_sheet, save_scores, start_scoring
from marketplace.committee.fees.actions import record_fee
from marketplace.committee.signing.actions import sign_report
from marketplace.committee.signing.scans import (
    check_report_scan,
    file_report_scan,
    file_small_scan,
)

__all__ = [
    "check_report_scan",
    "correct_sheet",
    "decide_consortium_change",
    "declare_against_bidders",
    "declare_interest",
    "file_report_scan",
    "file_small_scan",
    "finish_review",
    "lock_sheet",
    "record_fee",
    "recuse_member",
    "save_scores",
    "sign_report",
    "start_scoring",
]
