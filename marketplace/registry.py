"""What upper rooms register with lower ones: projections, outbox handlers, the worker's nudge."""

from importlib import import_module

REGISTER = (
    "marketplace.scenarios.projections",
    "marketplace.indicators.projections",
    "marketplace.notices.handlers",
    "marketplace.tasks",
)


def connect() -> None:
    for name in REGISTER:
        import_module(name)
