"""Strata, deposits, commitment: who, when, twice, and what each leaves."""

import hashlib
import json

import pytest
from django.db import DatabaseError, transaction

from marketplace.base.actor import Role
from marketplace.base.errors import Invalid, NotAllowed, NotFound, StateConflict
from marketplace.committee.draw import actions, lottery
from marketplace.committee.draw.models import (
    Draw,
    DrawCommitment,
    DrawDeposit,
    DrawState,
    RegisterEntry,
)
from marketplace.ledger.models import Audience, Event
from marketplace.scenarios.models import State
from tests import world
from tests.committee import factories
from tests.committee.draw import steps

pytestmark = pytest.mark.django_db


def prepare(scenario, strata=None, actor=None):
    return actions.prepare_draw(
        actor=actor or world.secretary(),
        scenario_uid=scenario.uid,
        strata=strata or steps.STRATA,
    )


# -- Strata ----------------------------------------------------------------------------------------
def test_strata_are_proposed_and_changed_until_the_commitment():
    scenario = factories.scenario_in_review()
    draw = prepare(scenario)
    again = prepare(scenario, {"ot_security": 3})
    assert (again.pk, again.round, again.state) == (draw.pk, 1, DrawState.PREPARED)
    assert again.strata == [{"code": "ot_security", "seats": 3, "reserve": 9}]
    event = Event.objects.filter(kind="draw.prepared").latest("pk")
    assert (event.audience, event.subjects) == (Audience.OFFICE, [scenario.uid, draw.uid])


@pytest.mark.parametrize("role", [Role.OFFICER, Role.WITNESS, Role.EXPERT, Role.INSPECTOR])
def test_only_the_secretary_proposes(role):
    actor = world.officer() if role == Role.OFFICER else world.person(role)
    with pytest.raises(NotAllowed):
        prepare(factories.scenario_in_review(), actor=actor)


@pytest.mark.parametrize(
    ("strata", "sentence"),
    [
        ({}, "Name one to 10 specialties."),
        ({"ot_security": 2}, "The rules ask for an odd panel of at least 3; 2 were named."),
        ({"ot_security": 0}, "“ot_security” has 1 to 15 seats."),
        ({"Not a code": 3}, "There is no specialty “Not a code”."),
    ],
)
def test_strata_that_do_not_fit_are_refused(strata, sentence):
    scenario = factories.scenario_in_review(profile=world.profile("D"))
    scenario.profile.values["panel_size_odd"] = {"value": True, "unit": "bool"}
    scenario.profile.values["panel_size_min"] = {"value": 3, "unit": "count"}
    found = actions.strata_errors(scenario, strata, None)
    assert [str(error) for error in found] == [sentence]


@pytest.mark.parametrize("state", [State.CLOSED, State.OPENED, State.DECISION])
def test_a_panel_is_drawn_between_opening_and_scoring(state):
    with pytest.raises(StateConflict) as refused:
        prepare(factories.scenario_in_review(state=state))
    assert refused.value.code == "draw.scenario_state"


# -- Deposits --------------------------------------------------------------------------------------
def test_secretary_and_witness_deposit_once_each():
    draw = steps.prepared()
    steps.deposit(draw, world.secretary())
    steps.deposit(draw, world.person(Role.WITNESS))
    assert sorted(DrawDeposit.objects.values_list("role", flat=True)) == ["secretary", "witness"]
    with pytest.raises(StateConflict) as refused:
        steps.deposit(draw, world.secretary())
    assert refused.value.code == "draw.deposited"


def test_one_person_does_not_give_both():
    draw, secretary = steps.prepared(), world.secretary()
    steps.deposit(draw, secretary)
    both = type(secretary)(Role.WITNESS, secretary.user)
    with pytest.raises(StateConflict) as refused:
        steps.deposit(draw, both)
    assert refused.value.code == "draw.same_person"


@pytest.mark.parametrize("who", ["officer", "expert", "vendor"])
def test_others_deposit_nothing(who):
    actor = world.person(Role.EXPERT) if who == "expert" else getattr(world, who)()
    with pytest.raises(NotAllowed if who == "officer" else NotFound):
        steps.deposit(steps.prepared(), actor)


@pytest.mark.parametrize(
    "wrong",
    [
        {"nonce_hash": "x" * 64},
        {"nonce_hash": "0" * 63},
        {"sealed": b"no age file"},
        {"sealed": b"age-encryption.org/v1\n" + b"x" * 2000},
    ],
)
def test_the_form_of_a_deposit_is_judged(wrong):
    with pytest.raises(Invalid) as refused:
        steps.deposit(steps.prepared(), world.secretary(), **wrong)
    assert refused.value.code == "draw.deposit"


