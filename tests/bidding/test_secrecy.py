"""Before the deadline nobody else learns of a bid; before the opening nobody reads one."""

import json
import logging
import tempfile
from base64 import b64encode

import pytest
import redis
from django.conf import settings
from django.db import connection
from django.test import Client
from django.urls import reverse

from marketplace.base.actor import VISITOR, Role
from marketplace.bidding.models import (
    Bid,
    BidVersion,
    OpenedEnvelope,
    OpenedFile,
    Opening,
)
from marketplace.bidding.queries import (
    eligibility_matrix,
    my_bid,
    my_bids,
    opened_contents,
    openings,
    versions_of,
)
from marketplace.files import storage
from marketplace.ledger.models import Event
from marketplace.ledger.queries import history
from marketplace.scenarios.models import Scenario, State
from tests import world
from tests.bidding import bids, sealed_uploads

pytestmark = pytest.mark.django_db
CANARY = "金丝雀Canary7391"
REFUSED_CANARY = "金丝雀Canary8264"


def everybody_else(scenario):
    return {
        "visitor": VISITOR,
        "officer": world.officer(),
        "secretary": world.secretary(),
        "owner": world.member(scenario.organisation),
        "rival": world.vendor(),
        "key holder": world.key_holder_actors(scenario)[0],
        **{role: world.person(Role(role)) for role in ("witness", "expert", "inspector")},
    }


def client_of(actor):
    client = Client()
    if actor.user:
        client.force_login(actor.user)
    return client


def test_before_closing_nobody_else_sees_a_bid_by_any_query():
    scenario = world.published_scenario()
    version = bids.bid(scenario)
    for name, actor in everybody_else(scenario).items():
        assert list(Bid.objects.visible_to(actor)) == [], name
        assert list(BidVersion.objects.visible_to(actor)) == [], name
        assert my_bid(actor, scenario) is None, name
        assert versions_of(actor, version.bid) == [], name
        assert openings(actor, scenario) == [], name
        assert eligibility_matrix(actor, scenario) == [], name
        if actor.organisation:
            assert list(my_bids(actor)) == [], name


def test_before_closing_nobody_else_sees_a_bid_on_any_page():
    scenario = world.published_scenario()
    version = bids.bid(scenario)
    addresses = [
        reverse("bid", args=[version.bid.uid]),
        reverse("receipt", args=[version.receipt.uid]),
        reverse("opening", args=[scenario.ref]),
        reverse("opening-live", args=[scenario.ref]),
        reverse("opening-record", args=[scenario.ref, "first"]),
        reverse("opening-record-pdf", args=[scenario.ref, "first"]),
    ]
    for name, actor in everybody_else(scenario).items():
        for address in addresses:
            answer = client_of(actor).get(address)
            away = 302 if name == "visitor" and "/record/" not in address else 404
            assert answer.status_code == away, (name, address)
        if actor.user:
            answer = client_of(actor).post(reverse("bid-withdraw", args=[version.bid.uid]))
            assert answer.status_code == 404, name


def test_the_public_history_is_silent_about_bids(clock):
    scenario = world.published_scenario()
    bids.bid(scenario)
    assert list(history(scenario.uid)) == []
    bids.open_first(scenario, clock)
    told = list(history(scenario.uid))
    assert [event.kind for event in told] == [
        "scenario.published",
        "scenario.closed",
        "opening.finished",
    ]
    assert told[2].data == {"stage": "first"}
    others = Event.objects.exclude(uid__in=[event.uid for event in told])
    others = others.exclude(kind="key.published")
    assert set(others.values_list("audience", flat=True)) == {"parties"}


def test_after_the_opening_each_sees_what_is_due(clock):
    scenario, vendor = world.published_scenario(), world.vendor()
    bid = bids.bid(scenario, vendor, files={"technical": [("a.pdf", b"x")]}).bid
    bids.open_first(scenario, clock)
    readable = {
        name: [row.sealed.envelope for row in opened_contents(actor, bid)]
        for name, actor in {**everybody_else(scenario), "bidder": vendor}.items()
    }
    assert readable == {
        "visitor": [],
        "officer": ["business"],
        "secretary": ["business"],
        "owner": [],
        "rival": [],
        "key holder": [],
        "witness": [],
        "expert": [],
        "inspector": [],
        "bidder": ["business", "technical"],
    }
    seeing = {
        name: Opening.objects.visible_to(actor).exists()
        for name, actor in {**everybody_else(scenario), "bidder": vendor}.items()
    }
    assert {name for name, sees in seeing.items() if sees} == {
        "officer",
        "secretary",
        "owner",
        "key holder",
        "witness",
        "bidder",
    }
    assert OpenedFile.objects.visible_to(world.officer()).count() == 0
    Scenario.objects.update(state=State.DECISION)
    assert OpenedFile.objects.visible_to(world.officer()).count() == 1
    owner = world.member(scenario.organisation)
    assert OpenedEnvelope.objects.visible_to(owner).count() == 2
    assert OpenedEnvelope.objects.visible_to(world.vendor()).count() == 0


