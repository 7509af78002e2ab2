"""The board and the goals: filters, what they count, how much they ask of the database."""

import re
from datetime import timedelta

import pytest
from django.test import Client

from marketplace.base import clock as base_clock
from tests import world
from tests.indicators.test_goals import publish, withdraw
from tests.web.asking import MARKUP, get, page, text

pytestmark = pytest.mark.django_db


# -- The board ---------------------------------------------------------------------------------------
def test_the_board_says_what_it_is_and_how_far(clock):
    clock.freeze(base_clock.now())
    publish()
    shown = text(get("/en/"))
    assert "Security demands of Lingang" in shown
    assert re.search(
        r'Demands opened <strong class="jb-num">1</strong> <span class="jb-num">/ 50</span>', shown
    )


def test_filters_stand_in_the_address_and_search_finds():
    publish(title="港口勒索恢复", domain=world.term("domain", "ai"))
    publish(title="工控流量检测", organising_mode="race", race_entrants=3)
    titles = {"港口勒索恢复", "工控流量检测"}

    def found(**query):
        shown = text(get("/", **query)).replace("<mark>", "").replace("</mark>", "")
        return {title for title in titles if f">{title}</a>" in shown}

    assert found() == titles
    assert found(domain="ai") == {"港口勒索恢复"}
    assert found(mode="race") == {"工控流量检测"}
    assert found(q="勒索") == {"港口勒索恢复"}
    assert found(q="勒索", mode="race") == set()
    assert found(state="open") == titles
    assert found(state="done") == set()


def test_an_empty_result_says_which_filter_to_drop():
    publish(title="港口勒索恢复", domain=world.term("domain", "ai"))
    shown = text(get("/en/", domain="ai", mode="race"))
    assert "No demand fits all of these filters" in shown
    drop = re.search(r'<ul class="pub-drops">(.*?)</ul>', shown, re.DOTALL).group(1)
    assert 'href="/en/?domain=ai"' in drop
    assert "1 demand" in drop
    assert 'href="/en/?mode=race"' not in drop  # that would not help


def test_several_values_of_a_facet_are_alternatives_each_dropped_by_one_tap():
    publish(title="港口勒索恢复", domain=world.term("domain", "ai"))
    publish(title="工控流量检测")
    shown = text(get("/en/", domain=["ai", "industrial_internet"], mode="best"))
    assert ">2 demands<" in shown
    chips = re.search(r'<ul class="pub-chosen".*?</ul>', shown, re.DOTALL).group()
    leads = re.findall(r'class="pub-filter" href="([^"]+)"', chips)
    assert leads == [
        "/en/?domain=industrial_internet&amp;mode=best",
        "/en/?domain=ai&amp;mode=best",
        "/en/?domain=ai&amp;domain=industrial_internet",
    ]
    facet = re.search(r'id="facet-domain-data_compliance" href="([^"]+)"', shown)
    assert facet is None  # nothing is there
    assert 'id="facet-domain-ai" href="/en/?domain=industrial_internet&amp;mode=best"' in shown


def test_found_words_are_marked_and_nothing_else_is_markup():
    publish(title="<b>勒索</b>恢复", summary="全文 & 勒索", need="要有演练台账")
    shown = text(get("/", q="勒索"))
    assert "&lt;b&gt;<mark>勒索</mark>&lt;/b&gt;恢复</a>" in shown
    assert "全文 &amp; <mark>勒索</mark>" in shown
    assert "要有<mark>台账</mark>" not in shown
    assert "要有演练<mark>台账</mark>" in text(get("/", q="台账"))


def test_close_finds_stand_apart_and_words_that_nothing_holds_are_named():
    publish(title="港口勒索恢复", title_en="Ransomware recovery")
    shown = text(get("/en/", q="勒索 量子"))
    assert "0 demands" in shown
    assert "No demand holds “量子”." in shown
    assert "without the word “量子”: 1 demand<" in shown
    assert "Close to it: not all of the words" in shown
    assert 'href="/en/?q=ransomware"' in text(get("/en/", q="ransomwere"))
    assert "Only the first 100 characters" in text(get("/en/", q="长" * 100_000))
    assert "can be looked for" in text(get("/en/", q="😀"))


