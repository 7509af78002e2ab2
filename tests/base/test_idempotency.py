import threading
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import transaction

from marketplace.base.idempotency import KeyReused, Once
from marketplace.base.models import IdempotencyKey
from tests import world


def once(actor, body="{}", key="k1"):
    return Once(actor=actor, route="bids", key=key, body=body)


@pytest.mark.django_db
def test_the_second_time_gives_the_first_result():
    actor, result = world.vendor(), uuid4()
    first = once(actor)
    assert first.begin() is None
    first.done(result)
    assert once(actor).begin() == result


@pytest.mark.django_db
def test_another_body_with_the_same_key_is_refused():
    actor = world.vendor()
    once(actor).begin()
    with pytest.raises(KeyReused) as refused:
        once(actor, body='{"other": 1}').begin()
    assert refused.value.status == 422


@pytest.mark.django_db
def test_keys_of_others_and_of_yesterday_do_not_count(clock):
    actor = world.vendor()
    clock.freeze(clock.now())
    once(actor).begin()
    assert once(world.vendor()).begin() is None
    clock.move(timedelta(hours=24, seconds=1))
    assert once(actor, body="other").begin() is None


@pytest.mark.django_db
def test_a_refused_deed_leaves_no_key():
    actor = world.vendor()
    with pytest.raises(RuntimeError), transaction.atomic():
        once(actor).begin()
        raise RuntimeError
    assert not IdempotencyKey.objects.exists()


def test_a_twin_waits_for_the_first(two_at_once):
    actor, result, entered = world.vendor(), uuid4(), threading.Event()

    def first():
        with transaction.atomic():
            mine = once(actor)
            assert mine.begin() is None
            entered.set()
            threading.Event().wait(0.3)
            mine.done(result)
        return result

    def twin():
        assert entered.wait(10)
        with transaction.atomic():
            return once(actor).begin()

    assert two_at_once(first, twin) == [result, result]
