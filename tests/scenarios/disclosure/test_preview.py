"""Before anybody else sees it, an owner reads its demand as a competitor will."""

import pytest
from django.test import Client
from django.urls import reverse

from tests import world
from tests.scenarios import files

pytestmark = pytest.mark.django_db
MASK = "某港航企业"


def page(scenario, actor, query=""):
    client = Client()
    client.force_login(actor.user)
    return client.get(reverse("scenario-preview", args=[scenario.address]) + query)


def drafted():
    owner = world.owner(name="上海洋汇航运科技有限公司")
    scenario = world.draft_scenario(
        owner, owner_masked=True, owner_mask=MASK, contact="陆清和 021-61234567"
    )
    files.attach(owner, scenario, "public", title="公开说明")
    files.attach(owner, scenario, "restricted", name="map.pdf", title="分区图纸")
    return owner, scenario


def test_the_owner_reads_its_draft_as_a_stranger():
    owner, scenario = drafted()
    body = page(scenario, owner).content.decode()
    assert MASK in body
    hidden = ["洋汇航运", "陆清和", "61234567", "分区图纸", str(owner.organisation.uid)]
    assert [word for word in hidden if word in body] == []
    assert "公开说明" in body


def test_after_a_release_the_reader_also_reads_the_restricted_files():
    owner, scenario = drafted()
    body = page(scenario, owner, "?released").content.decode()
    assert ("分区图纸" in body, "洋汇航运" in body) == (True, False)


def test_who_opens_the_preview():
    owner, scenario = drafted()
    assert page(scenario, owner).status_code == 200
    assert page(scenario, world.vendor()).status_code == 404
    assert page(scenario, world.officer()).status_code == 404  # a draft is its owner's alone
    posted = world.published_scenario()
    assert page(posted, world.officer()).status_code == 200
    assert page(posted, world.vendor()).status_code == 403


def test_it_is_the_page_that_a_visitor_reads():
    scenario = world.published_scenario()
    public = Client().get(reverse("scenario", args=[scenario.ref])).content.decode()
    shown = page(scenario, world.member(scenario.organisation)).content.decode()

    def main(body):
        return body.partition('class="pub-main"')[2].partition("</main>")[0]

    assert main(shown) == main(public)


def test_a_visitor_is_asked_to_sign_in():
    _owner, scenario = drafted()
    answer = Client().get(reverse("scenario-preview", args=[scenario.address]))
    assert answer.status_code == 302
