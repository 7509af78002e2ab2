"""One demand after its publication, on its pages alone: from a change to another round."""

from datetime import timedelta

import pytest
from django.test import Client

from marketplace.scenarios.actions import close_scenario
from marketplace.scenarios.models import Scenario, State
from marketplace.scenarios.questions.models import Question
from tests import world
from tests.files.sending import signed_in
from tests.notices.steps import deliver
from tests.scenarios.amendments.test_amendments import demand
from tests.scenarios.amendments.test_pages import typed
from tests.web.asking import text

pytestmark = pytest.mark.django_db


def sent(actor, address, given):
    answer = signed_in(actor).post(address, given)
    assert answer.status_code == 302, text(answer)
    return answer


def test_the_way_of_a_demand_after_its_publication(clock):
    owner, officer, vendor = world.owner(), world.officer(), world.vendor()
    scenario = demand(owner, profile=world.profile("A", 2))
    home = f"/en/scenarios/{scenario.ref}/"
    given = typed(scenario, need="需要实时检测。", reason="说明不够清楚。")
    sent(owner, f"{home}amend/", given)
    row = scenario.amendments.get()
    sent(officer, f"{home}amendments/", {"do": "publish", "amendment": str(row.uid)})
    sent(vendor, f"{home}questions/", {"do": "ask", "text": "样本由谁提供？"})
    asked = Question.objects.get()
    told = {"do": "answer", "questions": [str(asked.uid)], "text": "由需求方提供。"}
    sent(owner, f"{home}questions/", told)
    sent(officer, f"{home}standstill/", {"do": "suspend", "reason": "异议待核实。"})
    assert "Suspended" in text(Client().get(home))
    clock.move(timedelta(days=2))
    sent(officer, f"{home}standstill/", {"do": "resume", "reason": "已核实。"})
    before = scenario.deadline_at
    scenario.refresh_from_db()
    assert scenario.deadline_at >= before + timedelta(days=2)
    clock.freeze(scenario.deadline_at)
    close_scenario(scenario_uid=scenario.uid)
    deliver()
    scenario.refresh_from_db()
    assert (scenario.state, scenario.failure) == (State.FAILED, "no_bids")
    assert "No bid stood at the deadline." in text(Client().get(home))
    sent(owner, f"{home}relist/", {"parts": "1"})
    draft = Scenario.objects.get(root=scenario)
    assert (draft.state, draft.need) == (State.DRAFT, "需要实时检测。")
    history = text(Client().get(f"{home}history/"))
    for sentence in (
        "The demand was amended; the change is numbered and shown.",
        "Questions were answered, to everybody.",
        "The office suspended the demand; no bid is taken.",
        "The demand goes on; bids are taken again.",
        "The demand failed: there will be no award.",
    ):
        assert sentence in history
    record = text(Client().get(f"/en/organisations/{owner.organisation.uid}/record/failed/"))
    assert scenario.ref in record
