"""Every operation of the schema, for every role, in every state: who is let in, and who is not."""

from __future__ import annotations

import json
import logging
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.test import Client

from marketplace.accounts.invitations.actions import invite
from marketplace.accounts.models import Organisation
from marketplace.accounts.organisations.models import OrganisationRelation
from marketplace.accounts.pledges import Pledge, PledgeText
from marketplace.accounts.tokens.actions import create_token
from marketplace.awards import actions as awards
from marketplace.base import clock as database_clock
from marketplace.base.actor import Actor, Role
from marketplace.bidding.actions import start_eligibility
from marketplace.bidding.models import Bid, BidVersion, Opening
from marketplace.committee.models import Panel, PanelMember, Report, Sheet
from marketplace.experts.models import Expert, Interest, InterestKind
from marketplace.files import actions as files
from marketplace.notices.models import Notice
from marketplace.scenarios import actions as demands
from marketplace.scenarios.amendments.actions import draft_amendment
from marketplace.scenarios.amendments.models import Amendment
from marketplace.scenarios.attachments import Attachment
from marketplace.scenarios.models import Scenario
from marketplace.scenarios.questions.actions import answer_questions, ask_question
from marketplace.scenarios.questions.models import Answer, Question
from marketplace.scenarios.saved.actions import save_search
from marketplace.supervision import actions as supervision
from marketplace.supervision.models import Approach, Inspection
from tests import world
from tests.api.client import As
from tests.api.contract import schema
from tests.api.walls import DEMANDS, LETTERS, PEOPLE, ROLES, STATES
from tests.awards import steps
from tests.bidding import bids
from tests.bidding.sealed_uploads import assembled
from tests.committee import factories
from tests.scenarios.files import published_files, release, sign

pytestmark = pytest.mark.django_db
NOBODY = "00000000-0000-4000-8000-000000000000"
TURNED_AWAY = {401, 403, 404}
# What is answered about what does not exist, once per address: the same to everybody.
ABSENT: dict[str, bytes] = {}
OPERATIONS = {
    operation["operationId"]: (method, path, operation)
    for path, methods in schema()["paths"].items()
    for method, operation in methods.items()
}


@pytest.fixture(autouse=True)
def quick(settings):
    """Nobody proves anything here, and thousands of refusals are not worth a line each."""
    settings.MFA_OPTIONAL = True
    logging.disable(logging.ERROR)
    yield
    logging.disable(logging.NOTSET)


# -- The tables are complete ---------------------------------------------------------------------------
def test_every_operation_has_its_row():
    assert set(OPERATIONS) == set(DEMANDS) | set(PEOPLE)
    assert not set(DEMANDS) & set(PEOPLE)


def test_every_row_has_a_cell_for_every_role():
    for name, row in (DEMANDS | PEOPLE).items():
        assert len(row.split()) == len(ROLES), name


