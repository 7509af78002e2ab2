"""Drafting a design, and what publication makes of it."""

from __future__ import annotations

import hashlib
import json

import pytest

from marketplace.base.actor import VISITOR, Role
from marketplace.base.canonical import canonical
from marketplace.base.errors import Invalid, NotAllowed, NotFound, Stale, StateConflict
from marketplace.ledger.models import Event
from marketplace.races.design.actions import save_design
from marketplace.races.design.freezing import design_complete
from marketplace.races.design.queries import frozen_content
from marketplace.races.models import RaceDesign
from marketplace.scenarios import actions as scenarios
from marketplace.scenarios.models import State
from tests import world
from tests.api.client import As
from tests.races import factories
from tests.scenarios import typed
from tests.web.asking import browser, text

pytestmark = pytest.mark.django_db
RACE = {"organising_mode": "race", "race_entrants": 3}


def drafted(**fields):
    owner = world.owner()
    return owner, world.draft_scenario(owner, **(RACE | fields))


def save(actor, scenario, data=None, revision=0):
    data = factories.content() if data is None else data
    return save_design(actor=actor, scenario_uid=scenario.uid, revision=revision, data=data)


def test_a_draft_is_kept_whole_and_counted():
    owner, scenario = drafted()
    row = save(owner, scenario, {"entrants": "3"})
    assert (row.revision, row.content["entrants"], row.content["heats"]) == (1, 3, [])
    row = save(world.member(scenario.organisation, Role.EDITOR), scenario, revision=1)
    assert (row.revision, row.content) == (2, factories.content())
    assert not Event.objects.filter(kind__startswith="race.").exists()  # a draft leaves none
    scenarios.delete_draft(actor=owner, scenario_uid=scenario.uid)
    assert not RaceDesign.objects.exists()


def test_who_and_when():
    owner, scenario = drafted()
    with pytest.raises(NotFound):
        save(world.vendor(), scenario)
    for role in (Role.VIEWER,):
        with pytest.raises(NotAllowed):
            save(world.member(scenario.organisation, role), scenario)
    save(owner, scenario)
    with pytest.raises(Stale):
        save(owner, scenario)
    with pytest.raises(Invalid) as refused:
        save(owner, scenario, factories.content(entrants=9), revision=1)
    assert set(refused.value.errors) == {"entrants"}
    other, plain = drafted(organising_mode="best", race_entrants=None)
    with pytest.raises(StateConflict) as told:
        save(other, plain)
    assert told.value.code == "race.not_a_race"
    scenario.state = State.SUBMITTED
    scenario.save()
    with pytest.raises(NotAllowed):
        save(world.officer(), scenario)
    save(owner, scenario, revision=1)
    [event] = Event.objects.filter(kind="race.design_changed")
    assert (event.audience, event.data) == ("office", {"revision": 2})


def publish(scenario):
    return scenarios.publish_scenario(
        actor=world.officer(), scenario_uid=scenario.uid, key_holder_uids=typed.holders()
    )


def test_a_race_is_published_with_its_design_or_not_at_all():
    scenario = typed.demonstrated(**RACE)
    owner = world.member(scenario.organisation)
    with pytest.raises(Invalid) as refused:
        publish(scenario)
    assert set(refused.value.errors) == {"race_design"}
    save(owner, scenario, {"entrants": 3})
    with pytest.raises(Invalid) as refused:
        publish(scenario)
    assert set(refused.value.errors) == {"race_design-heats"}
    save(owner, scenario, revision=1)
    scenario = publish(scenario)
    row = RaceDesign.objects.get()
    body = bytes(row.body)
    assert hashlib.sha256(body).hexdigest() == row.sha256
    assert body == canonical(json.loads(body))
    assert frozen_content(row) == factories.content()
    assert json.loads(body)["demand"] == {"ref": scenario.ref, "uid": str(scenario.uid)}
    [event] = Event.objects.filter(kind="race.designed")
    assert (event.audience, event.subjects) == ("public", [row.uid, scenario.uid])
    assert event.data == {"ref": scenario.ref, "sha256": row.sha256}
    with pytest.raises(StateConflict) as told:
        save(owner, scenario, revision=2)
    assert told.value.code == "race_design.frozen"


def test_a_design_does_not_lift_the_mask():
    owner, scenario = drafted(owner_masked=True, owner_mask="某企业")
    name = scenario.organisation.name
    save(owner, scenario, factories.content(factories.heat(keep=1, tester=f"{name}测试部")))
    fields = {fault.field for fault in design_complete(scenario, owner)}
    assert fields == {"race_design-heats-0-tester"}


