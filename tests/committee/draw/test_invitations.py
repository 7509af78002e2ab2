"""Answers to invitations, what follows from each, and what nobody is told."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction
from django.urls import reverse

from marketplace.accounts.models import Grant, Membership
from marketplace.base import clock as site_clock
from marketplace.base.actor import Role
from marketplace.base.errors import DeadlinePassed, Invalid, NotFound, StateConflict
from marketplace.committee import actions as committee
from marketplace.committee.draw import actions, invitations, queries, seats
from marketplace.committee.draw.models import DrawInvitation, DrawState
from marketplace.committee.draw.replay import check, replay
from marketplace.committee.models import Panel
from marketplace.ledger.models import Event
from marketplace.notices.models import Notice
from marketplace.notices.reminders import send_due
from tests import world
from tests.committee import factories
from tests.committee.draw import steps
from tests.committee.test_pages import signed_in
from tests.notices.steps import deliver, told

pytestmark = pytest.mark.django_db


def drawn(people=10):
    steps.pool(people)
    return steps.drawn()


def answers(draw):
    rows = DrawInvitation.objects.filter(draw__scenario=draw.scenario).order_by("draw", "number")
    return [(row.place.stratum, row.answer, row.excluded) for row in rows]


def test_who_accepts_sits_and_declares_as_ever():
    draw = drawn()
    for invitation in steps.invited(draw):
        steps.answer(invitation)
    panel = Panel.objects.get(scenario=draw.scenario)
    codes = list(panel.members.order_by("pk").values_list("code", flat=True))
    assert codes == ["J1", "J2", "J3"]
    assert Grant.objects.in_force().filter(subject_uid=panel.uid).count() == 3
    member = panel.members.order_by("pk")[0]
    judge = steps.Actor(Role.EXPERT, member.user)
    assert committee.declare_interest(actor=judge, panel_uid=panel.uid, free=True).declared_at
    assert queries.standing(draw.scenario).missing == {}


@pytest.mark.parametrize("said", ["recused", "no_time"])
def test_who_does_not_come_is_followed_by_the_next_of_the_order(said):
    draw = drawn()
    first, second, third = steps.invited(draw)
    steps.answer(second, said, reason="出差")
    rows = DrawInvitation.objects.filter(draw=draw).order_by("number")
    assert [(row.place.stratum, row.answer) for row in rows] == [
        ("cryptography", ""),
        ("ot_security", said),
        ("ot_security", ""),
        ("ot_security", ""),
    ]
    last = rows.last()
    before = {first.place.expert_id, second.place.expert_id, third.place.expert_id}
    order = draw.result.order["ot_security"]
    asked = {row.place.code for row in rows if row.pk != last.pk}
    assert last.place.code == next(code for code in order if code not in asked)
    assert last.place.expert_id not in before


def test_a_tick_at_a_bidder_excludes_in_silence_and_one_at_a_decoy_changes_nothing():
    world.vendor()
    steps.pool(10)
    draw = steps.drawn(factories.scenario_in_review())
    first, second, _third = steps.invited(draw)
    shown = []
    for invitation, concerned in ((first, True), (second, False)):
        client = signed_in(steps.actor_of(invitation))
        url = reverse("draw-invitation", args=[invitation.uid])
        line = steps.line(draw.scenario, concerned=concerned)
        posted = client.post(url, {"answer": "accepted", "ticked": [str(line.uid)]})
        assert (posted.status_code, posted.url) == (302, url)
        shown.append(client.get(url).content.decode())
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.excluded, second.excluded) == (True, False)
    panel = Panel.objects.get(scenario=draw.scenario)
    assert [m.user for m in panel.members.all()] == [second.place.expert.user]
    section = [text[text.index('id="answered"') : text.index("</section>")] for text in shown]
    plain = [part.split("</p>", 1)[1] for part in section]
    assert plain[0] == plain[1]
    assert DrawInvitation.objects.filter(draw=draw).count() == 4


def test_a_tie_that_came_since_excludes_as_silently():
    draw = drawn()
    invitation = steps.invited(draw)[0]
    bidder = draw.scenario.bids.order_by("pk")[0].organisation
    Membership.objects.create(
        user=invitation.place.expert.user, organisation=bidder, role=Role.VIEWER
    )
    assert steps.answer(invitation).excluded
    assert not Panel.objects.get(scenario=draw.scenario).members.exists()


def test_each_side_of_the_deadline(clock):
    clock.freeze(site_clock.now())
    draw = drawn()
    first, second, third = steps.invited(draw)
    clock.move(first.answer_by - site_clock.now() - timedelta(milliseconds=1))
    steps.answer(first)
    assert invitations.expire_due() == 0
    clock.move(timedelta(milliseconds=1))
    with pytest.raises(DeadlinePassed):
        steps.answer(second)
    assert invitations.expire_due() == 2
    assert invitations.expire_due() == 0
    assert [answer for _s, answer, _e in answers(draw)] == [
        "accepted",
        "silent",
        "silent",
        "",
        "",
    ]
    with pytest.raises(StateConflict):
        steps.answer(DrawInvitation.objects.get(pk=third.pk))


def test_who_has_not_answered_is_reminded_while_there_is_time(clock):
    noon = site_clock.day_starts_at(site_clock.today()) + timedelta(days=1, hours=12)
    clock.freeze(noon)
    draw = drawn()
    first, second, third = steps.invited(draw)
    assert first.answer_by - site_clock.now() == timedelta(days=1)
    steps.answer(first)
    clock.move(timedelta(hours=19, minutes=59))
    assert send_due() == 0
    clock.move(timedelta(minutes=1))  # 08:00 of the last day
    send_due()
    waiting = {row.place.expert.user_id for row in (second, third)}
    rows = Notice.objects.filter(kind="reminder.draw_invitation")
    assert set(rows.values_list("user_id", flat=True)) == waiting


def test_an_invitation_is_answered_once_by_whom_it_names():
    draw = drawn()
    first, second, _third = steps.invited(draw)
    steps.answer(first, "no_time")
    with pytest.raises(StateConflict):
        steps.answer(first)
    with pytest.raises(NotFound):
        invitations.answer_invitation(
            actor=steps.actor_of(first), invitation_uid=second.uid, answer="accepted"
        )
    with pytest.raises(NotFound):
        invitations.answer_invitation(
            actor=world.secretary(), invitation_uid=second.uid, answer="accepted"
        )
    with pytest.raises(Invalid):
        steps.answer(second, "perhaps")
    with pytest.raises(DatabaseError), transaction.atomic():
        DrawInvitation.objects.filter(pk=first.pk).update(answer="accepted")


def test_a_recused_member_is_followed_by_the_next():
    draw = drawn()
    for invitation in steps.invited(draw):
        steps.answer(invitation)
    panel = Panel.objects.get(scenario=draw.scenario)
    member = panel.members.order_by("pk")[1]
    committee.recuse_member(actor=world.secretary(), member_uid=member.uid, reason="举报属实")
    [following] = steps.invited(draw)
    assert following.place.stratum == "ot_security"
    with pytest.raises(StateConflict) as refused:
        committee.start_scoring(actor=world.secretary(), panel_uid=panel.uid)
    assert refused.value.code == "scoring.invitations"
    steps.answer(following)
    assert panel.members.exclude(state="recused").count() == 3


def test_a_used_up_order_calls_for_another_round_of_just_the_missing_seats():
    draw = drawn(4)
    while steps.invited(draw):
        steps.answer(steps.invited(draw)[0], "no_time")
    steps.pool(6)
    missing = seats.missing(draw.scenario)
    assert missing == {"cryptography": 1, "ot_security": 2}
    with pytest.raises(Invalid):
        steps.prepared(draw.scenario, {"ot_security": 5})
    again = steps.drawn(draw.scenario, {"ot_security": 3})
    assert (again.round, again.state) == (2, DrawState.DRAWN)
    for invitation in steps.invited(again):
        steps.answer(invitation)
    assert Panel.objects.get(scenario=draw.scenario).members.count() == 3
    assert seats.missing(draw.scenario) == {}
    with pytest.raises(StateConflict) as refused:
        actions.prepare_draw(
            actor=world.secretary(), scenario_uid=draw.scenario.uid, strata={"ot_security": 1}
        )
    assert refused.value.code == "draw.nothing_missing"


def test_everybody_concerned_is_told_and_nobody_else():
    steps.pool(10)
    witness = world.person(Role.WITNESS)
    draw = steps.prepared()
    deliver()
    assert witness.user.pk in told("draw.prepared")
    draw = steps.carry_on(
        actions.commit_draw(actor=world.secretary(), draw_uid=steps.deposited(draw).uid)
    )
    deliver()
    users = {row.place.expert.user_id for row in steps.invited(draw)}
    assert told("draw.invited") == users
    assert Notice.objects.filter(kind="draw.invited").count() == 3


def test_what_was_drawn_replays_from_the_database():
    draw = drawn()
    first, second, third = steps.invited(draw)
    steps.answer(first)
    steps.answer(second, "recused")
    steps.answer(third)
    found, code = check(draw)
    assert (code, found[-1][1]) == (0, "holds")
    told_of = replay(draw)
    assert [row["answer"] for row in told_of["invitations"]] == [
        "accepted",
        "recused",
        "accepted",
        "waiting",
    ]
    assert len(told_of["seated"]) == 2


def test_no_event_names_whom_the_lot_fell_on():
    draw = drawn()
    people = [row.place.expert.user for row in steps.invited(draw)]
    events = Event.objects.filter(kind__startswith="draw.")
    bodies = "".join(bytes(event.body).decode() for event in events)
    assert [user.name for user in people if str(user.uid) in bodies or user.name in bodies] == []