# -- A demand in each of its states --------------------------------------------------------------------
class World:
    """A demand with what belongs to it, and somebody in every role."""

    def __init__(self, state: str, clock: Any) -> None:
        self.state, self.clock = state, clock
        self.scenario: Scenario = getattr(self, f"make_{state}")()
        self.scenario.refresh_from_db()
        bid = Bid.objects.filter(scenario=self.scenario).order_by("pk").first()
        self.objects = {"scenarios": self.scenario, "bids": bid, **self.found(bid)}
        self.actors = {
            "visitor": None,
            "owner": world.member(self.scenario.organisation),
            "vendor": world.member(bid.organisation) if bid else world.vendor(),
            "rival": world.vendor(),
            "officer": world.officer(),
            "secretary": world.secretary(),
            "expert": self.judge() or world.person("expert"),
            "holder": self.holder() or Actor(Role.MEMBER, world.make_user()),
            "inspector": world.person("inspector"),
            "witness": world.person("witness"),
        }
        self.clients = {role: client_of(actor) for role, actor in self.actors.items()}

    def found(self, bid: Bid | None) -> dict[str, Any]:
        about = {"scenario": self.scenario}
        version = BidVersion.objects.filter(bid=bid).order_by("pk").first()
        panel = Panel.objects.filter(**about).first()
        seat = PanelMember.objects.filter(panel=panel).order_by("pk").first()
        return {
            "receipts": version.receipt if version else None,
            "openings": Opening.objects.filter(**about).order_by("pk").first(),
            "questions": Question.objects.filter(**about).first(),
            "answers": Answer.objects.filter(**about).first(),
            "amendments": Amendment.objects.filter(**about).first(),
            "panels": panel,
            "member": seat,
            "sheets": Sheet.objects.filter(member=seat).order_by("pk").first(),
            "reports": Report.objects.filter(**about).first(),
            "awards": self.scenario.decisions.first(),
            "documents": self.scenario.documents.first(),
        }

    def judge(self) -> Actor | None:
        seat = self.objects["member"]
        return Actor(Role.EXPERT, seat.user) if seat else None

    def holder(self) -> Actor | None:
        return next(iter(world.key_holder_actors(self.scenario)), None)

    def make_draft(self) -> Scenario:
        return world.draft_scenario(world.owner(), profile=world.profile("D"))

    def make_submitted(self) -> Scenario:
        return world.draft_scenario(world.owner(), state="submitted")

    def make_demonstrated(self) -> Scenario:
        scenario = world.draft_scenario(world.owner(), state="demonstrated")
        world.documents(scenario)
        return scenario

    def make_published(self) -> Scenario:
        scenario = world.published_scenario(profile=world.profile("D"))
        bid = bids.bid(scenario)
        asker = world.member(bid.bid.organisation)
        asked = ask_question(actor=asker, scenario_uid=scenario.uid, text="样本由谁提供？")
        answer_questions(
            actor=world.member(scenario.organisation),
            scenario_uid=scenario.uid,
            question_uids=[asked.uid],
            text="由需求方提供。",
        )
        draft_amendment(
            actor=world.member(scenario.organisation),
            scenario_uid=scenario.uid,
            data={"contact": "李四"},
            reason="联系人变更。",
        )
        return scenario

    def make_closed(self) -> Scenario:
        scenario = self.make_published()
        bids.close(scenario, self.clock)
        return scenario

    def make_eligibility(self) -> Scenario:
        scenario = self.make_published()
        bids.open_first(scenario, self.clock)
        start_eligibility(actor=world.secretary(), scenario_uid=scenario.uid)
        return scenario

    def make_review(self) -> Scenario:
        scenario = factories.scenario_in_review(2)
        factories.scoring_panel(scenario)
        return scenario

    def make_decided(self) -> Scenario:
        return steps.decided(2).scenario

    def make_publicity(self) -> Scenario:
        return steps.publicised(2).scenario

    def make_awarded(self) -> Scenario:
        decision = steps.publicised(2)
        self.clock.move(decision.publicity.ends_at - decision.publicity.starts_at)
        awards.confirm_award(actor=world.officer(), decision_uid=decision.uid)
        return decision.scenario


def client_of(actor: Actor | None) -> Client:
    return As(actor).client


def about(path: str, objects: dict[str, Any]) -> tuple[str, str] | None:
    """(the address, the same of what does not exist); None where the world has no such object."""
    kind = path.removeprefix("/api/v1/").partition("/")[0]
    if "{" not in path:
        return path, ""
    if objects.get(kind) is None:
        return None
    absent = path.replace("{uid}", NOBODY).replace("{member}", NOBODY).replace("{key}", "K99")
    real = path.replace("{uid}", str(getattr(objects[kind], "uid", ""))).replace("{key}", "K4")
    if "{member}" in real:
        real = real.replace("{member}", str(objects["member"].uid))
    return real, absent


def ask(client: Client, method: str, address: str, operation: dict[str, Any]) -> Any:
    """One request with the operation's own example, taken back afterwards."""
    headers = {"Accept-Language": "en", "If-Match": '"r1"'}
    options: dict[str, Any] = {}
    if operation["operationId"].startswith("uploads_"):
        headers |= {"Tus-Resumable": "1.0.0", "Upload-Length": "3", "Upload-Offset": "0"}
        headers |= {"Upload-Metadata": "purpose c2VhbGVk,filename YS50eHQ="}
        options = {"content_type": "application/offset+octet-stream"}
        if method == "patch":
            options["data"] = b"abc"
    elif method != "get":
        body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
        example = body.get("examples", {}).get("Example", {}).get("value")
        options = {"content_type": "application/json"}
        if example is not None:
            options["data"] = json.dumps(example)
    with transaction.atomic():
        answer = getattr(client, method)(address, headers=headers, **options)
        transaction.set_rollback(True)
    return answer


