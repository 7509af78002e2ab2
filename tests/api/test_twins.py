"""Two identical requests at the same time are one."""

from uuid import uuid4

from marketplace.scenarios.models import Scenario
from tests import world
from tests.api.client import As


def test_twins_are_done_once(two_at_once):
    owner, key = world.owner(), uuid4().hex

    def send():
        return As(owner).post("scenarios/", {"title": "需求"}, key=key)

    answers = two_at_once(send, send)
    assert [answer.status_code for answer in answers] == [201, 201]
    assert len({answer.json()["uid"] for answer in answers}) == 1
    assert Scenario.objects.count() == 1
    assert sorted("Idempotency-Replayed" in answer for answer in answers) == [False, True]
