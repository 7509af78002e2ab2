from decimal import Decimal

import pytest

from marketplace.committee.models import PanelState
from marketplace.scenarios.models import State
from tests.committee import factories

pytestmark = pytest.mark.django_db


def test_from_appointment_to_report():
    scenario = factories.scenario_in_review(2)
    panel, _judges = factories.scored(scenario, {"B1": Decimal("0.9"), "B2": Decimal("0.7")})
    assert panel.state == PanelState.PRICE
    assert scenario.openings.filter(stage="price").count() == 1


def test_reported():
    scenario = factories.reported()
    assert scenario.state == State.DECISION
    rows = [(r.bid.blind_code, r.place, r.total) for r in scenario.report.ranking.order_by("pk")]
    assert rows == [("B1", 1, Decimal("91.00")), ("B2", 2, Decimal("86.38"))]
