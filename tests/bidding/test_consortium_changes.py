"""Other members after the opening: asked for by the lead, checked anew, decided by an officer."""

from decimal import Decimal
from types import SimpleNamespace

import pytest
from django.urls import reverse

from marketplace.accounts.models import Membership
from marketplace.base.errors import Invalid, NotAllowed, NotFound, StateConflict
from marketplace.bidding.consortia.actions import request_consortium_change
from marketplace.bidding.consortia.models import ChangeState, ConsortiumChange, ConsortiumMember
from marketplace.bidding.consortia.queries import changes_of, members_of, standing_members
from marketplace.bidding.models import Bid
from marketplace.bidding.queries import opened_contents
from marketplace.committee.actions import decide_consortium_change
from marketplace.committee.queries import challenges_of, challenges_shown, opened_forms
from marketplace.desk.acts import LABELS
from marketplace.desk.queries import waiting_for
from marketplace.experts.models import Expert, Interest
from marketplace.ledger.models import Event
from marketplace.notices.models import Notice
from marketplace.notices.queries import lines
from marketplace.scenarios.models import Scenario, State
from tests import world
from tests.bidding import bids
from tests.bidding.test_pages import client_of
from tests.committee import factories
from tests.notices.steps import deliver, ids, told

pytestmark = pytest.mark.django_db


def outside(name="外部单位"):
    return SimpleNamespace(name=name, uscc=world.make_uscc())


@pytest.fixture
def opened(clock):
    """A bid of two, opened, beside another bid."""
    return opened_world(clock)


def opened_world(clock):
    scenario = world.published_scenario(**bids.CONSORTIA)
    lead, first = world.vendor(), outside("原成员")
    rival = world.vendor()
    bid = bids.bid_with(scenario, lead, bids.member(first)).bid
    bids.bid(scenario, rival)
    bids.open_first(scenario, clock)
    return SimpleNamespace(scenario=scenario, lead=lead, first=first, bid=bid, rival=rival)


def asked(there, *members, **given):
    rows = [bids.member(row) for row in members or [outside("新成员")]]
    rest = 100 - sum(Decimal(row["share_percent"]) for row in rows)
    return {
        "actor": there.lead,
        "bid_uid": there.bid.uid,
        "members": rows,
        "lead_work": "总体",
        "lead_share_percent": str(rest),
        "agreement_name": "agreement-2.pdf",
        "agreement_sha256": "a" * 64,
        "reason": "原成员退出。",
    } | given


def request(there, *members, **given):
    return request_consortium_change(**asked(there, *members, **given))


def decide(change, *, approve=True, actor=None, reason="已核查。"):
    return decide_consortium_change(
        actor=actor or world.officer(),
        bid_uid=change.bid.uid,
        change_uid=change.uid,
        approve=approve,
        reason=reason,
    )


def test_asked_for_and_approved(opened):
    fresh = outside("新成员")
    change = request(opened, fresh)
    assert (change.state, change.replaces) == (ChangeState.REQUESTED, 0)
    assert [row["name"] for row in change.members] == [opened.lead.organisation.name, "新成员"]
    asked_event = Event.objects.get(kind="consortium.change_requested")
    assert asked_event.subjects == [opened.scenario.uid, opened.bid.uid, change.uid]
    assert "原成员退出" not in bytes(asked_event.body).decode()
    officer = world.officer()
    done = decide(change, actor=officer)
    assert (done.state, done.decided_by, done.decision_reason) == (
        ChangeState.APPROVED,
        officer.user,
        "已核查。",
    )
    rows = standing_members([opened.bid])[opened.bid.pk]
    assert [(row.generation, row.lead, row.uscc) for row in rows] == [
        (1, True, opened.lead.organisation.uscc),
        (1, False, fresh.uscc),
    ]
    assert ConsortiumMember.objects.filter(bid=opened.bid, generation=0).count() == 2
    event = Event.objects.get(kind="consortium.changed")
    assert (event.audience, event.from_state, event.to_state) == (
        "parties",
        "requested",
        "approved",
    )
    # What is publicised and judged from now on names the new member.
    form = opened_forms(Bid.objects.filter(pk=opened.bid.pk), "business")[opened.bid.pk]
    assert [row["name"] for row in form["consortium"]] == ["新成员"]
    assert len(changes_of(opened.lead, opened.bid)) == 1
    assert changes_of(opened.rival, opened.bid) == members_of(opened.rival, opened.bid) == []


