"""Near duplicates: who is told of which, what the owner must say, and what it leaves behind."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.db.utils import ProgrammingError
from django.urls import reverse

from marketplace.base import clock as base_clock
from marketplace.base.errors import Invalid, NotAllowed, NotFound, StateConflict
from marketplace.ledger.models import Event
from marketplace.scenarios import actions
from marketplace.scenarios.likeness.actions import answer_likeness
from marketplace.scenarios.likeness.keeping import keep_sketches
from marketplace.scenarios.likeness.models import Likeness, LikenessAnswer
from marketplace.scenarios.likeness.queries import likes
from marketplace.scenarios.models import Scenario, State
from tests import world
from tests.api.client import As
from tests.scenarios import typed
from tests.scenarios.test_pages import posted as sent
from tests.web.asking import browser, text, url

pytestmark = pytest.mark.django_db
NEED = (
    "1. 被动采集，不向生产网络发送任何报文。2. 识别异常指令、异常连接和参数越限，并说明依据。"
    "3. 告警可按设备和工序归并，值班人员一次看到一件事。"
)
OTHER = {
    "title": "出境数据自动分级",
    "pain": "人工分级慢，口径不一。",
    "need": "按行业目录给出字段级分级结果和理由，支持人工复核与追溯。",
    "metrics": [],
}
WHY = "那一项只测流量，本项测固件。"


def posted(owner=None, state=State.PUBLISHED, **fields):
    """A demand of somebody's, with the words of `draft` and its sketch."""
    fields = {"title": "工控网络异常检测", "pain": "误报多，定位慢。", "need": NEED} | fields
    owner = owner or world.owner()
    make = world.draft_scenario if state == State.DRAFT else world.published_scenario
    scenario = make(owner, **fields)
    if state not in (State.DRAFT, State.PUBLISHED):
        Scenario.objects.filter(pk=scenario.pk).update(state=state)
        scenario.refresh_from_db()
    keep_sketches([scenario])
    return scenario


def draft(owner, **changed):
    data = typed.data(title="工控网络异常检测", pain="误报多，定位慢。", need=NEED, **changed)
    data["metrics"] = [
        {
            "name": "检出率",
            "operator": ">=",
            "value": "98",
            "unit": "%",
            "test_method": "第三方测试",
            "tester": "第三方",
        }
    ]
    return actions.create_draft(actor=owner, data=data)


def told(actor, scenario):
    return [(one.other.pk, one.percent, one.strong) for one in likes(actor, scenario)]


def submit(owner, scenario, **more):
    scenario.refresh_from_db()
    given = {"actor": owner, "scenario_uid": scenario.uid, "revision": scenario.revision}
    return actions.submit_scenario(**given | more)


def answer(owner, scenario, other, verdict="different", reason=WHY):
    return answer_likeness(
        actor=owner,
        scenario_uid=scenario.uid,
        other_uid=other.uid,
        verdict=verdict,
        reason=reason,
    )


# -- What is found ---------------------------------------------------------------------------------
def test_the_same_words_are_found_by_part_with_their_phrases():
    other, owner = posted(), world.owner()
    [like] = likes(owner, draft(owner))
    assert (like.other, like.percent, like.strong, like.owes_answer) == (other, 100, True, True)
    assert like.parts == [("title", 100), ("pain", 100), ("need", 100), ("metrics", 100)]
    assert like.phrases[0].startswith("1. 被动采集，不向生产网络发送任何报文")
    assert like.owner == other.organisation.name


def test_what_is_nothing_like_it_is_not_named():
    other = posted(title="出境数据自动分级", pain="人工分级慢。", need="按目录给出字段级分级。")
    other.metrics.all()
    owner = world.owner()
    assert told(owner, draft(owner)) == []


def test_a_wish_that_was_copied_is_strong_whatever_stands_around_it():
    long = "；".join(f"第{n}项要求与生产安全有关的事项须可核验" for n in "一二三四五六七八")
    other = posted(title="甲", pain=long, need=NEED)
    owner = world.owner()
    mine = draft(owner)
    Scenario.objects.filter(pk=mine.pk).update(title="另一个题目", pain="完全另外的话。")
    mine.refresh_from_db()
    [like] = likes(owner, mine)
    assert (like.other, like.strong, like.percent < 80) == (other, True, True)
    assert like.parts[0] == ("need", 100)


