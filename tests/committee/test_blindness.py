"""Nothing that an expert can fetch in the blind stage names a bidder.

Names are planted wherever a bid holds them, and every address that the site knows is asked by a
judge, with every uid that he could have learnt or guessed: pages and API, lists, files, searches,
exports, notices, the log, and what is said when something is refused. Every byte is looked through.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.urls import URLPattern, get_resolver

from marketplace.accounts.models import Membership
from marketplace.base import queue
from marketplace.base.actor import Actor
from marketplace.bidding.models import Bid, BidVersion, OpenedFile
from marketplace.committee import actions
from marketplace.committee.models import SheetStage
from marketplace.scenarios.models import Scenario
from tests import world
from tests.committee import factories
from tests.committee.test_pages import sheet_url, signed_in

pytestmark = pytest.mark.django_db
MARK = "金丝雀"
# Addresses that end what the crawl rests on, or answer without an end.
# The register of verified firms, which lists whoever may bid, whether or not he did.
REGISTER = re.compile(r"(/api/v1|/en)?/organisations/")
LEFT_OUT = re.compile(r"logout|sign-out|metrics|static/")


def planted_bid(scenario: Scenario, code: str) -> Bid:
    vendor = world.vendor(
        name=f"{MARK}航运{code}有限公司",
        name_en=f"Canary Shipping {code}",
    )
    business = {
        "legal_representative": f"{MARK}法人",
        "contact_name": f"{MARK}联系人",
        "contact_phone": "13900000077",
        "contact_email": f"canary-{code}@canary.invalid",
        "project_leader": f"{MARK}负责人",
        "team": [{"name": f"{MARK}组员", "role": "研发", "years": 5}],
        "consortium": [{"name": f"{MARK}伙伴", "uscc": world.make_uscc()}],
        "condition_statements": {"Q1": "满足。"},
        "related_parties": f"{MARK}集团",
        "challenges": [{"who": f"{MARK}专家", "reason": f"{MARK}理由"}],
        "accepts_terms": True,
    }
    return factories.opened_bid(
        scenario, code=code, organisation=vendor.organisation, business=business
    )


def needles(bids: list[Bid]) -> list[str]:
    found = [MARK, "canary", "13900000077"]
    for bid in bids:
        people = Membership.objects.filter(organisation=bid.organisation).values_list(
            "user__uid", "user__name", "user__email"
        )
        found += [bid.organisation.uscc, str(bid.organisation.uid), str(bid.uid)]
        found += [str(word) for person in people for word in person]
        found += [str(v.receipt.uid) for v in BidVersion.objects.filter(bid=bid)]
        found += [
            str(file.uid) for file in OpenedFile.objects.filter(envelope__sealed__version__bid=bid)
        ]
    return [needle.lower() for needle in found]


def routes(resolver: Any = None, prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    for part in (resolver or get_resolver()).url_patterns:
        whole = prefix + str(part.pattern)
        if isinstance(part, URLPattern):
            yield whole, part
        else:
            yield from routes(part, whole)


def addresses(known: dict[str, list[str]]) -> list[str]:
    """Every route, with every value that is known of each of its parameters."""
    found = []
    for route, part in routes():
        path = route.removeprefix("/").replace("^", "").replace("$", "").replace("\\Z", "")
        names = list(part.pattern.converters)
        if "(?P" in path or LEFT_OUT.search(path):
            continue
        for values in itertools.product(*(known.get(name, ["1"]) for name in names)):
            given = dict(zip(names, values, strict=True))
            told = re.sub(r"<(?:\w+:)?(\w+)>", lambda m, g=given: g.get(m[1], "1"), path)
            found.append("/" + told)
    return list(dict.fromkeys(found))


def everything(answer: Any) -> str:
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    heads = "\n".join(f"{name}: {value}" for name, value in answer.items())
    return (heads + "\n" + body.decode(errors="replace")).lower()


def blind_panel() -> tuple[Scenario, list[Bid], list[Actor], Any]:
    scenario = factories.scenario_in_review(0)
    bids = [planted_bid(scenario, code) for code in ("B1", "B2")]
    panel, judges = factories.scoring_panel(scenario)
    # Another judge is done, and says in words what he thinks.
    factories.lock_stage(judges[1:2], SheetStage.TECHNICAL)
    return scenario, bids, judges, panel


def test_no_byte_that_a_judge_can_fetch_names_a_bidder(settings):
    settings.LANGUAGE_COOKIE_NAME = "language"
    scenario, bids, judges, _panel = blind_panel()
    judge, client = judges[0], signed_in(judges[0])
    own, peers = factories.sheets(judge).first(), factories.sheets(judges[1]).first()
    queue.deliver_due()
    uids = [own, peers, bids[0], bids[0].organisation]
    known = {
        "uid": [str(row.uid) for row in uids],
        "address": [scenario.address],
        "member": [str(own.member.uid)],
        "stage": ["first"],
        "number": ["1"],
        "token": ["x"],
        "place": ["entries/000", "0/000"],
        "index": ["0"],
    }
    sought = needles(bids)
    # What the asker wrote into the address comes back in links of the frame.
    leaks, answered = [], set()
    for address in addresses(known):
        answer = client.get(address)
        answered.add(answer.status_code)
        asked = address.lower()
        text = everything(answer)
        leaks += [(address, word) for word in sought if word not in asked and word in text]
    assert [leak for leak in leaks if not REGISTER.match(leak[0])] == []
    # There a firm that did not bid stands as well, so that it names no bidder.
    bystander = world.make_organisation(is_vendor=True, name="旁观者有限公司")
    for address in {address for address, _word in leaks}:
        told = client.get(address).content.decode()
        assert bystander.name in told or str(bids[0].organisation.uid) in address
    assert answered >= {200, 302, 404}
    letters = [str(letter.message()) for letter in mail.outbox if judge.user.email in letter.to]
    assert [word for word in sought for letter in letters if word in letter.lower()] == []


def test_no_refusal_search_or_order_tells_of_a_bidder():
    _scenario, bids, judges, panel = blind_panel()
    client, own = signed_in(judges[0]), factories.sheets(judges[0]).first()
    peers = factories.sheets(judges[1]).first()
    sought = needles(bids)
    wrong: list[dict[str, Any]] = [
        {"points-C1": "999", "revision": "1"},
        {"points-C1": "x" * 4000, "revision": "0"},
        {"do": "lock", "revision": "1"},
        {"do": "correct", "revision": "1"},
        {"do": "no such thing"},
    ]
    said = [everything(client.post(sheet_url(own), given)) for given in wrong]
    said += [everything(client.post(sheet_url(peers), given)) for given in wrong]
    said.append(everything(client.post(f"/panels/{panel.uid}/", {"do": "recuse"})))
    for method, path in itertools.product(
        ("put", "patch", "delete", "post", "head", "options"),
        (f"sheets/{own.uid}/", f"bids/{bids[0].uid}/", f"panels/{panel.uid}/", "sheets/"),
    ):
        asked = getattr(client, method)(f"/api/v1/{path}", content_type="application/json")
        said.append(everything(asked).replace(str(bids[0].uid), ""))
    assert [word for word in sought for text in said if word in text] == []
    # A name is no better a question than nonsense of its length: no count, no order changes.
    orders = ("organisation", "bid__organisation__name", "price_cny", "received_at")
    for path in ("sheets/", "panels/", "bids/", "openings/", "reports/", "notices/", "scenarios/"):
        for field in ("q", "search", "organisation", "bidder", "bid__organisation__name"):
            true, false = (
                client.get(f"/api/v1/{path}", {field: word}) for word in (MARK, "鹧鸪天")
            )
            told, other = (
                everything(answer).replace(word, "")
                for answer, word in ((true, MARK), (false, "鹧鸪天"))
            )
            assert (path, field, stable(told)) == (path, field, stable(other))
        for order in orders:
            rising, falling = (
                client.get(f"/api/v1/{path}", {"ordering": sign + order}) for sign in ("", "-")
            )
            assert rising.status_code == falling.status_code
            if rising.status_code == 200:
                assert rising.json()["results"] == falling.json()["results"]


def stable(text: str) -> str:
    """Without what every answer has of its own: request ids, tags of the query, escaped words."""
    text = re.sub(
        r"(x-request-id|etag|ratelimit|instance|server-timing|traceparent)[^\n]*", "", text
    )
    return re.sub(r"%[0-9a-f]{2}|\\u[0-9a-f]{4}", "", text)


def test_a_peers_work_changes_nothing_that_a_judge_is_told():
    """Neither tag nor text of the own sheet tells that another saved, wrote or locked."""
    scenario = factories.scenario_in_review(0)
    planted_bid(scenario, "B1")
    _panel, judges = factories.scoring_panel(scenario)
    client, own = signed_in(judges[0]), factories.sheets(judges[0]).get()

    def told() -> tuple[str, str, bytes, str]:
        api = client.get(f"/api/v1/sheets/{own.uid}/")
        page = client.get(sheet_url(own)).content.decode()
        lists = client.get("/api/v1/sheets/").content
        page = re.sub(
            r'(csrfmiddlewaretoken" value=|data-now=|nonce=|"X-CSRFToken": )"[^"]+"', "", page
        )
        return api["ETag"], api.content.decode(), lists, re.sub(r"<time.*?</time>", "", page)

    before = told()
    peer = factories.sheets(judges[1]).get()
    factories.fill(judges[1], peer)
    actions.lock_sheet(actor=judges[1], sheet_uid=peer.uid)
    assert told()[:3] == before[:3]


def test_the_names_stand_on_the_named_sheets():
    """So that the search above is known to find what it seeks."""
    scenario = factories.scenario_in_review(0)
    bid = planted_bid(scenario, "B1")
    _panel, judges = factories.scoring_panel(scenario)
    factories.lock_stage(judges, SheetStage.TECHNICAL)
    named = factories.sheets(judges[0], SheetStage.NAMED).get()
    text = everything(signed_in(judges[0]).get(sheet_url(named)))
    assert bid.organisation.name.lower() in text
    assert everything(Client().get(sheet_url(named))).count(MARK) == 0
