"""The deeds that want their doer present: by a proof given just now, never by a token."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from marketplace.accounts.queries import needs_second_factor
from marketplace.accounts.tokens.actions import create_token
from marketplace.accounts.tokens.models import ApiToken, Scope
from marketplace.base import clock as base_clock
from marketplace.base.actor import Actor
from marketplace.bidding.failed.models import FailedOpening
from marketplace.bidding.models import Opening, OpeningConfirmation
from marketplace.committee.models import Correction, Panel
from marketplace.races.models import ShortlistNotice
from marketplace.scenarios.models import Scenario
from tests import world
from tests.accounts.test_second_factor import code_now, give, sign_in, with_app
from tests.api.client import As, refused
from tests.api.contract import schema
from tests.awards import steps
from tests.bidding import bids
from tests.bidding.test_failed_openings import declare, lost, waited
from tests.committee import factories
from tests.races import steps as races
from tests.scenarios import typed
from tests.scenarios.test_batches import gathered

pytestmark = pytest.mark.django_db
STATES = {
    "publish": "demonstrated",
    "announce": "gathered",
    "start_scoring": "appointed",
    "lock": "open",
    "correct": 0,
    "confirm_opening": 0,
    "declare_failed": 0,
    "confirm_failed": "declared",
    "dismiss_failed": "declared",
    "publicise": "proposed",
    "confirm_award": "publicised",
    "publicise_shortlist": 0,
    "start_race": "agreeing",
    "accept_agreement": 0,
    "make_token": 1,
}


@dataclass
class Deed:
    """Who asks for what, and how what it would have changed stands now."""

    actor: Actor
    path: str
    stands: Any
    body: dict[str, Any] | None = None
    match: str = ""

    def by(self, asker: As, **more: str) -> Any:
        return asker.post(self.path, self.body, match=self.match, **more)


def state_of(row: Any) -> Any:
    def now() -> Any:
        row.refresh_from_db()
        return row.state

    return now


def publish(clock: Any) -> Deed:
    row = typed.demonstrated()
    return Deed(
        world.officer(), f"scenarios/{row.uid}/publish/", state_of(row), {"key_holders": holders()}
    )


def holders() -> list[str]:
    return [str(world.member(world.office(), "officer").user.uid) for _ in range(3)]


def announce(clock: Any) -> Deed:
    demand = typed.demonstrated()
    batch = gathered(clock, demand)
    body = {
        "announcement_number": "公告1号",
        "demands": [str(demand.uid)],
        "key_holders": holders(),
        "deadline_at": (base_clock.now() + timedelta(days=40)).isoformat(),
    }
    return Deed(world.officer(), f"batches/{batch.uid}/announce/", state_of(batch), body)


def start_scoring(clock: Any) -> Deed:
    secretary = world.secretary()
    panel, judges = factories.seated_panel(factories.scenario_in_review(2), secretary=secretary)
    for judge in judges:
        factories.actions.declare_interest(actor=judge, panel_uid=panel.uid, free=True)
    return Deed(secretary, f"panels/{panel.uid}/start-scoring/", state_of(panel))


def lock(clock: Any) -> Deed:
    _panel, judges = factories.scoring_panel(factories.scenario_in_review(2))
    sheet = factories.sheets(judges[0]).first()
    factories.fill(judges[0], sheet)
    sheet.refresh_from_db()
    tag = f'"r{sheet.revision}"'
    return Deed(judges[0], f"sheets/{sheet.uid}/lock/", state_of(sheet), match=tag)


def correct(clock: Any) -> Deed:
    panel, judges = factories.scoring_panel(factories.scenario_in_review(2))
    factories.lock_stage(judges[:1], "technical")
    sheet = factories.sheets(judges[0]).first()
    body = {"kind": "sum", "reason": "录入错误。", "scores": {"C1": {"points": "7"}}}
    count = Correction.objects.filter(sheet__member__panel=panel).count
    address = f"sheets/{sheet.uid}/correct/"
    return Deed(judges[0], address, count, body, match=f'"r{sheet.revision}"')


def confirm_opening(clock: Any) -> Deed:
    scenario = world.published_scenario()
    bids.bid(scenario)
    opening = bids.close(scenario, clock)
    given = OpeningConfirmation.objects.filter(opening=opening)
    holder = world.key_holder_actors(scenario)[0]
    body = bids.answer(scenario, holder)
    return Deed(holder, f"openings/{opening.uid}/confirm/", given.count, body)


def declare_failed(clock: Any) -> Deed:
    opening, body = failing(clock)
    rows = FailedOpening.objects.filter(opening=opening)
    return Deed(world.officer(), f"openings/{opening.uid}/failure/", rows.count, body)


def failing(clock: Any) -> tuple[Opening, dict[str, Any]]:
    scenario, opening = waited(clock)
    return opening, {
        "cause": "holders",
        "lost": [str(uid) for uid in lost(scenario)],
        "reason": "损毁",
        "evidence_number": "17号",
        "evidence_sha256": "0" * 64,
    }


def confirm_failed(clock: Any) -> Deed:
    return decide_failed(clock, "confirm")


def dismiss_failed(clock: Any) -> Deed:
    return decide_failed(clock, "dismiss")


def decide_failed(clock: Any, how: str) -> Deed:
    _scenario, opening = waited(clock)
    row = declare(opening)
    path = f"openings/{opening.uid}/failure/{how}/"
    return Deed(world.officer(), path, state_of(row), {"failure": str(row.uid)})


def publicise(clock: Any) -> Deed:
    decision = steps.decided(2)
    path = f"awards/{decision.uid}/publicise/"
    return Deed(world.officer(), path, state_of(decision), {})


def confirm_award(clock: Any) -> Deed:
    decision = steps.publicised(2)
    clock.move(decision.publicity.ends_at - decision.publicity.starts_at)
    return Deed(world.officer(), f"awards/{decision.uid}/confirm/", state_of(decision))


def publicise_shortlist(clock: Any) -> Deed:
    race = races.shortlisted(2)
    path = f"races/{race.uid}/publicise/"
    return Deed(world.officer(), path, ShortlistNotice.objects.count, {})


def start_race(clock: Any) -> Deed:
    race = races.agreeing(clock, 2)
    races.accept(race, 1)
    races.accept(race, 2)
    return Deed(world.officer(), f"races/{race.uid}/start/", state_of(race))


def accept_agreement(clock: Any) -> Deed:
    race = races.agreeing(clock, 2)
    row = races.agreement_of(race, 1)
    path = f"race-agreements/{row.uid}/accept/"
    return Deed(races.vendor_of(race, 1), path, row.acceptances.count, {"sha256": row.sha256})


def make_token(clock: Any) -> Deed:
    actor = world.secretary()
    body = {"name": "t", "scopes": ["read"]}
    return Deed(actor, "tokens/", ApiToken.objects.filter(user=actor.user).count, body)


DEEDS = {
    "scenarios_publish": publish,
    "batches_announce": announce,
    "panels_start_scoring": start_scoring,
    "sheets_lock": lock,
    "sheets_correct": correct,
    "openings_confirm": confirm_opening,
    "openings_declare_failed": declare_failed,
    "openings_confirm_failed": confirm_failed,
    "openings_dismiss_failed": dismiss_failed,
    "awards_publicise": publicise,
    "awards_confirm": confirm_award,
    "races_publicise": publicise_shortlist,
    "races_start": start_race,
    "race_agreements_accept": accept_agreement,
    "tokens_create": make_token,
}


def test_these_are_the_deeds_that_ask_for_it():
    asking = {
        operation["operationId"]
        for methods in schema()["paths"].values()
        for operation in methods.values()
        if "`proof.required`" in operation.get("description", "")
    }
    assert asking == set(DEEDS)


@pytest.mark.parametrize("make", DEEDS.values(), ids=DEEDS)
def test_a_proof_given_just_now_and_nothing_else(make, settings, clock, demo_keys):
    cache.clear()
    settings.MFA_OPTIONAL = True
    deed = make(clock)
    token = create_token(actor=deed.actor, name="t", scopes=list(Scope.values)).text
    bearer = {"Authorization": f"Bearer {token}"}
    before = deed.stands()
    assert before == STATES[make.__name__]
    # Where proofs are left to people's choice a token still is nobody's presence.
    refused(deed.by(As(), **bearer), 403, "proof.required")

    settings.MFA_OPTIONAL = False
    must = needs_second_factor(deed.actor.user)
    refused(deed.by(As(), **bearer), 403, "mfa.required" if must else "proof.required")
    secret = with_app(deed.actor.user)
    refused(deed.by(As(), **bearer), 403, "proof.required")
    asker = As()
    sign_in(deed.actor.user, asker.client)
    refused(deed.by(asker), 401, "request.not_authenticated")  # the password alone
    give(asker.client, code_now(secret, -1))
    refused(deed.by(asker), 403, "proof.required")  # signing in is not the deed's own proof
    prove(asker.client, code_now(secret))
    refused(deed.by(asker, **bearer), 403, "proof.required")  # nor is a token lent the session's
    settings.ACCOUNT_REAUTHENTICATION_TIMEOUT = 0
    refused(deed.by(asker), 403, "proof.required")
    assert deed.stands() == before
    settings.ACCOUNT_REAUTHENTICATION_TIMEOUT = 300
    done = deed.by(asker)
    assert done.status_code in {200, 201}, done.content
    assert deed.stands() != before


def prove(client: Client, code: str) -> None:
    answer = client.post(reverse("mfa_reauthenticate"), {"code": code, "next": "/"})
    assert (answer.status_code, answer["Location"]) == (302, "/")


def test_the_secretary_s_page_asks_before_scoring_starts(settings):
    settings.MFA_OPTIONAL = False
    cache.clear()
    deed = start_scoring(None)
    secret = with_app(deed.actor.user)
    client = sign_in(deed.actor.user)
    give(client, code_now(secret, -1))
    scenario = Scenario.objects.get(panel=Panel.objects.get())
    asked = client.post(reverse("panel", args=[scenario.address]), {"do": "start"})
    assert asked["Location"].startswith(reverse("mfa_reauthenticate"))
    assert deed.stands() == "appointed"
    next_page = asked["Location"].partition("next=")[2]
    client.post(reverse("mfa_reauthenticate"), {"code": code_now(secret), "next": next_page})
    client.post(reverse("panel", args=[scenario.address]), {"do": "start"})
    assert deed.stands() == "technical"
