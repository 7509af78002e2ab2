"""Who is told of a call, of its end without an announcement, and of an announcement."""

import pytest

from marketplace.accounts.models import Organisation
from marketplace.base.actor import Role
from marketplace.notices.models import Notice
from marketplace.notices.queries import lines
from marketplace.scenarios import actions
from marketplace.scenarios.watching.actions import watch_scenario
from tests import world
from tests.notices.steps import deliver, ids, told
from tests.scenarios import typed
from tests.scenarios.test_batches import announce, called, data, gathered

pytestmark = pytest.mark.django_db


def people():
    """(owner, its editor, vendor), and others whom none of it concerns."""
    owner, vendor = world.owner(), world.vendor()
    editor = world.member(owner.organisation, Role.EDITOR)
    world.member(owner.organisation, Role.VIEWER)
    Organisation.objects.filter(pk=world.owner().organisation_id).update(verified_at=None)
    world.person("expert")
    return owner, editor, vendor


def test_a_call_is_told_to_owners_and_a_draft_of_one_to_nobody():
    owner, editor, vendor = people()
    officer = world.officer()
    draft = actions.create_batch(actor=officer, data=data(number="9"))
    actions.cancel_batch(actor=officer, batch_uid=draft.uid, reason="不再需要。")
    deliver()
    assert told("batch.cancelled") == set()
    batch = called(officer)
    deliver()
    assert told("batch.called") == ids(owner, editor)
    [line] = lines(owner.user, Notice.objects.filter(user=owner.user, kind="batch.called"))
    assert (line.url.endswith("/batches/1/"), batch.title in line.text) == (True, True)
    actions.cancel_batch(actor=officer, batch_uid=batch.uid, reason="需求不足。")
    deliver()
    assert told("batch.cancelled") == ids(owner, editor)
    assert ids(vendor) & (told("batch.called") | told("batch.cancelled")) == set()


def test_an_announcement_is_told_to_vendors_and_each_owner_of_its_own_demand(clock):
    _owner, _editor, vendor = people()
    scenario = typed.demonstrated()
    announce(gathered(clock, scenario), [scenario])
    deliver()
    assert told("batch.announced") == ids(vendor)
    owners = {row.user_id for row in scenario.organisation.members.exclude(role=Role.VIEWER)}
    assert told("scenario.published") == owners
    # Who watches one of its demands hears what becomes of it from then on.
    watch_scenario(actor=vendor, scenario_uid=scenario.uid)
    assert told("watched.amended") == set()