def test_refused_with_a_reason(opened):
    change = decide(request(opened), approve=False, reason="理由不足。")
    assert change.state == ChangeState.REFUSED
    assert standing_members([opened.bid])[opened.bid.pk][0].generation == 0
    assert Event.objects.get(kind="consortium.change_refused").to_state == "refused"
    with pytest.raises(StateConflict) as refused:
        decide(change)
    assert refused.value.code == "consortium.decided"
    assert request(opened).replaces == 0


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"reason": " "}, "reason"),
        ({"reason": "x" * 2001}, "reason"),
        ({"agreement_sha256": "a" * 63}, "agreement_sha256"),
        ({"agreement_name": ""}, "agreement_name"),
        ({"agreement_name": "a/b.pdf"}, "agreement_name"),
        ({"lead_share_percent": "89"}, "lead_share_percent"),
        ({"lead_work": ""}, "lead_work"),
        ({"members": [{"name": "某单位"}]}, "members.0.uscc"),
    ],
)
def test_what_is_missing_is_told(opened, given, field):
    with pytest.raises(Invalid) as refused:
        request(opened, **given)
    assert field in refused.value.errors
    assert ConsortiumChange.objects.count() == 0


def test_the_lead_does_not_change_and_nothing_changes_into_itself(opened):
    with pytest.raises(Invalid) as refused:
        request(opened, opened.lead.organisation)
    assert list(refused.value.errors) == ["members.0.uscc"]
    given = {"lead_work": "总体方案与集成", "lead_share_percent": "90.0"}
    with pytest.raises(Invalid) as refused:
        request(opened, opened.first, **given)
    assert list(refused.value.errors) == ["members"]


def test_who(opened):
    viewer = world.member(opened.lead.organisation, "viewer")
    with pytest.raises(NotAllowed):
        request(opened, actor=viewer)
    for stranger in (opened.rival, world.vendor(), world.person("expert")):
        with pytest.raises(NotFound):
            request(opened, actor=stranger)
    with pytest.raises(NotAllowed):
        request(opened, actor=world.officer())
    change = request(opened)
    for actor in (world.secretary(), opened.lead):
        with pytest.raises(NotAllowed):
            decide(change, actor=actor)
    with pytest.raises(NotFound):
        decide(change, actor=opened.rival)
    for reason in (" ", "x" * 2001):
        with pytest.raises(Invalid):
            decide(change, reason=reason)
    with pytest.raises(StateConflict) as refused:
        request(opened)
    assert refused.value.code == "consortium.waits"


def test_when(clock):
    scenario = world.published_scenario(**bids.CONSORTIA)
    lead = world.vendor()
    bid = bids.bid_with(scenario, lead, bids.member(outside())).bid
    there = SimpleNamespace(scenario=scenario, lead=lead, bid=bid)
    for prepare in (lambda: None, lambda: bids.close(scenario, clock)):
        prepare()
        with pytest.raises(StateConflict) as refused:
            request(there)
        assert refused.value.code == "consortium.not_now"
    bids.confirm(scenario)
    assert bids.open_confirmed(bids.identity()) == 1
    scenarios = Scenario.objects.filter(pk=scenario.pk)
    for state in (State.AWARDED, State.IMPLEMENTING, State.FAILED):
        scenarios.update(state=state)
        with pytest.raises(StateConflict):
            request(there)
    scenarios.update(state=State.PUBLICITY, suspended=True)
    with pytest.raises(StateConflict) as refused:
        request(there)
    assert refused.value.code == "scenario.suspended"
    scenarios.update(suspended=False)
    Bid.objects.filter(pk=bid.pk).update(state="candidate")
    change = request(there)
    scenarios.update(state=State.AWARDED)
    with pytest.raises(StateConflict) as refused:
        decide(change)
    assert refused.value.code == "consortium.not_now"
    scenarios.update(state=State.PUBLICITY)
    assert decide(change).state == ChangeState.APPROVED


