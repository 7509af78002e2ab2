"""Two drafts that both are said to be the same demand: one becomes its next round."""

from marketplace.scenarios.models import Scenario, State
from tests import world
from tests.scenarios.likeness.test_likeness import answer, draft, posted


def test_two_drafts_at_once_become_one_round(committing_db, two_at_once):
    owner = world.owner()
    first = posted(owner, state=State.FAILED)
    one, other = draft(owner), draft(owner)
    done = two_at_once(
        lambda: answer(owner, one, first, "duplicate", ""),
        lambda: answer(owner, other, first, "duplicate", ""),
    )
    assert sorted(type(row).__name__ for row in done) == ["LikenessAnswer", "StateConflict"]
    assert Scenario.objects.filter(root=first).count() == 1
