"""Calendar files: what stands in them, when it changes, and that a bid is no part of them."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import icalendar
import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse

from marketplace.base.actor import SYSTEM, VISITOR, Role
from marketplace.base.errors import NotAllowed
from marketplace.ledger import actions as ledger
from marketplace.ledger.models import Audience, Event
from marketplace.opendata.calendars import ics
from marketplace.opendata.calendars.queries import asked_until
from marketplace.scenarios.models import Scenario, State
from marketplace.scenarios.watching.actions import (
    end_calendar_address,
    renew_calendar_address,
    watch_scenario,
)
from marketplace.scenarios.watching.calendars import CalendarAddress
from tests import world
from tests.bidding import bids
from tests.indicators.test_goals import publish
from tests.web.asking import get, page, text

pytestmark = pytest.mark.django_db
FEED = "/feeds/deadlines.ics"


def events(response):
    """{uid: event} of a file; its lines are as RFC 5545 has them."""
    assert response["Content-Type"] == ics.TYPE
    lines = response.content.split(b"\r\n")
    assert all(len(line) <= 75 for line in lines), "folded"
    whole = icalendar.Calendar.from_ical(response.content)
    assert (whole["VERSION"], whole["METHOD"]) == ("2.0", "PUBLISH")
    found = {str(one["UID"]): one for one in whole.walk("VEVENT")}
    assert len(found) == len(whole.walk("VEVENT"))
    return found


def file(scenario, **headers):
    return Client(headers=headers).get(f"{page(scenario)}calendar.ics")


def of(scenario, kind):
    return str(ics.event_uid(scenario.uid, kind))


def moved(scenario, kind="scenario.deadline_extended", **changed):
    """The deed of another room, in short: the row and its public leaf."""
    with transaction.atomic():
        Scenario.objects.filter(pk=scenario.pk).update(**changed)
        ledger.append(kind, actor=SYSTEM, subjects=[scenario.uid], audience=Audience.PUBLIC)
    scenario.refresh_from_db()


# -- One demand ------------------------------------------------------------------------------------------
def test_a_demand_has_its_dates_in_both_languages(settings):
    settings.SITE_URL = "https://park.example"
    scenario = publish(title="港口，勒索；恢复", title_en="Ports, ransom; recovery")
    chinese = events(file(scenario))
    english = events(Client().get(f"/en{page(scenario)}calendar.ics"))
    assert set(chinese) == set(english) == {of(scenario, "deadline"), of(scenario, "questions")}
    one = english[of(scenario, "deadline")]
    assert one["DTSTART"].dt == scenario.deadline_at.replace(microsecond=0)
    assert one["SUMMARY"] == f"Deadline for bids: Ports, ransom; recovery ({scenario.ref})"
    assert one["URL"] == f"https://park.example/en{page(scenario)}"
    assert (one["STATUS"], one["SEQUENCE"], one["TRANSP"]) == ("CONFIRMED", 0, "TRANSPARENT")
    assert "港口，勒索；恢复" in chinese[of(scenario, "deadline")]["SUMMARY"]
    asked = chinese[of(scenario, "questions")]["DTSTART"].dt
    assert asked == asked_until(scenario)
    assert file(scenario)["Content-Disposition"] == f'attachment; filename="{scenario.ref}.ics"'


def test_what_moves_keeps_its_name_and_grows_its_number(clock):
    scenario = publish()
    before = events(file(scenario))
    later = scenario.deadline_at + timedelta(days=1)
    moved(scenario, deadline_at=later)
    after = events(file(scenario))
    assert set(after) == set(before)
    one = after[of(scenario, "deadline")]
    assert one["DTSTART"].dt == later.replace(microsecond=0)
    stands = [before[of(scenario, "deadline")]["SEQUENCE"], one["SEQUENCE"]]
    moved(scenario, "scenario.suspended", suspended=True)
    one = events(file(scenario))[of(scenario, "deadline")]
    assert one["STATUS"] == "TENTATIVE"
    stands.append(one["SEQUENCE"])
    moved(scenario, "scenario.withdrawn", suspended=False, state=State.WITHDRAWN)
    one = events(file(scenario))[of(scenario, "deadline")]
    assert one["STATUS"] == "CANCELLED"
    stands.append(one["SEQUENCE"])
    assert all(first < second for first, second in pairwise(stands))


def test_a_draft_has_no_file_for_anybody():
    owner = world.owner()
    draft = world.draft_scenario(owner)
    for actor in (None, owner):
        assert get(f"{page(draft)}calendar.ics", actor).status_code == 404


def test_a_masked_owner_stands_under_its_mask_also_in_its_own_file():
    owner = world.owner(name="上海洋山港航科技有限公司")
    scenario = publish(owner, owner_masked=True, owner_mask="某港航企业")
    for actor in (None, owner, world.officer()):
        told = get(f"{page(scenario)}calendar.ics", actor)
        assert "某港航企业" in events(told)[of(scenario, "deadline")]["DESCRIPTION"]
        assert "洋山" not in icalendar.Calendar.from_ical(told.content).to_ical().decode()


def test_a_bid_changes_nothing_and_a_move_changes_the_tag():
    scenario = publish()
    first, feed = file(scenario), Client().get(FEED)
    bids.bid(scenario)
    for path, answer in ((f"{page(scenario)}calendar.ics", first), (FEED, feed)):
        again = Client(headers={"If-None-Match": answer["ETag"]}).get(path)
        assert (again.status_code, again.content) == (304, b"")
        assert Client().get(path).content == answer.content
    moved(scenario, deadline_at=scenario.deadline_at + timedelta(days=1))
    for path, answer in ((f"{page(scenario)}calendar.ics", first), (FEED, feed)):
        again = Client(headers={"If-None-Match": answer["ETag"]}).get(path)
        assert again.status_code == 200
    assert Client().get(f"/en{FEED}")["ETag"] != Client().get(FEED)["ETag"]


# -- All open deadlines ----------------------------------------------------------------------------------
def test_the_feed_has_what_takes_bids(clock):
    first, second = publish(), publish()
    moved(second, "scenario.withdrawn", state=State.WITHDRAWN)
    assert set(events(Client().get(FEED))) == {of(first, "deadline")}
    clock.freeze(first.deadline_at)
    assert set(events(Client().get(FEED))) == set()


@pytest.mark.parametrize("count", [1, 30])
def test_the_feed_asks_the_same_for_one_and_for_thirty(count, count_queries):
    owner = world.owner()
    for _ in range(count):
        world.published_scenario(owner)
    with count_queries() as queries:
        shown = Client().get(FEED)
    assert len(events(shown)) == count
    assert len(queries) <= 2


# -- What I watch ----------------------------------------------------------------------------------------
def test_the_secret_address_answers_with_what_its_person_watches(clock):
    watched, other, vendor = publish(), publish(), world.vendor()
    watch_scenario(actor=vendor, scenario_uid=watched.uid)
    before = Event.objects.count()
    secret = renew_calendar_address(actor=vendor)
    assert Event.objects.count() == before
    path = reverse("calendar-of-person", args=[secret])
    answer = Client().get(path)
    assert set(events(answer)) == {of(watched, "deadline"), of(watched, "questions")}
    assert (answer["Cache-Control"], answer["X-Robots-Tag"]) == ("private, no-cache", "noindex")
    again = Client(headers={"If-None-Match": answer["ETag"]}).get(path)
    assert (again.status_code, again["Cache-Control"]) == (304, "private, no-cache")
    # A bid of the person's own leaves no trace in it either.
    bids.bid(watched, vendor)
    assert Client().get(path).content == answer.content
    watch_scenario(actor=vendor, scenario_uid=other.uid)
    assert len(events(Client().get(path))) == 4


def test_a_new_address_ends_the_one_before_and_an_ended_one_answers_nothing():
    vendor = world.vendor()
    first = renew_calendar_address(actor=vendor)
    second = renew_calendar_address(actor=vendor)
    paths = [reverse("calendar-of-person", args=[secret]) for secret in (first, second, "x")]
    assert [Client().get(path).status_code for path in paths] == [404, 200, 404]
    row = CalendarAddress.objects.get()
    assert second not in (row.digest, str(row.uid))
    end_calendar_address(actor=world.vendor())
    assert Client().get(paths[1]).status_code == 200
    end_calendar_address(actor=vendor)
    end_calendar_address(actor=vendor)
    assert Client().get(paths[1]).status_code == 404


def test_an_account_that_is_out_of_use_answers_nothing():
    vendor = world.vendor()
    path = reverse("calendar-of-person", args=[renew_calendar_address(actor=vendor)])
    vendor.user.is_active = False
    vendor.user.save()
    assert Client().get(path).status_code == 404


def test_visitors_and_inspectors_have_none():
    for actor in (VISITOR, world.person(Role.INSPECTOR)):
        with pytest.raises(NotAllowed):
            renew_calendar_address(actor=actor)


def test_the_page_shows_the_address_once(settings):
    settings.SITE_URL = "https://park.example"
    vendor = world.vendor()
    client = Client()
    client.force_login(vendor.user)
    assert "Make an address" in text(client.get("/en/desk/watched/"))
    made = client.post("/en/desk/watched/calendar/", {"do": "renew"})
    shown = text(made)
    start = shown.index("https://park.example/en/feeds/watched/")
    address = shown[start : shown.index(".ics", start) + 4]
    assert Client().get(address.removeprefix("https://park.example")).status_code == 200
    assert "no-store" in made["Cache-Control"]
    after = text(client.get("/en/desk/watched/"))
    assert address not in after
    assert "Renew the address" in after
    client.post("/en/desk/watched/calendar/", {"do": "end"})
    assert CalendarAddress.objects.count() == 0


# -- The file --------------------------------------------------------------------------------------------
def test_a_window_has_an_end_and_the_file_is_utc():
    at = datetime(2026, 11, 23, 17, 0, tzinfo=ZoneInfo("Asia/Shanghai"))
    scenario = world.published_scenario()
    entry = ics.Entry(
        uid=scenario.uid,
        sequence=3,
        changed_at=at,
        starts_at=at,
        ends_at=at + timedelta(days=1),
        status="CONFIRMED",
        summary="一" * 200,
        description="a\nb",
        url="https://park.example/",
    )
    raw = ics.calendar("x", [entry])
    assert b"DTSTART:20261123T090000Z" in raw
    assert b"DTEND:20261124T090000Z" in raw
    made = icalendar.Calendar.from_ical(raw).walk("VEVENT")[0]
    assert (made["SUMMARY"], made["DESCRIPTION"]) == ("一" * 200, "a\nb")
    assert ics.tag_of("x", [entry]) == ics.tag_of("x", [entry])
    assert ics.tag_of("y", [entry]) != ics.tag_of("x", [entry])