def test_who_bids_alone_stays_alone(opened):
    alone = Bid.objects.get(organisation=opened.rival.organisation)
    with pytest.raises(StateConflict) as refused:
        request(opened, actor=opened.rival, bid_uid=alone.uid)
    assert refused.value.code == "consortium.none"


def bidder(there):
    return there.rival.organisation


def under_control_of_a_bidder(there):
    made = world.vendor().organisation
    world.control(made, there.rival.organisation.uscc)
    return made


def owner(there):
    return there.scenario.organisation


def sister_of_the_owner(there):
    made = world.vendor().organisation
    for one in (made, there.scenario.organisation):
        world.control(one, "holding-7")
    return made


def firm_of_an_officer(_there):
    officer = world.officer()
    made = world.vendor().organisation
    Membership.objects.create(organisation=made, user=officer.user, role="owner")
    return made


def employer_of_a_judge(there):
    made = world.vendor().organisation
    judge = world.person("expert")
    expert, _new = Expert.objects.get_or_create(user=judge.user)
    Interest.objects.create(
        expert=expert, organisation=made, kind="employment", from_date="2020-01-01"
    )
    panel = factories.Panel.objects.create(
        scenario=there.scenario, appointed_by=world.secretary().user
    )
    panel.members.create(user=judge.user, code="J1")
    return made


@pytest.mark.parametrize(
    "tied",
    [
        bidder,
        under_control_of_a_bidder,
        owner,
        sister_of_the_owner,
        firm_of_an_officer,
        employer_of_a_judge,
    ],
)
def test_approval_looks_for_conflicts_anew(opened, tied):
    change = request(opened, tied(opened))
    with pytest.raises(Invalid) as refused:
        decide(change)
    assert refused.value.code == "consortium.conflict"
    assert list(refused.value.errors) == ["approve"]
    assert len(refused.value.errors["approve"]) == 1
    assert decide(change, approve=False).state == ChangeState.REFUSED


# -- Challenges ------------------------------------------------------------------------------------
def test_challenges_are_the_offices_alone(clock):
    scenario = world.published_scenario()
    vendor = world.vendor()
    rows = [{"who": "某专家", "reason": "曾任我方竞争对手顾问。"}]
    bid = bids.bid(scenario, vendor, business__challenges=rows).bid
    bids.open_first(scenario, clock)
    assert [(one.bid.pk, one.who, one.reason) for one in challenges_of(scenario)] == [
        (bid.pk, "某专家", "曾任我方竞争对手顾问。")
    ]
    shown = {
        actor.role: len(challenges_shown(actor, scenario))
        for actor in (world.officer(), world.secretary(), world.person("expert"), vendor)
    }
    assert [count for role, count in shown.items() if role in {"officer", "secretary"}] == [1, 1]
    assert sum(shown.values()) == 2
    Scenario.objects.filter(pk=scenario.pk).update(state=State.DECISION)
    told = {
        "office": world.officer(),
        "owner": world.member(scenario.organisation),
        "bidder": vendor,
    }
    found = {
        who: ["challenges" in (row.form or {}) for row in opened_contents(actor, bid)]
        for who, actor in told.items()
    }
    assert found["office"] == [True, False]
    assert found["owner"] == [False, False]
    assert found["bidder"] == [True, False]


