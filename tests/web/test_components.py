"""What pages show of money, time, states and forms, in both languages; and how it reads aloud."""

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django import forms
from django.template import Context, Template
from django.test import Client
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from marketplace.base.errors import DeadlinePassed, Invalid
from marketplace.scenarios.models import State
from marketplace.web.problems import problems_of
from marketplace.web.states import ICONS, STATES
from marketplace.web.words import day_text, instant_text, money_text, remaining_text

UTC = dt.UTC
AT = dt.datetime(2026, 11, 22, 9, 0, 1, 234_567, tzinfo=UTC)


def rendered(source: str, **values: Any) -> str:
    return Template(source).render(Context(values)).strip()


# -- Words -------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("amount", "chinese", "english"),
    [
        (Decimal("1680000.00"), "168 万元", "CNY 1,680,000.00"),
        (Decimal("955000.50"), "95.50005 万元", "CNY 955,000.50"),
        (Decimal("10000.00"), "1 万元", "CNY 10,000.00"),
        (Decimal("9999.99"), "9,999.99 元", "CNY 9,999.99"),
        (Decimal("123456789012.00"), "12,345,678.9012 万元", "CNY 123,456,789,012.00"),
        (Decimal(0), "0.00 元", "CNY 0.00"),
    ],
)
def test_money_is_shown_in_ten_thousands(amount: Decimal, chinese: str, english: str) -> None:
    with translation.override("zh-hans"):
        assert money_text(amount) == chinese
    with translation.override("en"):
        assert money_text(amount) == english


@given(st.decimals(min_value=10_000, max_value=10**12, places=2))
def test_no_cent_is_lost_in_ten_thousands(amount: Decimal) -> None:
    with translation.override("zh-hans"):
        shown = money_text(amount).removesuffix(" 万元").replace(",", "")
    assert Decimal(shown) * 10_000 == amount


def test_money_carries_the_exact_yuan_for_hover_and_machines() -> None:
    with translation.override("zh-hans"):
        shown = rendered("{% money v %}", v=Decimal("1680000.5"))
    assert shown == (
        '<data class="jb-num jb-nowrap" value="1680000.50" title="1,680,000.50 元">'
        "168.00005 万元</data>"
    )
    assert rendered("{% money v %}", v=None) == "—"


def test_instants_are_beijing_time_whatever_they_came_in() -> None:
    with translation.override("zh-hans"):
        assert instant_text(AT) == "2026年11月22日 17:00（北京时间）"
        assert instant_text(AT, "millisecond") == "2026年11月22日 17:00:01.234（北京时间）"
        assert instant_text(AT, "short") == "2026年11月22日 17:00"
    with translation.override("en"):
        assert instant_text(AT, "second") == "2026-11-22 17:00:01 UTC+8"
        assert day_text(dt.date(2026, 1, 2)) == "2026-01-02"


def test_a_day_is_a_shanghai_day() -> None:
    late = dt.datetime(2026, 11, 22, 16, 0, tzinfo=UTC)
    with translation.override("zh-hans"):
        assert day_text(late) == "2026年11月23日"
        assert 'datetime="2026-11-23"' in rendered("{% day d %}", d=late)


@pytest.mark.parametrize(
    ("left", "text"),
    [
        (dt.timedelta(days=12, hours=7, minutes=59), "12 d 7 h"),
        (dt.timedelta(hours=23, minutes=59, seconds=59), "23 h 59 min"),
        (dt.timedelta(minutes=59, seconds=59.9), "59 min 59 s"),
        (dt.timedelta(seconds=-1), "0 min 0 s"),
    ],
)
def test_time_left_is_rounded_down(left: dt.timedelta, text: str) -> None:
    with translation.override("en"):
        assert remaining_text(left) == text


@pytest.mark.parametrize(("after", "closed"), [(-1, False), (0, True), (1, True)])
def test_a_countdown_is_over_at_its_very_moment(after: int, *, closed: bool) -> None:
    now = AT + dt.timedelta(microseconds=after)
    shown = rendered('{% countdown d n over="Too late" %}', d=AT, n=now)
    assert ("Too late</span>" in shown) is closed


def test_terms_and_texts_follow_the_reader() -> None:
    row = {"code": "data", "name_zh": "数据安全", "name_en": "Data security"}
    text = {"title": "识别 <b>", "title_en": "Detect <b>", "language": "zh-hans"}
    with translation.override("zh-hans"):
        assert rendered("{% term r %}", r=row) == "数据安全"
        assert rendered("{% localized t 'title' %}", t=text) == "识别 &lt;b&gt;"
    with translation.override("en"):
        assert rendered("{{ r|term }}", r=row) == "Data security"
        assert rendered("{% localized t 'title' %}", t=text) == "Detect &lt;b&gt;"
        untranslated = {**text, "title_en": ""}
        assert rendered("{% localized t 'title' %}", t=untranslated) == (
            '<span lang="zh-Hans">识别 &lt;b&gt;</span>'
        )


# -- States ------------------------------------------------------------------------------------
def test_every_state_of_a_scenario_has_a_look() -> None:
    assert set(State.values) - set(STATES) == set()
    assert {badge.icon for badge in STATES.values()} - set(ICONS) == set()
    assert {badge.tone for badge in STATES.values()} <= {"neutral", "info", "good", "warn", "bad"}


def test_a_badge_takes_the_word_of_its_row() -> None:
    class Row:
        state = "submitted"

        def get_state_display(self) -> str:
            return "Sealed & submitted"

    assert "Sealed &amp; submitted</span>" in rendered("{% state_badge r %}", r=Row())
    assert "new_state</span>" in rendered("{% state_badge 'new_state' %}")


