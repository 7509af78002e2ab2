"""The cache that limits stand on: one for all processes, JSON only, nobody's name in it."""

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db import connection

from marketplace.base.counting import forget_expired
from marketplace.base.models import Count


@pytest.mark.django_db
def test_what_is_put_there_is_found_until_it_expires(clock):
    clock.freeze(clock.now())
    assert cache.get("key", "nothing") == "nothing"
    cache.set("key", [3.5, 1.25], 60)
    cache.set("other", True, 61)
    assert (cache.get("key"), cache.get("other")) == ([3.5, 1.25], True)
    clock.move(timedelta(seconds=60))
    assert (cache.get("key"), cache.get("other")) == (None, True)
    assert forget_expired() == 1
    assert Count.objects.count() == 1


@pytest.mark.django_db
def test_add_takes_an_empty_place_only(clock):
    clock.freeze(clock.now())
    assert cache.add("key", 1, 10) is True
    assert cache.add("key", 2, 10) is False
    assert cache.get("key") == 1
    clock.move(timedelta(seconds=10))
    assert cache.add("key", 3, 10) is True
    assert cache.get("key") == 3
    assert cache.delete("key") is True
    assert cache.delete("key") is False
    assert cache.add("key", 4, 10) is True


@pytest.mark.django_db
def test_nothing_stays_longer_than_a_day(clock):
    clock.freeze(clock.now())
    cache.set("key", 1, None)
    cache.set("far", 1, 10**9)
    clock.move(timedelta(days=1))
    assert (cache.get("key"), cache.get("far")) == (None, None)
    cache.clear()
    assert Count.objects.count() == 0


def test_one_of_two_at_once_wins(two_at_once):
    results = two_at_once(lambda: cache.add("key", "a", 10), lambda: cache.add("key", "b", 10))
    assert sorted(results) == [False, True]


@pytest.mark.django_db
def test_neither_keys_nor_pickles_stand_in_the_table():
    cache.set("ip:203.0.113.7:somebody@test.invalid", [1.5], 60)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c::text, relpersistence FROM marketplace_count c, pg_class "
            "WHERE relname = 'marketplace_count'"
        )
        row, persistence = cursor.fetchone()
    assert "203.0.113.7" not in row
    assert "somebody" not in row
    assert persistence == "u"  # unlogged: counting costs no write-ahead log
    with pytest.raises(TypeError):
        cache.set("key", object(), 60)
