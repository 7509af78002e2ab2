import pytest
from django.test import Client
from django.urls import reverse

from marketplace.awards.models import Award, Decision, DecisionState
from marketplace.scenarios.models import State
from tests import world
from tests.awards.steps import choose, decided, owner_of, publicised
from tests.committee import factories
from tests.committee.test_pages import signed_in

pytestmark = pytest.mark.django_db


def url(name, scenario):
    return reverse(name, args=[scenario.address])


# -- Decision ----------------------------------------------------------------------------------------
def test_the_owner_compares_and_chooses():
    scenario = factories.reported(2)
    client, address = signed_in(owner_of(scenario)), url("decision", scenario)
    page = client.get(address).content.decode()
    for bid in scenario.bids.all():
        assert bid.organisation.name in page
    assert "98.5" in page
    assert client.post(address, {}).status_code == 422
    second = scenario.bids.get(blind_code="B2")
    refused = client.post(address, {"bid": second.uid, "reason": "因为"})
    assert refused.status_code == 422
    assert "因为" in refused.content.decode()
    assert f'value="{second.uid}" checked' in refused.content.decode()
    first = scenario.bids.get(blind_code="B1")
    assert client.post(address, {"bid": first.uid, "reason": ""}).status_code == 302
    assert Decision.objects.get().bid == first
    again = client.post(address, {"bid": first.uid, "reason": ""})
    assert again.status_code == 409


def test_the_owner_may_end_it_without_an_award():
    scenario = factories.reported(1)
    client, address = signed_in(owner_of(scenario)), url("decision", scenario)
    short = client.post(address, {"nobody": "1", "nobody-reason": "太贵"})
    assert short.status_code == 422
    assert "太贵" in short.content.decode()
    assert client.post(address, {"nobody": "1", "nobody-reason": ""}).status_code == 422
    reason = "候选方案均不能满足投产安全要求，费用也超出本年度预算。"
    done = client.post(address, {"nobody": "1", "nobody-reason": reason})
    assert (done.status_code, done["Location"]) == (302, url("scenario", scenario))
    assert signed_in(world.officer()).post(address, {"nobody": "1"}).status_code in {404, 422}
    page = Client().get(url("scenario", scenario)).content.decode()
    assert reason not in page


def test_an_officer_enters_the_minutes():
    scenario = factories.reported(2, award_mode="collective")
    client, address = signed_in(world.officer()), url("decision", scenario)
    first = scenario.bids.get(blind_code="B1")
    assert client.post(address, {"bid": first.uid, "minutes_number": ""}).status_code == 422
    given = {"bid": first.uid, "minutes_number": "纪〔2026〕3号"}
    assert client.post(address, given).status_code == 302
    assert Decision.objects.get().minutes_number == "纪〔2026〕3号"


def test_the_decision_page_is_the_owners_and_the_offices():
    scenario = factories.reported(1)
    address = url("decision", scenario)
    bidder = world.member(scenario.bids.get().organisation)
    for actor in (bidder, world.vendor(), world.owner(), world.person("expert")):
        assert signed_in(actor).get(address).status_code == 404
        assert signed_in(actor).post(address, {}).status_code == 404
    assert Client().get(address).status_code == 302
    assert signed_in(world.officer()).get(address).status_code == 200
    given = {"bid": scenario.bids.get().uid, "reason": ""}
    assert signed_in(world.officer()).post(address, given).status_code == 403


# -- Publicity ---------------------------------------------------------------------------------------
def test_preview_publish_and_read_as_a_visitor():
    decision = decided(2)
    scenario, address = decision.scenario, url("publicity", decision.scenario)
    assert Client().get(address).status_code == 404
    assert signed_in(owner_of(scenario)).get(address).status_code == 404
    officer = signed_in(world.officer())
    preview = officer.get(address).content.decode()
    assert "Preview, not published yet" in preview
    assert decision.bid.organisation.name in preview
    assert officer.post(address, {"do": "publish"}).status_code == 302
    page = Client().get(address)
    text = page.content.decode()
    assert page.status_code == 200
    assert decision.bid.organisation.name in text
    assert "data-countdown" in text
    assert "实名" in text
    assert "Refuse the award" not in text
    assert officer.post(address, {"do": "publish"}).status_code == 409


def test_the_chosen_one_is_not_named_before_publicity():
    decision = decided(2)
    client = Client()
    for name in ("scenario", "publicity"):
        page = client.get(url(name, decision.scenario))
        assert decision.bid.organisation.name not in page.content.decode()


def test_the_winner_refuses_on_the_page():
    decision = publicised(2)
    winner = signed_in(world.member(decision.bid.organisation))
    address = url("publicity", decision.scenario)
    assert "Refuse the award" in winner.get(address).content.decode()
    assert winner.post(address, {"do": "refuse", "reason": ""}).status_code == 422
    assert winner.post(address, {"do": "refuse", "reason": "产能不足"}).status_code == 302
    decision.refresh_from_db()
    assert decision.state == DecisionState.REFUSED
    text = Client().get(address).content.decode()
    assert "this notice is history" in text
    assert "data-countdown" not in text
    history = Client().get(url("scenario-history", decision.scenario)).content.decode()
    assert "The winner refused" in history
    assert address in history
    choose(decision.scenario, "B2")
    assert "Preview, not published yet" not in Client().get(address).content.decode()


def test_a_visitor_posts_nothing():
    decision = publicised(1)
    address = url("publicity", decision.scenario)
    assert Client().post(address, {"do": "refuse", "reason": "x"}).status_code == 403
    decision.refresh_from_db()
    assert decision.state == DecisionState.PUBLICISED


# -- Confirmation ------------------------------------------------------------------------------------
def test_an_officer_confirms_after_the_window(clock):
    decision = publicised(1)
    scenario, address = decision.scenario, url("award-confirm", decision.scenario)
    officer = signed_in(world.officer())
    clock.freeze(decision.publicity.starts_at)
    early = officer.post(address)
    assert early.status_code == 409
    assert "The publicity is still running." in early.content.decode()
    clock.freeze(decision.publicity.ends_at)
    assert officer.get(address).status_code == 200
    assert officer.post(address).status_code == 302
    scenario.refresh_from_db()
    assert (scenario.state, Award.objects.count()) == (State.AWARDED, 1)
    assert "The award is confirmed." in Client().get(url("publicity", scenario)).content.decode()


def test_the_confirmation_is_the_offices():
    decision = publicised(1)
    address = url("award-confirm", decision.scenario)
    winner = world.member(decision.bid.organisation)
    for actor in (winner, owner_of(decision.scenario), world.person("expert")):
        assert signed_in(actor).get(address).status_code == 404
    assert signed_in(world.secretary()).post(address).status_code == 403


# -- A bidder's own line -----------------------------------------------------------------------------
def test_a_bidder_reads_its_own_line_and_no_other():
    decision = publicised(2)
    loser = decision.scenario.bids.get(blind_code="B2").organisation
    page = signed_in(world.member(loser)).get(url("report", decision.scenario))
    text = page.content.decode()
    assert page.status_code == 200
    assert "86.38" in text
    assert "91.00" not in text
    assert signed_in(world.vendor()).get(url("report", decision.scenario)).status_code == 404
