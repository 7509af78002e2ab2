"""Who asks and answers, when, twice at once, and what it leaves; and who never learns who asked."""

import hashlib
import json
from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction

from marketplace.accounts.models import Membership, Organisation
from marketplace.base import clock as database_clock
from marketplace.base.actor import VISITOR, Role
from marketplace.base.errors import (
    DeadlinePassed,
    Invalid,
    NotAllowed,
    NotFound,
    StateConflict,
    TooEarly,
    TooMany,
)
from marketplace.bidding.queries import own_receipt
from marketplace.bidding.replay import Replay
from marketplace.bidding.rules import can_bid
from marketplace.ledger import receipts
from marketplace.ledger.log import sequencer
from marketplace.ledger.models import Audience, Event
from marketplace.ledger.verify import instant
from marketplace.notices.models import Notice
from marketplace.scenarios.actions import close_scenario, withdraw_scenario
from marketplace.scenarios.models import Scenario, State
from marketplace.scenarios.questions import actions
from marketplace.scenarios.questions.actions import QUESTIONS_MOST
from marketplace.scenarios.questions.models import Answer, Question
from marketplace.scenarios.questions.queries import (
    answerable,
    answers_of,
    waiting_of,
    withheld_from,
)
from marketplace.scenarios.questions.reminders import unanswered
from marketplace.scenarios.questions.timing import answer_due, asked_until
from marketplace.scenarios.rules import can_answer_questions, can_ask_question
from marketplace.scenarios.sweeps import hold_due
from tests import world
from tests.bidding import bids
from tests.notices.steps import deliver, ids, told
from tests.scenarios.files import published_files, release, sign

db = pytest.mark.django_db
ASKED = "流量样本由谁提供？"
TICK = timedelta(milliseconds=1)


def demand(owner=None, **fields):
    """Thirty days open, under the newest profile B: ten days lead, three for an answer."""
    given = {"profile": world.profile("B")} | fields
    deadline = database_clock.now().replace(microsecond=0) + timedelta(days=30)
    return world.published_scenario(owner, deadline_at=deadline, **given)


def ask(scenario, actor=None, text=ASKED, **given):
    return actions.ask_question(
        actor=actor or world.vendor(), scenario_uid=scenario.uid, text=text, **given
    )


def answer(scenario, actor, *questions, text="由需求方提供。", **given):
    return actions.answer_questions(
        actor=actor,
        scenario_uid=scenario.uid,
        question_uids=[row.uid for row in questions],
        text=text,
        **given,
    )


def owner_of(scenario):
    return world.member(scenario.organisation)


def move_to(clock, at):
    clock.freeze(at)


# -- Asking ----------------------------------------------------------------------------------------
@db
def test_who_may_bid_may_ask_and_nobody_else(clock):
    scenario = demand()
    related = world.vendor()
    for organisation in (related.organisation, scenario.organisation):
        world.control(organisation, "person:1")
    vendor = world.vendor()
    actors = [
        vendor,
        world.member(vendor.organisation, Role.EDITOR),
        world.member(vendor.organisation, Role.VIEWER),
        world.vendor(verified_at=None),
        world.owner(),
        owner_of(scenario),
        related,
        world.officer(),
    ]
    for actor in actors:
        assert can_ask_question(actor, scenario) is can_bid(actor, scenario)
    refused = [actor for actor in actors if not can_bid(actor, scenario)]
    assert len(refused) == 6
    for actor in refused:
        with pytest.raises(NotAllowed) as no:
            ask(scenario, actor)
        assert no.value.code == "not_allowed.ask_question"
    with pytest.raises(NotFound):
        ask(world.draft_scenario(world.owner()))


@db
def test_until_the_profile_s_day_before_the_deadline(clock):
    scenario = demand()
    until = asked_until(scenario)
    move_to(clock, until - TICK)
    assert ask(scenario).number == 1
    clock.move(TICK)
    with pytest.raises(DeadlinePassed) as late:
        ask(scenario)
    assert late.value.code == "question.late"


@db
@pytest.mark.parametrize("state", [State.CLOSED, State.REVIEW, State.WITHDRAWN, State.FAILED])
def test_not_once_it_is_over(state):
    scenario = demand(state=state)
    with pytest.raises(StateConflict) as over:
        ask(scenario)
    assert over.value.code == "question.closed"


@db
def test_not_where_bids_are_taken_elsewhere():
    scenario = world.published_scenario(profile=world.profile("C"))
    with pytest.raises(StateConflict) as elsewhere:
        ask(scenario)
    assert elsewhere.value.code == "question.elsewhere"


