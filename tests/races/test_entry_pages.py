"""The pages of an entry walked once, each step by the person whose turn it is; and the desks."""

from __future__ import annotations

import hashlib

import pytest

from marketplace.base import clock as site_clock
from marketplace.base.actor import VISITOR, Role
from marketplace.desk.queries import waiting_for
from marketplace.notices import reminders
from marketplace.races.entry import actions
from marketplace.races.models import Race, RaceAgreement, RaceState
from tests import world
from tests.api.client import As
from tests.notices.steps import deliver, ids, told
from tests.races import steps
from tests.web.asking import browser, text

pytestmark = pytest.mark.django_db


def verbs(actor):
    return [str(task.verb) for task in waiting_for(actor)]


def test_an_entry_by_its_pages(clock):  # noqa: PLR0915 - one walk, step after step
    scenario = steps.to_be_decided(3)
    owner, officer = world.member(scenario.organisation), world.officer()
    at = f"/en/scenarios/{scenario.address}/entry/"
    public = f"/en/races/{scenario.address}/"
    assert verbs(owner) == ["Make the shortlist of the race"]
    assert verbs(officer) == []
    assert browser(world.vendor()).get(at).status_code == 404
    client = browser(owner)
    assert "Put the shortlist on record" in text(client.get(at))
    few = client.post(at, {"do": "shortlist", "entrants": "1"})
    assert (few.status_code, "From 2 to 3 vendors." in text(few)) == (422, True)
    assert client.post(at, {"do": "shortlist", "entrants": "x"}).status_code == 422
    assert client.post(at, {"do": "nonsense"}).status_code == 404
    assert client.post(at, {"do": "shortlist", "entrants": "3"}).status_code == 302
    assert browser().get(public).status_code == 404
    assert (verbs(owner), verbs(officer)) == ([], ["Publicise the shortlist"])
    assert browser(officer).post(at, {"do": "publish"}).status_code == 302
    race = Race.objects.get()
    assert "Shortlist in publicity" in text(browser().get(public))
    early = browser(officer).post(at, {"do": "offer"})
    assert (early.status_code, "still running" in text(early)) == (409, True)
    clock.freeze(race.notice.ends_at)
    assert verbs(officer) == ["Offer the race agreements"]
    assert browser(officer).post(at, {"do": "offer"}).status_code == 302
    assert verbs(owner) == ["Accept a race agreement"] * 3
    for place in (1, 2, 3):
        row, vendor = steps.agreement_of(race, place), steps.vendor_of(race, place)
        page = f"/en/race-agreements/{row.uid}/"
        assert verbs(vendor) == ["Accept a race agreement"]
        assert browser(world.vendor()).get(page).status_code == 404
        body = browser(vendor).get(f"{page}text.json").content
        assert hashlib.sha256(body).hexdigest() == row.sha256
        if place == 3:
            empty = browser(vendor).post(page, {"do": "decline"})
            assert empty.status_code == 422
            gone = browser(vendor).post(page, {"do": "decline", "reason": "产能不足"})
            assert gone.status_code == 302
            continue
        stale = browser(vendor).post(page, {"do": "accept", "sha256": "0"})
        assert stale.status_code == 422
        for actor in (vendor, owner):
            assert "Accept this agreement" in text(browser(actor).get(page))
            assert (
                browser(actor).post(page, {"do": "accept", "sha256": row.sha256}).status_code == 302
            )
        assert "Accept this agreement" not in text(browser(vendor).get(page))
    assert verbs(officer) == ["Open the first heat"]
    assert browser(officer).post(at, {"do": "start"}).status_code == 302
    shown = text(browser().get(public))
    names = [steps.vendor_of(race, place).organisation.name for place in (1, 2, 3)]
    listed = shown[shown.index('id="entrants"') : shown.index('id="notice"')]
    assert "R1" in listed
    assert not any(name in listed for name in names)
    own = text(browser(steps.vendor_of(race, 1)).get(public))
    assert "your organisation" in own
    assert (verbs(owner), verbs(officer)) == ([], [])
    assert Race.objects.get().state == RaceState.RACING


