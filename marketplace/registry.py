"""What upper rooms register with lower ones: projections, notices, handlers, the nudge."""

from importlib import import_module

REGISTER = (
    "marketplace.ledger.log.stamping",
    "marketplace.accounts.letters",
    "marketplace.accounts.tokens.projections",
    "marketplace.scenarios.projections",
    "marketplace.scenarios.serving",
    "marketplace.bidding.projections",
    "marketplace.indicators.projections",
    "marketplace.notices.handlers",
    "marketplace.notices.accounts",
    "marketplace.notices.invitations",
    "marketplace.experts.reminders",
    "marketplace.scenarios.notices",
    "marketplace.scenarios.questions.notices",
    "marketplace.scenarios.releases.notices",
    "marketplace.scenarios.amendments.notices",
    "marketplace.scenarios.batches.notices",
    "marketplace.bidding.notices",
    "marketplace.committee.seats",
    "marketplace.committee.notices",
    "marketplace.committee.signing.scans",
    "marketplace.committee.signals.computing",
    "marketplace.committee.draw.notices",
    "marketplace.committee.defence.notices",
    "marketplace.races.course.serving",
    "marketplace.races.attempts.notices",
    "marketplace.races.design.freezing",
    "marketplace.races.entry.notices",
    "marketplace.awards.notices",
    "marketplace.awards.challenges.notices",
    # After the rooms that tell the same events to whom they concern.
    "marketplace.scenarios.watching.notices",
    "marketplace.scenarios.saved.looking",
    "marketplace.scenarios.reminders",
    "marketplace.scenarios.demonstration.told",
    "marketplace.scenarios.questions.reminders",
    "marketplace.bidding.reminders",
    "marketplace.committee.reminders",
    "marketplace.races.entry.reminders",
    "marketplace.committee.draw.reminders",
    "marketplace.awards.reminders",
    "marketplace.awards.challenges.reminders",
    "marketplace.tasks",
)


def connect() -> None:
    for name in REGISTER:
        import_module(name)
