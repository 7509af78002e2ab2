"""/metrics: closed by default, and silent about bids."""

import json
import re
from uuid import uuid4

import pytest
import requests
from django.test import Client
from django.urls import get_resolver

from config.logs import TELLING
from marketplace.base import heartbeat
from marketplace.base.models import OutboxJob
from marketplace.bidding.models import BidVersion
from marketplace.ledger.models import Event
from tests import world
from tests.bidding import bids
from tests.faults.service import Service, wait_until

TOKEN = "a" * 40


@pytest.fixture
def service(committing_db, tmp_path, settings):
    made = Service(tmp_path)
    settings.STORAGE_ROOT = tmp_path / "storage"
    yield made
    made.stop()


def scrape(client=None, token=TOKEN):
    return (client or Client()).get("/metrics", headers={"Authorization": f"Bearer {token}"})


def test_closed_by_default_and_to_another_token(db, settings):
    assert scrape().status_code == 404
    settings.METRICS_TOKEN = TOKEN
    assert Client().get("/metrics").status_code == 404
    assert scrape(token="b" * 40).status_code == 404
    assert scrape(token="").status_code == 404
    assert scrape(token="é").status_code == 404
    assert scrape().status_code == 200
    settings.METRICS_TOKEN = ""
    assert scrape(token="").status_code == 404


def test_what_it_tells(db, settings):
    settings.METRICS_TOKEN = TOKEN
    heartbeat._last.clear()
    heartbeat.beat("opener")
    heartbeat._last.clear()
    OutboxJob.objects.create(kind="close_scenario", payload={})
    client = Client()
    client.get("/")
    text = scrape(client).content.decode()
    assert 'jiebang_requests_total{route="board",status="2xx"}' in text
    assert 'jiebang_request_seconds_bucket{le="0.1",route="board"}' in text
    assert "jiebang_outbox_jobs 1.0" in text
    assert "jiebang_outbox_notices 0.0" in text
    assert "jiebang_openings_overdue 0.0" in text
    assert "jiebang_openings_stuck 0.0" in text
    assert 'jiebang_last_seen_seconds{of="opener"}' in text
    assert 'route="metrics"' not in text


def patterns(resolver, before=""):
    for one in resolver.url_patterns:
        route = before + str(one.pattern)
        if hasattr(one, "url_patterns"):
            yield from patterns(one, route)
        else:
            yield route, one.name or ""


def test_no_route_about_bids_is_counted():
    """Whatever is routed later: a view of the bidding room's pages or API is withheld."""
    told = [
        (route, name)
        for route, name in patterns(get_resolver())
        if not (TELLING.search(route) or TELLING.search(name))
    ]
    assert told
    of_bids = {"bid-form", "bid", "bid-withdraw", "receipt"}
    assert of_bids & {name for _route, name in told} == set()
    assert all("bid" not in f"{route} {name}".lower() for route, name in told)


def test_a_bid_changes_no_figure_and_no_line_of_the_log(service, tmp_path):
    """Under a real server with two processes, before the deadline, nobody delivering."""
    folder = tmp_path / "metrics"
    service.start_web(METRICS_TOKEN=TOKEN, METRICS_FOLDER=str(folder), processes=2)
    scenario = world.published_scenario()
    session = service.signed_in(world.vendor())

    def figures():
        given = {"Authorization": f"Bearer {TOKEN}"}
        answer = requests.get(service.address + "/metrics", headers=given, timeout=15)
        assert answer.status_code == 200
        lines = answer.text.splitlines()
        # These follow the time of day and how many processes have answered so far.
        moving = re.compile("jiebang_(last_seen|database|outbox_oldest)")
        return [line for line in lines if not moving.match(line)]

    for _ in range(8):  # both processes have answered once
        requests.get(f"{service.address}/goals/", timeout=15)
    wait_until(lambda: any("goals" in line for line in figures()), "the first figures")
    before, log = figures(), service.children["web"].log.read_text()
    assert service.submit_bid(session, scenario).status_code == 201
    version = BidVersion.objects.get()
    assert session.get(f"{service.address}/bids/{version.bid.uid}/", timeout=15).ok
    assert Event.objects.filter(kind="bid.submitted").exists()
    assert figures() == before
    assert service.children["web"].log.read_text() == log
    events = [json.loads(line)["event"] for line in log.splitlines()]
    assert "request" in events
    assert any("Started worker" in event for event in events)


def test_a_job_that_follows_a_bid_is_not_counted(db, settings):
    settings.METRICS_TOKEN = TOKEN
    bids.bid(world.published_scenario())
    OutboxJob.objects.all().delete()
    event = Event.objects.get(kind="bid.submitted")
    OutboxJob.objects.create(kind="notify", payload={"event_uid": str(event.uid)})
    assert "jiebang_outbox_jobs 0.0" in scrape().content.decode()
    OutboxJob.objects.create(kind="notify", payload={"event_uid": str(uuid4())})
    text = scrape().content.decode()
    assert "jiebang_outbox_jobs 1.0" in text
    assert "jiebang_outbox_notices 1.0" in text
