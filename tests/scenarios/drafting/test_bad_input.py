"""Whatever is wrong with what is sent: a clear sentence in the reader's language, and nothing lost."""

from __future__ import annotations

import html
import re
from datetime import datetime

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import translation

from marketplace.base.clock import SHANGHAI
from marketplace.base.texts import Wrong
from marketplace.scenarios import actions, queries
from marketplace.scenarios.drafting.tables import tables_of
from marketplace.scenarios.likeness.actions import answer_likeness
from marketplace.scenarios.likeness.keeping import keep_sketches
from tests import world
from tests.scenarios import typed
from tests.scenarios.drafting import made
from tests.scenarios.test_pages import posted
from tests.web.asking import MARKUP, browser, text, url

HAN = re.compile("[\u4e00-\u9fff]")
BAD = made.bad_files()
db = pytest.mark.django_db


# -- Files -----------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", BAD)
def test_every_bad_file_has_its_sentence_in_both_languages(name):
    said = {}
    for language in ("zh-hans", "en"):
        with translation.override(language), pytest.raises(Wrong) as refused:
            tables_of(BAD[name][0])
        said[language] = str(refused.value.message)
    assert HAN.search(said["zh-hans"])
    assert not HAN.search(said["en"])
    assert "%(" not in "".join(said.values())


@db
@pytest.mark.parametrize("name", ["cut short", "formula", "macros", "bomb"])
def test_a_bad_file_leaves_the_draft_as_it_was(name):
    owner = world.owner()
    scenario = actions.create_draft(actor=owner, data=typed.data())
    before = queries.stored_content(scenario)
    file = SimpleUploadedFile("x.docx", BAD[name][0])
    page = browser(owner).post(url("scenario-import-into", scenario), {"file": file})
    assert (page.status_code, bool(HAN.search(page.context["wrong"]))) == (422, True)
    assert page.context["wrong"] in html.unescape(text(page))
    scenario.refresh_from_db()
    assert (scenario.revision, queries.stored_content(scenario)) == (1, before)


# -- Dates -----------------------------------------------------------------------------------------
@db
@pytest.mark.parametrize(
    ("field", "typed_in", "zh", "en"),
    [
        ("deadline_at", "2020-01-01T09:00", "截止时间应晚于当前时间", "must lie in the future"),
        ("deadline_at", "2026-02-30T09:00", "请填写日期和时间", "Enter a date and time"),
        ("deadline_at", "9999-12-31T23:59", "两年", "two years"),
        ("milestones-1-month", "10", "9 个月", "9 months"),
        ("milestones-1-month", "2", "先后", "in the order of their months"),
    ],
)
def test_dates_that_contradict_one_another_say_so_and_stay_typed(field, typed_in, zh, en):
    owner = world.owner()
    scenario = actions.create_draft(actor=owner, data=typed.data())
    for prefix, sentence in (("", zh), ("/en", en)):
        sent = posted(scenario, do="submit", **{field: typed_in})
        page = browser(owner).post(prefix + url("scenario-edit", scenario), sent)
        body = html.unescape(text(page))
        assert (page.status_code, f'value="{typed_in}"' in body) == (422, True)
        assert sentence.replace(" ", "") in body.replace(" ", "")


@db
@pytest.mark.parametrize(
    ("now", "deadline", "zh", "en"),
    [
        ("2026-08-20", "2026-10-02T17:00", "休息日", "a day off"),
        ("2026-08-20", "2026-09-12T17:00", "休息日", "a day off"),
        ("2026-11-22", "2027-01-15T17:00", "2027", "2027"),
    ],
    ids=["holiday", "weekend", "year without its calendar"],
)
def test_a_day_off_and_a_year_without_its_calendar_are_told_beside_the_form(
    clock, now, deadline, zh, en
):
    clock.freeze(datetime.fromisoformat(f"{now}T09:00").replace(tzinfo=SHANGHAI))
    owner = world.owner()
    scenario = actions.create_draft(actor=owner, data=typed.data())
    for prefix, sentence in (("", zh), ("/en", en)):
        sent = posted(scenario, do="save", deadline_at=deadline)
        client = browser(owner)
        checked = client.post(f"{prefix}/scenarios/check/", sent)
        [point] = [one["point"] for one in checked.context["meter"]["points"]
                   if one["point"].code == "room"]  # fmt: skip
        assert (sentence in point.todo, point.todo in html.unescape(text(checked))) == (True, True)
        assert client.post(url("scenario-edit", scenario), sent).status_code == 302
        scenario.refresh_from_db()
        assert f"{scenario.deadline_at.astimezone(SHANGHAI):%Y-%m-%dT%H:%M}" == deadline


# -- Markup ----------------------------------------------------------------------------------------
@db
def test_markup_in_a_like_demand_and_what_is_said_of_it_is_text():
    need = f"被动采集，不向生产网络发送任何报文{MARKUP}；识别异常指令并说明依据，告警可归并。"
    other = world.published_scenario(title=f"甲{MARKUP}", need=need, contact=MARKUP)
    keep_sketches([other])
    owner = world.owner(name=f"单位{MARKUP}")
    mine = actions.create_draft(
        actor=owner, data=typed.data(title=f"甲{MARKUP}", need=need, restricted_fields=["pain"])
    )
    answer_likeness(
        actor=owner,
        scenario_uid=mine.uid,
        other_uid=other.uid,
        verdict="different",
        reason=f"不同{MARKUP}",
    )
    client, shown = browser(owner), 0
    for name in ("scenario-likeness", "scenario-edit", "scenario-preview"):
        body = text(client.get(url(name, mine)))
        assert (name, "<script>alert" in body, "<img src=x" in body) == (name, False, False)
        shown += html.escape("<script>alert(1)</script>") in body
    assert shown == 3
