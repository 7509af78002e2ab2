"""The public addresses as programs meet them: tags, canonical addresses, data of schema.org."""

import json
import re
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from marketplace.base import clock as base_clock
from marketplace.scenarios.batches.models import Batch, BatchDemand, BatchState
from marketplace.scenarios.models import State
from tests import world
from tests.bidding import bids
from tests.indicators.test_goals import publish
from tests.web.asking import MARKUP, get, page, text

pytestmark = pytest.mark.django_db
DATA = re.compile(r'<script type="application/ld\+json">(.*?)</script>', re.DOTALL)


@pytest.fixture
def posted(clock):
    """A demand in an announced batch, time standing still."""
    clock.freeze(base_clock.now())
    scenario = publish(title="港口勒索恢复", title_en="Ports", summary="摘要", summary_en="Told")
    announced(scenario)
    clock.move(timedelta(minutes=10))  # or the hours that are left change with the next second
    return scenario


def announced(scenario):
    office, now = world.officer().user, base_clock.now()
    batch = Batch.objects.create(
        number=7,
        title="第七批榜单",
        title_en="The seventh",
        made_by=office,
        call_number="临港〔2026〕7号",
        called_by=office,
        called_at=now,
        closes_at=now + timedelta(days=1),
        state=BatchState.ANNOUNCED,
        text="征集",
        announced_by=office,
        announced_at=now,
        announcement_number="公告7号",
    )
    BatchDemand.objects.create(batch=batch, scenario=scenario, filed_by=office, filed_at=now)
    return batch


def addresses(scenario):
    owner, here = scenario.organisation, page(scenario)
    return [
        *(
            "/",
            "/?q=港口&state=open",
            "/goals/",
            "/goals/matrix/",
            "/log/",
            "/batches/",
            "/batches/7/",
        ),
        *(here, f"{here}history/", f"{here}questions/", f"{here}amendments/"),
        reverse("organisation", args=[owner.uid]),
        reverse("owner-record", args=[owner.uid, "published"]),
    ]


def asked(path, tag="", **more):
    return Client(headers={"If-None-Match": tag} if tag else {}, **more).get(path)


def graph(response):
    found = DATA.findall(text(response))
    return {
        kind: row for body in found for row in json.loads(body)["@graph"] for kind in [row["@type"]]
    }


def test_every_public_page_is_asked_for_again_by_its_tag(posted, clock):
    for path in addresses(posted):
        first = asked(path)
        tag = first["ETag"]
        assert (first.status_code, first["Cache-Control"]) == (200, "no-cache"), path
        assert {"Cookie", "HX-Request"} <= set(first["Vary"].split(", ")), path
        clock.move(timedelta(seconds=2))
        again = asked(path, tag)
        assert (again.status_code, again.content, again["ETag"]) == (304, b"", tag), path
        other = asked(f"/en{path}")
        assert other["ETag"] != tag, path
        assert asked(f"/en{path}", tag).status_code == 200, path
        # Nobody who is known is answered by a visitor's tag, nor told one.
        known = get(path, world.vendor(), HTTP_IF_NONE_MATCH=tag)
        assert (known.status_code, known.get("ETag")) == (200, None), path
        assert known["Cache-Control"] == "private, no-store", path


def test_the_tag_tells_of_what_the_page_says_and_of_nothing_else(posted):
    paths = addresses(posted)
    before = [asked(path)["ETag"] for path in paths]
    bids.bid(posted)
    assert [asked(path)["ETag"] for path in paths] == before
    posted.organisation.name = "换了名字"
    posted.organisation.save()
    assert asked(page(posted), before[paths.index(page(posted))]).status_code == 200


def test_what_is_published_is_known_by_its_hash(posted):
    path = f"{page(posted)}published/1.json"
    tag = f'"{posted.publications.get().sha256}"'
    assert asked(path)["ETag"] == tag
    assert asked(path, tag).status_code == 304


