"""Forms that the tests of this folder write into."""

from __future__ import annotations

import pytest

from marketplace.scenarios import actions
from tests import world
from tests.scenarios import typed
from tests.web.asking import browser, url


@pytest.fixture
def draft():
    """(its owner's browser, the draft, where it is written)."""
    owner = world.owner()
    scenario = actions.create_draft(actor=owner, data=typed.data())
    return browser(owner), scenario, url("scenario-edit", scenario)


@pytest.fixture
def challenge():
    """(a vendor's browser, an open challenge, where one bids for it)."""
    scenario = world.published_scenario()
    return browser(world.vendor()), scenario, url("bid-form", scenario)
