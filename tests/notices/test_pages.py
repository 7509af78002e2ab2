"""The inbox: one's own, newest first, read by following a line, at a constant cost."""

import uuid

import pytest
from django.urls import reverse

from marketplace.accounts.models import Membership
from marketplace.base.actor import SYSTEM
from marketplace.ledger import actions as ledger
from marketplace.notices.models import Notice
from marketplace.scenarios.models import State
from tests import world
from tests.notices.steps import deliver, happen

pytestmark = pytest.mark.django_db
INBOX = "/en/desk/notices/"


def returned(owner, **fields):
    scenario = world.draft_scenario(owner, state=State.RETURNED, **fields)
    happen("scenario.returned", scenario)
    deliver()
    return scenario, Notice.objects.latest("pk")


def text(response):
    return response.content.decode()


@pytest.fixture
def owner(client):
    actor = world.owner()
    client.force_login(actor.user)
    return actor


def test_newest_first_with_the_unread_marked(client, owner):
    _one, first = returned(owner, title_en="First <b>")
    _two, second = returned(owner, title_en="Second")
    client.get(reverse("notice", args=[first.uid]))
    page = client.get(INBOX)
    assert [line.notice for line in page.context["lines"]] == [second, first]
    assert "“First &lt;b&gt;” was returned" in text(page)
    assert page.context["unread"] == 1
    assert text(page).count('<span class="jb-tag">Unread</span>') == 1


def test_following_a_line_marks_it_read_once_and_leads_on(client, owner):
    scenario, notice = returned(owner)
    assert notice.read_at is None
    at = reverse("notice", args=[notice.uid])
    response = client.get(at)
    assert response.status_code == 302
    assert response.url == reverse("scenario", args=[scenario.address])
    notice.refresh_from_db()
    read_at = notice.read_at
    assert read_at is not None
    client.get(at)
    notice.refresh_from_db()
    assert notice.read_at == read_at
    assert client.head(at).status_code == 405
    assert client.get(response.url).status_code == 200


def test_all_are_marked_read_and_only_ones_own(client, owner):
    colleague = world.member(owner.organisation)
    returned(owner)
    returned(owner)
    response = client.post(INBOX)
    assert (response.status_code, response.url) == (302, INBOX)
    assert Notice.objects.visible_to(owner).unread().count() == 0
    assert Notice.objects.visible_to(colleague).unread().count() == 2
    assert "Mark all as read" not in text(client.get(INBOX))


def test_what_is_hidden_now_stands_without_its_title(client, owner):
    _scenario, notice = returned(owner, title_en="A secret plan")
    Membership.objects.filter(user=owner.user).delete()
    page = client.get(INBOX)
    assert "A secret plan" not in text(page)
    assert "This message no longer concerns you." in text(page)
    assert client.get(reverse("notice", args=[notice.uid])).url == INBOX


def test_nobody_reads_anothers(client, owner):
    _scenario, notice = returned(owner)
    client.force_login(world.owner().user)
    assert client.get(reverse("notice", args=[notice.uid])).status_code == 404
    assert client.get(reverse("notice", args=[uuid.uuid4()])).status_code == 404
    assert list(client.get(INBOX).context["lines"]) == []
    notice.refresh_from_db()
    assert notice.read_at is None


def test_the_inbox_asks_for_a_sign_in(client):
    assert client.get(INBOX).status_code == 302
    assert client.get(INBOX).url.startswith("/en/accounts/login/")


def test_thirty_to_a_page(client, owner):
    scenario, _notice = returned(owner)
    many(owner, scenario, 30)
    assert len(client.get(INBOX).context["lines"]) == 30
    assert len(client.get(f"{INBOX}?page=2").context["lines"]) == 1


def many(owner, scenario, number):
    kinds = ["scenario.returned", "scenario.published"]
    for n in range(number):
        event = ledger.append("scenario.drafted", actor=SYSTEM, subjects=[scenario.uid])
        Notice.objects.create(
            user=owner.user,
            kind=kinds[n % 2],
            subject_uid=(scenario if n % 3 else world.draft_scenario(owner)).uid,
            event_uid=event.uid,
        )


def test_one_and_thirty_cost_the_same(client, owner, count_queries):
    scenario, _notice = returned(owner)
    client.get(INBOX)
    with count_queries() as one:
        client.get(INBOX)
    many(owner, scenario, 29)
    with count_queries() as thirty:
        page = client.get(INBOX)
    assert len(page.context["lines"]) == 30
    assert len(thirty) == len(one)


def test_the_desk_tells_how_many_are_unread_with_one_query(client, owner, count_queries):
    scenario, _notice = returned(owner)
    many(owner, scenario, 2)
    with count_queries() as queries:
        page = client.get("/en/desk/")
    assert f'<a href="{INBOX}">3 unread messages</a>' in text(page)
    asked = [q for q in queries.captured_queries if "marketplace_notice" in q["sql"]]
    assert len(asked) == 1
    client.post(INBOX)
    assert "unread messages" not in text(client.get("/en/desk/"))