def test_a_demand_is_not_like_itself_nor_like_its_own_rounds():
    owner = world.owner()
    first = posted(owner, state=State.FAILED)
    [again] = actions.relist_scenario(actor=owner, scenario_uid=first.uid)
    assert told(owner, again) == []
    assert told(owner, first) == []


def test_saving_keeps_the_sketch_in_step():
    owner, other = world.owner(), posted()
    mine = actions.create_draft(actor=owner, data=typed.data(**OTHER))
    assert told(owner, mine) == []
    actions.save_draft(actor=owner, scenario_uid=mine.uid, revision=1, data={"need": NEED})
    before = Likeness.objects.get(scenario=mine).bands
    mine.refresh_from_db()
    assert told(owner, mine)[0][0] == other.pk
    actions.save_draft(actor=owner, scenario_uid=mine.uid, revision=2, data={"need": "别的"})
    assert Likeness.objects.get(scenario=mine).bands != before


def test_the_command_fills_what_has_no_sketch(capsys):
    owner = world.owner()
    other = world.published_scenario(need=NEED, title="工控网络异常检测", pain="误报多，定位慢。")
    world.draft_scenario(owner)
    mine = draft(owner)
    assert told(owner, mine) == []
    call_command("index_likeness")
    assert told(owner, mine)[0][0] == other.pk
    call_command("index_likeness")
    call_command("index_likeness", "--all")
    said = capsys.readouterr().out.splitlines()
    assert said == ["2 demands sketched", "0 demands sketched", "3 demands sketched"]


# -- Who is told -----------------------------------------------------------------------------------
def test_nobody_is_told_of_what_they_may_not_see():
    owner, rival, officer = world.owner(), world.owner(), world.officer()
    theirs = {
        state: posted(rival, state=state)
        for state in (State.DRAFT, State.SUBMITTED, State.PUBLISHED, State.FAILED)
    }
    mine = draft(owner)

    def seen(actor):
        return {one.other.state for one in likes(actor, mine)}

    assert seen(owner) == {State.PUBLISHED, State.FAILED}
    assert seen(officer) == {State.SUBMITTED, State.PUBLISHED, State.FAILED}
    page = text(browser(owner).get(url("scenario-likeness", mine)))
    for state in (State.DRAFT, State.SUBMITTED):
        assert str(theirs[state].uid) not in page
    Scenario.objects.filter(pk=mine.pk).update(state=State.SUBMITTED)
    page = browser(officer).get(url("scenario-likeness", mine))
    unseen = [one["like"].other.pk for one in page.context["likes"] if one["unseen"]]
    assert unseen == [theirs[State.SUBMITTED].pk]


def test_an_owner_under_a_mask_is_named_by_it():
    posted(owner_masked=True, owner_mask="某港航企业")
    owner = world.owner()
    mine = draft(owner)
    assert [one.owner for one in likes(owner, mine)] == ["某港航企业"]
    page = text(browser(owner).get(url("scenario-likeness", mine)))
    assert "某港航企业" in page


def test_strangers_read_nothing_of_it():
    owner = world.owner()
    posted()
    mine = draft(owner)
    for actor in (world.vendor(), world.owner()):
        assert browser(actor).get(url("scenario-likeness", mine)).status_code == 404
    open_one = posted(owner)
    assert browser(world.vendor()).get(url("scenario-likeness", open_one)).status_code == 403
    assert browser(world.officer()).get(url("scenario-likeness", open_one)).status_code == 200