@db
def test_the_pseudonym_is_the_same_on_one_demand_and_another_on_the_next():
    scenario, other = demand(), demand()
    first, second = world.vendor(), world.vendor()
    colleague = world.member(first.organisation, Role.EDITOR)
    ask(other, second)
    numbers = [
        (ask(scenario, actor, f"问题{n}").asker.number)
        for n, actor in enumerate([first, second, colleague, second, first])
    ]
    assert numbers == [1, 2, 1, 2, 1]
    assert ask(other, first).asker.number == 2


@db
def test_what_a_question_leaves():
    scenario, vendor = demand(), world.vendor()
    row = ask(scenario, vendor, "  第一行\r\n第二行  ")
    assert row.text == "第一行\n第二行"
    event = Event.objects.get(kind="question.asked")
    assert event.subjects == [scenario.uid, row.uid]
    assert (event.audience, event.data) == (Audience.PARTIES, {})
    said = json.loads(bytes(row.receipt.body))
    assert said["type"] == "jiebang-receipt/1/question-asked"
    assert said["organisation"] == str(vendor.organisation.uid)
    assert said["text_sha256"] == hashlib.sha256(row.text.encode()).hexdigest()
    assert instant(said["asked_at"]) == row.asked_at.replace(
        microsecond=row.asked_at.microsecond // 1000 * 1000
    )
    assert receipts.document(row.receipt)["receipt"] == said


@db
def test_only_the_asker_has_the_receipt():
    scenario, vendor = demand(), world.vendor()
    row = ask(scenario, vendor)
    colleague = world.member(vendor.organisation, Role.VIEWER)
    assert own_receipt(colleague, row.receipt.uid) == row.receipt
    for actor in (owner_of(scenario), world.officer(), world.vendor(), VISITOR):
        assert own_receipt(actor, row.receipt.uid) is None


@db
@pytest.mark.parametrize("text", ["", "   ", "x" * 2001, "\x00"])
def test_a_question_says_something_that_can_be_shown(text):
    with pytest.raises(Invalid) as wrong:
        ask(demand(), text=text)
    assert list(wrong.value.errors) == ["text"]
    assert Question.objects.count() == 0


@db
def test_contacts_and_one_s_own_name_are_refused():
    vendor = world.vendor(name="示盾安全", name_en="Demo-Shield")
    for text in ("联系 a@b.cn", "打 13812345678", "示盾 安全想问"):
        with pytest.raises(Invalid) as wrong:
            ask(demand(), vendor, text)
        assert wrong.value.code == "question.contact"
    assert ask(demand(), world.vendor(), "示盾安全的产品是否可用？").number == 1


@db
def test_no_more_than_so_many_of_one_organisation():
    scenario, vendor = demand(), world.vendor()
    for n in range(QUESTIONS_MOST):
        ask(scenario, vendor, f"问题{n}")
    with pytest.raises(TooMany) as most:
        ask(scenario, vendor, "再问")
    assert most.value.code == "question.limit"
    assert ask(scenario).number == QUESTIONS_MOST + 1


def test_the_same_twice_at_once_is_one_question(two_at_once):
    scenario, vendor = demand(), world.vendor()
    results = two_at_once(*[lambda: ask(scenario, vendor)] * 2)
    assert sorted(type(one).__name__ for one in results) == ["Question", "StateConflict"]
    refused = next(one for one in results if isinstance(one, StateConflict))
    assert refused.code == "question.repeated"


def test_two_askers_at_once_have_their_own_numbers(two_at_once):
    scenario = demand()
    results = two_at_once(lambda: ask(scenario), lambda: ask(scenario))
    assert sorted((row.number, row.asker.number) for row in results) == [(1, 1), (2, 2)]


# -- Answering -------------------------------------------------------------------------------------
@db
def test_the_owner_answers_and_everybody_reads_it(clock):
    scenario = demand()
    vendor, editor = world.vendor(), world.member(scenario.organisation, Role.EDITOR)
    one, other = ask(scenario, vendor), ask(scenario, world.vendor(), "样本有多大？")
    row = answer(scenario, editor, one, other)
    assert (row.number, row.by_office, row.answered_by) == (1, False, editor.user)
    assert [reply.question for reply in row.replies.order_by("pk")] == [one, other]
    for actor in (VISITOR, world.vendor(), world.owner(), world.officer(), vendor):
        assert list(answers_of(actor, scenario)) == [row]
        assert set(Question.objects.visible_to(actor)) == {one, other}
    event = Event.objects.get(kind="question.answered")
    assert (event.audience, event.subjects) == (Audience.PUBLIC, [scenario.uid, row.uid])
    assert event.data == {
        "ref": scenario.ref,
        "number": 1,
        "questions": [1, 2],
        "sha256": hashlib.sha256(row.text.encode()).hexdigest(),
    }


