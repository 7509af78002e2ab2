"""No reason, answer, change or batch says in words who the masked owner is; nor does a message."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core import mail
from django.urls import reverse

from marketplace.base import clock as base_clock
from marketplace.base.errors import Invalid
from marketplace.ledger.models import Event
from marketplace.notices.models import Notice
from marketplace.notices.queries import lines
from marketplace.scenarios import actions
from marketplace.scenarios.amendments.actions import draft_amendment, publish_amendment
from marketplace.scenarios.amendments.models import Amendment
from marketplace.scenarios.disclosure.mask import refuse_naming
from marketplace.scenarios.models import Scenario, State
from marketplace.scenarios.questions import actions as asking
from marketplace.scenarios.questions.models import Answer
from marketplace.scenarios.suspensions.actions import resume_scenario, suspend_scenario
from marketplace.scenarios.suspensions.models import Suspension
from marketplace.scenarios.watching.actions import watch_scenario
from marketplace.supervision.actions import request_inspection
from tests import world
from tests.api.client import As
from tests.notices.steps import deliver
from tests.scenarios import test_batches as batches
from tests.scenarios import typed
from tests.scenarios.disclosure.test_mask import MASK, NAME, as_, planted, posted
from tests.scenarios.disclosure.test_withheld import addresses
from tests.web.asking import browser, url

pytestmark = pytest.mark.django_db
NAMING = (f"{NAME}内部调整", "洋汇航运内部调整", "Yanghui Shipping Technology moved")
FAIR = "内部调整，另行通知。"


def refused(field, action, **given):
    """What it says, the name and what to write instead among it."""
    with pytest.raises(Invalid) as error:
        action(**given)
    assert (list(error.value.errors), error.value.code) == ([field], "mask.named")
    [sentence] = map(str, error.value.errors[field])
    return sentence


@pytest.mark.parametrize("words", NAMING)
def test_the_owner_s_reason_of_a_withdrawal(words):
    owner, scenario = posted()
    said = refused("reason", actions.withdraw_scenario, actor=owner, scenario_uid=scenario.uid,
                   reason=words)  # fmt: skip
    assert f"“{MASK}”" in said
    scenario.refresh_from_db()
    assert scenario.state == State.PUBLISHED
    actions.withdraw_scenario(actor=owner, scenario_uid=scenario.uid, reason=FAIR)


def test_code_and_mail_name_as_well():
    owner, scenario = posted()
    for words in (f"见 {owner.organisation.uscc}", "写信到 yanghui-shipping.example"):
        with pytest.raises(Invalid) as error:
            refuse_naming(scenario, {"reason": words})
        assert list(error.value.errors) == ["reason"]
    refuse_naming(scenario, {"reason": FAIR})
    Scenario.objects.filter(pk=scenario.pk).update(owner_shown_at=base_clock.now())
    scenario.refresh_from_db()
    refuse_naming(scenario, {"reason": NAMING[0]})


def test_the_office_s_reasons_of_standing_still_and_going_on():
    _owner, scenario = posted()
    given = {"actor": world.officer(), "scenario_uid": scenario.uid}
    refused("reason", suspend_scenario, reason=NAMING[1], **given)
    assert Suspension.objects.count() == 0
    suspend_scenario(reason=FAIR, **given)
    refused("reason", resume_scenario, reason=NAMING[1], **given)
    resume_scenario(reason=FAIR, **given)


def test_an_answer_and_a_question_that_it_would_publish():
    owner, scenario = posted()
    vendor = world.vendor()
    fair = asking.ask_question(actor=vendor, scenario_uid=scenario.uid, text="样本谁提供？")
    guess = asking.ask_question(actor=vendor, scenario_uid=scenario.uid, text="是洋汇航运吗？")
    given = {"actor": owner, "scenario_uid": scenario.uid}
    refused("text", asking.answer_questions, question_uids=[fair.uid], text=NAMING[1], **given)
    said = refused("questions", asking.answer_questions, question_uids=[fair.uid, guess.uid],
                   text="由需求方提供。", **given)  # fmt: skip
    assert str(guess.number) in said
    assert Answer.objects.count() == 0
    asking.answer_questions(question_uids=[fair.uid], text="由需求方提供。", **given)


def test_who_asks_is_not_told_whether_the_guess_is_right():
    _owner, scenario = posted()
    vendor = world.vendor()
    for text in ("是洋汇航运吗？", "是别的企业吗？"):
        row = asking.ask_question(actor=vendor, scenario_uid=scenario.uid, text=text)
        assert row.text == text


def test_an_amendment_and_its_reason():
    owner, scenario = posted()
    given = {"actor": owner, "scenario_uid": scenario.uid}
    change = {"summary": "新的摘要。"}
    refused("reason", draft_amendment, data=change, reason=NAMING[1], **given)
    for data, field in (
        ({"summary": NAMING[0]}, "summary"),
        ({"conditions": [{"text": "独立法人"}, {"text": NAMING[1]}]}, "conditions-1-text"),
    ):
        with pytest.raises(Invalid) as error:
            draft_amendment(data=data, reason=FAIR, **given)
        assert list(error.value.errors) == [field]
    assert Amendment.objects.count() == 0
    draft_amendment(data=change, reason=FAIR, **given)


def test_an_announcement_of_a_batch_whose_call_names_it(clock):
    owner = world.owner(name=NAME)
    scenario = typed.demonstrated(owner, owner_masked=True, owner_mask=MASK)
    officer = world.officer()
    row = batches.called(officer, text=f"{NAMING[1]}，请于截止前提交。")
    actions.take_into_batch(actor=officer, scenario_uid=scenario.uid, batch_uid=row.uid)
    clock.freeze(row.closes_at)
    batch = actions.gather_batch(actor=officer, batch_uid=row.uid)
    with pytest.raises(Invalid) as error:
        batches.announce(batch, [scenario])
    assert list(error.value.errors) == [f"demand-{scenario.uid}"]
    scenario.refresh_from_db()
    assert scenario.state == State.DEMONSTRATED


def test_the_page_keeps_what_was_typed_and_says_what_to_write_instead():
    owner, scenario = posted()
    page = browser(owner).post(url("scenario-withdraw", scenario), {"reason": NAMING[1]})
    body = page.content.decode()
    assert (page.status_code, NAMING[1] in body, f"“{MASK}”" in body) == (422, True, True)


def test_messages_name_nobody():
    owner, scenario = posted()
    vendor, officer = world.vendor(), world.officer()
    vendor.user.email = "reader@vendor.example"
    vendor.user.save()
    watch_scenario(actor=vendor, scenario_uid=scenario.uid)
    question = asking.ask_question(actor=vendor, scenario_uid=scenario.uid, text="样本谁提供？")
    asking.answer_questions(actor=owner, scenario_uid=scenario.uid, text="由需求方提供。",
                            question_uids=[question.uid])  # fmt: skip
    change = draft_amendment(
        actor=owner, scenario_uid=scenario.uid, data={"summary": "新的摘要。"}, reason=FAIR
    )
    publish_amendment(actor=officer, amendment_uid=change.uid)
    suspend_scenario(actor=officer, scenario_uid=scenario.uid, reason=FAIR)
    resume_scenario(actor=officer, scenario_uid=scenario.uid, reason=FAIR)
    actions.withdraw_scenario(actor=owner, scenario_uid=scenario.uid, reason=FAIR)
    deliver()
    rows = Notice.objects.filter(user=vendor.user)
    assert rows.count() >= 4
    words = planted(owner, scenario)
    said = [str(line) for line in lines(vendor.user, rows)] + [str(vars(row)) for row in rows]
    said += [
        f"{letter.subject}\n{letter.message()}\n{letter.body}"
        for letter in mail.outbox
        if vendor.user.email in letter.to
    ]
    assert [(word, text) for word in words for text in said if word in text] == []
    client, read = as_(vendor), 0
    for address in addresses(scenario, amendment=change.uid, question=question.uid):
        response = client.get(address)
        told = (b"".join(response) if response.streaming else response.content).decode()
        assert (address, [word for word in words if word in told]) == (address, [])
        read += response.status_code == 200
    assert read > 20
    public = Event.objects.filter(audience="public")
    assert [w for e in public for w in words if w in bytes(e.body).decode()] == []


def test_an_inspector_s_lists_name_the_owner_while_a_request_is_in_force(clock):
    clock.freeze(base_clock.now())
    owner, scenario = posted()
    inspector, other = world.person("inspector"), world.person("inspector")
    request_inspection(
        actor=inspector,
        number="沪临纪〔2026〕1号",
        scope="scenarios",
        subject_uids=[scenario.uid],
        reason="专项检查。",
        until_at=clock.now() + timedelta(hours=8),
    )

    def named(actor):
        listed = As(actor).get(reverse("api-scenarios")).json()["results"][0]
        shown = As(actor).get(reverse("api-scenario", args=[scenario.uid])).json()
        assert listed["organisation"] == shown["organisation"]
        return listed["organisation"]["name"]

    assert (named(inspector), named(other), named(world.vendor())) == (NAME, MASK, MASK)
    assert named(owner) == NAME
    clock.move(timedelta(hours=9))
    assert named(inspector) == MASK
