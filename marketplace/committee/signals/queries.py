from __future__ import annotations

from marketplace.base.actor import Actor
from marketplace.base.errors import NotFound
from marketplace.base.rules import require_confidentiality
from marketplace.committee.models import Panel
from marketplace.committee.rules import can_see_signals
from marketplace.committee.signals.models import Signal
from marketplace.scenarios.models import Scenario


def signals_of(actor: Actor, scenario: Scenario) -> list[Signal]:
    """In the order of their kinds. Raises NotFound for whoever may not know of them."""
    panel = Panel.objects.filter(scenario=scenario).select_related("scenario__organisation").first()
    if panel is None or not can_see_signals(actor, panel):
        raise NotFound
    require_confidentiality(actor)
    rows = Signal.objects.visible_to(actor).filter(panel=panel)
    return list(rows.order_by("kind", "blind_code", "judges", "pk"))
