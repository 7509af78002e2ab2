"""What a vendor has won, as everybody may know: each figure is the list behind it.

Nothing of it is told before the publicity, and nothing ever of what was not won.
"""

from __future__ import annotations

from collections.abc import Callable

from django.db.models import QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from marketplace.accounts.models import Organisation
from marketplace.awards.models import DecisionState
from marketplace.base.actor import VISITOR
from marketplace.scenarios.models import Scenario, State
from marketplace.scenarios.owner_record import Figure

Rows = QuerySet[Scenario]


def _of(vendor: Organisation, *states: DecisionState) -> Rows:
    """Demands for which this organisation, alone or as a lead, stands in a public decision."""
    rows = Scenario.objects.visible_to(VISITOR).filter(
        decisions__bid__organisation=vendor,
        decisions__state__in=states,
        decisions__publicity__isnull=False,
    )
    return rows.order_by("-published_at", "-pk")


def won(vendor: Organisation) -> Rows:
    return _of(vendor, DecisionState.CONFIRMED)


def proposed(vendor: Organisation) -> Rows:
    return _of(vendor, DecisionState.PUBLICISED)


def delivered(vendor: Organisation) -> Rows:
    return won(vendor).filter(state=State.ACCEPTED)


FIGURES: dict[str, tuple[str | Promise, Callable[[Organisation], Rows]]] = {
    "won": (_("Awards"), won),
    "proposed": (_("In publicity as the winner"), proposed),
    "delivered": (_("Delivered and accepted"), delivered),
}


def track_record(vendor: Organisation) -> list[Figure]:
    """One query a figure, however many demands there are."""
    return [Figure(name, label, rows(vendor).count()) for name, (label, rows) in FIGURES.items()]
