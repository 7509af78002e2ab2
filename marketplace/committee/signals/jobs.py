from __future__ import annotations

from marketplace.base.queue import enqueue
from marketplace.committee.models import Panel

SIGNALS = "panel.signals"


def signals_due(panel: Panel) -> None:
    """Called in the transaction that locked or corrected something; the worker makes them."""
    enqueue(SIGNALS, panel_uid=str(panel.uid))