# -- Pages -------------------------------------------------------------------------------------------
def posted(plan, **more):
    """A design as the form sends it."""
    found = {name: plan[name] for name in ("entrants", "names")} | {"tie": " ".join(plan["tie"])}
    found["heats-TOTAL"] = len(plan["heats"])
    for place, heat in enumerate(plan["heats"]):
        at = f"heats-{place}-"
        rows = heat["measures"]
        row = {**heat, "settings": json.dumps(heat["settings"]), f"{'measures-TOTAL'}": len(rows)}
        del row["measures"]
        found |= {f"{at}{name}": value for name, value in row.items() if value is not None}
        for number, measure in enumerate(rows):
            told = {**measure, "critical": "on" if measure["critical"] else ""}
            found |= {f"{at}measures-{number}-{name}": v for name, v in told.items()}
    return found | more


def test_the_form_keeps_what_was_typed_while_rows_come_and_go():
    owner, scenario = drafted()
    client, url = browser(owner), f"/en/scenarios/{scenario.uid}/race-design/"
    assert "Add a heat" in text(client.get(url))
    shown = client.post(url, {"heats-TOTAL": 0, "entrants": "abc", "change": "add-heat"})
    assert 'value="abc"' in text(shown)
    assert 'name="heats-0-measures-0-weight"' in text(shown)
    plan = factories.content()
    shown = text(client.post(url, posted(plan, change="add-measure-1")))
    assert 'name="heats-1-measures-1-code"' in shown
    assert shown.count('value="检出率"') == 2
    shown = text(client.post(url, posted(plan, change="remove-heat-0")))
    assert ('value="决赛"' in shown, 'value="初赛"' in shown) == (True, False)
    for change in ("remove-heat-9", "remove-measure-0-7", "add-measure-8", "nonsense"):
        assert client.post(url, posted(plan, change=change)).status_code == 200
    assert not RaceDesign.objects.exists()
    side = text(client.post(url, posted(plan, do="check")))
    assert "The design is complete." in side
    assert "CNY 500,000.00" in side
    saved = client.post(url, posted(plan, do="save", revision="0"))
    assert saved.status_code == 302
    assert RaceDesign.objects.get().content == plan
    refused = client.post(url, posted(plan, entrants="9", do="save", revision="1"))
    assert (refused.status_code, 'value="9"' in text(refused)) == (422, True)
    stale = client.post(url, posted(plan, do="save", revision="0"))
    assert (stale.status_code, "Load what stands now" in text(stale)) == (409, True)


def test_everybody_reads_the_rules_of_a_published_race():
    scenario = world.published_scenario(**RACE)
    factories.design(scenario)
    url = f"/en/scenarios/{scenario.address}/"
    shown = text(browser().get(f"{url}race/"))
    assert "Of those with 60 points and every critical pass line the best 2 go on." in shown
    assert "At most 3 vendors enter" in shown
    assert f'href="{url}race/"' in text(browser().get(url))
    body = browser().get(f"{url}race.json")
    assert hashlib.sha256(body.content).hexdigest() == RaceDesign.objects.get().sha256
    assert browser(world.owner()).get(f"{url}race-design/").status_code == 403
    bare = world.published_scenario(**RACE)
    RaceDesign.objects.filter(scenario=bare).exists()
    assert "before designs of races were kept" in text(
        browser().get(f"/en/scenarios/{bare.address}/race/")
    )
    assert browser().get(f"/scenarios/{world.published_scenario().ref}/race/").status_code == 404


# -- The API -----------------------------------------------------------------------------------------
def test_the_same_by_the_api():
    owner, scenario = drafted()
    api, path = As(owner), f"scenarios/{scenario.uid}/race-design/"
    empty = api.get(path).json()
    assert (empty["revision"], [move["name"] for move in empty["actions"]]) == (
        0,
        ["save_race_design"],
    )
    assert {fault["rule"] for fault in empty["open"]} == {"required", "heats.none"}
    assert api.send("put", path, factories.content()).status_code == 428
    made = api.send("put", path, factories.content(), match='"r0"')
    assert (made.status_code, made.json()["open"]) == (200, [])
    assert made.json()["design"] == factories.content()
    assert api.send("put", path, factories.content(), match='"r0"').status_code == 412
    wrong = api.send("put", path, factories.content(factories.heat(days=0)), match='"r1"')
    assert (wrong.status_code, set(wrong.json()["errors"])) == (422, {"heats.0.days"})
    assert As().get(path).status_code == 404
    posted_one = world.published_scenario(**RACE)
    row = factories.design(posted_one)
    shown = As().get(f"scenarios/{posted_one.uid}/race-design/").json()
    assert (shown["sha256"], shown["actions"]) == (row.sha256, [])
    assert (
        As(VISITOR).get(f"scenarios/{world.published_scenario().uid}/race-design/").status_code
        == 404
    )
