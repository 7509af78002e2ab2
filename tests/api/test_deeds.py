"""What every write keeps: limits, strict bodies, once by its key, the revision that was read."""

import pytest
from django.test import Client

from marketplace.base.models import IdempotencyKey
from marketplace.ledger.models import Event
from marketplace.scenarios.models import Scenario, State
from tests import world
from tests.api.client import As, refused

pytestmark = pytest.mark.django_db
DRAFT = {"title": "需求"}


# -- The body ----------------------------------------------------------------------------------------
def test_an_unknown_field_is_refused_by_name_at_every_level():
    owner = As(world.owner())
    body = {"title": "x", "titel": 1, "metrics": [{"operator": ">=", "value": "1", "wert": 2}]}
    told = refused(owner.post("scenarios/", body), 422, "content.invalid")
    assert told["errors"] == {
        "titel": ["There is no such field."],
        "metrics.0.wert": ["There is no such field."],
    }
    assert not Scenario.objects.exists()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title", 5),
        ("title", ["x"]),
        ("title", None),
        ("title", "  "),
        ("title", "x" * 121),
        ("consortium_allowed", "yes"),
        ("duration_months", "6"),
        ("duration_months", 6.5),
        ("duration_months", True),
        ("budget_cny", 1000),
        ("budget_cny", "1e9"),
        ("budget_cny", "1000.00\n"),
        ("deadline_at", "2026-12-31 17:00"),
        ("deadline_at", "2026-13-31T17:00:00Z"),
        ("deadline_at", 5),
        ("organising_mode", 1),
        ("technologies", "ai"),
        ("metrics", {"value": "1"}),
        ("language", "fr"),
    ],
)
def test_a_field_of_another_kind_is_refused_by_name(field, value):
    answer = As(world.owner()).post("scenarios/", {**DRAFT, field: value})
    assert list(refused(answer, 422, "content.invalid")["errors"]) == [field]


@pytest.mark.parametrize("sign", ["\x00", "\x07", "\x1b", "\x7f", "\u202e"])
def test_control_signs_are_refused_where_they_stand(sign):
    body = {"title": f"x{sign}", "metrics": [{"operator": ">=", "value": "1", "name": sign}]}
    told = refused(As(world.owner()).post("scenarios/", body), 422, "content.signs")
    assert list(told["errors"]) == ["title", "metrics.0.name"]
    named = refused(As(world.owner()).post("scenarios/", {sign: 1}), 422, "content.signs")
    assert list(named["errors"]) == ["body"]


@pytest.mark.parametrize("raw", [b"{", b"\xff", b'{"title": NaN}', b'{"title":"\\ud800"}', b"'a'"])
def test_what_is_no_json_is_told_so(raw):
    refused(As(world.owner()).post("scenarios/", raw=raw), 400, "request.parse")


@pytest.mark.parametrize("raw", [b"[]", b'"x"', b"5", b"null", b"true"])
def test_a_body_is_an_object(raw):
    refused(As(world.owner()).post("scenarios/", raw=raw), 422, "content.invalid")


@pytest.mark.parametrize("depth", [25, 900, 100_000])
def test_a_depth_bomb_is_refused(depth):
    raw = b'{"title":' + b"[" * depth + b"]" * depth + b"}"
    answer = As(world.owner()).post("scenarios/", raw=raw)
    assert answer.status_code == 400
    assert answer.json()["code"] in {"request.depth", "request.parse"}


class Unread:
    """A body that must not be read."""

    def read(self, *_args):
        raise AssertionError("the body was read")

    readline = read


@pytest.mark.parametrize("length", ["52428800", "99999999999999999999", "-1", "x"])
def test_a_long_body_is_refused_before_it_is_read(length):
    client = Client()
    client.force_login(world.owner().user)
    answer = client.generic(
        "POST",
        "/api/v1/scenarios/",
        content_type="application/json",
        CONTENT_LENGTH=length,
        **{"wsgi.input": Unread()},
    )
    refused(answer, 413, "limit.body")


@pytest.mark.parametrize("kind", ["text/plain", "text/html", "application/xml"])
def test_another_kind_of_content_is_refused(kind):
    answer = As(world.owner()).post("scenarios/", raw=b'{"title": "x"}', kind=kind)
    refused(answer, 415, "request.unsupported_media_type")


def test_faults_are_told_in_the_reader_s_language():
    owner = As(world.owner())
    answer = owner.post("scenarios/", {"titel": 1}, **{"Accept-Language": "zh-hans"})
    assert refused(answer, 422, "content.invalid")["errors"]["titel"] == ["没有该字段。"]