@db
def test_before_it_is_answered_a_question_is_for_asker_owner_and_office():
    scenario, vendor = demand(), world.vendor()
    row = ask(scenario, vendor)
    for actor in (vendor, owner_of(scenario), world.officer(), world.secretary()):
        assert list(waiting_of(actor, scenario)) == [row]
    for actor in (VISITOR, world.vendor(), world.owner(), world.person(Role.INSPECTOR)):
        assert list(waiting_of(actor, scenario)) == []


@db
def test_who_answers(clock):
    scenario, vendor = demand(), world.vendor()
    row = ask(scenario, vendor)
    viewer = world.member(scenario.organisation, Role.VIEWER)
    for actor in (vendor, viewer, world.secretary(), world.owner()):
        with pytest.raises(NotAllowed):
            answer(scenario, actor, row)
    officer = world.officer()
    due = answer_due(scenario.profile, row.asked_at)
    move_to(clock, due - TICK)
    with pytest.raises(TooEarly) as early:
        answer(scenario, officer, row)
    assert early.value.code == "question.owner_has_time"
    assert answerable(officer, database_clock.now()) == []
    assert answerable(owner_of(scenario), database_clock.now()) == [row]
    clock.move(TICK)
    assert answerable(officer, database_clock.now()) == [row]
    assert answer(scenario, officer, row).by_office is True


@db
def test_what_waits_for_an_officer_is_what_the_rule_allows(clock):
    author = world.officer()
    owner = world.owner()
    tied = world.officer()
    Membership.objects.create(user=tied.user, organisation=owner.organisation, role=Role.VIEWER)
    scenario = demand(owner)
    Scenario.objects.filter(pk=scenario.pk).update(author=author.user)
    scenario.refresh_from_db()
    row = ask(scenario)
    clock.freeze(answer_due(scenario.profile, row.asked_at))
    for officer in (author, tied, world.officer()):
        expected = [row] if can_answer_questions(officer, scenario) else []
        assert answerable(officer, database_clock.now()) == expected
    assert answerable(world.secretary(), database_clock.now()) == []


@db
def test_the_office_waits_for_each_question_that_it_answers(clock):
    scenario = demand()
    old = ask(scenario)
    move_to(clock, answer_due(scenario.profile, old.asked_at))
    new = ask(scenario)
    with pytest.raises(TooEarly):
        answer(scenario, world.officer(), old, new)


@db
@pytest.mark.parametrize("nobody", [False, True])
def test_it_answers_questions_of_this_demand(nobody):
    scenario = demand()
    rows = [] if nobody else [ask(scenario), ask(demand())]
    with pytest.raises(Invalid) as wrong:
        answer(scenario, owner_of(scenario), *rows)
    assert list(wrong.value.errors) == ["questions"]


@db
def test_once_each():
    scenario = demand()
    row, owner = ask(scenario), owner_of(scenario)
    answer(scenario, owner, row)
    with pytest.raises(StateConflict) as again:
        answer(scenario, owner, row)
    assert again.value.code == "question.answered"


@db
def test_not_after_the_deadline(clock):
    scenario = demand(profile=world.profile("A", 2))
    row, owner = ask(scenario), owner_of(scenario)
    move_to(clock, scenario.deadline_at)
    with pytest.raises(DeadlinePassed):
        answer(scenario, owner, row)
    close_scenario(scenario_uid=scenario.uid)
    with pytest.raises(StateConflict):
        answer(scenario, owner, row)


def test_two_answers_at_once_are_one(two_at_once):
    scenario = demand()
    row, owner = ask(scenario), owner_of(scenario)
    results = two_at_once(
        lambda: answer(scenario, owner, row, text="一"),
        lambda: answer(scenario, owner, row, text="二"),
    )
    assert sorted(type(one).__name__ for one in results) == ["Answer", "StateConflict"]
    assert Answer.objects.count() == 1


@db
@pytest.mark.parametrize("model", [Question, Answer])
def test_nothing_of_it_changes(model):
    scenario = demand()
    answer(scenario, owner_of(scenario), ask(scenario))
    with pytest.raises(DatabaseError), transaction.atomic():
        model.objects.update(text="x")