# -- Pages -----------------------------------------------------------------------------------------
def test_the_page_asks_and_decides(opened, settings):
    settings.MFA_OPTIONAL = True
    lead, officer = client_of(opened.lead), client_of(world.officer())
    page = reverse("bid", args=[opened.bid.uid])
    text = lead.get(page).content.decode()
    assert opened.first.uscc in text
    address = reverse("bid-consortium-change", args=[opened.bid.uid])
    fresh = outside("新成员")
    body = {
        "lead_work": "总体",
        "lead_share_percent": "80",
        "member_0_name": fresh.name,
        "member_0_uscc": fresh.uscc,
        "member_0_work": "供货",
        "member_0_share_percent": "19",
        "agreement_name": "agreement-2.pdf",
        "agreement_sha256": "b" * 64,
        "reason": "原成员退出。",
    }
    assert address in text
    refused = lead.post(address, body)
    assert refused.status_code == 422
    assert 'value="19"' in refused.content.decode()
    answer = lead.post(address, body | {"member_0_share_percent": "20"})
    assert (answer.status_code, answer.url) == (302, page)
    change = ConsortiumChange.objects.get()
    decision = reverse("bid-consortium-decide", args=[opened.bid.uid])
    assert decision in officer.get(page).content.decode()
    assert decision not in lead.get(page).content.decode()
    assert officer.post(decision, {"change": change.uid, "approve": "yes"}).status_code == 422
    given = {"change": change.uid, "approve": "yes", "reason": "已核查。"}
    assert officer.post(decision, given).status_code == 302
    assert officer.post(decision, given).status_code == 409
    assert fresh.uscc in lead.get(page).content.decode()
    assert client_of(opened.rival).post(address, body).status_code == 404


def test_challenges_stand_on_the_offices_pages_alone(clock, settings):
    settings.MFA_OPTIONAL = True
    scenario = world.published_scenario()
    rows = [{"who": "金丝雀专家", "reason": "金丝雀理由"}]
    bids.bid(scenario, business__challenges=rows)
    bids.open_first(scenario, clock)
    secretary, owner = client_of(world.secretary()), client_of(world.member(scenario.organisation))
    for name in ("eligibility", "panel"):
        address = reverse(name, args=[scenario.address])
        assert "金丝雀理由" in secretary.get(address).content.decode()
        assert "金丝雀" not in owner.get(address).content.decode()


# -- Who hears of it -----------------------------------------------------------------------------------
def test_the_request_waits_on_the_officers_desk_and_is_told_to_them_alone(opened):
    officer, secretary = world.officer(), world.secretary()
    change = request(opened)
    bid_page = reverse("bid", args=[opened.bid.uid])
    [task] = [task for task in waiting_for(officer) if task.url == bid_page]
    assert (task.verb, task.since_at) == (LABELS["decide_consortium"], change.requested_at)
    assert [task for task in waiting_for(secretary) if task.url == bid_page] == []
    deliver()
    officers = Membership.objects.filter(role="officer", organisation__is_office=True)
    assert told("consortium.change_requested") == set(officers.values_list("user_id", flat=True))
    [line] = lines(officer.user, Notice.objects.filter(user=officer.user))
    assert (line.withdrawn, line.url) == (False, bid_page)
    Scenario.objects.filter(pk=opened.scenario.pk).update(suspended=True)
    assert [task for task in waiting_for(officer) if task.url == bid_page] == []


@pytest.mark.parametrize("approve", [True, False])
def test_the_decision_is_told_to_the_lead_and_leaves_the_desk(opened, approve):
    officer = world.officer()
    decide(request(opened), approve=approve, actor=officer)
    deliver()
    assert told("consortium.changed") == (ids(opened.lead) if approve else set())
    assert told("consortium.change_refused") == (set() if approve else ids(opened.lead))
    bid_page = reverse("bid", args=[opened.bid.uid])
    assert [task for task in waiting_for(officer) if task.url == bid_page] == []
    [line] = lines(opened.lead.user, Notice.objects.filter(user=opened.lead.user))
    assert (line.withdrawn, line.url) == (False, bid_page)
