"""Two of a kind at once: one succeeds, the other is refused."""

import pytest

from marketplace.experts.importing.models import ExpertImport
from marketplace.experts.models import Expert
from tests import world
from tests.experts.factories import expert
from tests.experts.test_importing import HEAD, ROW, confirm, preview, world_actor
from tests.experts.test_pool import PERSON, edit, register

pytestmark = pytest.mark.usefixtures("committing_db")


def codes(results):
    return sorted(getattr(result, "code", "done") for result in results)


def test_two_officers_register_one_person(two_at_once):
    officers = [world.officer(), world.officer()]
    results = two_at_once(
        lambda: register(officers[0], number=""), lambda: register(officers[1], number="")
    )
    assert codes(results) == ["done", "expert.exists"]
    assert Expert.objects.filter(user__email__iexact=PERSON["email"]).count() == 1


def test_two_edits_of_one_revision(two_at_once):
    row, officers = expert(), [world.officer(), world.officer()]
    results = two_at_once(
        lambda: edit(row, officers[0], number=""), lambda: edit(row, officers[1], number="")
    )
    assert codes(results) == ["done", "state.stale"]


def test_a_preview_is_taken_over_once(two_at_once):
    made = preview([HEAD, ROW])
    actor = world_actor(made)
    results = two_at_once(lambda: confirm(made, actor=actor), lambda: confirm(made, actor=actor))
    assert codes(results) == ["done", "import.over"]
    assert (Expert.objects.count(), ExpertImport.objects.get().added) == (1, 1)
