"""Defences and written questions: who, in which stage, what is left, and whom nothing names."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.db.utils import ProgrammingError

from marketplace.base import clock as site_clock
from marketplace.base.errors import (
    DeadlinePassed,
    Invalid,
    NotAllowed,
    NotFound,
    StateConflict,
    TooEarly,
    TooMany,
)
from marketplace.committee import actions as committee
from marketplace.committee.defence import actions, queries
from marketplace.committee.defence.models import DefenceOrder, DefenceSlot, PanelQuestion
from marketplace.committee.models import PanelState, SheetStage, SheetState
from marketplace.ledger.models import Event
from tests import world
from tests.api.client import As
from tests.committee import factories
from tests.committee.test_pages import signed_in
from tests.notices.steps import deliver, told

pytestmark = pytest.mark.django_db
WORDS = "请说明第三章所列样机的测试环境。"


class Stage:
    """A panel in the named stage over two bids, with its people."""

    def __init__(self, clock, bids=2):
        clock.freeze(clock.now())
        self.clock = clock
        self.scenario = factories.scenario_in_review(bids)
        self.panel, self.judges = factories.scoring_panel(self.scenario)
        factories.lock_stage(self.judges, SheetStage.TECHNICAL)
        factories.declare_again(self.judges)
        self.panel.refresh_from_db()
        assert self.panel.state == PanelState.NAMED
        self.secretary = world.secretary()
        self.bids = {bid.blind_code: bid for bid in self.scenario.bids.all()}
        self.bidder = world.member(self.bids["B1"].organisation)
        self.rival = world.member(self.bids["B2"].organisation)

    def sheet(self, judge=0, code="B1"):
        return factories.sheets(self.judges[judge], SheetStage.NAMED).get(bid__blind_code=code)

    def ask(self, judge=0, code="B1", text=WORDS):
        return actions.ask_bidder(
            actor=self.judges[judge], sheet_uid=self.sheet(judge, code).uid, text=text
        )

    def answer(self, question, actor=None, answer="在两台工控机上测试。"):
        return actions.answer_panel_question(
            actor=actor or self.bidder, question_uid=question.uid, answer=answer
        )

    def plan(self, actor=None, **given):
        given = {"minutes": 30, "pause": 10, "place": "三楼会议室"} | given
        given.setdefault("first_at", site_clock.now() + timedelta(days=2))
        return actions.set_defences(
            actor=actor or self.secretary, panel_uid=self.panel.uid, **given
        )


@pytest.fixture
def stage(clock):
    return Stage(clock)


def test_a_question_is_asked_answered_and_set_aside(stage):
    question = stage.ask()
    assert (question.number, question.answer_by) == (1, site_clock.now() + timedelta(seconds=60))
    event = Event.objects.get(kind="panel_question.asked")
    assert event.data == {"number": 1, "bid": "B1"}
    assert WORDS not in bytes(event.body).decode()
    deliver()
    assert told("panel_question.asked") == {
        *stage.bids["B1"].organisation.members.values_list("user_id", flat=True)
    }
    with pytest.raises(StateConflict):  # the bidder still has time
        factories.fill(stage.judges[0], stage.sheet())
        committee.lock_sheet(actor=stage.judges[0], sheet_uid=stage.sheet().uid)
    for actor in (stage.rival, world.vendor(), world.owner()):
        with pytest.raises(NotFound):
            stage.answer(question, actor)
    with pytest.raises(NotAllowed):
        stage.answer(question, world.member(stage.bids["B1"].organisation, "viewer"))
    with pytest.raises(Invalid):
        stage.answer(question, answer="  ")
    stage.answer(question)
    with pytest.raises(StateConflict):
        stage.answer(question, answer="再答一次。")
    deliver()
    assert told("panel_question.answered") == {stage.judges[0].user_id}
    with pytest.raises(NotAllowed):
        actions.set_aside_answer(actor=stage.bidder, question_uid=question.uid, reason="x")
    aside = actions.set_aside_answer(
        actor=stage.judges[1], question_uid=question.uid, reason="改变了投入人员。"
    )
    assert (aside.answer, aside.set_aside_reason) == ("在两台工控机上测试。", "改变了投入人员。")
    with pytest.raises(StateConflict):
        actions.set_aside_answer(actor=stage.secretary, question_uid=question.uid, reason="x")
    with pytest.raises(ProgrammingError), transaction.atomic():
        PanelQuestion.objects.filter(pk=question.pk).update(answer="另一份答复")
    committee.lock_sheet(actor=stage.judges[0], sheet_uid=stage.sheet().uid)


def test_who_asks_and_when(stage):
    stage.clock.freeze(site_clock.now())
    with pytest.raises(NotFound):  # another judge's sheet
        actions.ask_bidder(actor=stage.judges[1], sheet_uid=stage.sheet(0).uid, text=WORDS)
    blind = factories.sheets(stage.judges[0], SheetStage.TECHNICAL)[0]
    with pytest.raises(StateConflict):
        actions.ask_bidder(actor=stage.judges[0], sheet_uid=blind.uid, text=WORDS)
    question = stage.ask()
    stage.clock.move(timedelta(seconds=60))
    with pytest.raises(DeadlinePassed):
        stage.answer(question)
    factories.fill(stage.judges[0], stage.sheet())
    committee.lock_sheet(actor=stage.judges[0], sheet_uid=stage.sheet().uid)
    with pytest.raises(StateConflict):
        stage.ask()
    PanelQuestion.objects.bulk_create(
        PanelQuestion(
            member=stage.sheet(1).member,
            bid=stage.bids["B1"],
            number=number,
            text="x",
            asked_at=site_clock.now(),
            answer_by=site_clock.now(),
        )
        for number in range(2, 2 + actions.QUESTIONS_MOST)
    )
    with pytest.raises(TooMany):
        stage.ask(1)


def test_defences_are_set_once_for_all_and_recorded(stage):
    for actor, refusal in ((world.officer(), NotAllowed), (stage.bidder, NotFound)):
        with pytest.raises(refusal):
            stage.plan(actor)
    for wrong, field in (
        ({"first_at": site_clock.now()}, "first_at"),
        ({"place": ""}, "place"),
        ({"link": "javascript:alert(1)"}, "link"),
        ({"minutes": 0}, "minutes"),
        ({"order": "name"}, "order"),
    ):
        with pytest.raises(Invalid) as refused:
            stage.plan(**wrong)
        assert list(refused.value.errors) == [field]
    by_lot = [slot.bid.blind_code for slot in stage.plan(order=DefenceOrder.LOT)]
    assert by_lot == [b.blind_code for b in queries.in_order(stage.panel, DefenceOrder.LOT)]
    slots = stage.plan(order=DefenceOrder.RECEIPT)
    assert [slot.bid.blind_code for slot in slots] == ["B1", "B2"]
    assert slots[1].starts_at - slots[0].starts_at == timedelta(minutes=40)
    assert DefenceSlot.objects.count() == 2
    deliver()
    assert stage.bidder.user_id in told("defence.set")
    assert told("panel.defence_set") == {judge.user_id for judge in stage.judges}
    seen = DefenceSlot.objects.visible_to
    assert [row.bid.blind_code for row in seen(stage.bidder)] == ["B1"]
    assert seen(stage.judges[0]).count() == 2
    for actor in (world.vendor(), world.person("expert"), world.owner()):
        assert not seen(actor).exists()

    def record(slot=slots[0]):
        return actions.record_attendance(
            actor=stage.secretary, slot_uid=slot.uid, attended=True, attendance="三人到场。"
        )

    with pytest.raises(TooEarly):
        record()
    stage.clock.move(timedelta(days=2))
    factories.fill(stage.judges[0], stage.sheet())
    with pytest.raises(StateConflict) as waits:
        committee.lock_sheet(actor=stage.judges[0], sheet_uid=stage.sheet().uid)
    assert waits.value.code == "sheet.bidder_waits"
    assert record().attended is True
    with pytest.raises(StateConflict):
        record()
    with pytest.raises(StateConflict):
        stage.plan()
    committee.lock_sheet(actor=stage.judges[0], sheet_uid=stage.sheet().uid)


def test_before_and_after_the_named_stage(clock):
    clock.freeze(clock.now())
    scenario = factories.scenario_in_review(1)
    panel, judges = factories.scoring_panel(scenario)
    given = {"first_at": site_clock.now() + timedelta(days=2), "minutes": 30, "place": "x"}
    with pytest.raises(StateConflict):
        actions.set_defences(actor=world.secretary(), panel_uid=panel.uid, **given)
    factories.lock_stage(judges, SheetStage.TECHNICAL)
    factories.declare_again(judges)
    sheet = factories.sheets(judges[0], SheetStage.NAMED).get()
    question = actions.ask_bidder(actor=judges[0], sheet_uid=sheet.uid, text=WORDS)
    clock.move(timedelta(seconds=60))
    factories.lock_stage(judges, SheetStage.NAMED)
    bidder = world.member(sheet.bid.organisation)
    for call in (
        lambda: actions.set_defences(actor=world.secretary(), panel_uid=panel.uid, **given),
        lambda: actions.set_aside_answer(actor=judges[0], question_uid=question.uid, reason="x"),
        lambda: actions.answer_panel_question(actor=bidder, question_uid=question.uid, answer="x"),
    ):
        with pytest.raises((StateConflict, DeadlinePassed)):
            call()


def test_pages_and_programs_tell_no_bidder_who_asked_nor_of_others(stage):
    mine, other = stage.ask(1), stage.ask(0, "B2", "另一家的问题。")
    stage.plan(order=DefenceOrder.RECEIPT)
    address = f"/en/bids/{stage.bids['B1'].uid}/panel/"
    page = signed_in(stage.bidder).get(address).content.decode()
    assert WORDS in page
    people = [judge.user.name for judge in stage.judges]
    for secret in ("另一家的问题。", "J2", "B1", "B2", stage.rival.organisation.name, *people):
        assert secret not in page
    assert signed_in(stage.rival).get(address).status_code == 404
    client = signed_in(stage.bidder)
    empty = client.post(address, {"do": "answer", "row": mine.uid, "answer": ""})
    assert empty.status_code == 422
    given = {"do": "answer", "row": mine.uid, "answer": "见第三章表二。"}
    assert client.post(address, given).status_code == 302
    assert client.post(address, given | {"row": other.uid}).status_code == 404

    seat = signed_in(stage.judges[0])
    sheet = seat.get(f"/en/sheets/{stage.sheet().uid}/").content.decode()
    assert "见第三章表二。" in sheet
    assert "J2" not in sheet
    asked = {"do": "ask", "text": "再请说明测试数据来源。"}
    assert seat.post(f"/en/sheets/{stage.sheet().uid}/", asked).status_code == 302
    aside = {"do": "aside", "row": mine.uid, "reason": "改变了投入人员。"}
    assert seat.post(f"/en/sheets/{stage.sheet().uid}/", aside).status_code == 302
    desk = seat.get(f"/en/panels/{stage.panel.uid}/").content.decode()
    assert "三楼会议室" in desk
    office = f"/en/scenarios/{stage.scenario.address}/panel/defence/"
    shown = signed_in(stage.secretary).get(office).content.decode()
    assert "改变了投入人员。" in shown
    assert "J2" in shown
    assert signed_in(stage.bidder).get(office).status_code == 404

    rows = As(stage.bidder).get("panel-questions/").json()["results"]
    assert {row["asker"] for row in rows} == {row["blind_code"] for row in rows} == {""}
    assert len(rows) == 2
    [slot] = As(stage.bidder).get("defences/").json()["results"]
    assert slot["position"] is None
    waiting = next(row for row in rows if not row["answered_at"])
    assert [act["name"] for act in waiting["actions"]] == ["answer_panel_question"]
    path = f"panel-questions/{waiting['uid']}/answer/"
    assert As(stage.rival).post(path, {"answer": "x"}, key="k1").status_code == 404
    assert As(stage.bidder).post(path, {"answer": "来自公开数据集。"}, key="k2").status_code == 200
    body = {"text": "请说明现场人员安排。"}
    own = f"sheets/{stage.sheet(2).uid}/questions/"
    made = As(stage.judges[2]).post(own, body, key="k3").json()
    assert made["asker"] == "J3"


def test_whoever_still_scores_blind_reads_nothing_of_it(stage):
    question = stage.ask()
    member = stage.panel.members.get(user=stage.judges[2].user)
    committee.recuse_member(actor=stage.judges[2], member_uid=member.uid, reason="x")
    assert not PanelQuestion.objects.visible_to(stage.judges[2]).exists()
    late = world.person("expert")
    factories.add(stage.panel, late)
    committee.declare_interest(actor=late, panel_uid=stage.panel.uid, free=True)
    assert not PanelQuestion.objects.visible_to(late).exists()
    assert stage.bids["B1"].organisation.name not in (
        signed_in(late).get(f"/panels/{stage.panel.uid}/").content.decode()
    )
    factories.lock_stage([late], SheetStage.TECHNICAL)
    assert not PanelQuestion.objects.visible_to(late).exists()
    factories.declare_again([late])
    assert PanelQuestion.objects.visible_to(late).get() == question
    assert stage.sheet().state == SheetState.OPEN
