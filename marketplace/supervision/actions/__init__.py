from marketplace.supervision.actions.approaches import register_approach
from marketplace.supervision.actions.inspections import end_inspection, request_inspection
from marketplace.supervision.actions.tips import Sent, answer_tip, send_tip

__all__ = [
    "Sent",
    "answer_tip",
    "end_inspection",
    "register_approach",
    "request_inspection",
    "send_tip",
]
