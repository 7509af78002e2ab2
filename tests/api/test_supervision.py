"""Approaches, inspections and tips through the API: who, limits, what is left behind."""

from datetime import timedelta

import pytest
from django.core.cache import cache

from marketplace.accounts.tokens.actions import create_token
from marketplace.base import clock as database_clock
from marketplace.files.access import AccessRecord
from marketplace.ledger.models import Event
from marketplace.supervision.models import Approach, Inspection, InspectionEnd, Tip
from marketplace.supervision.queries import tip_by_secret, tip_text
from tests import world
from tests.api.client import As, refused

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def optional(settings):
    settings.MFA_OPTIONAL = True
    cache.clear()


@pytest.fixture
def now(clock):
    clock.freeze(database_clock.now())
    return database_clock.now()


def kinds(prefix):
    rows = Event.objects.order_by("pk").values_list("kind", flat=True)
    return [kind for kind in rows if kind.startswith(prefix)]


def uids(answer):
    return [row["uid"] for row in answer.json()["results"]]


# -- Approaches --------------------------------------------------------------------------------------
def test_an_approach_is_registered_by_anybody_and_read_by_who_may(now):
    owner, scenario = world.owner(), world.published_scenario()
    hidden = world.draft_scenario(world.owner())
    mine = As(owner)
    body = {"who": "王某", "what": "请求关照", "happened_at": now.isoformat()}
    refused(As().post("approaches/", body), 401, "request.not_authenticated")
    told = refused(mine.post("approaches/", {**body, "scenario": str(hidden.uid)}), 422, INVALID)
    assert list(told["errors"]) == ["scenario"]
    later = (now + timedelta(seconds=1)).isoformat()
    told = refused(mine.post("approaches/", {**body, "happened_at": later}), 422, INVALID)
    assert list(told["errors"]) == ["happened_at"]
    made = mine.post("approaches/", {**body, "scenario": str(scenario.uid)}, key="k")
    assert (made.status_code, made.json()["scenario"]) == (201, str(scenario.uid))
    assert mine.post("approaches/", {**body, "scenario": str(scenario.uid)}, key="k").json() == (
        made.json()
    )
    row = Approach.objects.get()
    assert (row.filer, row.organisation, row.what) == (owner.user, owner.organisation, "请求关照")
    assert kinds("approach.") == ["approach.registered"]
    one = f"approaches/{row.uid}/"
    for other in (world.officer(), world.vendor(), world.person("inspector")):
        refused(As(other).get(one), 404, "not_found")
        assert uids(As(other).get("approaches/")) == []
    token = create_token(actor=owner, name="t", scopes=["read"]).text
    bearer = {"Authorization": f"Bearer {token}"}
    assert As().get(one, **bearer).status_code == 200
    refused(As().post("approaches/", body, **bearer), 403, "token.scope")


INVALID = "content.invalid"


# -- Inspections -------------------------------------------------------------------------------------
def wanted(now, **given):
    until = (now + timedelta(days=3)).isoformat()
    return {"number": "12号", "scope": "register", "reason": "抽查", "until_at": until} | given


def test_an_inspector_records_what_he_reads_and_ends_it(now, clock):
    inspector, owner = world.person("inspector"), world.owner()
    As(owner).post("approaches/", {"who": "a", "what": "b", "happened_at": now.isoformat()})
    approach, mine = Approach.objects.get(), As(inspector)
    assert uids(mine.get("approaches/")) == []
    for actor in (world.officer(), owner):
        refused(As(actor).post("inspections/", wanted(now)), 403, REQUEST)
    past = (now - timedelta(seconds=1)).isoformat()
    told = refused(mine.post("inspections/", wanted(now, from_at=past)), 422, INVALID)
    assert list(told["errors"]) == ["from_at"]
    made = mine.post("inspections/", wanted(now))
    row = made.json()
    assert (made.status_code, row["state"], row["subjects"]) == (201, "in_force", [])
    assert [move["name"] for move in row["actions"]] == ["end_inspection"]
    assert uids(mine.get("approaches/")) == [str(approach.uid)]
    read = AccessRecord.objects.get()
    assert (read.what, read.detail) == ("inspection.read", f"{row['uid']} api-approaches")
    mine.get("inspections/")
    assert AccessRecord.objects.count() == 1  # his own requests are no reading of papers
    for other in (world.person("inspector"), world.officer()):
        refused(As(other).get(f"inspections/{row['uid']}/"), 404, "not_found")
        refused(As(other).post(f"inspections/{row['uid']}/end/"), 404, "not_found")
        assert uids(As(other).get("inspections/")) == []
    done = mine.post(f"inspections/{row['uid']}/end/").json()
    assert (done["state"], done["actions"]) == ("ended", [])
    assert done["ended_at"] is not None
    assert mine.post(f"inspections/{row['uid']}/end/").json() == done
    assert InspectionEnd.objects.count() == 1
    assert uids(mine.get("approaches/")) == []
    assert kinds("inspection.") == ["inspection.requested", "inspection.ended"]


