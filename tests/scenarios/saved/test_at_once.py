"""Two workers at once find each demand once, and tell of it once."""

from datetime import timedelta

from marketplace.base import clock as base_clock
from marketplace.notices.models import Notice
from marketplace.scenarios.saved.actions import save_search
from marketplace.scenarios.saved.looking import look, promise_searches
from marketplace.scenarios.saved.models import Find, SavedSearch
from tests import world

AI = {"domain": ["ai"]}


def test_two_sweeps_and_two_workers(two_at_once, clock):
    start = base_clock.day_starts_at(base_clock.today()) + timedelta(hours=9)
    clock.freeze(start)
    vendor = world.vendor()
    first, second = two_at_once(
        lambda: save_search(actor=vendor, name="AI", filters=AI).pk,
        lambda: save_search(actor=vendor, name="AI", filters=AI).pk,
    )
    assert first == second
    search = SavedSearch.objects.get()
    clock.freeze(start + timedelta(hours=1))
    world.published_scenario(domain=world.term("domain", "ai"))
    assert sorted(two_at_once(promise_searches, promise_searches)) == [0, 1]
    day = base_clock.today().isoformat()

    def work():
        look(search_uid=str(search.uid), day=day)

    assert two_at_once(work, work) == [None, None]
    assert Find.objects.count() == 1
    assert Notice.objects.filter(kind="search.found").count() == 1