def test_too_few_by_its_page(clock):
    race = steps.agreeing(clock, 2)
    officer, at = world.officer(), f"/en/scenarios/{race.scenario.address}/entry/"
    clock.freeze(race.agree_by)
    assert "End the race as void" in text(browser(officer).get(at))
    assert browser(officer).post(at, {"do": "end"}).status_code == 302
    assert "Fewer than two vendors entered" in text(
        browser().get(f"/en/races/{race.scenario.address}/")
    )
    owner = world.member(race.scenario.organisation)
    assert verbs(owner) == ["Choose the winner"]


def test_a_page_asks_no_more_for_more_entrants(count_queries):
    found = []
    for number in (2, 3):
        race = steps.publicised(number)
        with count_queries() as queries:
            assert browser().get(f"/en/races/{race.scenario.address}/").status_code == 200
        found.append(len(queries))
    assert found[0] == found[1]


def test_who_is_told(clock):
    race = steps.shortlisted(2)
    owner = world.member(race.scenario.organisation)
    vendors = [steps.vendor_of(race, place) for place in (1, 2)]
    actions.publicise_shortlist(actor=world.officer(), race_uid=race.uid)
    deliver()
    everybody = set(told("race.shortlist_publicised"))
    assert set(ids(*vendors, owner)) <= everybody
    race.refresh_from_db()
    clock.move(race.notice.ends_at - site_clock.now())
    actions.offer_agreements(actor=world.officer(), race_uid=race.uid)
    due = list(reminders.RULES["race_agreement"].waiting(site_clock.now(), None))
    race.refresh_from_db()
    assert [(row.subject_uid, row.at) for row in due] == [(race.scenario.uid, race.agree_by)]
    assert RaceAgreement.objects.visible_to(VISITOR).count() == 0
    assert RaceAgreement.objects.visible_to(world.person(Role.EVALUATOR)).count() == 0


# -- The API -----------------------------------------------------------------------------------------
def names(shown):
    return [move["name"] for move in shown["actions"]]


def test_the_same_by_the_api(clock):
    scenario = steps.to_be_decided(2, race_entrants=2, plan=None)
    owner, officer = world.member(scenario.organisation), world.officer()
    api, office = As(owner), As(officer)
    assert "shortlist" in names(api.get(f"scenarios/{scenario.uid}/").json())
    made = api.post(f"scenarios/{scenario.uid}/shortlist/", {"entrants": 2})
    assert made.status_code == 201
    path = f"races/{made.json()['uid']}/"
    assert As().get(path).status_code == 404
    assert names(office.get(path).json()) == ["publicise_shortlist"]
    assert office.post(f"{path}publicise/", {}).status_code == 200
    shown = As().get(path).json()
    assert ([row["place"] for row in shown["notice"]["text"]["shortlist"]], shown["actions"]) == (
        [1, 2],
        [],
    )
    assert [row["uid"] for row in As().get("races/").json()["results"]] == [shown["uid"]]
    race = Race.objects.get()
    assert office.post(f"{path}offer/").status_code == 409
    clock.freeze(race.notice.ends_at)
    assert names(office.get(path).json()) == ["offer_agreements"]
    offered = office.post(f"{path}offer/").json()
    assert len(offered["agreements"]) == 2
    for place in (1, 2):
        row, vendor = steps.agreement_of(race, place), steps.vendor_of(race, place)
        at = f"race-agreements/{row.uid}/"
        assert As(steps.vendor_of(race, 3 - place)).get(at).status_code == 404
        read = As(vendor).get(at).json()
        assert names(read) == ["accept_agreement", "decline_agreement"]
        for actor in (vendor, owner):
            body = {"sha256": read["sha256"]}
            assert As(actor).post(f"{at}accept/", body).status_code == 200
    assert names(office.get(path).json()) == ["start_race"]
    started = office.post(f"{path}start/").json()
    assert (started["state"], [heat["number"] for heat in started["heats"]]) == ("racing", [1, 2])
    seen = As().get(path).json()["entrants"]
    assert [(row["code"], row["organisation"]) for row in seen] == [("R1", None), ("R2", None)]
    assert office.post(f"{path}end/").status_code == 409