# -- What speaks of a restricted file --------------------------------------------------------------
@db
@pytest.mark.usefixtures("own_storage")
class TestRestricted:
    def files(self):
        owner = world.owner()
        owner, scenario, public, restricted = published_files(owner)
        reader = world.vendor()
        release(owner, restricted, reader)
        sign(reader, restricted)
        return owner, scenario, restricted, reader, public

    def test_its_answer_is_for_its_readers(self):
        owner, scenario, file, reader, _public = self.files()
        unsigned = world.vendor()
        release(owner, file, unsigned)
        question = ask(scenario, reader, attachment_uid=file.uid)
        row = answer(scenario, owner, question, attachment_uid=file.uid)
        for actor in (reader, owner, world.officer()):
            assert list(answers_of(actor, scenario)) == [row]
        for actor in (VISITOR, world.vendor(), unsigned):
            assert list(answers_of(actor, scenario)) == []
            assert list(Question.objects.visible_to(actor)) == []
        event = Event.objects.get(kind="question.answered")
        assert event.audience == Audience.PARTIES

    def test_it_must_be_named_where_a_question_names_it(self):
        owner, scenario, file, reader, public = self.files()
        question = ask(scenario, reader, attachment_uid=file.uid)
        for given in ({}, {"attachment_uid": public.uid}):
            with pytest.raises(Invalid) as wrong:
                answer(scenario, owner, question, **given)
            assert (wrong.value.code, list(wrong.value.errors)) == (
                "question.class",
                ["attachment"],
            )

    def test_an_asker_who_may_not_read_it_sees_its_own_question_alone(self):
        owner, scenario, file, _reader, _public = self.files()
        vendor = world.vendor()
        question = ask(scenario, vendor)
        answer(scenario, owner, question, attachment_uid=file.uid)
        assert list(Question.objects.visible_to(vendor)) == [question]
        assert list(withheld_from(vendor, scenario)) == [question]
        assert list(answers_of(vendor, scenario)) == []

    def test_who_does_not_see_a_file_cannot_name_it(self):
        _owner, scenario, file, _reader, _public = self.files()
        with pytest.raises(Invalid) as wrong:
            ask(scenario, attachment_uid=file.uid)
        assert list(wrong.value.errors) == ["attachment"]

    def test_a_public_file_may_be_named_by_all(self):
        owner, scenario, _file, _reader, public = self.files()
        row = answer(scenario, owner, ask(scenario, attachment_uid=public.uid))
        assert list(answers_of(VISITOR, scenario)) == [row]

    def test_its_readers_are_told_and_no_other_vendor(self):
        owner, scenario, file, reader, _public = self.files()
        bidder = world.vendor()
        bids.bid(scenario, bidder)
        colleague = world.vendor()
        release(owner, file, colleague)
        sign(colleague, file)
        answer(
            scenario, owner, ask(scenario, reader, attachment_uid=file.uid),
            attachment_uid=file.uid,
        )  # fmt: skip
        deliver()
        assert told("question.answered") == ids(reader, colleague)
        assert told("bidders.question_answered") == set()


# -- The clock is held -----------------------------------------------------------------------------
def overdue(clock, **fields):
    """A question of the last moment, whose answer is due now."""
    scenario = demand(**fields)
    world.announce(scenario)
    move_to(clock, asked_until(scenario) - TICK)
    row = ask(scenario)
    move_to(clock, answer_due(scenario.profile, row.asked_at))
    return scenario, row


@db
def test_an_overdue_answer_moves_the_deadline_day_by_day_until_it_is_given(clock):
    scenario, row = overdue(clock)
    before = scenario.deadline_at
    assert actions.hold_deadline(scenario_uid=scenario.uid) is True
    scenario.refresh_from_db()
    assert scenario.deadline_at == before + timedelta(days=1)
    assert actions.hold_deadline(scenario_uid=scenario.uid) is False
    clock.move(timedelta(days=2))
    assert actions.hold_deadline(scenario_uid=scenario.uid) is True
    clock.move(timedelta(days=1))
    answer(scenario, owner_of(scenario), row)
    scenario.refresh_from_db()
    assert scenario.deadline_at == before + timedelta(days=4)
    clock.move(timedelta(days=1))
    assert actions.hold_deadline(scenario_uid=scenario.uid) is False
    events = Event.objects.filter(kind="scenario.deadline_extended").order_by("pk")
    assert [event.data["cause"] for event in events] == ["question"] * 3
    assert {event.audience for event in events} == {Audience.PUBLIC}


@db
def test_an_instant_before_it_is_due_it_stands(clock):
    scenario, row = overdue(clock)
    clock.move(-TICK)
    assert actions.hold_deadline(scenario_uid=scenario.uid) is False
    answer(scenario, owner_of(scenario), row)
    before = scenario.deadline_at
    scenario.refresh_from_db()
    assert scenario.deadline_at == before