def cell(
    client: Client, name: str, addresses: tuple[str, str], *, let_in: bool, where: str
) -> list[str]:
    """What is wrong with one cell, in words."""
    method, _path, operation = OPERATIONS[name]
    address, absent = addresses
    answer = ask(client, method, address, operation)
    status, wrong = answer.status_code, []
    if status >= 500:
        wrong.append(f"{where}: {status}")
    if let_in and status in TURNED_AWAY:
        wrong.append(f"{where}: {status} {answer.json()['code']} instead of being let in")
    if not let_in and status not in TURNED_AWAY:
        wrong.append(f"{where}: {status} instead of being turned away")
    if status == 404 and absent:
        if absent not in ABSENT:
            ABSENT[absent] = ask(client, method, absent, operation).content
        if ABSENT[absent] != answer.content:
            wrong.append(f"{where}: tells what is hidden from what is not there")
    return wrong


@pytest.mark.parametrize("state", STATES)
def test_the_walls_around_a_demand(state, clock):
    """Who is let in, and what is listed; one world serves both, since asking leaves no trace."""
    here = World(state, clock)
    assert let_in(here) + listed(here, DEMANDS) == []


def let_in(here: World) -> list[str]:
    wrong = []
    for name, row in DEMANDS.items():
        addresses = about(OPERATIONS[name][1], here.objects)
        if addresses is None:
            continue
        for role, letter in zip(ROLES, row.split(), strict=True):
            where = f"{name} by {role} while {here.state}"
            expected = here.state in LETTERS[letter]
            wrong += cell(here.clients[role], name, addresses, let_in=expected, where=where)
    return wrong


def listed(here: World, table: dict[str, str]) -> list[str]:
    """list ⊆ individually readable, and every offered move is one that its reader may ask for."""
    wrong = []
    for name in table:
        method, path, _operation = OPERATIONS[name]
        if not name.endswith("_list") or method != "get":
            continue
        for role, client in here.clients.items():
            answer = client.get(path, headers={"Accept-Language": "en"})
            rows = answer.json() if answer.status_code == 200 else []
            for row in rows["results"] if isinstance(rows, dict) else rows:
                told = client.get(row["links"]["self"])
                if told.status_code != 200:
                    wrong.append(f"{name} by {role} while {here.state}: {told.status_code}")
                wrong += [
                    f"{move['name']} offered to {role} while {here.state}: {status}"
                    for move in row["actions"]
                    if isinstance(move, dict)
                    for status in [offered(client, move)]
                    if status in TURNED_AWAY or status == 405 or status >= 500
                ]
    return wrong


def offered(client: Client, move: dict[str, str]) -> int:
    """What an offered move answers to its operation's own example, taken back afterwards."""
    path = move["href"].removeprefix("http://testserver")
    method = move["method"].lower()
    for other, template, operation in OPERATIONS.values():
        if other == method and matches(template, path):
            return ask(client, method, path, operation).status_code
    return 404


def matches(template: str, path: str) -> bool:
    parts, given = template.split("/"), path.split("/")
    same = (a == b or a.startswith("{") for a, b in zip(parts, given, strict=False))
    return len(parts) == len(given) and all(same)


# -- What belongs to no demand -------------------------------------------------------------------------
def test_who_is_let_in_to_what_is_somebody_s_own(clock):
    here = World("published", clock)
    vendor, organisation = here.actors["vendor"], here.actors["vendor"].organisation
    colleague = world.member(organisation, Role.EDITOR)
    asked = invite(
        actor=vendor, organisation_uid=organisation.uid, email="new@test.invalid", role="editor"
    )
    rival = world.published_scenario(profile=world.profile("D"))
    objects = {
        **here.objects,
        "organisations": organisation,
        "members": colleague.user.memberships.get(),
        "invitations": asked.invitation,
        "attachments": released(here.actors["owner"], vendor),
        "evidence": evidence(vendor),
        "controls": world.control(organisation, "person:1"),
        "relations": related(organisation),
        **entered(here.actors["expert"], organisation),
        "pledge-texts": PledgeText.objects.asked_of(vendor).order_by("pk").first(),
        "pledges": Pledge.objects.filter(user=vendor.user).first(),
        "approaches": approached(vendor),
        "inspections": inspection(here.actors["inspector"]),
        "saved-searches": save_search(actor=vendor, name="x", filters={"q": "x"}),
        "tokens": create_token(actor=vendor, name="t", scopes=["read"]).token,
        "notices": Notice.objects.create(
            user=vendor.user, kind="x", subject_uid=rival.uid, event_uid=rival.uid
        ),
        "packages": assembled(rival, vendor),
        "uploads": upload(vendor),
        "indicators": here.scenario,
        **called_batch(),
    }
    wrong = []
    for name, row in PEOPLE.items():
        addresses = about(OPERATIONS[name][1], objects)
        assert addresses is not None, name
        for role, mark in zip(ROLES, row.split(), strict=True):
            where = f"{name} by {role}"
            client = here.clients[role]
            wrong += cell(client, name, addresses, let_in=mark == "+", where=where)
    # Whatever state a demand is in, these lists say the same: once is enough.
    assert wrong + listed(here, PEOPLE) == []