# -- The commitment --------------------------------------------------------------------------------
def test_a_list_is_committed_in_the_log_under_codes():
    people = steps.pool()
    draw = steps.committed()
    row = DrawCommitment.objects.get(draw=draw)
    event = Event.objects.get(kind="draw.committed")
    deposits = dict(DrawDeposit.objects.values_list("role", "nonce_hash"))
    assert event.audience == Audience.PUBLIC
    assert event.data == {
        "algorithm": "jiebang-draw/1",
        "round": 1,
        "commitment": hashlib.sha256(bytes(row.document_salt) + bytes(row.document)).hexdigest(),
        "nonces": deposits,
        "strata": 2,
    }
    listed = json.loads(bytes(row.document))
    salt = bytes(row.code_salt)
    codes = sorted(lottery.candidate_code(salt, str(p.user.expert.uid)) for p in people)
    assert [s["code"] for s in listed["strata"]] == ["cryptography", "ot_security"]
    for stratum in listed["strata"]:
        assert [code for code, _weight in stratum["candidates"]] == codes
    assert draw.state == DrawState.COMMITTED


def test_both_nonces_come_first():
    steps.pool()
    draw = steps.prepared()
    steps.deposit(draw, world.secretary())
    with pytest.raises(StateConflict) as refused:
        actions.commit_draw(actor=world.secretary(), draw_uid=draw.uid)
    assert refused.value.code == "draw.deposits"


@pytest.mark.parametrize("who", ["officer", "witness"])
def test_only_the_secretary_commits(who):
    steps.pool()
    draw = steps.deposited()
    actor = world.officer() if who == "officer" else world.person(Role.WITNESS)
    with pytest.raises(NotAllowed):
        actions.commit_draw(actor=actor, draw_uid=draw.uid)


def test_too_few_candidates_are_told_by_specialty():
    steps.pool(2)
    with pytest.raises(Invalid) as refused:
        steps.committed()
    # Two know both: whoever is drawn for the first is missing in the second.
    assert [str(e) for e in refused.value.errors["strata"]] == [
        "Too few experts may be drawn for “ot_security”: choose other specialties."
    ]


def test_who_is_tied_or_challenged_is_no_candidate():
    people = steps.pool(7)
    scenario = factories.scenario_in_review()
    bid = scenario.bids.order_by("pk")[0]
    tied, challenged, watches, holds = people[:4]
    world.Membership.objects.create(user=tied.user, organisation=bid.organisation, role=Role.VIEWER)
    world.PersonRole.objects.create(user=watches.user, role=Role.WITNESS)
    world.grant(subject_uid=scenario.uid, capability=world.Capability.KEY_HOLDER, user=holds.user)
    factories.opened_bid(
        scenario,
        code="B3",
        business={"challenges": [{"who": f"{challenged.user.name} 教授", "reason": "竞争"}]},
    )
    draw = steps.committed(scenario, {"ot_security": 3})
    row = DrawCommitment.objects.get(draw=draw)
    [stratum] = json.loads(bytes(row.document))["strata"]
    salt = bytes(row.code_salt)
    left = {lottery.candidate_code(salt, str(p.user.expert.uid)) for p in people[4:]}
    assert {code for code, _weight in stratum["candidates"]} == left
    assert {uid: code for uid, code, _tie in row.excluded} == {
        str(tied.user.expert.uid): "conflict",
        str(challenged.user.expert.uid): "challenged",
        str(watches.user.expert.uid): "role",
        str(holds.user.expert.uid): "key_holder",
    }


def test_after_the_commitment_nothing_can_be_changed():
    steps.pool()
    draw = steps.committed()
    for refused in (
        lambda: prepare(draw.scenario),
        lambda: actions.commit_draw(actor=world.secretary(), draw_uid=draw.uid),
        lambda: steps.deposit(draw, world.secretary()),
    ):
        with pytest.raises(StateConflict):
            refused()


@pytest.mark.parametrize(
    "deed",
    [
        lambda d: Draw.objects.filter(pk=d.pk).update(strata=[]),
        lambda d: Draw.objects.filter(pk=d.pk).update(state="prepared"),
        lambda d: Draw.objects.filter(pk=d.pk).update(state="drawn", drawn_at=d.committed_at),
        lambda d: Draw.objects.filter(pk=d.pk).delete(),
        lambda d: DrawCommitment.objects.filter(draw=d).update(document=b"{}"),
        lambda d: DrawDeposit.objects.filter(draw=d).delete(),
        lambda d: RegisterEntry.objects.all().update(concerned=False),
    ],
)
def test_the_database_keeps_what_was_committed(deed):
    steps.pool()
    draw = steps.committed()
    with pytest.raises(DatabaseError), transaction.atomic():
        deed(draw)


def test_the_register_has_bidders_and_decoys_once():
    steps.pool()
    decoys = [world.vendor() for _ in range(9)]
    scenario = factories.scenario_in_review()
    steps.committed(scenario)
    rows = list(RegisterEntry.objects.filter(scenario=scenario).order_by("position"))
    bidders = {bid.organisation_id for bid in scenario.bids.all()}
    assert {row.organisation_id for row in rows if row.concerned} == bidders
    others = {row.organisation_id for row in rows if not row.concerned}
    assert len(others) == 6
    assert others <= {actor.organisation_id for actor in decoys}
