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
from marketplace.accounts.recovery.models import FactorReset
from marketplace.accounts.tokens.models import ApiToken
from marketplace.awards.challenges.models import MemberChallenge
from marketplace.awards.models import Award, Decision, Publicity
from marketplace.base.models import Count, Heartbeat, IdempotencyKey, Outage, OutboxJob
from marketplace.bidding.commitment import BidCommitment
from marketplace.bidding.consortia.models import ConsortiumChange, ConsortiumMember
from marketplace.bidding.failed.models import FailedOpening
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
from marketplace.bidding.record.models import OpeningRecord
from marketplace.bidding.returns.models import ReturnCertificate
from marketplace.committee.defence.models import DefenceSlot, PanelQuestion
from marketplace.committee.draw.models import (
    Draw,
    DrawCommitment,
    DrawDeposit,
    DrawInvitation,
    DrawPlace,
    DrawResult,
    RegisterEntry,
)
from marketplace.committee.fees.models import ExpertFee, FeeTable
from marketplace.committee.models import Panel, PanelMember, Ranking, Report, Score, Sheet
from marketplace.committee.signals.models import Signal
from marketplace.committee.signing.models import ReportWord
from marketplace.experts.importing.models import ExpertImport
from marketplace.experts.models import Expert, Interest
from marketplace.files.models import AccessDay, AccessRecord, Upload
from marketplace.files.signing.models import ScanCheck, Signature, SignedScan
from marketplace.indicators.models import Indicator, OpenDemand
from marketplace.indicators.tallies import DemandTally
from marketplace.ledger.log.models import (
    Anchor,
    Checkpoint,
    Cosignature,
    Leaf,
    LogCheck,
    LogTile,
    PublishedKey,
)
from marketplace.ledger.models import Event, PendingEvent, Receipt
from marketplace.notices.models import Notice
from marketplace.races.attempts.models import (
    Attempt,
    AttemptLine,
    EvaluationTurn,
    FullResult,
    Run,
)
from marketplace.races.course.models import Course, CourseFile
from marketplace.races.models import (
    AgreementAcceptance,
    Entrant,
    Heat,
    HeatEntry,
    Race,
    RaceAgreement,
    RaceDesign,
    ShortlistNotice,
)
from marketplace.scenarios.amendments.models import Amendment
from marketplace.scenarios.attachments import Attachment
from marketplace.scenarios.batches.models import Batch, BatchDemand, BatchTask, TaskReport
from marketplace.scenarios.demonstration.models import (
    Demonstration,
    DemonstrationOpinion,
    DemonstrationSeat,
)
from marketplace.scenarios.disclosure.models import RestrictedText
from marketplace.scenarios.documents.models import DocumentCheck, GateDocument
from marketplace.scenarios.likeness.models import Likeness, LikenessAnswer
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
)
from marketplace.scenarios.questions.models import Answer, Asker, Question, Reply
from marketplace.scenarios.reference import OfficialCalendar, RuleProfile, Term
from marketplace.scenarios.releases.models import ReleaseAnswer, ReleaseRequest
from marketplace.scenarios.saved.models import Find, Finding, SavedSearch
from marketplace.scenarios.search.facts import FactTally
from marketplace.scenarios.search.models import SearchEntry, SearchWord, Synonym
from marketplace.scenarios.suspensions.models import Suspension
from marketplace.scenarios.tallies import BoardTally
from marketplace.scenarios.undertakings import Undertaking
from marketplace.scenarios.watching.calendars import CalendarAddress
from marketplace.scenarios.watching.models import Watch
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
    "AgreementAcceptance",
    "Amendment",
    "Anchor",
    "Answer",
    "ApiToken",
    "Approach",
    "Asker",
    "Attachment",
    "Attempt",
    "AttemptLine",
    "Award",
    "Batch",
    "BatchDemand",
    "BatchTask",
    "Bid",
    "BidCommitment",
    "BidVersion",
    "BoardTally",
    "CalendarAddress",
    "Checkpoint",
    "Condition",
    "ConsortiumChange",
    "ConsortiumMember",
    "Control",
    "Cosignature",
    "Count",
    "Course",
    "CourseFile",
    "Criterion",
    "Decision",
    "DefenceSlot",
    "DemandTally",
    "Demonstration",
    "DemonstrationOpinion",
    "DemonstrationSeat",
    "DocumentCheck",
    "Draw",
    "DrawCommitment",
    "DrawDeposit",
    "DrawInvitation",
    "DrawPlace",
    "DrawResult",
    "EligibilityCheck",
    "EndedRole",
    "Entrant",
    "EnvelopeKey",
    "EvaluationTurn",
    "Event",
    "Expert",
    "ExpertFee",
    "ExpertImport",
    "FactTally",
    "FactorReset",
    "FailedOpening",
    "FeeTable",
    "Find",
    "Finding",
    "FullResult",
    "GateDocument",
    "Grant",
    "Heartbeat",
    "Heat",
    "HeatEntry",
    "IdempotencyKey",
    "Indicator",
    "Inspection",
    "InspectionEnd",
    "InspectionSubject",
    "Interest",
    "Invitation",
    "Leaf",
    "Likeness",
    "LikenessAnswer",
    "LogCheck",
    "LogTile",
    "MemberChallenge",
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
    "OpeningRecord",
    "Organisation",
    "OrganisationRelation",
    "Outage",
    "OutboxJob",
    "Panel",
    "PanelMember",
    "PanelQuestion",
    "PaymentNode",
    "PendingEvent",
    "PersonRole",
    "Pledge",
    "PledgeText",
    "Publication",
    "Publicity",
    "PublishedKey",
    "Question",
    "Race",
    "RaceAgreement",
    "RaceDesign",
    "Ranking",
    "Receipt",
    "RegisterEntry",
    "ReleaseAnswer",
    "ReleaseRequest",
    "Reply",
    "Report",
    "ReportWord",
    "RestrictedText",
    "ReturnCertificate",
    "RuleProfile",
    "Run",
    "SavedSearch",
    "ScanCheck",
    "Scenario",
    "ScenarioNote",
    "Score",
    "SealedEnvelope",
    "SealedPackage",
    "SearchEntry",
    "SearchWord",
    "Sheet",
    "ShortlistNotice",
    "Signal",
    "Signature",
    "SignedScan",
    "Suspension",
    "Synonym",
    "TaskReport",
    "Term",
    "Tip",
    "TipAnswer",
    "Undertaking",
    "Upload",
    "User",
    "Verification",
    "Watch",
]
