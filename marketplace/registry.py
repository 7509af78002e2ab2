"""What upper rooms register with lower ones: projections, outbox handlers, the nudge."""

from importlib import import_module

REGISTER = (
    "marketplace.scenarios.projections",
    "marketplace.bidding.projections",
    "marketplace.indicators.projections",
    "marketplace.tasks",
)


def connect() -> None:
    for name in REGISTER:
        import_module(name)