@db
def test_a_deadline_far_enough_away_stays(clock):
    scenario = demand()
    ask(scenario)
    clock.move(timedelta(days=10))
    assert actions.hold_deadline(scenario_uid=scenario.uid) is False


@db
def test_a_profile_that_does_not_hold_lets_it_pass(clock):
    scenario = demand(profile=world.profile("A", 2))
    ask(scenario)
    clock.move(timedelta(days=29))
    assert actions.hold_deadline(scenario_uid=scenario.uid) is False
    move_to(clock, scenario.deadline_at)
    assert close_scenario(scenario_uid=scenario.uid).closed_at is not None


@db
def test_it_moves_even_where_no_sweep_ran_before_the_deadline(clock):
    scenario, _row = overdue(clock)
    move_to(clock, scenario.deadline_at)
    row = close_scenario(scenario_uid=scenario.uid)
    assert (row.state, row.closed_at) == (State.PUBLISHED, None)
    assert row.deadline_at > database_clock.now() + timedelta(days=6)


@db
def test_who_moves_it_is_the_system(clock):
    scenario, _row = overdue(clock)
    for actor in (owner_of(scenario), world.officer()):
        with pytest.raises(NotAllowed):
            actions.hold_deadline(scenario_uid=scenario.uid, actor=actor)


@db
def test_the_sweep_promises_it_once(clock):
    scenario, _row = overdue(clock)
    demand()
    assert [hold_due(), hold_due()] == [1, 0]
    deliver()
    before = scenario.deadline_at
    scenario.refresh_from_db()
    assert scenario.deadline_at == before + timedelta(days=1)
    assert hold_due() == 0


def test_two_sweeps_at_once_move_it_once(two_at_once, clock):
    scenario, _row = overdue(clock)
    hold = lambda: actions.hold_deadline(scenario_uid=scenario.uid)  # noqa: E731
    assert sorted(two_at_once(hold, hold)) == [False, True]


@db
def test_the_opener_reads_it_from_the_log(clock, settings):
    scenario, _row = overdue(clock)
    actions.hold_deadline(scenario_uid=scenario.uid)
    scenario.refresh_from_db()
    sequencer.seal_batch()
    replay = Replay(settings.OPENER_LOG_VKEY)
    replay.advance()
    assert replay.announced(scenario.uid).deadline_at == scenario.deadline_at


# -- Who is told, and reminded ---------------------------------------------------------------------
@db
def test_the_owner_is_told_of_a_question_and_the_asker_of_the_answer():
    owner, vendor, bidder = world.owner(), world.vendor(), world.vendor()
    scenario, editor = demand(owner), world.member(owner.organisation, Role.EDITOR)
    world.member(scenario.organisation, Role.VIEWER)
    world.officer()
    bids.bid(scenario, bidder)
    bids.bid(scenario, vendor)
    row = ask(scenario, vendor)
    deliver()
    assert told("question.asked") == ids(owner, editor)
    answer(scenario, owner, row)
    deliver()
    assert told("question.answered") == ids(vendor)
    assert told("bidders.question_answered") == ids(bidder)


@db
def test_no_notice_names_who_asked(clock):
    scenario = demand()
    owner, vendor = owner_of(scenario), world.vendor(name="示盾安全")
    ask(scenario, vendor)
    deliver()
    row = Notice.objects.get(user=owner.user, kind="question.asked")
    assert row.subject_uid == Question.objects.get().uid
    assert not Organisation.objects.filter(uid__in=[row.subject_uid, row.event_uid]).exists()


@db
def test_what_waits_is_known_with_its_time_until_it_is_answered(clock):
    scenario = demand()
    row = ask(scenario)
    due = answer_due(scenario.profile, row.asked_at)
    waiting = list(unanswered(database_clock.now(), None))
    assert [(one.subject_uid, one.at) for one in waiting] == [(row.uid, due)]
    answer(scenario, owner_of(scenario), row)
    assert list(unanswered(database_clock.now(), [row.uid])) == []


@db
def test_a_question_says_nothing_of_bids_and_ends_with_its_demand(clock):
    scenario = demand()
    row = ask(scenario)
    owner = owner_of(scenario)
    withdraw_scenario(actor=owner, scenario_uid=scenario.uid, reason="计划调整。")
    assert list(unanswered(database_clock.now(), None)) == []
    with pytest.raises(StateConflict):
        answer(scenario, owner, row)
