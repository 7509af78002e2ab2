"""The number in the header: no query for a page, right after every change, without Valkey too."""

import pytest
from django.test import Client

from marketplace.base import shared
from marketplace.notices import actions, counter
from marketplace.notices.models import Notice
from marketplace.scenarios.models import State
from marketplace.web.unread import unread_shown
from tests import world
from tests.notices.steps import deliver, happen

pytestmark = pytest.mark.django_db
AT = "/en/desk/notices/unread/"
PAGES = ["/", "/goals/", "/components/", "/accounts/security/", "/verify/"]


def returned(owner, number=1):
    for _ in range(number):
        happen("scenario.returned", world.draft_scenario(owner, state=State.RETURNED))
    deliver()


@pytest.fixture
def owner(client):
    actor = world.owner()
    client.force_login(actor.user)
    return actor


@pytest.fixture
def no_valkey(settings, monkeypatch):
    """The shared memory where nobody listens."""
    away = {**settings.CACHES["shared"], "LOCATION": "redis://127.0.0.1:1/0"}
    settings.CACHES = {**settings.CACHES, "shared": away}
    monkeypatch.setattr(shared._Away, "until", 0.0)


def of_notices(queries):
    return [q["sql"] for q in queries.captured_queries if "marketplace_notice" in q["sql"]]


@pytest.mark.parametrize("address", PAGES)
def test_no_page_asks_the_database_for_the_number(client, owner, count_queries, address):
    returned(owner)
    for _state in ("not known", "known"):
        with count_queries() as queries:
            page = client.get(address)
        assert page.status_code == 200
        assert 'id="unread"' in page.content.decode()
        assert of_notices(queries) == []
        client.get(AT)


def test_a_page_shows_what_is_known_and_else_asks_at_once(client, owner):
    returned(owner)
    page = client.get("/en/").content.decode()
    assert 'hx-trigger="load, every 60s,' in page
    assert "jb-unread-number" not in page
    client.get(AT)
    page = client.get("/en/").content.decode()
    assert 'hx-trigger="every 60s,' in page
    assert 'aria-hidden="true">1</span>' in page
    assert '<span class="visually-hidden">1 unread</span>' in page


def test_the_number_is_asked_once_and_then_remembered(client, owner, count_queries):
    returned(owner, 2)
    with count_queries() as first:
        client.get(AT)
    with count_queries() as second:
        client.get(AT)
    assert (len(of_notices(first)), len(of_notices(second))) == (1, 0)


def test_unchanged_is_304_by_header_and_by_what_the_page_shows(client, owner):
    returned(owner)
    shown = client.get(AT)
    assert (shown.status_code, shown.headers["ETag"]) == (200, '"1-en"')
    assert shown.headers["Cache-Control"].count("no-store") == 1
    assert client.get(AT, headers={"If-None-Match": '"1-en"'}).status_code == 304
    assert client.get(AT, {"seen": "1-en"}).status_code == 304
    assert client.get(AT, {"seen": "1-zh-hans"}).status_code == 200
    assert client.get(AT, {"seen": "\x00" * 9}).status_code == 200
    assert client.post(AT).status_code == 405


def test_writing_and_reading_change_it(client, owner, django_capture_on_commit_callbacks):
    assert counter.count(owner.user) == 0
    assert counter.known(owner.user.uid) == 0
    with django_capture_on_commit_callbacks(execute=True):
        returned(owner, 3)
    assert counter.known(owner.user.uid) is None
    assert counter.count(owner.user) == 3
    notice = Notice.objects.latest("pk")
    with django_capture_on_commit_callbacks(execute=True):
        actions.mark_read(actor=owner, notice_uid=notice.uid)
    assert counter.count(owner.user) == 2
    with django_capture_on_commit_callbacks(execute=True):
        actions.mark_all_read(actor=owner)
    assert counter.count(owner.user) == 0


def test_who_counted_before_a_change_cannot_overwrite_it(owner, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        counter.forget([owner.user.uid])
    # A count that was begun before arrives after.
    shared.ask(lambda memory: memory.add(counter.key(owner.user.uid), 7, counter.KEEP_S), None)
    assert counter.known(owner.user.uid) is None
    assert counter.count(owner.user) == 0


def test_without_valkey_the_database_tells(client, owner, no_valkey):
    returned(owner)
    assert client.get("/en/").status_code == 200
    assert counter.known(owner.user.uid) is None
    assert client.get(AT).headers["ETag"] == '"1-en"'
    assert client.post("/en/desk/notices/").status_code == 302
    assert client.get(AT).headers["ETag"] == '"0-en"'


def test_a_strange_value_in_the_shared_memory_counts_for_nothing(owner):
    from django.core.cache import caches  # noqa: PLC0415

    memory = caches["shared"]._cache.get_client(write=True)
    memory.set(caches["shared"].make_key(counter.key(owner.user.uid)), b"cos\nsystem\n(S'id'\ntR.")
    assert counter.known(owner.user.uid) is None
    assert counter.count(owner.user) == 0


def test_an_ended_session_is_told_to_stop_asking():
    answer = Client().get(AT)
    assert (answer.status_code, answer.headers["HX-Reswap"]) == (286, "none")
    assert answer.content == b""


def test_only_ones_own_are_counted(owner):
    returned(owner, 2)
    assert counter.count(world.owner().user) == 0


def test_beyond_ninety_nine_it_says_so():
    assert unread_shown(99)["figure"] == 99
    assert unread_shown(100)["figure"] == "99+"


def test_who_must_set_up_a_second_factor_is_not_sent_in_circles(client, settings):
    settings.MFA_OPTIONAL = False
    client.force_login(world.officer().user)
    assert client.get(AT, headers={"HX-Request": "true"}).status_code == 200
