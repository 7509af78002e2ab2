"""What a vendor has won: told by public decisions alone, each figure with its list."""

import pytest
from django.test import Client
from django.urls import reverse

from marketplace.awards.models import Decision
from marketplace.awards.track_record import FIGURES, track_record
from tests import world
from tests.awards.steps import decided, publicised
from tests.web.asking import text

pytestmark = pytest.mark.django_db


def figures(vendor):
    told = {one.name: one.count for one in track_record(vendor)}
    for name, (_label, rows) in FIGURES.items():
        assert rows(vendor).count() == told[name]
    return told


def page(vendor, figure=""):
    name = "owner-record" if figure else "organisation"
    given = [vendor.uid, *([figure] if figure else [])]
    return Client().get(reverse(name, args=given))  # English is active here


def test_nothing_is_told_before_the_publicity():
    decision = decided()
    vendor = decision.bid.organisation
    assert figures(vendor) == {"won": 0, "proposed": 0, "delivered": 0}
    shown = text(page(vendor))
    assert decision.scenario.ref not in shown
    assert "No award yet." in shown


def test_a_public_decision_stands_in_its_figure():
    decision = publicised(bids=2)
    vendor = decision.bid.organisation
    assert figures(vendor) == {"won": 0, "proposed": 1, "delivered": 0}
    assert decision.scenario.ref in text(page(vendor, "proposed"))
    losers = {bid.organisation for bid in decision.scenario.bids.exclude(pk=decision.bid_id)}
    assert [figures(loser) for loser in losers] == [{"won": 0, "proposed": 0, "delivered": 0}]
    assert decision.scenario.ref not in text(page(losers.pop()))
    Decision.objects.filter(pk=decision.pk).update(state="confirmed")
    assert figures(vendor) == {"won": 1, "proposed": 0, "delivered": 0}
    assert decision.scenario.ref in text(page(vendor))
    type(decision.scenario).objects.filter(pk=decision.scenario_id).update(state="accepted")
    assert figures(vendor) == {"won": 1, "proposed": 0, "delivered": 1}


def test_a_vendor_has_no_owner_s_figures_nor_an_owner_a_vendor_s():
    vendor, owner = world.vendor().party, world.owner().party
    codes = [page(vendor, "won"), page(vendor, "published"), page(owner, "published")]
    assert [one.status_code for one in codes] == [200, 404, 200]
    assert page(owner, "won").status_code == 404
    assert "None declared." in text(page(vendor))
    assert "Declare them" not in text(page(vendor))


def test_a_capability_opens_the_demands_that_ask_for_it():
    vendor = world.vendor(capabilities=["ai"]).party
    shown = text(page(vendor))
    assert 'href="/en/?technology=ai"' in shown
    assert "Artificial intelligence" in shown