def called_batch() -> dict[str, Any]:
    """A call that is open, with a task of another officer's."""
    officer = world.officer()
    body = {"number": "1", "title": "x", "call_number": "1", "text": "x"}
    soon = database_clock.now() + timedelta(days=9)
    row = demands.create_batch(actor=officer, data=body | {"closes_at": soon})
    demands.call_batch(actor=officer, batch_uid=row.uid)
    task = demands.add_task(
        actor=officer,
        batch_uid=row.uid,
        title="x",
        due_date=soon.date(),
        responsible_uid=officer.person.uid,
    )
    return {"batches": row, "tasks": task}


def released(owner: Actor, reader: Actor) -> Attachment:
    """A restricted file of a demand of the owner's, for which the reader has signed."""
    row = published_files(owner)[-1]
    release(owner, row, reader)
    sign(reader, row)
    return row


def evidence(actor: Actor) -> Any:
    body = {"name": "a.pdf", "body": b"x"}
    return files.attach_small_evidence(actor=actor, organisation_uid=actor.organisation.uid, **body)


def entered(judge: Actor, organisation: Organisation) -> dict[str, Any]:
    """The judge's entry in the pool, with a tie that the office entered."""
    entry, _new = Expert.objects.get_or_create(user=judge.person)
    kind = InterestKind.ADVISER
    tie = Interest.objects.create(expert=entry, organisation=organisation, kind=kind)
    return {"experts": entry, "interests": tie}


def related(organisation: Organisation) -> OrganisationRelation:
    return OrganisationRelation.objects.create(
        organisation=organisation, other_uscc=world.make_uscc(), other_name="x", kind="other"
    )


def approached(actor: Actor) -> Approach:
    return supervision.register_approach(
        actor=actor, who="x", happened_at=database_clock.now(), what="y"
    )


def inspection(actor: Actor) -> Inspection:
    """Not in force yet, so that it opens nothing."""
    soon = database_clock.now() + timedelta(days=1)
    return supervision.request_inspection(
        actor=actor,
        number="1",
        scope="register",
        reason="x",
        from_at=soon,
        until_at=soon + timedelta(days=1),
    )


def upload(actor: Actor) -> Any:
    return files.create_upload(actor=actor, purpose="sealed", name="a.txt", length=3)


# -- Doors that are not there --------------------------------------------------------------------------
@pytest.mark.parametrize("role", [None, "owner", "officer"])
def test_options_and_trace_tell_nothing(role):
    client = client_of(getattr(world, role)() if role else None)
    scenario = world.published_scenario()
    for path in ("scenarios/", f"scenarios/{scenario.uid}/", "organisations/", "members/"):
        for method in ("options", "trace"):
            answer = getattr(client, method)(f"/api/v1/{path}")
            assert answer.status_code in {401, 405}, (path, method)
            assert "@test.invalid" not in answer.content.decode()


@pytest.mark.parametrize("kind", ["admin", "api", "html", "json", "xml"])
def test_there_is_no_browsable_api(kind):
    client = client_of(world.officer())
    for path in ("scenarios/", "organisations/", "members/", "notices/"):
        answer = client.get(f"/api/v1/{path}?format={kind}", headers={"Accept": "text/html"})
        assert answer.status_code in {400, 406}, (path, kind)
        answer = client.post(f"/api/v1/{path}?format={kind}", data="{", content_type="text/plain")
        assert answer.status_code in {400, 404, 405, 415}, (path, kind, answer.status_code)
        assert b"results" not in answer.content


ODD = [
    {"order": "id"},
    {"ordering": "-organisation__members__user__email"},
    {"_connector": "OR"},
    {"state__in": "draft"},
    {"scenario__organisation": "1"},
    {"state": "draft' OR '1'='1"},
    {"state": "a.b"},
    {'"': '"'},
    {"scenario": "x'; DROP TABLE x; --"},
    {"cursor": "_connector"},
]


@pytest.mark.parametrize("query", ODD)
def test_an_odd_filter_or_order_is_refused(query):
    client = client_of(world.officer())
    lists = [p for n, (m, p, _o) in OPERATIONS.items() if n.endswith("_list") and m == "get"]
    for path in lists:
        if path.endswith(("indicators/", "uploads/")):
            continue
        answer = client.get(path, query)
        assert answer.status_code == 400, (path, query, answer.status_code)