REQUEST = "not_allowed.request_inspection"


def test_a_request_is_over_at_its_instant(now, clock):
    mine = As(world.person("inspector"))
    row = mine.post("inspections/", wanted(now)).json()
    clock.freeze(now + timedelta(days=3) - timedelta(milliseconds=1))
    assert mine.get(f"inspections/{row['uid']}/").json()["state"] == "in_force"
    clock.freeze(now + timedelta(days=3))
    over = mine.get(f"inspections/{row['uid']}/").json()
    assert (over["state"], over["actions"]) == ("over", [])
    refused(mine.post(f"inspections/{row['uid']}/end/"), 409, "inspection.over")


@pytest.mark.parametrize("scope", ["scenarios", "organisations"])
def test_a_request_names_what_is_there(scope, now):
    mine = As(world.person("inspector"))
    known = world.draft_scenario(world.owner())
    uid = str(known.uid if scope == "scenarios" else known.organisation.uid)
    absent = "00000000-0000-4000-8000-000000000000"
    for named in ([], [uid, absent], [absent]):
        body = wanted(now, scope=scope, subjects=named)
        told = refused(mine.post("inspections/", body), 422, INVALID)
        assert list(told["errors"]) == ["subjects"]
    made = mine.post("inspections/", wanted(now, scope=scope, subjects=[uid, uid]))
    assert made.json()["subjects"] == [uid]
    assert Inspection.objects.count() == 1


# -- Tips --------------------------------------------------------------------------------------------
def test_a_tip_is_nobody_s_whoever_sends_it():
    officer = world.officer()
    token = create_token(actor=officer, name="t", scopes=["read"]).text
    askers = [
        (As(), {}),
        (As(officer, csrf=True), {}),
        (As(), {"Authorization": f"Bearer {token}"}),
    ]
    for number, (asker, headers) in enumerate(askers, 1):
        answer = asker.post("tips/", {"text": f"第{number}条"}, key="same", **headers)
        assert (answer.status_code, sorted(answer.json())) == (201, ["number", "secret"])
        found = tip_by_secret(**answer.json())
        assert tip_text(found) == f"第{number}条"
    events = Event.objects.filter(kind="tip.received")
    assert [(event.actor_uid, event.role) for event in events] == [(None, "visitor")] * 3
    assert AccessRecord.objects.count() == 0


def test_a_bad_tip_is_refused_and_leaves_nothing():
    for body in ({}, {"text": " "}, {"text": "x" * 4001}, {"text": "a\u202eb"}, {"name": "x"}):
        assert As().post("tips/", body).status_code == 422, body
    assert Tip.objects.count() == 0


def test_tips_of_pages_and_api_count_together(settings):
    settings.ACCOUNT_RATE_LIMITS = settings.ACCOUNT_RATE_LIMITS | {"tip": "2/h/key"}
    asker = As()
    assert asker.post("tips/", {"text": "a"}).status_code == 201
    assert asker.client.post("/tips/", {"text": "b"}).status_code == 200
    refused(asker.post("tips/", {"text": "c"}), 429, "limit.rate")
    assert asker.client.post("/tips/", {"text": "d"}).status_code == 429
    assert Tip.objects.count() == 2
