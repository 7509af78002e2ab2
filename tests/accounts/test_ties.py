"""Control and relations of an organisation: stated, ended, and from when they count."""

from datetime import timedelta

import pytest

from marketplace.accounts.models import Control, Organisation
from marketplace.accounts.organisations.actions import (
    end_control,
    end_relation,
    state_control,
    state_relation,
)
from marketplace.accounts.organisations.actions.ties import TIES_MOST, person_mark
from marketplace.accounts.organisations.queries import (
    controls,
    relations,
)
from marketplace.accounts.queries import are_related, related_organisations
from marketplace.base.actor import VISITOR, Role
from marketplace.base.errors import (
    Invalid,
    NotAllowed,
    NotFound,
    StateConflict,
    TooMany,
)
from tests import world
from tests.accounts.steps import EVIDENCE
from tests.accounts.test_organisations import verify

pytestmark = pytest.mark.django_db


# -- Control and relations ---------------------------------------------------------------------------
def related(one):
    """Asked both ways: of one, and of every pair with it."""
    found = related_organisations(one)
    others = Organisation.objects.exclude(pk=one.pk)
    assert {other.pk for other in others if are_related(one.pk, other.pk)} == found
    assert {other.pk for other in others if are_related(other.pk, one.pk)} == found
    return found


def controlled(actor, **data):
    said = {"name": "示恒控股", "uscc": world.make_uscc()} | data
    return state_control(actor=actor, organisation_uid=actor.organisation.uid, data=said)


def test_what_was_stated_counts_once_the_office_has_seen_it():
    """Nobody ties a rival to himself by his own word."""
    rival, owner = world.vendor(), world.vendor()
    controlled(owner, uscc=rival.organisation.uscc)
    assert related(rival.organisation) == set()
    owner.organisation.refresh_from_db()
    assert owner.organisation.changed_since_verified is True
    verify(owner.organisation, evidence=EVIDENCE)
    assert related(rival.organisation) == {owner.organisation.pk}
    assert related(owner.organisation) == {rival.organisation.pk}


def test_an_end_counts_once_the_office_has_seen_it():
    first, second = world.vendor(), world.vendor()
    world.control(first.organisation, "person:1")
    row = world.control(second.organisation, "person:1")
    ended = end_control(actor=second, control_uid=row.uid)
    assert ended.until_date is not None
    assert related(first.organisation) == {second.organisation.pk}
    verify(second.organisation, evidence=EVIDENCE)
    assert related(first.organisation) == set()
    assert Control.objects.filter(pk=row.pk).exists()
    with pytest.raises(StateConflict):
        end_control(actor=second, control_uid=row.uid)


def test_one_person_is_recognised_without_being_kept():
    first, second = world.vendor(), world.vendor()
    rows = [
        controlled(actor, uscc="", name="王五", identity_number=number)
        for actor, number in ((first, "31010119800101001x"), (second, "310101 19800101 001X"))
    ]
    assert rows[0].controller_code == rows[1].controller_code == person_mark("31010119800101001X")
    assert "31010119800101001" not in str(Control.objects.values())
    for actor in (first, second):
        verify(actor.organisation, evidence=EVIDENCE)
    assert related(first.organisation) == {second.organisation.pk}


@pytest.mark.parametrize(
    ("kind", "relates"),
    [("management", True), ("same_head", True), ("shares", False), ("other", False)],
)
def test_which_relations_exclude(kind, relates):
    first, second = world.vendor(), world.vendor()
    other = second.organisation
    said = {"other_uscc": other.uscc, "other_name": other.name, "kind": kind}
    row = state_relation(actor=first, organisation_uid=first.organisation.uid, data=said)
    with pytest.raises(StateConflict):
        state_relation(actor=first, organisation_uid=first.organisation.uid, data=said)
    verify(first.organisation, evidence=EVIDENCE)
    expected = ({other.pk}, {first.organisation.pk}) if relates else (set(), set())
    found = related(first.organisation), related(other)
    assert found == expected
    end_relation(actor=first, relation_uid=row.uid)
    verify(first.organisation, evidence=EVIDENCE)
    assert related(first.organisation) == set()


@pytest.mark.parametrize(
    ("wrong", "fields"),
    [
        ({"name": ""}, {"name"}),
        ({"uscc": ""}, {"uscc"}),
        ({"uscc": "123"}, {"uscc"}),
        ({"identity_number": "310101198001010010"}, {"uscc"}),
        ({"uscc": "", "identity_number": "<b>"}, {"identity_number"}),
        ({"from_date": "2026-13-01"}, {"from_date"}),
        ({"from_date": "tomorrow"}, {"from_date"}),
        ({"from_date": "2999-01-01"}, {"from_date"}),
        ({"from_date": "1700-01-01"}, {"from_date"}),
    ],
)
def test_wrong_control(wrong, fields):
    with pytest.raises(Invalid) as raised:
        controlled(world.vendor(), **wrong)
    assert set(raised.value.errors) == fields


def test_nobody_controls_themselves():
    owner = world.vendor()
    with pytest.raises(Invalid):
        controlled(owner, uscc=owner.organisation.uscc)


def test_ties_end_after_they_began(clock):
    owner = world.vendor()
    today = clock.now().date()
    row = controlled(owner, from_date=str(today - timedelta(days=30)))
    for day in (today - timedelta(days=30), today - timedelta(days=31), today + timedelta(days=9)):
        with pytest.raises(Invalid) as raised:
            end_control(actor=owner, control_uid=row.uid, until_date=str(day))
        assert set(raised.value.errors) == {"until_date"}
    until = today - timedelta(days=29)
    ended = end_control(actor=owner, control_uid=row.uid, until_date=str(until))
    assert ended.until_date == until


def test_who_states_and_who_sees_ties():
    owner = world.vendor()
    row = controlled(owner)
    viewer = world.member(owner.organisation, Role.VIEWER)
    for actor in (viewer, world.officer()):
        with pytest.raises(NotAllowed):
            end_control(actor=actor, control_uid=row.uid)
    with pytest.raises(NotFound):
        end_control(actor=world.vendor(), control_uid=row.uid)
    for actor in (owner, viewer, world.officer()):
        assert list(controls(actor, owner.organisation)) == [row]
    for actor in (VISITOR, world.vendor()):
        assert list(controls(actor, owner.organisation)) == []
        assert list(relations(actor, owner.organisation)) == []


def test_so_many_ties_at_most():
    owner = world.vendor()
    for number in range(TIES_MOST):
        world.control(owner.organisation, f"person:{number}")
    with pytest.raises(TooMany):
        controlled(owner)
