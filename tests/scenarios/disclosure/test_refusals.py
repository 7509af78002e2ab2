"""What must not be posted stops a demand at every door, and nothing of it is kept."""

import pytest
from django.urls import reverse

from marketplace.base.errors import Invalid
from marketplace.ledger.models import Event
from marketplace.scenarios import actions, queries
from marketplace.scenarios.attachments import Access
from marketplace.scenarios.models import State
from marketplace.scenarios.questions import actions as asking
from tests import world
from tests.scenarios import files, typed

pytestmark = pytest.mark.django_db
ADDRESS = "网关为 10.20.30.40。"


def told(refused) -> dict[str, list[str]]:
    return {name: [str(one) for one in said] for name, said in refused.value.errors.items()}


def test_a_draft_keeps_it_and_says_where_it_stands():
    owner = world.owner()
    scenario = actions.create_draft(actor=owner, data=typed.data(need=ADDRESS))
    faults = queries.open_faults(scenario, scenario.created_at)
    assert [(fault.field, fault.rule) for fault in faults] == [("need", "forbidden.address")]
    assert "“10.20.30.40”" in faults[0].message


def test_it_is_not_submitted_and_the_log_does_not_hear_of_it():
    owner = world.owner()
    metrics = [typed.data()["metrics"][0] | {"dataset": "见 CVE-2024-12345"}]
    scenario = actions.create_draft(actor=owner, data=typed.data(need=ADDRESS, metrics=metrics))
    with pytest.raises(Invalid) as refused:
        actions.submit_scenario(actor=owner, scenario_uid=scenario.uid, revision=1)
    assert list(told(refused)) == ["need", "metrics-0-dataset"]
    assert Event.objects.count() == 0


def test_it_is_not_published_however_it_came_there():
    scenario = typed.demonstrated(pain=ADDRESS)
    with pytest.raises(Invalid) as refused:
        actions.publish_scenario(
            actor=world.officer(), scenario_uid=scenario.uid, key_holder_uids=typed.holders()
        )
    assert list(told(refused)) == ["pain"]
    scenario.refresh_from_db()
    assert scenario.state == State.DEMONSTRATED


def test_neither_a_question_nor_an_answer_to_all_holds_it():
    scenario = world.published_scenario()
    vendor = world.vendor()
    with pytest.raises(Invalid) as refused:
        asking.ask_question(actor=vendor, scenario_uid=scenario.uid, text=ADDRESS)
    assert list(told(refused)) == ["text"]
    question = asking.ask_question(actor=vendor, scenario_uid=scenario.uid, text="何时提供数据？")
    with pytest.raises(Invalid) as refused:
        asking.answer_questions(
            actor=world.member(scenario.organisation),
            scenario_uid=scenario.uid,
            question_uids=[question.uid],
            text=ADDRESS,
        )
    assert list(told(refused)) == ["text"]


def test_no_withdrawal_tells_it_either():
    scenario = world.published_scenario()
    with pytest.raises(Invalid) as refused:
        actions.withdraw_scenario(
            actor=world.member(scenario.organisation), scenario_uid=scenario.uid, reason=ADDRESS
        )
    assert list(told(refused)) == ["reason"]


def test_a_public_file_is_not_called_by_it():
    owner = world.owner()
    scenario = world.draft_scenario(owner)
    for name, title in (("10.20.30.40.pdf", ""), ("a.pdf", ADDRESS)):
        with pytest.raises(Invalid):
            files.attach(owner, scenario, Access.PUBLIC, name=name, title=title)


def test_the_form_shows_it_while_it_is_typed(client):
    owner = world.owner()
    client.force_login(owner.user)
    scenario = actions.create_draft(actor=owner, data=typed.data(need=ADDRESS))
    page = client.get(reverse("scenario-edit", args=[scenario.address])).content.decode()
    assert "“10.20.30.40”" in page
