"""A demand from its draft to the board and off it, move by move through the API."""

from datetime import timedelta

import pytest

from marketplace.accounts.models import Capability, Grant
from marketplace.base import clock
from marketplace.ledger.models import Event
from marketplace.scenarios.models import State
from tests import world
from tests.api.client import As, refused
from tests.scenarios import rounds

pytestmark = pytest.mark.django_db


def content(**changes):
    """A complete demand, as a program sends it."""
    return {
        "title": "工业控制网络异常检测",
        "title_en": "Anomalies in control networks",
        "summary": "公开摘要：一家企业需要更可靠的检测能力。",
        "pain": "现有手段误报多。",
        "need": "需要可测量的检测。",
        "deliverables": "系统、文档。",
        "ip_terms": "新成果归揭榜方，需求方永久使用。",
        "data_terms": "测试使用合成数据。",
        "contact": "张三 021-00000000",
        "funding": "own",
        "domain": "industrial_internet",
        "area": "innovation_zone",
        "budget_cny": "1000000.00",
        "duration_months": 6,
        "profile": "A",
        "award_mode": "owner_choice",
        "deadline_at": (clock.now() + timedelta(days=40)).isoformat(),
        "metrics": [
            {
                "name": "检出率",
                "operator": ">=",
                "value": "98",
                "unit": "%",
                "test_method": "第三方测试",
                "tester": "第三方",
                "critical": True,
            }
        ],
        "criteria": [
            {"name": "技术方案", "kind": "technical", "weight": "70"},
            {"name": "团队与业绩", "kind": "team", "weight": "20"},
            {"name": "报价", "kind": "price", "weight": "10"},
        ],
        "payment_nodes": [
            {"name": "签约", "percent": "30"},
            {"name": "中期", "percent": "40"},
            {"name": "验收", "percent": "30"},
        ],
        "milestones": [{"name": "验收", "month": 6}],
        "conditions": [{"text": "具有相关项目经验"}],
    } | changes


def one(scenario):
    return f"scenarios/{scenario.uid}/"


def test_from_the_draft_to_the_board_and_off_it(settings):
    settings.MFA_OPTIONAL = True
    owner, officer, publisher = (As(a) for a in (world.owner(), world.officer(), world.officer()))
    made = owner.post("scenarios/", content())
    assert made.status_code == 201, made.content
    uid, address = made.json()["uid"], f"scenarios/{made.json()['uid']}/"
    assert [row["code"] for row in made.json()["criteria"]] == ["C1", "C2", "C3"]
    filed = owner.post(f"{address}submit/", match=made["ETag"])
    assert (filed.status_code, filed.json()["state"]) == (200, "submitted"), filed.content
    assert officer.post(f"{address}demonstrate/").json()["state"] == "demonstrating"
    back = officer.post(f"{address}return/", {"reason": "写明测试方法。"})
    assert (back.json()["state"], back.json()["notes"][0]["text"]) == ("returned", "写明测试方法。")
    saved = owner.patch(address, {"need": "可测量。"}, match=made["ETag"])
    assert owner.post(f"{address}submit/", match=saved["ETag"]).status_code == 200
    officer.post(f"{address}demonstrate/")
    demonstrate(officer, address)
    holders = [str(world.make_user().uid) for _ in range(2)]
    for kind in ("confidentiality", "funding"):
        document(owner, address, kind, publisher)
    for kind in ("competition", "approval"):
        document(officer, address, kind, publisher)
    papers = publisher.get(f"{address}documents/").json()
    assert [row["state"] for row in papers] == ["there"] * 5
    people = publisher.get(f"{address}key-holders/").json()
    assert set(holders) <= {row["uid"] for row in people}
    posted = publisher.post(f"{address}publish/", {"key_holders": holders}, key="p1")
    assert (posted.status_code, posted.json()["state"]) == (200, "published"), posted.content
    assert posted.json()["ref"].startswith("LG-")
    granted = Grant.objects.filter(subject_uid=uid, capability=Capability.KEY_HOLDER)
    assert {str(grant.user.uid) for grant in granted} == set(holders)
    gone = owner.post(f"{address}withdraw/", {"reason": "计划调整。"})
    assert gone.status_code == 200, gone.content
    assert (gone.json()["state"], As().get(address).json()["notes"][0]["text"]) == (
        "withdrawn",
        "计划调整。",
    )
    kinds = Event.objects.filter(subjects__contains=[uid]).order_by("pk")
    kinds = kinds.filter(kind__startswith="scenario.")
    assert list(kinds.values_list("kind", flat=True)) == [
        "scenario.submitted",
        "scenario.demonstration_started",
        "scenario.returned",
        "scenario.submitted",
        "scenario.demonstration_started",
        "scenario.demonstrated",
        "scenario.published",
        "scenario.withdrawn",
    ]


def demonstrate(officer, address):
    """Three experts are asked and pass it; the secretary concludes."""
    people = [rounds.expert() for _ in range(3)]
    offered = officer.get(f"{address}demonstration/").json()
    assert {str(actor.user.uid) for actor in people} <= {row["uid"] for row in offered}
    asked = officer.post(
        f"{address}demonstration/", {"experts": [str(actor.user.uid) for actor in people]}
    )
    assert asked.status_code == 200, asked.content
    own = f"demonstrations/{asked.json()['uid']}/"
    for actor in people:
        seen = As(actor).get(own).json()
        assert [move["name"] for move in seen["actions"]] == [
            "give_opinion",
            "decline_demonstration",
        ]
        given = As(actor).post(f"{own}opinion/", {"answers": YES, "verdict": "pass"})
        assert given.status_code == 200, given.content
    secretary = As(world.secretary())
    assert secretary.get(own).json()["outcomes"] == ["pass", "revise"]
    said = {"outcome": "pass", "opinion": "需求真实，指标可测。"}
    concluded = secretary.post(f"{address}conclude/", said)
    assert concluded.json()["state"] == "demonstrated", concluded.content


