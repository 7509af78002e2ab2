"""The inspector's pages and banner, the record of every reading, and the desks of supervision."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.translation import override

from marketplace.accounts.tokens.actions import create_token
from marketplace.awards.models import Decision, DecisionState, Publicity
from marketplace.base.actor import Role
from marketplace.base.clock import SHANGHAI
from marketplace.bidding.models import Opening, OpeningStage, OpeningState
from marketplace.files.access import AccessRecord
from marketplace.scenarios.models import Scenario, State
from marketplace.supervision.actions import request_inspection
from marketplace.supervision.models import Inspection, InspectionEnd, Scope
from tests import world
from tests.accounts.test_pledges import fresh
from tests.supervision.test_inspections import HOUR, ask, bid, reviewed

pytestmark = pytest.mark.django_db
NUMBER = "沪临纪〔2026〕1号"


@pytest.fixture
def now(clock):
    clock.freeze(clock.now())
    return clock.now()


def client_of(actor):
    client = Client()
    client.force_login(actor.user)
    return client


def readings(what="inspection.read"):
    rows = AccessRecord.objects.filter(what=what).order_by("id")
    return list(rows.values_list("subject_uid", "detail"))


def typed(**given):
    values = {
        "number": NUMBER,
        "scope": "everything",
        "subjects": "",
        "reason": "专项检查。",
        "from_at": "",
        "until_at": "2099-01-01T00:00",
    }
    return values | given


# -- Requests ----------------------------------------------------------------------------------------
def test_a_request_is_made_on_its_page(now):
    inspector, owner = world.person(Role.INSPECTOR), world.owner()
    scenario, draft = world.published_scenario(owner), world.draft_scenario(owner)
    client, until = client_of(inspector), f"{(now + 8 * HOUR).astimezone(SHANGHAI):%Y-%m-%dT%H:%M}"
    named = f"{scenario.ref.lower()}\n{draft.uid}"
    answer = client.post(
        reverse("inspection-new"), typed(scope="scenarios", subjects=named, until_at=until)
    )
    made = Inspection.objects.get()
    assert answer["Location"] == reverse("inspection", args=[made.uid])
    assert [row.subject_uid for row in made.subjects.order_by("pk")] == [scenario.uid, draft.uid]
    assert (made.number, made.from_at, made.drafts) == (NUMBER, now, False)
    code = owner.organisation.uscc.lower()
    client.post(
        reverse("inspection-new"), typed(scope="organisations", subjects=code, until_at=until)
    )
    assert Inspection.objects.order_by("pk").last().subjects.get().subject_uid == (
        owner.organisation.uid
    )


@pytest.mark.parametrize(
    "given",
    [
        {"number": ""},
        {"number": "x" * 81},
        {"number": "a\x00"},
        {"scope": "all"},
        {"scope": "scenarios"},
        {"scope": "scenarios", "subjects": "LG-1999-0001"},
        {"scope": "scenarios", "subjects": "\x00"},
        {"scope": "organisations", "subjects": "91310115MAXXX0015B"},
        {"scope": "scenarios", "subjects": " ".join(f"LG-2026-{n}" for n in range(51))},
        {"reason": ""},
        {"from_at": "yesterday"},
        {"from_at": "2020-01-01T00:00"},
        {"until_at": ""},
        {"until_at": "2020-01-01T00:00"},
        {"until_at": "2099-01-01T00:00"},
    ],
)
def test_bad_input_is_told_and_nothing_lost(given):
    client = client_of(world.person(Role.INSPECTOR))
    answer = client.post(reverse("inspection-new"), typed(**given))
    assert (answer.status_code, Inspection.objects.count()) == (422, 0)
    if "reason" not in given:
        assert "专项检查。" in answer.content.decode()


@pytest.mark.parametrize("who", [world.officer, world.owner, lambda: world.person(Role.OPERATOR)])
def test_the_pages_are_the_inspectors_alone(now, who):
    made = ask(world.person(Role.INSPECTOR), now)
    client = client_of(who())
    assert client.get(reverse("inspections")).status_code == 403
    assert client.get(reverse("inspection-new")).status_code == 403
    assert client.post(reverse("inspection-new"), typed()).status_code == 403
    assert client.get(reverse("inspection", args=[made.uid])).status_code == 404
    assert client.post(reverse("inspection-end", args=[made.uid])).status_code == 404
    assert (
        client_of(world.person(Role.INSPECTOR))
        .get(reverse("inspection", args=[made.uid]))
        .status_code
        == 404
    )


def test_an_inspector_signs_before_asking():
    client = client_of(fresh(Role.INSPECTOR))
    answer = client.post(reverse("inspection-new"), typed(until_at="2026-12-31T00:00"))
    assert (answer.status_code, Inspection.objects.count()) == (403, 0)


# -- Reading -----------------------------------------------------------------------------------------
def test_what_a_request_opens_is_listed_read_and_recorded(now):
    inspector = world.person(Role.INSPECTOR)
    scenario, parts = reviewed()
    client = client_of(inspector)
    made = ask(inspector, now, scope=Scope.SCENARIOS, subject_uids=[scenario.uid])
    page = reverse("inspection", args=[made.uid])
    shown = client.get(page)
    urls = [link.url for line in shown.context["lines"] for link in line.links]
    named = [("scenario", 0), ("scenario-gate", 0), ("opening", 0), ("eligibility", 0), ("bid", 1)]
    named += [("panel", 0), ("signals", 0), ("report", 0), ("decision", 0)]
    assert urls == [
        reverse(name, args=[parts["bid"].uid if row else scenario.address]) for name, row in named
    ]
    assert NUMBER in shown.content.decode()
    assert readings() == []
    for name in ("scenario", "scenario-gate", "opening", "eligibility", "panel"):
        answer = client.get(reverse(name, args=[scenario.address]))
        assert (name, answer.status_code) == (name, 200)
        assert NUMBER in answer.content.decode()
    assert client.get(reverse("bid", args=[parts["bid"].uid])).status_code == 200
    names = ["scenario", "scenario-gate", "opening", "eligibility", "panel"]
    expected = [(scenario.uid, f"{made.uid} {name}") for name in names]
    assert readings() == [*expected, (parts["bid"].uid, f"{made.uid} bid")]
    assert [row["page"] for row in client.get(page).context["read"]] == ["bid", *names[::-1]]


def test_what_a_program_reads_for_an_inspector_is_recorded_too(now):
    inspector = world.person(Role.INSPECTOR)
    scenario, _parts = reviewed()
    text = create_token(actor=inspector, name="读取", scopes=["read"]).text
    program = Client(headers={"Authorization": f"Bearer {text}"})
    address = reverse("api-scenario", args=[scenario.uid])
    assert program.get(address).status_code == 200
    assert readings() == []
    made = ask(inspector, now)
    assert program.get(address).status_code == 200
    assert program.get(reverse("api-scenarios")).status_code == 200
    assert readings() == [
        (scenario.uid, f"{made.uid} api-scenario"),
        (made.uid, f"{made.uid} api-scenarios"),
    ]


def test_outside_a_request_nothing_opens_and_nothing_is_recorded(now, clock):
    inspector = world.person(Role.INSPECTOR)
    scenario, parts = reviewed()
    client = client_of(inspector)
    made = ask(inspector, now, from_at=now + HOUR, until_at=now + 2 * HOUR)
    for at, wanted in ((now, 404), (now + HOUR, 200), (now + 2 * HOUR, 404)):
        clock.freeze(at)
        assert client.get(reverse("opening", args=[scenario.address])).status_code == wanted
        assert client.get(reverse("bid", args=[parts["bid"].uid])).status_code == wanted
    assert len(readings()) == 2
    shown = client.get(reverse("inspection", args=[made.uid]))
    assert shown.context["lines"] == []
    assert NUMBER not in client.get(reverse("board")).content.decode()


def test_a_sealed_bid_stays_sealed_and_unknown_to_an_inspector(now):
    inspector = world.person(Role.INSPECTOR)
    scenario = world.published_scenario()
    request = ask(inspector, now)
    client = client_of(inspector)
    before = client.get(reverse("inspection", args=[request.uid])).content
    made = bid(scenario)
    assert client.get(reverse("bid", args=[made.uid])).status_code == 404
    assert client.get(reverse("opening", args=[scenario.address])).status_code == 404
    assert client.get(reverse("inspection", args=[request.uid])).content.count(
        b"jb-task-title"
    ) == before.count(b"jb-task-title")


def test_an_inspector_changes_nothing_on_the_pages_that_open(now):
    inspector = world.person(Role.INSPECTOR)
    scenario, _parts = reviewed()
    ask(inspector, now)
    client = client_of(inspector)
    here = [scenario.address]
    for name, data in (
        ("opening", {"stage": "first"}),
        ("eligibility", {"step": "conclude"}),
        ("eligibility", {"step": "start"}),
        ("panel", {"do": "start"}),
        ("panel", {"do": "finish"}),
        ("scenario-gate", {"step": "start"}),
        ("decision", {"nobody": "1", "nobody-reason": "不。"}),
    ):
        answer = client.post(reverse(name, args=here), data)
        assert (name, answer.status_code in {403, 404, 422}) == (name, True)
    scenario.refresh_from_db()
    assert scenario.state == State.REVIEW


def test_ending_it_on_its_page(now):
    inspector = world.person(Role.INSPECTOR)
    made = ask(inspector, now)
    client = client_of(inspector)
    address = reverse("inspection-end", args=[made.uid])
    assert client.post(address)["Location"] == reverse("inspection", args=[made.uid])
    assert InspectionEnd.objects.get().inspection == made
    assert client.get(address).status_code == 405
    assert client.get(reverse("inspection", args=[made.uid])).context["state"] == "ended"


@pytest.mark.parametrize("number", [1, 30])
def test_the_lists_cost_the_same_with_many(now, number, count_queries):
    inspector, owner = world.person(Role.INSPECTOR), world.owner()
    for _ in range(number):
        scenario, _parts = reviewed(owner)
        ask(inspector, now)
    client = client_of(inspector)
    client.get(reverse("panel", args=[scenario.address]))
    made = Inspection.objects.order_by("pk").first()
    counts = []
    for address in (reverse("inspections"), reverse("inspection", args=[made.uid])):
        with count_queries() as counted:
            assert client.get(address).status_code == 200
        counts.append(len(counted))
    assert counts == [9, 18]


# -- What others read is recorded too ----------------------------------------------------------------
def test_looks_at_panel_names_and_opened_bids_are_recorded():
    scenario, parts = reviewed()
    client = client_of(world.secretary())
    page = reverse("panel", args=[scenario.address])
    client.get(page)
    assert readings("panel.names") == []
    assert client.post(page, {"do": "look", "reason": ""}).status_code == 422
    client.post(page, {"do": "look", "reason": "举报核实"})
    assert readings("panel.names") == [(parts["panel"].uid, "举报核实")]
    client.get(reverse("eligibility", args=[scenario.address]))
    assert readings("bid.eligibility") == []
    parts["bid"].blind_code = "A"
    parts["bid"].save()
    client.get(reverse("eligibility", args=[scenario.address]))
    assert readings("bid.eligibility") == [(scenario.uid, "")]
    Scenario.objects.filter(pk=scenario.pk).update(state=State.AWARDED)
    client.get(reverse("panel", args=[scenario.address]))
    assert len(readings("panel.names")) == 1


# -- The desks ---------------------------------------------------------------------------------------
def desk(actor):
    return client_of(actor).get(reverse("desk"))


def test_the_witness_finds_finished_openings(now):
    scenario = world.published_scenario(state=State.OPENED)
    opening = Opening.objects.create(
        scenario=scenario, stage=OpeningStage.FIRST, confirmations_needed=2
    )
    witness = world.person(Role.WITNESS)
    assert desk(witness).context["sections"][0].lines == []
    Opening.objects.filter(pk=opening.pk).update(state=OpeningState.FINISHED, finished_at=now)
    section = desk(witness).context["sections"][0]
    # Nothing was signed for this row, so there is no record to link.
    assert [link.url for link in section.lines[0].links] == [
        reverse("opening", args=[scenario.address])
    ]


def test_the_complaints_handler_finds_notices_until_they_end(now, clock):
    scenario, parts = reviewed()
    decision = Decision.objects.create(
        scenario=scenario,
        bid=parts["bid"],
        state=DecisionState.PUBLICISED,
        decided_by=world.make_user(),
        decided_at=now,
    )
    Publicity.objects.create(
        decision=decision,
        starts_at=now,
        ends_at=now + HOUR,
        body=b"{}",
        published_by=world.make_user(),
    )
    handler = world.person(Role.COMPLAINTS)
    for at, number in ((now + HOUR - timedelta(microseconds=1), 1), (now + HOUR, 0)):
        clock.freeze(at)
        assert len(desk(handler).context["sections"][0].lines) == number


def test_the_evaluator_is_told_that_nothing_waits():
    section = desk(world.person(Role.EVALUATOR)).context["sections"][0]
    assert section.lines == []
    assert str(section.nothing) in desk(world.person(Role.EVALUATOR)).content.decode()


def test_others_have_tasks_only_and_inspectors_their_ways():
    assert desk(world.officer()).context["sections"] == []
    shown = desk(world.person(Role.INSPECTOR)).content.decode()
    for name in ("inspection-new", "inspections", "tip-inbox", "approaches"):
        assert reverse(name) in shown


def test_the_english_pages_are_english(now):
    inspector = world.person(Role.INSPECTOR)
    scenario, _parts = reviewed()
    made = request_inspection(
        actor=inspector, number="No. 1", scope="everything", reason="Check.", until_at=now + HOUR
    )
    client = client_of(inspector)
    with override("en"):
        names = [("inspections", []), ("inspection-new", []), ("inspection", [made.uid])]
        shown = [client.get(reverse(name, args=args)) for name, args in names]
    assert [answer.status_code for answer in shown] == [200, 200, 200]
    assert "Requests to read" in shown[0].content.decode()
    assert scenario.title_en in shown[2].content.decode()