# -- Who --------------------------------------------------------------------------------------------
def test_who_is_not_signed_in_is_asked_to():
    answer = As().post("scenarios/", DRAFT)
    refused(answer, 401, "request.not_authenticated")
    assert answer["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("kind", ["text/plain", "application/json", "multipart/form-data"])
def test_a_session_without_its_token_may_not_write(kind):
    stranger = As(world.owner(), csrf=True)
    answer = stranger.post(
        "scenarios/", raw=b'{"title": "x"}', kind=kind, Origin="https://other.invalid"
    )
    refused(answer, 403, "csrf.failed")
    assert not Scenario.objects.exists()


# -- Once by its key -----------------------------------------------------------------------------------
def test_the_same_request_is_done_once():
    owner = As(world.owner())
    first = owner.post("scenarios/", DRAFT, key="k1")
    again = owner.post("scenarios/", DRAFT, key="k1")
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert ("Idempotency-Replayed" in first, again["Idempotency-Replayed"]) == (False, "true")
    assert Scenario.objects.count() == 1
    owner.post("scenarios/", DRAFT, key="k2")
    owner.post("scenarios/", DRAFT)
    assert Scenario.objects.count() == 3


def test_another_body_with_the_same_key_is_refused():
    owner = As(world.owner())
    owner.post("scenarios/", DRAFT, key="k1")
    answer = owner.post("scenarios/", {"title": "another"}, key="k1")
    refused(answer, 422, "idempotency.other_body")


def test_a_refusal_keeps_no_key():
    owner = As(world.owner())
    refused(owner.post("scenarios/", {"title": ""}, key="k1"), 422, "content.invalid")
    assert not IdempotencyKey.objects.exists()
    assert owner.post("scenarios/", DRAFT, key="k1").status_code == 201


def test_a_key_belongs_to_its_owner_and_to_one_object():
    one, other = world.owner(), world.owner()
    As(one).post("scenarios/", DRAFT, key="k1")
    assert As(other).post("scenarios/", DRAFT, key="k1").status_code == 201
    officer = As(world.officer())
    filed = [world.draft_scenario(one, state=State.SUBMITTED) for _ in range(2)]
    for row in filed:
        answer = officer.post(f"scenarios/{row.uid}/demonstrate/", key="k1")
        assert answer.json()["state"] == "demonstrating"


def test_a_move_is_answered_again_although_the_state_has_gone_on():
    officer = As(world.officer())
    filed = world.draft_scenario(world.owner(), state=State.SUBMITTED)
    address = f"scenarios/{filed.uid}/demonstrate/"
    assert officer.post(address, key="k1").status_code == 200
    assert officer.post(address, key="k1").status_code == 200
    refused(officer.post(address), 409, "scenario.state")
    assert Event.objects.filter(kind="scenario.demonstration_started").count() == 1


@pytest.mark.parametrize("key", ["x" * 81, "a b", "ключ", "a\tb"])
def test_a_key_is_short_and_plain(key):
    answer = As(world.owner()).post("scenarios/", DRAFT, key=key)
    assert list(refused(answer, 400, "request.header")["errors"]) == ["Idempotency-Key"]


# -- The revision that was read ------------------------------------------------------------------------
def one(scenario):
    return f"scenarios/{scenario.uid}/"


def test_writing_needs_the_revision_that_was_read():
    owner = world.owner()
    draft = world.draft_scenario(owner)
    refused(As(owner).patch(one(draft), {"title": "x"}), 428, "precondition.required")
    for wrong in ("r1", '"1"', "*", 'W/"r1"', '"r1", "r2"'):
        answer = As(owner).patch(one(draft), {"title": "x"}, match=wrong)
        refused(answer, 400, "request.header")


def test_a_stale_write_is_told_what_stands_now():
    owner = world.owner()
    draft = world.draft_scenario(owner)
    mine = As(owner)
    tag = mine.get(one(draft))["ETag"]
    assert tag.startswith('"r1.')
    saved = mine.patch(one(draft), {"title": "先来", "need": "同"}, match=tag)
    assert (saved.status_code, saved.json()["revision"]) == (200, 2)
    assert saved["ETag"].startswith('"r2.')
    late = mine.patch(one(draft), {"title": "后到", "need": "同"}, match=tag)
    told = refused(late, 412, "precondition.failed")
    assert told["current"] == {"revision": 2, "etag": '"r2"', "title": "先来"}
    again = mine.patch(one(draft), {"title": "后到"}, match=told["current"]["etag"])
    assert again.json()["title"] == "后到"


def test_what_was_read_before_is_not_sent_again():
    scenario = world.published_scenario()
    first = As().get(one(scenario))
    again = As().get(one(scenario), **{"If-None-Match": f'W/"x", {first["ETag"]}'})
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", first["ETag"])
    assert As().get(one(scenario), **{"If-None-Match": 'W/"x"'}).status_code == 200
    Scenario.objects.filter(pk=scenario.pk).update(suspended=True, state=State.CLOSED)
    changed = As().get(one(scenario), **{"If-None-Match": first["ETag"]})
    assert (changed.status_code, changed["ETag"] != first["ETag"]) == (200, True)


def test_an_unknown_parameter_is_refused():
    scenario = world.published_scenario()
    for name in ("format", "fields", "_connector"):
        refused(As().get(one(scenario), {name: "admin"}), 400, "request.parameter")