# -- Canaries ------------------------------------------------------------------------------------------
def tables_with(text):
    """Every table in which a row holds the text, as text or inside bytes."""
    needles = [text, text.encode().hex(), text.encode("unicode_escape").decode()]
    found = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            name = connection.ops.quote_name(table)
            cursor.execute(
                f"SELECT count(*) FROM {name} AS t WHERE "
                + " OR ".join(["strpos(lower(t::text), lower(%s)) > 0"] * len(needles)),
                needles,
            )
            if cursor.fetchone()[0]:
                found.append(table)
    return found


def files_with(text, folder):
    needle = text.encode()
    return [
        path.name for path in folder.rglob("*") if path.is_file() and needle in path.read_bytes()
    ]


def valkey_with(text):
    """Every key of the cache and of the queues whose value, tasks among them, holds the text."""
    reads = {
        b"string": lambda client, key: [client.get(key)],
        b"list": lambda client, key: client.lrange(key, 0, -1),
        b"set": lambda client, key: client.smembers(key),
        b"zset": lambda client, key: client.zrange(key, 0, -1),
        b"hash": lambda client, key: [*client.hgetall(key).items()],
    }
    needles = [text.encode(), json.dumps(text).encode(), b64encode(text.encode())]
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        client.set("canary", "found " + text)
        found = [
            key
            for key in client.scan_iter()
            for kind in [client.type(key)]
            if kind in reads
            for held in [flat(reads[kind](client, key))]
            if any(needle in held for needle in needles)
        ]
        client.delete("canary")
    return found


def flat(values):
    return b" ".join(
        part for value in values for part in (value if isinstance(value, tuple) else (value,))
    )


def handed_in(vendor, scenario, forms, files):
    """Sealed on the bidder's side, then through the doors."""
    sheet = client_of(vendor).get(reverse("api-sealing", args=[scenario.uid])).json()
    sealed = sealed_uploads.envelopes(sheet, forms, files)
    uploads = {
        name: str(sealed_uploads.upload(vendor, body, f"{name}.age").uid)
        for name, body in sealed.items()
    }
    client, kind = client_of(vendor), "application/json"
    address = reverse("api-package-assemble", args=[scenario.uid])
    package = client.post(address, {"uploads": uploads}, content_type=kind).json()
    return client.post(reverse("api-package-submit", args=[package["uid"]]), content_type=kind)


def test_before_the_opening_nothing_readable_is_at_rest(clock, tmp_path, monkeypatch, caplog):
    """A canary in every envelope, in a file and in its name."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    caplog.set_level(logging.DEBUG)
    scenario, vendor = world.published_scenario(), world.vendor()
    forms = bids.forms(technical__approach=f"{CANARY} 方法", price__note=CANARY)
    forms["business"]["condition_statements"]["Q1"] = CANARY
    files = {"technical": {f"{CANARY}.pdf": CANARY.encode() * 300_000}}
    answer = handed_in(vendor, scenario, forms, files)
    assert answer.status_code == 201, answer.content.decode()[:2000]
    assert Bid.objects.count() == 1
    root = storage.path_of(".")
    assert tables_with(CANARY) == []
    assert files_with(CANARY, root) == []
    assert valkey_with(CANARY) == [b"canary"]  # what was put there to be found
    assert list(tmp_path.iterdir()) == []
    assert CANARY not in caplog.text

    # The search finds it once it is there.
    bids.open_first(scenario, clock)
    assert "marketplace_openedenvelope" in tables_with(CANARY)
    assert len(files_with(CANARY, root / "opened")) == 1


def test_a_bid_in_the_clear_is_refused_and_leaves_nothing(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    caplog.set_level(logging.DEBUG)
    scenario, vendor = world.published_scenario(), world.vendor()
    body = {"forms": bids.forms(technical__approach=REFUSED_CANARY)}
    address = reverse("api-package-assemble", args=[scenario.uid])
    answer = client_of(vendor).post(address, body, content_type="application/json")
    assert answer.status_code == 422
    assert tables_with(REFUSED_CANARY) == []
    assert files_with(REFUSED_CANARY, storage.path_of(".")) == []
    assert valkey_with(REFUSED_CANARY) == [b"canary"]
    assert list(tmp_path.iterdir()) == []
    assert REFUSED_CANARY not in caplog.text