def test_a_digest_shows_both_ends_and_keeps_the_whole() -> None:
    shown = rendered("{% hash_short h %}", h=bytes(range(32)))
    assert "<code title=" in shown
    assert ">00010203…1c1d1e1f</code>" in shown


# -- Drawings ----------------------------------------------------------------------------------
def test_weights_fill_the_bar_whatever_their_sum() -> None:
    criteria = [{"name": "a", "weight": Decimal(3)}, {"name": "b", "weight": Decimal(1)}]
    shown = rendered("{% weights_bar c %}", c=criteria)
    assert 'x="0.000%" y="0" width="75.000%"' in shown
    assert 'x="75.000%" y="0" width="25.000%"' in shown
    assert "<svg" in rendered("{% weights_bar c %}", c=[])


@pytest.mark.parametrize(("filled", "cells"), [(0, 50), (37, 50), (53, 53)])
def test_the_target_is_drawn_whole_and_never_cut(filled: int, cells: int) -> None:
    given_cells = [{"title": "t", "url": "#", "period": "in"}] * filled
    shown = rendered("{% fifty c 50 %}", c=given_cells)
    assert shown.count('<li class="jb-cell') == cells
    assert shown.count("<a href=") == filled


# -- Refusals and forms ------------------------------------------------------------------------
def test_a_refusal_says_what_why_and_what_can_be_done() -> None:
    with translation.override("en"):
        shown = rendered("{% refused e rule=r since=s %}", e=DeadlinePassed(), r="R <1>", s=AT)
    assert "The deadline has passed." in shown
    assert "R &lt;1&gt;" in shown
    assert "17:00:01 UTC+8" in shown
    assert "What you handed in before the deadline stays valid" in shown
    assert "<code>deadline.passed</code>" in shown


def test_a_refusal_lists_the_fields_that_are_wrong() -> None:
    wrong = Invalid(errors={"weights": ["They sum to <99>."]})
    assert "<li>They sum to &lt;99&gt;.</li>" in rendered("{% refused e %}", e=wrong)


class Small(forms.Form):
    amount = forms.DecimalField(label="Amount", help_text="In yuan")
    mode = forms.ChoiceField(choices=[("a", "A")], widget=forms.RadioSelect, required=False)


def test_a_field_keeps_what_no_number_field_would() -> None:
    form = Small({"amount": "一百"})
    shown = rendered("{% field f.amount unit='元' %}", f=form)
    assert 'type="text"' in shown
    assert 'value="一百"' in shown
    assert 'aria-invalid="true"' in shown
    assert 'aria-describedby="id_amount_help id_amount_error"' in shown
    assert 'id="id_amount_help"' in shown
    assert 'id="id_amount_error"' in shown


def test_radio_buttons_stand_in_a_named_group() -> None:
    shown = rendered("{% field f.mode %}", f=Small())
    assert shown.startswith("<fieldset")
    assert "<legend" in shown


def test_problems_of_forms_and_formsets_name_their_place() -> None:
    rows = forms.formset_factory(Small, extra=0)(
        {"form-TOTAL_FORMS": "2", "form-INITIAL_FORMS": "0", "form-0-amount": "1"}
    )
    rows.forms[1].empty_permitted = False
    assert [(p["anchor"], p["label"]) for p in problems_of(rows)] == [
        ("id_form-1-amount", "2 · Amount")
    ]
    assert problems_of(Small()) == []
    shown = rendered("{% error_summary f r %}", f=Small({}), r=rows)
    assert 'href="#id_amount"' in shown
    assert 'href="#id_form-1-amount"' in shown
    assert rendered("{% error_summary f %}", f=Small()) == ""


# -- Pages -------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("path", "language", "other"),
    [("/components/", "zh-Hans", "/en/components/"), ("/en/components/", "en", "/components/")],
)
@pytest.mark.django_db
def test_the_frame_names_its_language_and_links_the_other(
    client: Client, path: str, language: str, other: str
) -> None:
    page = client.get(path).content.decode()
    assert f'<html lang="{language}">' in page
    assert f'<a class="jb-lang" href="{other}"' in page


@pytest.mark.django_db
def test_no_page_holds_inline_script_or_style(client: Client) -> None:
    page = client.get("/components/").content.decode()
    assert " style=" not in page
    assert "<style" not in page
    assert " onclick=" not in page


@pytest.mark.django_db
def test_sign_in_stands_in_our_frame(client: Client) -> None:
    page = client.get("/en/accounts/login/").content.decode()
    assert 'class="jb-header"' in page
    assert "Members are invited by their organisation" in page


@pytest.mark.parametrize("code", ["400", "403", "403_csrf", "404", "500", "503"])
def test_an_error_page_needs_no_request_and_no_database(code: str) -> None:
    page = rendered(f'{{% include "errors/{code}.html" %}}')
    assert '<section lang="en"' in page


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_components_read_well_aloud_and_break_no_policy(
    site: str, browser: Any, scheme: str
) -> None:
    context = browser.new_context(color_scheme=scheme, reduced_motion="reduce")
    page = context.new_page()
    # In the dark only the colours differ.
    asked: dict[str, Any] = {"resultTypes": ["violations"]}
    if scheme == "dark":
        asked["runOnly"] = {"type": "rule", "values": ["color-contrast"]}
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    for path in ("/components/", "/en/components/", "/accounts/login/"):
        page.goto(site + path, wait_until="load")
        for width in (390, 1280):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            found = Axe().run(page, options=asked).response["violations"]
            assert [fault["id"] for fault in found] == []
    assert said == []
    context.close()
