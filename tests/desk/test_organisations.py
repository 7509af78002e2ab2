"""Errands about organisations: the office's, and the organisation's own."""

import pytest
from django.test import Client
from django.urls import reverse

from marketplace.accounts.organisations.actions import save_profile, verify_organisation
from marketplace.base.actor import VISITOR, Role
from marketplace.desk.organisations import errands
from tests import world
from tests.accounts.steps import EVIDENCE, asked

pytestmark = pytest.mark.django_db


def pages(actor):
    return [errand.organisation for errand in errands(actor)]


def test_an_unverified_organisation_files_its_evidence():
    owner = world.vendor(verified_at=None)
    editor = world.member(owner.organisation, Role.EDITOR)
    viewer = world.member(owner.organisation, Role.VIEWER)
    assert pages(owner) == pages(editor) == [owner.organisation]
    assert pages(viewer) == pages(VISITOR) == pages(world.vendor()) == []
    asked(owner)
    assert pages(owner) == []


def test_officers_verify_what_asks_and_what_changed():
    officer, secretary = world.officer(), world.secretary()
    assert pages(officer) == []
    first, second = asked(), world.vendor()
    save_profile(
        actor=second,
        organisation_uid=second.organisation.uid,
        revision=0,
        data={"name": "改名", "is_vendor": True},
    )
    second.organisation.refresh_from_db()
    assert pages(officer) == [second.organisation, first.organisation]
    assert pages(secretary) == []
    assert pages(second) == [second.organisation]
    for owner in (first, second):
        verify_organisation(
            actor=officer, organisation_uid=owner.organisation.uid, evidence=EVIDENCE
        )
    assert pages(officer) == []


@pytest.mark.parametrize("number", [1, 30])
def test_thirty_cost_what_one_costs(number, count_queries):
    officer = world.officer()
    for _ in range(number):
        asked()
    with count_queries() as queries:
        assert len(errands(officer)) == number
    assert len(queries) == 1


def test_the_desk_shows_them():
    owner = world.vendor(verified_at=None)
    client = Client()
    client.force_login(owner.user)
    address = reverse("organisation-verification", args=[owner.organisation.uid])
    assert f'href="{address}"' in client.get(reverse("desk")).content.decode()