# -- What the owner must say -----------------------------------------------------------------------
def test_it_is_not_filed_before_the_owner_has_spoken():
    owner, other = world.owner(), posted()
    mine = draft(owner)
    with pytest.raises(Invalid) as refused:
        submit(owner, mine)
    assert list(refused.value.errors) == ["likeness"]
    assert other.ref in refused.value.errors["likeness"][0]
    row = answer(owner, mine, other)
    assert (row.verdict, row.reason, row.percent) == ("different", WHY, 100)
    assert submit(owner, mine).state == State.SUBMITTED
    event = Event.objects.get(kind="likeness.answered")
    assert event.subjects == [other.uid, mine.uid]
    assert (event.data, WHY in bytes(event.body).decode()) == (
        {"verdict": "different", "percent": 100},
        False,
    )


def test_what_is_typed_at_the_submission_is_compared_too():
    owner, other = world.owner(), posted()
    mine = actions.create_draft(
        actor=owner, data=typed.data(**OTHER | {"metrics": typed.data()["metrics"]})
    )
    with pytest.raises(Invalid) as refused:
        submit(owner, mine, data={"need": NEED})
    assert other.ref in refused.value.errors["likeness"][0]
    mine.refresh_from_db()
    assert mine.need != NEED


def test_only_its_writers_speak_and_only_while_it_is_with_them():
    owner, other = world.owner(), posted()
    mine = draft(owner)
    with pytest.raises(NotFound):
        answer(world.owner(), mine, other)
    Scenario.objects.filter(pk=mine.pk).update(state=State.SUBMITTED)
    with pytest.raises(NotAllowed):
        answer(world.officer(), mine, other)
    with pytest.raises(StateConflict):
        answer(owner, mine, other)
    Scenario.objects.filter(pk=mine.pk).update(state=State.RETURNED)
    assert answer(owner, mine, other).verdict == "different"


def test_an_answer_has_words_and_speaks_of_what_is_like_it():
    owner, other = world.owner(), posted()
    mine = draft(owner)
    for verdict, reason, field in (
        ("different", " ", "reason"),
        ("different", "长" * 4001, "reason"),
        ("perhaps", WHY, "verdict"),
    ):
        with pytest.raises(Invalid) as refused:
            answer(owner, mine, other, verdict, reason)
        assert list(refused.value.errors) == [field]
    unlike = posted(title="别的", pain="别的", need="别的")
    hidden = posted(state=State.SUBMITTED)
    for one in (unlike, hidden):
        with pytest.raises(NotFound):
            answer(owner, mine, one)
    assert LikenessAnswer.objects.count() == 0


def test_the_same_demand_listed_anew_counts_with_its_root():
    owner = world.owner()
    first = posted(owner, state=State.FAILED)
    mine = draft(owner)
    answer(owner, mine, first, "duplicate", "")
    mine.refresh_from_db()
    assert mine.root == first
    [like] = likes(owner, mine)
    assert (like.answer.verdict, like.owes_answer) == ("duplicate", False)
    answer(owner, mine, first)
    mine.refresh_from_db()
    assert mine.root is None
    answer(owner, mine, first, "duplicate", "")
    assert submit(owner, mine).state == State.SUBMITTED


@pytest.mark.parametrize(
    ("own", "state", "code"),
    [
        (False, State.FAILED, "likeness.not_own"),
        (True, State.PUBLISHED, "likeness.not_ended"),
    ],
)
def test_the_same_is_said_only_of_one_s_own_that_ended(own, state, code):
    owner = world.owner()
    other = posted(owner if own else None, state=state)
    with pytest.raises(StateConflict) as refused:
        answer(owner, draft(owner), other, "duplicate", "")
    assert refused.value.code == code


def test_one_round_at_a_time():
    owner = world.owner()
    first = posted(owner, state=State.FAILED)
    actions.relist_scenario(actor=owner, scenario_uid=first.uid)
    with pytest.raises(StateConflict) as refused:
        answer(owner, draft(owner), first, "duplicate", "")
    assert refused.value.code == "relisting.under_way"


def test_what_was_said_of_a_filed_demand_stays():
    owner, other = world.owner(), posted()
    mine = draft(owner)
    answer(owner, mine, other)
    submit(owner, mine)
    for change in (
        lambda rows: rows.update(reason="别的"),
        lambda rows: rows.delete(),
    ):
        with pytest.raises(ProgrammingError, match="stays"), transaction.atomic():
            change(LikenessAnswer.objects.all())
    assert connection.is_usable()


