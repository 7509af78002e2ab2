"""Twice at once: each step of a race's beginning happens once."""

import pytest

from marketplace.base.errors import DomainError
from marketplace.races.design.actions import save_design
from marketplace.races.entry import actions
from marketplace.races.models import (
    AgreementAcceptance,
    Heat,
    Race,
    RaceAgreement,
    RaceDesign,
    ShortlistNotice,
)
from tests import world
from tests.races import factories, steps

pytestmark = pytest.mark.slow


def codes(results):
    assert all(isinstance(r, DomainError) for r in results if isinstance(r, Exception)), results
    return [r.code for r in results if isinstance(r, Exception)]


def test_two_shortlists(two_at_once):
    scenario = steps.to_be_decided(2)
    owner = world.member(scenario.organisation)

    def deed():
        return actions.shortlist(actor=owner, scenario_uid=scenario.uid)

    assert codes(two_at_once(deed, deed)) == ["race.shortlisted"]
    assert (Race.objects.count(), Race.objects.get().entrants.count()) == (1, 2)


def test_two_notices(two_at_once):
    race, officer = steps.shortlisted(2), world.officer()

    def deed():
        return actions.publicise_shortlist(actor=officer, race_uid=race.uid)

    assert codes(two_at_once(deed, deed)) == ["shortlist.publicised"]
    assert ShortlistNotice.objects.count() == 1


def test_both_parties_accept_at_once(two_at_once, clock):
    race = steps.agreeing(clock, 2)
    row = steps.agreement_of(race, 1)
    vendor, owner = steps.vendor_of(race, 1), world.member(race.scenario.organisation)

    def by(actor):
        return lambda: actions.accept_agreement(
            actor=actor, agreement_uid=row.uid, sha256=row.sha256
        )

    assert codes(two_at_once(by(vendor), by(owner))) == []
    assert AgreementAcceptance.objects.count() == 2
    assert RaceAgreement.objects.get(pk=row.pk).state == "agreed"


def test_two_starts(two_at_once, clock):
    race, officer = steps.agreeing(clock, 2), world.officer()
    steps.accept(race, 1)
    steps.accept(race, 2)

    def deed():
        return actions.start_race(actor=officer, race_uid=race.uid)

    assert codes(two_at_once(deed, deed)) == ["race.state"]
    assert Heat.objects.filter(number=1).count() == 1


def test_two_first_saves_of_a_design(two_at_once):
    owner = world.owner()
    scenario = world.draft_scenario(owner, organising_mode="race", race_entrants=3)

    def deed():
        return save_design(
            actor=owner, scenario_uid=scenario.uid, revision=0, data=factories.content()
        )

    assert codes(two_at_once(deed, deed)) == ["state.stale"]
    assert RaceDesign.objects.get().revision == 1