def test_the_best_match_is_the_order_of_a_search():
    publish(title="甲", need="港口")
    publish(title="港口")
    usual = text(get("/", q="港口"))
    assert usual.index("<mark>港口</mark></a>") < usual.index(">甲</a>")
    assert re.search(r'id="sort-best"[^>]*aria-current', usual)
    assert 'href="/?q=' in re.search(r'id="sort-new" href="[^"]+"', usual).group()
    assert 'id="sort-best"' not in text(get("/en/"))


def test_an_empty_board_says_so():
    assert "No demand has been posted yet" in text(get("/en/"))


@pytest.mark.parametrize(
    "query",
    [
        {"domain": "\x00"},
        {"q": "\x00"},
        {"q": "%' OR 1=1"},
        {"page": "99999999999999999999"},
        {"page": "x"},
        {"sort": "nothing"},
        {"state": "draft"},
        {"carrier": MARKUP},
        {"q": MARKUP},
        {"q": "长" * 5000},
    ],
)
def test_odd_addresses_do_no_harm(query):
    publish()
    answer = get("/", **query)
    assert answer.status_code == 200
    assert "<script>alert" not in text(answer)


def test_htmx_gets_the_part_and_history_the_whole():
    publish()
    part = Client().get("/?state=open", headers={"HX-Request": "true"})
    assert text(part).lstrip().startswith('<div id="board"')
    whole = Client().get(
        "/?state=open", headers={"HX-Request": "true", "HX-History-Restore-Request": "true"}
    )
    assert "<!DOCTYPE html>" in text(whole)
    assert "HX-Request" in part["Vary"]


def test_a_published_demand_past_its_deadline_is_shown_closed(clock):
    clock.freeze(base_clock.now())
    scenario = publish()
    clock.freeze(scenario.deadline_at)
    shown = text(get(f"/en{page(scenario)}"))
    assert "</svg>Closed</span>" in shown
    assert "Sign in to bid" not in shown
    for path in ("/en/", "/en/goals/"):
        assert "</svg>Closed</span>" in text(get(path))


def test_pages_of_the_board_hold_twenty():
    owner = world.owner()
    for _ in range(21):
        publish(owner)
    assert text(get("/")).count('class="jb-entry"') == 20
    assert text(get("/", page="2")).count('class="jb-entry"') == 1


# -- Goals ---------------------------------------------------------------------------------------------
def test_goals_show_cells_figures_and_reasons():
    counted = publish(title="甲需求")
    outside = publish(world.owner(in_lingang=False), title="乙需求")
    gone = publish(title="丙需求")
    withdraw(gone)
    shown = text(get("/en/goals/"))
    cells = re.search(r'<ol class="jb-fifty-cells">(.*?)</ol>', shown, re.DOTALL).group(1)
    assert cells.count("<li") == 50
    assert cells.count("jb-cell-after") == 2
    assert f'href="/en{page(counted)}"' in cells
    assert f'href="/en{page(gone)}"' not in cells
    assert "the owner is not in Lingang" in shown
    assert "withdrawn by the owner before the deadline" in shown
    assert "the official text of the administration prevails" in shown
    assert all(f">K{n}</span>" in shown for n in range(1, 13) if n != 4)
    assert outside.ref in shown


# -- How many queries --------------------------------------------------------------------------------
@pytest.mark.parametrize(("path", "expected"), [("/", 5), ("/?q=示例", 6), ("/goals/", 7)])
def test_queries_do_not_grow_with_the_rows(path, expected, count_queries):
    owner = world.owner()
    seen = []
    for rows in (1, 29):
        for _ in range(rows):
            publish(owner)
        get(path)  # the process knows terms and words
        with count_queries() as queries:
            assert get(path).status_code == 200
        seen.append(len(queries))
    assert seen == [expected, expected]


def test_a_scenario_takes_as_many_queries_with_a_long_history(count_queries, clock):
    scenario = publish()
    client = Client()
    with count_queries() as few:
        client.get(page(scenario))
    clock.move(timedelta(hours=1))
    for _ in range(5):
        publish(root=scenario)
    with count_queries() as many:
        client.get(page(scenario))
    assert len(few) == len(many)