def test_a_page_has_one_address_and_one_in_each_language(posted, settings):
    settings.SITE_URL = "https://park.example"
    for path in addresses(posted)[2:]:
        shown = text(asked(f"/en{path}"))
        whole = f"https://park.example/en{path}"
        assert f'<link rel="canonical" href="{whole}">' in shown, path
        assert f'<meta property="og:url" content="{whole}">' in shown, path
        chinese = f"https://park.example{path}"
        assert f'<link rel="alternate" hreflang="zh-Hans" href="{chinese}">' in shown, path
        assert "og:title" in shown, path
    board = text(asked("/?state=open&q=a&state=done&sort=best&page=1"))
    assert 'rel="canonical" href="https://park.example/?q=a&amp;state=done&amp;state=open"' in board


def test_a_demand_is_told_as_schema_org_knows_it(posted, settings):
    settings.SITE_URL = "https://park.example"
    told = graph(asked(f"/en{page(posted)}"))
    here = f"https://park.example/en{page(posted)}"
    demand, owner = told["Demand"], told["Organization"]
    assert demand["@id"] == f"{here}#demand" == owner["seeks"]["@id"]
    assert (demand["name"], demand["description"]) == ("Ports", "Told")
    assert demand["identifier"] == posted.ref
    assert demand["priceSpecification"]["maxPrice"] == f"{posted.budget_cny:.2f}"
    until = posted.deadline_at.isoformat(timespec="seconds")
    assert demand["validThrough"] == until
    assert owner["name"] == posted.organisation.name
    names = [step["name"] for step in told["BreadcrumbList"]["itemListElement"]]
    assert names == ["Board", f"{posted.ref} Ports"]
    assert told["WebPage"]["inLanguage"] == "en"
    assert graph(asked("/"))["WebSite"]["potentialAction"]["@type"] == "SearchAction"
    listed = graph(asked("/batches/7/"))["WebPage"]["mainEntity"]["itemListElement"]
    assert [row["url"] for row in listed] == [f"https://park.example{page(posted)}"]


def test_a_masked_owner_is_shared_by_its_mask_alone():
    owner = world.owner(name="上海洋山港航科技有限公司", name_en="Yangshan Port")
    scenario = publish(owner, owner_masked=True, owner_mask="某港航企业")
    for reader in (None, owner, world.officer()):
        shown = text(get(page(scenario), reader))
        head = shown[: shown.index("</head>")]
        assert graph(get(page(scenario), reader))["Organization"]["name"] == "某港航企业"
        assert "洋山" not in head
        assert str(owner.organisation.uid) not in head


def test_markup_ends_no_data_block():
    scenario = publish(title=MARKUP, title_en=MARKUP, summary="</script><script>alert(1)")
    shown = asked(page(scenario))
    assert graph(shown)["Demand"]["name"] == MARKUP
    assert "<script>alert" not in text(shown)


def test_what_is_not_public_is_shared_by_nobody():
    owner = world.owner()
    draft = world.draft_scenario(owner)
    shown = text(get(page(draft), owner))
    assert "canonical" not in shown
    assert "ld+json" not in shown
    new = world.make_organisation(verified_at=None)
    member = world.member(new)
    shown = text(get(reverse("organisation", args=[new.uid]), member))
    assert "canonical" not in shown


def test_a_demand_names_its_batch_once_it_is_announced(posted):
    assert "The seventh" in text(get(f"/en{page(posted)}"))
    other = publish()
    assert "The seventh" not in text(get(f"/en{page(other)}"))
    waiting = world.draft_scenario(world.owner(), state=State.DEMONSTRATED)
    now, office = base_clock.now(), world.officer()
    called = Batch.objects.create(
        number=8,
        title="第八批",
        made_by=office.user,
        state=BatchState.CALLED,
        called_at=now,
        called_by=office.user,
        call_number="8号",
        closes_at=now + timedelta(days=1),
    )
    BatchDemand.objects.create(batch=called, scenario=waiting, filed_by=office.user, filed_at=now)
    assert "第八批" not in text(get(page(waiting), office))


def test_a_page_with_a_form_is_everybody_s_own(posted):
    """Also for a visitor who has the cookie of the forms already."""
    client = Client()
    for _ in range(2):
        shown = client.get("/verify/")
        assert "csrfmiddlewaretoken" in text(shown)
        assert shown.get("ETag") is None


def test_a_part_of_a_page_has_no_tag(posted):
    assert Client(headers={"HX-Request": "true"}).get("/").get("ETag") is None
