"""What the board finds by words, what it advises where it finds nothing, and how it is kept."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.management import call_command
from django.db import connection

from marketplace.base import clock as real_clock
from marketplace.base.actor import VISITOR
from marketplace.scenarios.amendments.actions import draft_amendment, publish_amendment
from marketplace.scenarios.board import board, facets, page_of
from marketplace.scenarios.loading import load_synonyms
from marketplace.scenarios.models import Scenario, State
from marketplace.scenarios.search import facts, synonyms
from marketplace.scenarios.search.counts import COUNTED_MOST
from marketplace.scenarios.search.facts import FactTally
from marketplace.scenarios.search.models import SearchEntry, Synonym
from marketplace.scenarios.search.nearest import advice
from tests import world
from tests.scenarios.test_board import post

pytestmark = pytest.mark.django_db


def shown(near=0, **filters):
    sort = "best" if filters.get("q") else "closing"
    return [row.ref for row in page_of(VISITOR, filters, sort, 0, 20, near=near)]


def counts(name, **filters):
    return {choice.code: choice.count for choice in facets(VISITOR, filters)[name] if choice.count}


# -- Words -----------------------------------------------------------------------------------------
def test_title_before_summary_before_need_before_the_rest():
    rest = post(title="甲", deliverables="蜜罐系统")
    need = post(title="乙", need="需要蜜罐")
    summary = post(title="丙", summary="征集蜜罐方案")
    title = post(title="蜜罐诱捕")
    assert shown(q="蜜罐") == [row.ref for row in (title, summary, need, rest)]


def test_words_that_mean_the_same_find_each_other():
    chinese, english = post(title="工业控制网络监测"), post(title="Monitoring of OT networks")
    for q in ("工控", "ICS", "ｏｔ", "industrial control"):
        assert set(shown(q=q)) == {chinese.ref, english.ref}


def test_a_phrase_stands_together():
    together, apart = post(title="数据出境评估"), post(title="出境的数据")
    assert set(shown(q="数据 出境")) == {together.ref, apart.ref}
    assert shown(q="“数据出境”") == [together.ref]


def test_english_by_its_stem_and_traditional_as_simplified():
    row = post(title="入侵检测", title_en="Detecting intrusions in vehicles")
    for q in ("vehicle intrusion", "detect", "入侵檢測", "侵"):
        assert shown(q=q) == [row.ref]


def test_what_is_not_for_everybody_is_not_found():
    row = post(title="甲", contact="王五 13900000000")
    for q in ("王五", "13900000000"):
        assert shown(q=q) == []
    assert shown(q="甲") == [row.ref]
    world.draft_scenario(world.owner(), title="甲草稿")
    assert shown(q="甲") == [row.ref]


def test_nearly_all_words_stand_behind_and_are_not_counted():
    whole, part = post(title="港口勒索演练"), post(title="港口资产测绘")
    assert shown(q="港口 勒索") == [whole.ref]
    assert shown(q="港口 勒索", near=10) == [whole.ref, part.ref]
    assert shown(q="港口 勒索", near=1, domain="ai") == []
    assert facets(VISITOR, {"q": "港口 勒索"})["total"] == 1


def test_advice_names_the_word_and_a_spelling():
    post(title="异常检测", title_en="Anomaly detection")
    told = {drop.word: drop for drop in advice({"q": "anomoly 检测"})}
    assert (told["anomoly"].unknown, told["anomoly"].near) == (True, ("anomaly",))
    assert (told["anomoly"].count, told["检测"].count, told["检测"].unknown) == (1, 0, False)
    assert advice({"q": "异长"})[0].near == ("异常",)
    assert advice({"domain": "ai"}) == []


@pytest.mark.parametrize(
    "typed",
    ["长" * 100_000, "a" * 100_000, '" \' \\ & | ! ( ) <-> :*', "\x00\x01", "😀😀", "<script>x</script>",
     "a:b:c", "--", "“", "''''", "\\'", "%s %(x)s {0} {x}", "港" * 99 + '"', "\u202e\ufeff\ud7ff"],
)  # fmt: skip
def test_whatever_is_typed_is_answered(typed):
    post(title="港口")
    found = facets(VISITOR, {"q": typed})
    assert found["total"] in (0, 1)
    page_of(VISITOR, {"q": typed}, "best", 0, 20, found=found, near=5)
    list(board(VISITOR, {"q": typed}))
    advice({"q": typed})


# -- Facets ----------------------------------------------------------------------------------------
def test_every_facet_narrows_and_its_counts_agree(clock):
    clock.freeze(real_clock.now())
    made = []
    for number in range(8):
        row = post(
            title="示例流量",
            days=(3, 20, 50)[number % 3],
            budget_cny=Decimal((400_000, 900_000, 1_000_000, 7_000_000)[number % 4]),
            domain=world.term("domain", ("ai", "data_compliance")[number % 2]),
            focus=world.term("focus", "icv_security") if number % 3 else None,
        )
        row.technologies.set([world.term("technology", ("mpc", "ai")[number % 2])])
        row.platforms.set([world.term("linked_platform", "trade_data")] if number < 2 else [])
        row.save()
        made.append(row)
    Scenario.objects.filter(pk=made[0].pk).update(state=State.AWARDED)
    clock.move(timedelta(days=4))  # those of three days are over, and no sweep has been
    for filters in (
        {},
        {"domain": "ai"},
        {"domain": ["ai", "data_compliance"], "technology": "mpc"},
        {"technology": ["mpc", "ai"], "budget": ["to_50", "above_500"]},
        {"platform": "trade_data"},
        {"deadline": ["week", "month"], "focus": "icv_security"},
        {"state": ["open", "review"], "q": "流量"},
        {"q": "流量", "state": "done"},
        {"budget": "no-such"},
    ):
        found = facets(VISITOR, filters)
        whole = list(board(VISITOR, filters))
        assert (found["total"], found["more"]) == (len(whole), False)
        page = page_of(VISITOR, filters, "closing", 0, 20, found=found)
        assert [row.pk for row in page] == [row.pk for row in whole]
        for name in ("state", "domain", "focus", "technology", "platform", "budget", "deadline"):
            for choice in found[name]:
                narrowed = filters | {name: choice.code}
                assert choice.count == board(VISITOR, narrowed).count(), (filters, name, choice)
        for name, count in found["without"].items():
            rest = {one: value for one, value in filters.items() if one != name}
            assert count == board(VISITOR, rest).count()


def test_counts_are_capped_and_say_so(monkeypatch):
    monkeypatch.setattr("marketplace.scenarios.search.counts.COUNTED_MOST", 2)
    monkeypatch.setattr("marketplace.scenarios.board.counts.COUNTED_MOST", 2)
    assert COUNTED_MOST == 1_000
    for _ in range(4):
        post(title="示例流量")
    found = facets(VISITOR, {"q": "流量"})
    assert found["more"] is True
    assert [choice.more for choice in found["state"]] == [True, True, True]
    assert len(page_of(VISITOR, {"q": "流量"}, "best", 0, 20, found=found)) == 4


# -- How it is kept ----------------------------------------------------------------------------------
def tally():
    return dict(FactTally.objects.exclude(rows=0).values_list("fact", "rows"))


def test_facts_follow_the_scenario_and_are_counted():
    first, second = post(), post(organising_mode="race", race_entrants=2)
    Scenario.objects.filter(pk=first.pk).update(state=State.REVIEW)
    Scenario.objects.filter(pk=second.pk).update(state=State.FAILED)
    kept = tally()
    assert (kept[facts.REVIEW], kept[facts.DONE], kept[facts.MODES["race"]]) == (1, 1, 1)
    with connection.cursor() as cursor:
        cursor.execute(facts.RECOUNT)
    assert tally() == kept


def amend(row, **changed):
    """Drafted by its owner and published by an officer."""
    drafted = draft_amendment(
        actor=world.member(row.organisation),
        scenario_uid=row.uid,
        data=changed or {"contact": "李四 021-00000001"},
        reason="补充说明。",
    )
    publish_amendment(actor=world.officer(), amendment_uid=drafted.uid)


def test_the_command_indexes_what_is_missing_and_everything_anew():
    row = post(title="港口勒索恢复")
    SearchEntry.objects.update(tokens=None)
    assert shown(q="勒索") == []
    call_command("index_search")
    assert shown(q="勒索") == [row.ref]
    amend(row)  # as the database lets words of a posted demand change only in its transaction
    Scenario.objects.filter(pk=row.pk).update(title="海关单证")
    SearchEntry.objects.update(facts=[])
    call_command("index_search", "--all")
    assert (shown(q="勒索"), shown(q="单证"), shown(q="单证", mode="best")) == (
        [],
        [row.ref],
        [row.ref],
    )


def test_an_amendment_is_indexed():
    row = post(title="港口勒索恢复")
    assert shown(q="演练要求") == []
    amend(row, summary="增加演练要求")
    assert shown(q="演练要求") == [row.ref]


def test_synonyms_are_those_of_the_seeds():
    load_synonyms({"x": ["甲词", "乙词", "甲词"], "y": ["丙词"]})
    assert set(Synonym.objects.values_list("meaning", "word")) == {
        ("x", "甲词"), ("x", "乙词"), ("y", "丙词"),
    }  # fmt: skip
    synonyms.forget()
    row = post(title="乙词一则")
    assert shown(q="甲词") == [row.ref]
    synonyms.forget()
