from datetime import timedelta

import pytest

from marketplace.accounts.actions import end_grants, grant
from marketplace.accounts.models import Capability, Control, Grant, Membership
from marketplace.accounts.queries import (
    acting,
    are_related,
    granted_subjects,
    holds,
    related_organisations,
)
from marketplace.base import clock as real_clock
from marketplace.base.actor import Actor, Role
from tests import world

pytestmark = pytest.mark.django_db


def test_one_hat_at_a_time():
    first = world.owner()
    second = world.make_organisation(is_vendor=True)
    Membership.objects.create(user=first.user, organisation=second, role=Role.EDITOR)
    actor, hats = acting(first.user)
    assert actor == first
    assert [hat.key for hat in hats] == [f"org:{first.organisation.uid}", f"org:{second.uid}"]
    assert acting(first.user, f"org:{second.uid}")[0] == Actor(Role.EDITOR, first.user, second)
    stranger = world.make_organisation()
    assert acting(first.user, f"org:{stranger.uid}")[0] == first


def test_a_person_without_hats_is_only_signed_in():
    user = world.make_user()
    assert acting(user)[0] == Actor(Role.MEMBER, user)


def test_reading_the_hats_costs_two_queries(django_assert_num_queries):
    actor = world.owner()
    for _ in range(30):
        other = world.make_organisation()
        Membership.objects.create(user=actor.user, organisation=other, role=Role.VIEWER)
    with django_assert_num_queries(2):
        acting(actor.user)


def test_a_grant_holds_from_until(clock):
    clock.freeze(clock.now())
    expert, subject = world.person(Role.EXPERT), world.published_scenario().uid
    given = grant(subject_uid=subject, capability=Capability.REVIEW, user=expert.user)
    again = grant(subject_uid=subject, capability=Capability.REVIEW, user=expert.user)
    assert again == given
    assert holds(expert, Capability.REVIEW, subject)
    assert not holds(expert, Capability.KEY_HOLDER, subject)
    assert not holds(world.person(Role.EXPERT), Capability.REVIEW, subject)
    ended = end_grants(user=expert.user, subject_uids=[subject], capability=Capability.REVIEW)
    assert ended == 1
    assert not holds(expert, Capability.REVIEW, subject)
    assert list(granted_subjects(expert, Capability.REVIEW)) == []


def test_a_grant_of_tomorrow_does_not_hold_today(clock):
    clock.freeze(clock.now())
    expert, subject = world.person(Role.EXPERT), world.published_scenario().uid
    Grant.objects.create(
        user=expert.user,
        subject_uid=subject,
        capability=Capability.REVIEW,
        from_at=clock.now() + timedelta(days=1),
    )
    assert not holds(expert, Capability.REVIEW, subject)
    clock.move(timedelta(days=1))
    assert holds(expert, Capability.REVIEW, subject)


def test_the_same_controller_relates():
    first, second, third = (world.make_organisation() for _ in range(3))
    world.control(first, "person:1")
    world.control(second, "person:1")
    world.control(third, "person:2")
    assert related_organisations(first) == {second.pk}
    assert related_organisations(third) == set()


def test_control_by_code_relates_both_ways():
    parent, child = world.make_organisation(), world.make_organisation()
    world.control(child, parent.uscc)
    assert related_organisations(parent) == {child.pk}
    assert related_organisations(child) == {parent.pk}


def test_control_of_the_past_does_not_relate(clock):
    first, second = world.make_organisation(), world.make_organisation()
    world.control(first, "person:1")
    past = clock.now().date()
    Control.objects.create(
        organisation=second,
        controller_code="person:1",
        controller_name="控制人",
        until_date=past - timedelta(days=1),
    )
    assert related_organisations(first) == set()


def pairs_agree(organisations):
    return all(
        are_related(one.pk, other.pk) == (other.pk in related_organisations(one))
        for one in organisations
        for other in organisations
        if one != other
    )


WINDOWS = [
    (start, end)
    for start in (None, -1, 0, 1)
    for end in (None, 0, 1, 2)
    if start is None or end is None or start < end
]


@pytest.mark.parametrize(("from_day", "until_day"), WINDOWS)
def test_asking_for_a_pair_agrees_with_the_whole_set_on_every_day(clock, from_day, until_day):
    clock.freeze(clock.now())
    today = real_clock.today()
    parent, child, sister, stranger = (world.make_organisation() for _ in range(4))
    for organisation in (child, sister):
        Control.objects.create(
            organisation=organisation,
            controller_code=parent.uscc,
            controller_name="控制人",
            from_date=None if from_day is None else today + timedelta(days=from_day),
            until_date=None if until_day is None else today + timedelta(days=until_day),
        )
    world.control(stranger, "person:9")
    assert pairs_agree([parent, child, sister, stranger])
    in_force = (from_day or 0) <= 0 and (until_day is None or until_day > 0)
    assert are_related(child.pk, sister.pk) is in_force