YES = {name: {"yes": True} for name in ("real", "tight", "measurable", "neutral")}


def document(client, address, kind, second):
    """File one of the five; a second officer accepts it where that is asked."""
    [paper] = [row for row in client.get(f"{address}documents/").json() if row["kind"] == kind]
    body = {"kind": kind, "answers": dict.fromkeys(paper["statements"], True), "number": "1号"}
    if kind == "funding":
        body["amount_cny"] = "1000000.00"
    filed = client.post(f"{address}documents/", body)
    assert filed.status_code == 201, filed.content
    if kind != "approval":
        checked = second.post(f"documents/{filed.json()['uid']}/check/", {"accepted": True})
        assert checked.json()["state"] == "there", checked.content


def test_without_the_documents_nothing_is_published(settings):
    settings.MFA_OPTIONAL = True
    officer = As(world.officer())
    waiting = world.draft_scenario(world.owner(), state=State.DEMONSTRATED)
    assert [move["name"] for move in officer.get(one(waiting)).json()["actions"]] == [
        "file_document",
        "return_scenario",
    ]
    holders = [str(world.make_user().uid) for _ in range(2)]
    answer = officer.post(f"{one(waiting)}publish/", {"key_holders": holders})
    assert len(refused(answer, 422, "content.invalid")["errors"]["documents"]) == 5
    wrong = officer.post(f"{one(waiting)}documents/", {"kind": "competition", "answers": {}})
    errors = refused(wrong, 422, "content.invalid")["errors"]
    assert "no_named_brand" in errors
    refused(As(world.vendor()).get(f"{one(waiting)}documents/"), 404, "not_found")


def test_what_is_missing_is_told_all_at_once():
    owner = world.owner()
    made = As(owner).post("scenarios/", {"title": "需求"})
    answer = As(owner).post(f"scenarios/{made.json()['uid']}/submit/", match=made["ETag"])
    errors = refused(answer, 422, "scenario.incomplete")["errors"]
    assert {"summary", "metrics", "criteria", "profile", "budget_cny"} <= set(errors)


def test_a_row_is_named_by_its_place():
    draft = content(metrics=[{"name": "a", "operator": ">=", "value": "1", "code": "9"}])
    answer = As(world.owner()).post("scenarios/", draft)
    assert list(refused(answer, 422, "content.invalid")["errors"]) == ["metrics.0.code"]


def test_what_was_read_may_be_written_back():
    owner = As(world.owner())
    made = owner.post("scenarios/", content())
    written = ScenarioFields(made.json()).writable
    saved = owner.patch(made.json()["links"]["self"], written, match=made["ETag"])
    assert saved.status_code == 200, saved.content
    assert ScenarioFields(saved.json()).writable == written


class ScenarioFields:
    def __init__(self, body):
        self.writable = {name: body[name] for name in content() if name != "profile"}


def test_only_a_draft_is_deleted():
    owner = world.owner()
    draft, filed = world.draft_scenario(owner), world.draft_scenario(owner, state=State.SUBMITTED)
    gone = As(owner).delete(one(draft))
    assert (gone.status_code, gone.content) == (204, b"")
    refused(As(owner).get(one(draft)), 404, "not_found")
    refused(As(owner).delete(one(filed)), 409, "scenario.state")
    assert As(owner).delete(one(draft)).status_code == 404


STEPS = ["submit", "demonstrate", "return", "reject", "conclude", "publish", "withdraw"]
BODIES = {
    "return": {"reason": "x"},
    "reject": {"reason": "x"},
    "conclude": {"outcome": "pass", "opinion": "x"},
    "publish": {"key_holders": ["00000000-0000-4000-8000-000000000000"]},
    "withdraw": {"reason": "x"},
}


@pytest.mark.parametrize("step", STEPS)
def test_who_sees_it_not_is_told_nothing(step, settings):
    settings.MFA_OPTIONAL = True
    draft, stranger = world.draft_scenario(world.owner()), As(world.owner())
    hidden = stranger.post(f"{one(draft)}{step}/", BODIES.get(step), match='"r1"')
    draft.uid = "00000000-0000-4000-8000-000000000001"
    absent = stranger.post(f"{one(draft)}{step}/", BODIES.get(step), match='"r1"')
    refused(hidden, 404, "not_found")
    assert hidden.content == absent.content


@pytest.mark.parametrize("step", STEPS)
def test_who_sees_it_and_may_not_is_refused(step, settings):
    settings.MFA_OPTIONAL = True
    posted = world.published_scenario()
    answer = As(world.person("expert")).post(
        f"{one(posted)}{step}/", BODIES.get(step), match='"r1"'
    )
    assert (answer.status_code, answer.json()["code"].split(".")[0]) == (403, "not_allowed")


def test_publishing_asks_for_a_fresh_proof(settings):
    settings.MFA_OPTIONAL = False
    officer = world.officer()
    filed = world.draft_scenario(world.owner(), state=State.DEMONSTRATED)
    asked = As(officer)
    refused(asked.post(f"{one(filed)}publish/", BODIES["publish"]), 403, "mfa.required")


def test_who_may_hold_a_key_is_for_who_publishes():
    owner = world.owner()
    filed = world.draft_scenario(owner, state=State.DEMONSTRATED)
    refused(As(owner).get(f"{one(filed)}key-holders/"), 403, "not_allowed.publish_scenario")
    refused(As(world.vendor()).get(f"{one(filed)}key-holders/"), 404, "not_found")
