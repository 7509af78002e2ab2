"""Challenges to members: who files and hears, when, what is left, and what waits for them."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.db.utils import ProgrammingError
from django.test import Client

from marketplace.awards import actions as awards
from marketplace.awards.challenges import actions, queries
from marketplace.awards.challenges.models import ChallengeState, MemberChallenge, RedoStep
from marketplace.awards.models import DecisionState
from marketplace.base import clock as site_clock
from marketplace.base.actor import Actor, Role
from marketplace.base.errors import (
    DeadlinePassed,
    Invalid,
    NotAllowed,
    NotFound,
    StateConflict,
    TooEarly,
)
from marketplace.bidding.models import BidState
from marketplace.committee.models import PanelMember
from marketplace.desk.queries import waiting_for
from marketplace.ledger.models import Event
from marketplace.scenarios.models import State
from tests import world
from tests.api.client import As
from tests.awards.steps import decided, publicised
from tests.committee.test_pages import signed_in
from tests.notices.steps import deliver, told

pytestmark = pytest.mark.django_db
REASON = "该评委上月起任中选单位的技术顾问，附聘书编号与公示截图。"


def loser(decision):
    return world.member(decision.scenario.bids.get(blind_code="B2").organisation)


def members(decision):
    return list(PanelMember.objects.filter(panel__scenario=decision.scenario).order_by("pk"))


def filed(decision, actor=None, number=0):
    return actions.file_challenge(
        actor=actor or loser(decision), member_uid=members(decision)[number].uid, reason=REASON
    )


def admitted(challenge, officer):
    return actions.admit_challenge(actor=officer, challenge_uid=challenge.uid, admissible=True)


def upheld(challenge, officer):
    admitted(challenge, officer)
    return actions.rule_challenge(
        actor=officer,
        challenge_uid=challenge.uid,
        upheld=True,
        redo_step=RedoStep.TECHNICAL,
        reason=REASON,
    )


def end(clock, decision):
    clock.move(queries.until(decision.publicity) - site_clock.now())


def test_filing_leaves_a_row_an_event_and_a_notice(clock):
    clock.freeze(clock.now())
    decision = publicised(2)
    officer, bidder = world.officer(), loser(decision)
    challenge = filed(decision, bidder)
    assert (challenge.state, challenge.organisation) == ("filed", bidder.organisation)
    event = Event.objects.get(kind="challenge.filed")
    assert event.subjects == [decision.scenario.uid, challenge.uid]
    assert event.data == {"member": "J1"}
    assert REASON not in bytes(event.body).decode()
    deliver()
    assert officer.user_id in told("challenge.filed")
    assert world.member(decision.scenario.organisation).user_id not in told("challenge.filed")
    with pytest.raises(StateConflict) as refused:
        filed(decision, bidder)
    assert refused.value.code == "challenge.once"
    # Another member, and another bidder, are challenges of their own.
    assert filed(decision, bidder, 1).member.code == "J2"
    assert filed(decision, world.member(decision.bid.organisation)).member.code == "J1"


def test_who_files_and_when(clock):
    clock.freeze(clock.now())
    decision = decided(2)
    with pytest.raises(NotFound):
        filed(decision)  # names are not public yet
    awards.publicise(actor=world.officer(), decision_uid=decision.uid)
    decision.refresh_from_db()
    assert queries.until(decision.publicity) == decision.publicity.challenges_until
    for actor in (world.vendor(), world.member(decision.scenario.organisation), world.officer()):
        with pytest.raises(NotAllowed):
            filed(decision, actor)
    with pytest.raises(Invalid) as short:
        actions.file_challenge(
            actor=loser(decision), member_uid=members(decision)[0].uid, reason="不公。"
        )
    assert list(short.value.errors) == ["reason"]
    end(clock, decision)
    clock.move(-timedelta(milliseconds=1))
    filed(decision)
    clock.move(timedelta(milliseconds=1))
    with pytest.raises(DeadlinePassed):
        filed(decision, number=1)


def test_the_award_waits_for_the_window_and_the_hearing(clock):
    clock.freeze(clock.now())
    decision, officer = publicised(2), world.officer()
    challenge = filed(decision)

    def confirm():
        return awards.confirm_award(actor=officer, decision_uid=decision.uid)

    with pytest.raises(TooEarly):
        confirm()
    clock.move(decision.publicity.ends_at - site_clock.now())
    for step, code in (
        (lambda: None, "challenge.unheard"),
        (lambda: admitted(challenge, officer), "challenge.unheard"),
    ):
        step()
        with pytest.raises(StateConflict) as refused:
            confirm()
        assert refused.value.code == code
    actions.rule_challenge(actor=officer, challenge_uid=challenge.uid, upheld=False, reason=REASON)
    confirm()
    decision.refresh_from_db()
    assert decision.state == DecisionState.CONFIRMED
    with pytest.raises(StateConflict):
        admitted(filed_again(decision), officer)


def filed_again(decision):
    """A row as a slow request would have left it."""
    return MemberChallenge.objects.create(
        publicity=decision.publicity,
        member=members(decision)[2],
        organisation=loser(decision).organisation,
        filed_by=world.make_user(),
        filed_at=site_clock.now(),
        reason=REASON,
    )


def test_a_later_window_than_the_publicity_is_waited_for(clock):
    clock.freeze(clock.now())
    profile = world.profile("D")
    values = profile.values | {"panel_challenge": {"value": 60, "unit": "second"}}
    longer = type(profile).objects.create(
        **{
            f.name: getattr(profile, f.name)
            for f in profile._meta.fields
            if f.name not in {"id", "uid", "created_at", "version", "values"}
        },
        version=99,
        values=values,
    )
    decision, officer = publicised(2, profile=longer), world.officer()
    clock.move(decision.publicity.ends_at - site_clock.now())
    with pytest.raises(TooEarly) as early:
        awards.confirm_award(actor=officer, decision_uid=decision.uid)
    assert early.value.code == "challenge.running"
    end(clock, decision)
    awards.confirm_award(actor=officer, decision_uid=decision.uid)


def test_only_an_officer_who_did_not_sit_hears(clock):
    clock.freeze(clock.now())
    decision = publicised(2)
    challenge = filed(decision)
    seated = Actor(Role.OFFICER, members(decision)[0].user, world.office())
    world.pledge(seated)
    for actor in (seated, world.secretary()):
        with pytest.raises(NotAllowed):
            admitted(challenge, actor)
    with pytest.raises(NotFound):
        admitted(challenge, world.member(decision.scenario.organisation))
    with pytest.raises(Invalid):  # a no needs its reasons
        actions.admit_challenge(
            actor=world.officer(), challenge_uid=challenge.uid, admissible=False
        )
    refused = actions.admit_challenge(
        actor=world.officer(), challenge_uid=challenge.uid, admissible=False, reason=REASON
    )
    assert refused.state == ChallengeState.INADMISSIBLE
    with pytest.raises(StateConflict):
        admitted(challenge, world.officer())
    deliver()
    writers = decision.scenario.bids.get(blind_code="B2").organisation.members
    assert told("challenge.refused") == set(writers.values_list("user_id", flat=True))


def test_an_upheld_one_waits_for_another_officers_record(clock):
    clock.freeze(clock.now())
    decision, officer, other = publicised(2), world.officer(), world.officer()
    challenge = filed(decision)
    with pytest.raises(Invalid):
        admitted(challenge, officer)
        actions.rule_challenge(
            actor=officer, challenge_uid=challenge.uid, upheld=True, reason=REASON
        )
    challenge = actions.rule_challenge(
        actor=officer,
        challenge_uid=challenge.uid,
        upheld=True,
        redo_step=RedoStep.NAMED,
        reason=REASON,
    )
    assert challenge.state == ChallengeState.UPHELD
    end(clock, decision)
    with pytest.raises(StateConflict) as refused:
        awards.confirm_award(actor=other, decision_uid=decision.uid)
    assert refused.value.code == "challenge.redo"
    record = {"document": "评〔2026〕7号", "result": "补抽一人，重新评分。"}
    with pytest.raises(NotAllowed):
        actions.record_redo(
            actor=officer, challenge_uid=challenge.uid, ranking_holds=True, **record
        )
    done = actions.record_redo(
        actor=other, challenge_uid=challenge.uid, ranking_holds=True, **record
    )
    assert (done.state, done.redo_document) == (ChallengeState.REDONE, "评〔2026〕7号")
    assert Event.objects.get(kind="challenge.redone").data["ranking_holds"] is True
    awards.confirm_award(actor=other, decision_uid=decision.uid)


def test_a_ranking_that_does_not_hold_ends_the_listing(clock):
    clock.freeze(clock.now())
    decision, officer = publicised(2), world.officer()
    challenge = upheld(filed(decision), officer)
    actions.record_redo(
        actor=world.officer(),
        challenge_uid=challenge.uid,
        document="评〔2026〕8号",
        result="重新评分后名次改变。",
        ranking_holds=False,
    )
    decision.refresh_from_db()
    scenario = decision.scenario
    scenario.refresh_from_db()
    assert decision.state == DecisionState.ANNULLED
    assert (scenario.state, scenario.failure) == (State.FAILED, "panel_challenged")
    assert set(scenario.bids.values_list("state", flat=True)) == {BidState.LOST}


def test_what_was_said_stays_and_who_sees_it(clock):
    clock.freeze(clock.now())
    decision = publicised(2)
    challenge = filed(decision)
    rows = MemberChallenge.objects.filter(pk=challenge.pk)
    with pytest.raises(ProgrammingError), transaction.atomic():
        rows.update(reason="另有原因，与原文不同的另外一段话。")
    seen = MemberChallenge.objects.visible_to
    assert seen(loser(decision)).get() == challenge
    assert seen(world.secretary()).get() == challenge
    judge = Actor(Role.EXPERT, challenge.member.user)
    for actor in (world.member(decision.bid.organisation), world.vendor(), judge):
        assert not seen(actor).exists()
    lines = queries.without(decision.scenario, "J1")
    assert [(line.blind_code, line.place, line.place_without) for line in lines] == [
        ("B1", 1, 1),
        ("B2", 2, 2),
    ]
    assert queries.without(decision.scenario, "J9") == []


def test_by_page_and_by_program(clock):
    clock.freeze(clock.now())
    decision, officer = publicised(2), world.officer()
    scenario, bidder = decision.scenario, loser(decision)
    address = f"/en/scenarios/{scenario.address}/panel/challenges/"
    public = Client().get(f"/en/scenarios/{scenario.address}/publicity/").content.decode()
    assert all(row.user.name in public for row in members(decision))
    assert "panel/challenges/" not in public
    assert signed_in(world.vendor()).get(address).status_code == 404
    page = signed_in(bidder)
    assert page.get(address).status_code == 200
    given = {"do": "file", "member_uid": members(decision)[0].uid, "reason": "不公。"}
    short = page.post(address, given)
    assert (short.status_code, "不公。" in short.content.decode()) == (422, True)
    assert page.post(address, given | {"reason": REASON}).status_code == 302
    challenge = MemberChallenge.objects.get()
    office = signed_in(officer)
    assert REASON in office.get(address).content.decode()
    told = {"do": "admit", "challenge": challenge.uid, "admissible": "no", "reason": ""}
    assert office.post(address, told).status_code == 422
    assert office.post(address, told | {"admissible": "yes"}).status_code == 302

    award = As(bidder).get(f"awards/{decision.uid}/").json()
    assert [row["code"] for row in award["panel"]] == ["J1", "J2", "J3"]
    second = {"member": award["panel"][1]["uid"], "reason": REASON}
    made = As(bidder).post("challenges/", second, key="k1")
    assert (made.status_code, made.json()["actions"]) == (201, [])
    path = f"challenges/{made.json()['uid']}/"
    assert As(world.vendor()).get(path).status_code == 404
    shown = As(officer).get(path).json()
    assert [row["name"] for row in shown["actions"]] == ["admit_challenge"]
    assert As(officer).post(f"{path}admit/", {"admissible": True}, key="k2").status_code == 200
    ruling = {"upheld": True, "redo_step": "panel", "reason": REASON}
    ruled = As(officer).post(f"{path}rule/", ruling, key="k3").json()
    assert (ruled["state"], ruled["actions"]) == ("upheld", [])  # another officer records it
    redone = {"document": "评〔2026〕7号", "result": "已重新评审。", "ranking_holds": True}
    assert As(officer).post(f"{path}redo/", redone, key="k4").status_code == 403
    assert As(world.officer()).post(f"{path}redo/", redone, key="k5").status_code == 200
    waiting = [task.verb for task in waiting_for(officer) if task.scenario == scenario]
    assert [str(verb) for verb in waiting] == ["Hear a challenge to a member"]
