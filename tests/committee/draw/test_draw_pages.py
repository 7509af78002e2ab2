"""The pages and the API of a draw: each step by its person, and what nobody else finds."""

import base64
from datetime import date

import pytest
from django.test import Client
from django.urls import reverse

from marketplace.base.actor import Role
from marketplace.committee.draw import lottery
from marketplace.committee.draw.exclusions import exclusions
from marketplace.committee.draw.models import Draw, DrawState
from marketplace.experts.models import Expert, Interest
from marketplace.files.models import AccessRecord
from marketplace.scenarios.models import Scenario
from tests import world
from tests.api.client import As
from tests.committee import factories
from tests.committee.draw import steps
from tests.committee.test_pages import signed_in

pytestmark = pytest.mark.django_db


def url_of(scenario):
    return reverse("draw", args=[scenario.address])


def deposit(client, draw, role):
    nonce = bytes(range(32)) if role == "witness" else bytes(32)
    given = {
        "do": "deposit",
        "sealed": base64.b64encode(steps.sealed(nonce)).decode(),
        "nonce_hash": lottery.nonce_hash(nonce, str(draw.uid), role).hex(),
    }
    return client.post(url_of(draw.scenario), given)


def test_a_draw_by_its_pages():
    steps.pool(8)
    scenario = factories.scenario_in_review()
    secretary, witness = signed_in(world.secretary()), signed_in(world.person(Role.WITNESS))
    url = url_of(scenario)
    assert 'name="seats-ot_security"' in secretary.get(url).content.decode()
    refused = secretary.post(url, {"do": "prepare", "seats-ot_security": "1"})
    assert refused.status_code == 422
    assert "at least 3; 1 were named" in refused.content.decode()
    posted = {"do": "prepare", "seats-ot_security": "2", "seats-cryptography": "1"}
    assert secretary.post(url, posted).status_code == 302
    draw = Draw.objects.get()
    assert 'data-role="witness"' in witness.get(url).content.decode()
    assert deposit(secretary, draw, "secretary").status_code == 302
    assert deposit(witness, draw, "witness").status_code == 302
    assert witness.post(url, {"do": "commit"}).status_code == 403
    assert "Commit the list" in secretary.get(url).content.decode()
    assert secretary.post(url, {"do": "commit"}).status_code == 302
    assert "Waiting for the log" in secretary.get(url).content.decode()
    assert secretary.post(url, {"do": "dance"}).status_code == 404
    draw = steps.carry_on(Draw.objects.get())
    page = secretary.get(url).content.decode()
    for row in steps.invited(draw):
        assert row.place.code[:8] in page
        assert row.place.expert.user.name not in page


def test_who_finds_the_page_before_the_result():
    draw = steps.prepared()
    url = url_of(draw.scenario)
    for actor in (world.officer(), world.person(Role.WITNESS)):
        assert signed_in(actor).get(url).status_code == 200
    for actor in (
        world.vendor(),
        world.person(Role.EXPERT),
        world.member(draw.scenario.organisation),
    ):
        assert signed_in(actor).get(url).status_code == 404
    assert Client().get(url).status_code == 404


def test_an_expert_answers_with_one_tap():
    steps.pool(8)
    draw = steps.drawn()
    invitation = steps.invited(draw)[0]
    judge = signed_in(steps.actor_of(invitation))
    url = reverse("draw-invitation", args=[invitation.uid])
    assert url in judge.get(reverse("desk")).content.decode()
    assert "I accept" in judge.get(url).content.decode()
    assert judge.post(url, {"answer": "accepted"}).status_code == 302
    assert "Your answer is on record" in judge.get(url).content.decode()
    assert judge.post(url, {"answer": "no_time"}).status_code == 409
    assert signed_in(world.person(Role.EXPERT)).get(url).status_code == 404
    assert signed_in(world.secretary()).get(url).status_code == 404


def test_the_replay_is_there_with_the_result_and_not_before():
    steps.pool(8)
    draw = steps.drawn()
    for invitation in steps.invited(draw):
        steps.answer(invitation)
    file, page = reverse("draw-replay", args=[draw.uid]), url_of(draw.scenario)
    assert signed_in(world.officer()).get(file).status_code == 404
    Scenario.objects.filter(pk=draw.scenario_id).update(state="publicity")
    told = Client().get(file).json()
    assert len(told["seated"]) == 3
    shown = Client().get(page).content.decode()
    assert file in shown
    assert "Your nonce" not in shown


def test_who_was_kept_out_is_read_after_the_result_by_office_and_inspectors():
    people = steps.pool(8)
    scenario = factories.scenario_in_review()
    bidder = scenario.bids.order_by("pk")[0].organisation
    tied = Expert.objects.get(user=people[0].user)
    tie = {"organisation": bidder, "kind": "employment", "from_date": date(2020, 1, 1)}
    Interest.objects.create(expert=tied, **tie)
    draw = steps.drawn(scenario)
    page, office = url_of(scenario), world.officer()
    assert exclusions(office, scenario) is None
    assert people[0].user.name not in signed_in(office).get(page).content.decode()
    Scenario.objects.filter(pk=draw.scenario_id).update(state="publicity")
    scenario.refresh_from_db()
    found = exclusions(office, scenario)
    assert (found.total, found.people[0].user) == (1, people[0].user)
    assert bidder.name in found.people[0].path
    shown = signed_in(office).get(page).content.decode()
    assert people[0].user.name in shown
    assert bidder.name in shown
    reads = AccessRecord.objects.filter(what="draw.exclusions", subject_uid=scenario.uid)
    assert [row.user_uid for row in reads] == [office.user.uid]
    for actor in (world.person(Role.WITNESS), world.person(Role.EXPERT)):
        assert exclusions(actor, scenario) is None
    assert people[0].user.name not in Client().get(page).content.decode()


def test_a_draw_by_the_api():
    steps.pool(8)
    scenario = factories.scenario_in_review()
    office, witness = As(world.secretary()), As(world.person(Role.WITNESS))
    made = office.post(f"scenarios/{scenario.uid}/draw/", {"strata": steps.STRATA})
    assert made.status_code == 201
    draw = Draw.objects.get()
    assert [move["name"] for move in made.json()["actions"]] == ["deposit_nonce"]
    for client, role in ((office, "secretary"), (witness, "witness")):
        nonce = b"%32b" % role.encode()
        given = {
            "sealed": base64.b64encode(steps.sealed(nonce)).decode(),
            "nonce_hash": lottery.nonce_hash(nonce, str(draw.uid), role).hex(),
        }
        assert client.post(f"draws/{draw.uid}/deposit/", given).status_code == 201
    assert office.post(f"draws/{draw.uid}/commit/").status_code == 200
    draw = steps.carry_on(Draw.objects.get())
    seen = witness.get(f"scenarios/{scenario.uid}/draw/").json()
    assert (seen["state"], len(seen["asked"])) == (DrawState.DRAWN, 3)
    invitation = steps.invited(draw)[0]
    judge = As(steps.actor_of(invitation))
    answered = judge.post(f"draw-invitations/{invitation.uid}/answer/", {"answer": "accepted"})
    assert answered.json()["answer"] == "accepted"
    assert answered.json()["actions"] == []