def test_a_draft_goes_with_what_was_said_of_it():
    owner, other = world.owner(), posted()
    mine = draft(owner)
    answer(owner, mine, other)
    actions.delete_draft(actor=owner, scenario_uid=mine.uid)
    assert (LikenessAnswer.objects.count(), Likeness.objects.count()) == (0, 1)


# -- Pages and the API -----------------------------------------------------------------------------
def test_the_draft_s_page_leads_to_the_answer_and_the_gate_shows_it():
    owner, other = world.owner(), posted()
    mine = draft(owner)
    client, address = browser(owner), url("scenario-likeness", mine)
    assert address in text(client.get(url("scenario-edit", mine)))
    page = client.get(address)
    assert "100" in text(page)
    field = f"{other.uid}-"
    sent = {"other": str(other.uid), f"{field}verdict": "different", f"{field}reason": ""}
    refused = client.post(address, sent)
    assert (refused.status_code, refused.context["likes"][0]["form"].errors.keys()) == (
        422,
        {"reason"},
    )
    assert client.post(address, sent | {f"{field}reason": WHY}).status_code == 302
    submit(owner, mine)
    gate = text(browser(world.officer()).get(url("scenario-likeness", mine)))
    assert WHY in gate
    assert address in text(browser(world.officer()).get(url("scenario-gate", mine)))
    for bad in ({}, {"other": "x"}):
        assert client.post(address, bad).status_code == 404
    again = client.post(address, sent | {f"{field}reason": "别的理由"})
    assert (again.status_code, LikenessAnswer.objects.get().reason) == (409, WHY)


def test_the_refused_submission_keeps_what_was_typed_and_names_the_place():
    owner, other = world.owner(), posted()
    mine = draft(owner)
    page = browser(owner).post(url("scenario-edit", mine), sent(mine, do="submit", contact="甲 1"))
    assert page.status_code == 422
    body = page.content.decode()
    assert ('id="id_likeness"' in body, other.ref in body, 'value="甲 1"' in body) == (
        True,
        True,
        True,
    )


def test_the_api_says_and_takes_the_same():
    owner, other = world.owner(), posted()
    mine = draft(owner)
    address = reverse("api-scenario-likeness", args=[mine.uid])
    [row] = As(owner).get(address).json()
    assert (row["other"]["uid"], row["percent"], row["strong"], row["verdict"]) == (
        str(other.uid),
        100,
        True,
        None,
    )
    assert [one["name"] for one in row["actions"]] == ["answer_likeness"]
    body = {"other": str(other.uid), "verdict": "different", "reason": WHY}
    assert As(owner).post(address, body).status_code == 200
    assert As(owner).get(address).json()[0]["reason"] == WHY
    assert As(world.vendor()).get(address).status_code == 404


# -- A thousand ------------------------------------------------------------------------------------
def test_one_or_a_thousand_cost_the_same_queries(count_queries):
    owner, rival = world.owner(), world.owner()
    mine = draft(owner)
    like = posted(rival)

    def asked():
        with count_queries() as counted:
            found = likes(owner, mine)
        return len(counted), [one.other.pk for one in found]

    few = asked()
    assert few[1] == [like.pk]
    at = base_clock.now()
    columns = {
        field.attname: getattr(like, field.attname)
        for field in Scenario._meta.concrete_fields
        if field.attname not in ("id", "uid", "ref", "created_at")
    }
    Scenario.objects.bulk_create(
        Scenario(
            **columns
            | {
                "ref": f"LG-1999-{n:04d}",
                "title": f"第{n}项",
                "need": NEED if n % 2 else f"第{n}件与众不同的事情需要做好",
                "deadline_at": at + timedelta(days=9),
            }
        )
        for n in range(1000)
    )
    call_command("index_likeness")
    many = asked()
    assert many[0] == few[0]
    assert (len(many[1]), many[1][0]) == (10, like.pk)
