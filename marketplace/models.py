"""The registry of the rooms' models: Django finds them here."""

from marketplace.accounts.invitations.models import Invitation
from marketplace.accounts.members.models import EndedRole
from marketplace.accounts.models import (
    Control,
    Grant,
    Membership,
    Organisation,
    PersonRole,
    User,
)
from marketplace.accounts.organisations.models import OrganisationRelation, Verification
from marketplace.accounts.pledges import Pledge, PledgeText
from marketplace.accounts.tokens.models import ApiToken
from marketplace.awards.models import Award, Decision, Publicity
from marketplace.base.models import Count, Heartbeat, IdempotencyKey, OutboxJob
from marketplace.bidding.models import (
    Bid,
    BidVersion,
    EligibilityCheck,
    OpenedEnvelope,
    OpenedFile,
    Opening,
    OpeningConfirmation,
    SealedEnvelope,
    SealedPackage,
)
from marketplace.committee.models import Panel, PanelMember, Ranking, Report, Score, Sheet
from marketplace.experts.models import Expert, Interest
from marketplace.files.models import AccessDay, AccessRecord, Upload
from marketplace.indicators.models import Indicator, OpenDemand
from marketplace.ledger.models import Event, PendingEvent, Receipt
from marketplace.notices.models import Notice
from marketplace.scenarios.models import (
    Condition,
    Criterion,
    EnvelopeKey,
    Metric,
    Milestone,
    PaymentNode,
    Publication,
    Scenario,
    ScenarioNote,
    SearchEntry,
)
from marketplace.scenarios.reference import OfficialCalendar, RuleProfile, Term
from marketplace.supervision.models import (
    Approach,
    Inspection,
    InspectionEnd,
    InspectionSubject,
    Tip,
    TipAnswer,
)

__all__ = [
    "AccessDay",
    "AccessRecord",
    "ApiToken",
    "Approach",
    "Award",
    "Bid",
    "BidVersion",
    "Condition",
    "Control",
    "Count",
    "Criterion",
    "Decision",
    "EligibilityCheck",
    "EndedRole",
    "EnvelopeKey",
    "Event",
    "Expert",
    "Grant",
    "Heartbeat",
    "IdempotencyKey",
    "Indicator",
    "Inspection",
    "InspectionEnd",
    "InspectionSubject",
    "Interest",
    "Invitation",
    "Membership",
    "Metric",
    "Milestone",
    "Notice",
    "OfficialCalendar",
    "OpenDemand",
    "OpenedEnvelope",
    "OpenedFile",
    "Opening",
    "OpeningConfirmation",
    "Organisation",
    "OrganisationRelation",
    "OutboxJob",
    "Panel",
    "PanelMember",
    "PaymentNode",
    "PendingEvent",
    "PersonRole",
    "Pledge",
    "PledgeText",
    "Publication",
    "Publicity",
    "Ranking",
    "Receipt",
    "Report",
    "RuleProfile",
    "Scenario",
    "ScenarioNote",
    "Score",
    "SealedEnvelope",
    "SealedPackage",
    "SearchEntry",
    "Sheet",
    "Term",
    "Tip",
    "TipAnswer",
    "Upload",
    "User",
    "Verification",
]
