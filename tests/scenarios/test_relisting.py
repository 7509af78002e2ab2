"""Another round: tied to its root, counted once, and the failure stays visible."""

import pytest
from django.test import Client

from marketplace.base.actor import Role
from marketplace.base.errors import Invalid, NotAllowed, StateConflict
from marketplace.indicators.models import OpenDemand
from marketplace.ledger.models import Event
from marketplace.scenarios.actions import delete_draft, relist_scenario
from marketplace.scenarios.models import Scenario, State
from marketplace.scenarios.queries import rounds_of, stored_content
from tests import world
from tests.api.client import As
from tests.files.sending import signed_in
from tests.indicators.test_goals import publish
from tests.web.asking import text

db = pytest.mark.django_db
ENDED = [State.FAILED, State.WITHDRAWN, State.TERMINATED]


def ended(owner=None, state=State.FAILED, **fields):
    return world.published_scenario(owner, state=state, failure="no_bids", **fields)


def relist(scenario, actor=None, parts=1):
    actor = actor or world.member(scenario.organisation)
    return relist_scenario(actor=actor, scenario_uid=scenario.uid, parts=parts)


@db
@pytest.mark.parametrize("state", ENDED)
def test_another_round_has_the_content_and_the_root(state):
    scenario = ended(state=state)
    [draft] = relist(scenario)
    assert (draft.state, draft.root, draft.ref) == (State.DRAFT, scenario, None)
    one, other = stored_content(scenario), stored_content(draft)
    assert other.rows == one.rows
    assert other.values == one.values | {"deadline_at": None}
    event = Event.objects.get(kind="scenario.relisted")
    assert event.subjects == [draft.uid, scenario.uid]
    assert event.data == {"root": str(scenario.uid), "parts": 1}


@db
def test_a_third_round_names_the_first():
    scenario = ended()
    [second] = relist(scenario)
    Scenario.objects.filter(pk=second.pk).update(state=State.REJECTED)
    [third] = relist(scenario)
    Scenario.objects.filter(pk=third.pk).delete()
    later = ended(world.member(scenario.organisation), root=scenario)
    [fourth] = relist(later)
    assert fourth.root == scenario
    assert list(rounds_of(scenario)) == [scenario, later]


@db
def test_parts_carry_their_number():
    scenario = ended(title="题" * 120)
    made = relist(scenario, parts=3)
    assert [row.title[-5:] for row in made] == ["（1/3）", "（2/3）", "（3/3）"]
    assert {len(row.title) for row in made} == {120}
    assert {row.root for row in made} == {scenario}
    assert Event.objects.filter(kind="scenario.split").count() == 1


@db
@pytest.mark.parametrize("parts", [0, 6, -1])
def test_not_into_any_number_of_parts(parts):
    with pytest.raises(Invalid) as wrong:
        relist(ended(), parts=parts)
    assert list(wrong.value.errors) == ["parts"]


@db
@pytest.mark.parametrize("state", [s for s in State if s not in ENDED])
def test_only_what_ended(state):
    owner = world.owner()
    scenario = world.published_scenario(owner, state=state)
    with pytest.raises(StateConflict) as running:
        relist(scenario, owner)
    assert running.value.code == "relisting.not_ended"


@db
def test_one_round_at_a_time():
    scenario = ended()
    owner = world.member(scenario.organisation)
    [draft] = relist(scenario, owner)
    with pytest.raises(StateConflict) as under_way:
        relist(scenario, owner)
    assert under_way.value.code == "relisting.under_way"
    delete_draft(actor=owner, scenario_uid=draft.uid)
    assert len(relist(scenario, owner, parts=2)) == 2


@db
def test_who():
    scenario = ended()
    viewer = world.member(scenario.organisation, Role.VIEWER)
    for actor in (viewer, world.owner(), world.vendor(), world.officer()):
        with pytest.raises(NotAllowed):
            relist(scenario, actor)


def test_twice_at_once_is_once(two_at_once):
    scenario = ended()
    owner = world.member(scenario.organisation)
    results = two_at_once(lambda: relist(scenario, owner), lambda: relist(scenario, owner))
    assert sorted(type(row).__name__ for row in results) == ["StateConflict", "list"]
    assert Scenario.objects.filter(root=scenario).count() == 1


@db
def test_a_root_counts_once():
    owner = world.owner()
    first = publish(owner)
    publish(owner, root=first)
    publish(owner, root=first)
    assert list(OpenDemand.objects.values_list("root_uid", flat=True)) == [first.uid]


@db
def test_the_chain_is_seen_from_each_round():
    owner = world.owner()
    scenario = ended(owner)
    address = f"/en/scenarios/{scenario.ref}/"
    assert "Round 1" not in text(Client().get(address))
    sent = signed_in(owner).post(f"{address}relist/", {"parts": "1"})
    draft = Scenario.objects.get(root=scenario)
    assert (sent.status_code, sent["Location"]) == (302, f"/en/scenarios/{draft.uid}/edit/")
    # Before its publication nobody else learns of it.
    assert "Round 2" not in text(Client().get(address))
    second = ended(owner, root=scenario)
    for ref, other in ((scenario.ref, second.ref), (second.ref, scenario.ref)):
        shown = text(Client().get(f"/en/scenarios/{ref}/"))
        assert "Round 1" in shown
        assert f"Round 2 · {second.ref}" in shown
        assert f"/en/scenarios/{other}/" in shown


@db
def test_by_api():
    owner = world.owner()
    scenario = ended(owner)
    client = As(owner)
    told = client.get(f"/api/v1/scenarios/{scenario.uid}/").json()
    assert "relist_scenario" in [move["name"] for move in told["actions"]]
    made = client.post(f"/api/v1/scenarios/{scenario.uid}/relist/", {"parts": 2})
    assert (made.status_code, made.json()["state"]) == (201, "draft")
    assert made.json()["title"].endswith("（1/2）")
