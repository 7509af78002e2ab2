"""What a list costs: as many queries for thirty rows as for one, for whoever may read it."""

import json
from datetime import timedelta
from decimal import Decimal

import pytest

from marketplace.accounts.actions import grant
from marketplace.accounts.invitations.models import Invitation
from marketplace.accounts.models import Capability
from marketplace.accounts.organisations.models import OrganisationRelation
from marketplace.accounts.pledges import Pledge, PledgeText
from marketplace.accounts.tokens.models import ApiToken
from marketplace.awards.challenges.models import MemberChallenge
from marketplace.awards.models import Award, Decision, Publicity
from marketplace.base import clock
from marketplace.base.actor import Actor, Role
from marketplace.bidding.models import Bid, Opening, OpeningConfirmation
from marketplace.committee.defence.models import DefenceSlot, PanelQuestion
from marketplace.committee.models import Panel, PanelMember, Report, Sheet
from marketplace.files.models import Upload
from marketplace.notices.models import Notice
from marketplace.notices.registry import KINDS
from marketplace.races.attempts.models import Attempt
from marketplace.scenarios import actions as gate
from marketplace.scenarios.amendments.actions import draft_amendment
from marketplace.scenarios.questions.actions import answer_questions, ask_question
from marketplace.scenarios.saved.models import SavedSearch
from marketplace.scenarios.watching.models import Watch
from marketplace.supervision.models import Approach, Inspection, InspectionSubject
from tests import world
from tests.api.client import As
from tests.api.contract import schema
from tests.committee import factories
from tests.experts.factories import expert, tied
from tests.races import factories as races
from tests.races.attempts import results
from tests.scenarios import rounds

pytestmark = pytest.mark.django_db
MANY = 30


class Rows:
    """Makes rows of one list, each with what stands beside it, and names who reads them."""

    def __init__(self) -> None:
        self.owner, self.vendor = world.owner(), world.vendor()
        self.officer, self.secretary = world.officer(), world.secretary()
        self.expert, self.witness = world.person("expert"), world.person("witness")
        self.inspector = world.person("inspector")
        self.holder = world.pledge(Actor(Role.MEMBER, world.make_user()), "key_holder")
        self.experts = [rounds.expert() for _ in range(3)]
        self.number = 0

    def scenario(self, state):
        row = world.published_scenario(self.owner, state=state)
        grant(subject_uid=row.uid, capability=Capability.KEY_HOLDER, user=self.holder.user)
        return row

    def scenarios(self):
        """Of all states in turn: each has moves of its own."""
        states = ["draft", "submitted", "demonstrated", "published", "eligibility", "decision"]
        state = states[self.number % len(states)]
        if state in states[:3]:
            world.draft_scenario(self.owner, state=state)
        else:
            self.scenario(state)
        return {"owner": self.owner, "officer": self.officer, "secretary": self.secretary}

    def bids(self):
        for state, organisation in (
            ("published", self.vendor.organisation),
            ("eligibility", world.make_organisation(is_vendor=True)),
        ):
            scenario = self.scenario(state)
            Bid.objects.create(
                scenario=scenario,
                organisation=organisation,
                state="opened" if state == "eligibility" else "submitted",
                versions_count=1,
                blind_code="B1" if state == "eligibility" else "",
            )
        return {"vendor": self.vendor, "secretary": self.secretary, "owner": self.owner}

    def openings(self):
        opening = Opening.objects.create(
            scenario=self.scenario("closed"), stage="first", confirmations_needed=2
        )
        OpeningConfirmation.objects.create(
            opening=opening, user=world.make_user(), confirmed_at=clock.now()
        )
        return {"holder": self.holder, "witness": self.witness, "owner": self.owner}

    def panel(self, state):
        panel = Panel.objects.create(
            scenario=self.scenario("review"), appointed_by=self.secretary.user, state=state
        )
        people = [self.expert.user, world.make_user(), world.make_user()]
        seats = [
            PanelMember.objects.create(
                panel=panel, user=user, code=f"J{place}", state="declared", declared_at=clock.now()
            )
            for place, user in enumerate(people, 1)
        ]
        grant(subject_uid=panel.uid, capability=Capability.REVIEW, user=self.expert.user)
        return panel, seats

    def panels(self):
        self.panel("appointed")
        return {"secretary": self.secretary, "expert": self.expert}

    def sheets(self):
        panel, seats = self.panel("reported")
        bid = Bid.objects.create(
            scenario=panel.scenario,
            organisation=world.make_organisation(is_vendor=True),
            state="eligible",
            versions_count=1,
            blind_code="B1",
        )
        Sheet.objects.create(member=seats[0], bid=bid, stage="technical")
        return {"expert": self.expert, "officer": self.officer}

    def bid_before(self, panel):
        return Bid.objects.create(
            scenario=panel.scenario,
            organisation=self.vendor.organisation,
            state="eligible",
            versions_count=1,
            blind_code="B1",
        )

    def defences(self):
        panel, _seats = self.panel("named")
        DefenceSlot.objects.create(
            panel=panel,
            bid=self.bid_before(panel),
            order_by="receipt",
            position=1,
            starts_at=clock.now(),
            minutes=20,
            place="x",
            set_by=self.secretary.user,
            set_at=clock.now(),
        )
        return {"vendor": self.vendor, "secretary": self.secretary}

    def panel_questions(self):
        panel, seats = self.panel("named")
        PanelQuestion.objects.create(
            member=seats[0],
            bid=self.bid_before(panel),
            number=1,
            text="x",
            asked_at=clock.now(),
            answer_by=clock.now(),
        )
        return {"vendor": self.vendor, "secretary": self.secretary}

    def reports(self):
        panel, _seats = self.panel("reported")
        Report.objects.create(
            scenario=panel.scenario,
            body=b"{}",
            sha256="0" * 64,
            made_by=self.secretary.user,
        )
        return {"owner": self.owner, "officer": self.officer}

    def awards(self):
        now = clock.now()
        scenario = self.scenario("publicity")
        bid = Bid.objects.create(
            scenario=scenario, organisation=self.vendor.organisation, state="won", versions_count=1
        )
        decision = Decision.objects.create(
            scenario=scenario,
            bid=bid,
            state="publicised",
            decided_by=self.owner.user,
            decided_at=now,
        )
        Publicity.objects.create(
            decision=decision,
            body=json.dumps({}).encode(),
            sha256="0" * 64,
            starts_at=now - timedelta(days=9),
            ends_at=now - timedelta(days=1),
            published_by=self.officer.user,
        )
        Award.objects.create(
            scenario=scenario,
            decision=decision,
            amount_cny=Decimal(1),
            confirmed_by=self.officer.user,
            confirmed_at=now,
        )
        return {"visitor": None, "vendor": self.vendor, "officer": self.officer}

    def races(self):
        race = races.race(2, state="agreeing")
        return {
            "visitor": None,
            "owner": world.member(race.scenario.organisation),
            "officer": self.officer,
        }

    def attempts(self):
        self.race = getattr(self, "race", None) or races.race(
            plan=races.content(races.heat(attempts_day=100))
        )
        heat = self.race.heats.get(number=1)
        actor = world.member(self.race.entrants.get(code="R1").organisation)
        entry = heat.entries.get(entrant__code="R1")
        Attempt.objects.create(
            entry=entry,
            organisation=actor.organisation,
            number=entry.attempts.count() + 1,
            user=actor.user,
            upload=results.result(actor),
            size=1,
            received_at=heat.starts_at,
            received_date=heat.starts_at.date(),
            due_at=heat.starts_at,
        )
        return {"vendor": actor}

    def challenges(self):
        self.awards()
        _panel, seats = self.panel("reported")
        decision = Decision.objects.order_by("pk").last()
        MemberChallenge.objects.create(
            publicity=decision.publicity,
            member=seats[0],
            organisation=self.vendor.organisation,
            filed_by=self.vendor.user,
            filed_at=clock.now(),
            reason="x",
        )
        return {"vendor": self.vendor, "officer": self.officer}

    def organisations(self):
        world.make_organisation(is_vendor=True)
        return {"visitor": None, "vendor": self.vendor, "officer": self.officer}

    def members(self):
        world.member(self.vendor.organisation, Role.EDITOR)
        return {"vendor": self.vendor, "officer": self.officer}

    def invitations(self):
        Invitation.objects.create(
            organisation=self.vendor.organisation,
            role="editor",
            email=f"asked{self.number}@test.invalid",
            language="en",
            token_hash=f"{self.number:064d}",
            expires_at=clock.now() + timedelta(days=1),
            invited_by=self.vendor.user,
        )
        return {"vendor": self.vendor}

    def controls(self):
        world.control(self.vendor.organisation, f"person:{self.number}")
        return {"vendor": self.vendor, "officer": self.officer}

    def relations(self):
        OrganisationRelation.objects.create(
            organisation=self.vendor.organisation,
            other_uscc=world.make_uscc(),
            other_name="x",
            kind="other",
        )
        return {"vendor": self.vendor, "officer": self.officer}

    def pool_entries(self):
        expert()
        return {"officer": self.officer}

    def interests(self):
        tied(self.vendor.organisation)
        return {"officer": self.officer}

    def pledge_text(self):
        return PledgeText.objects.create(
            code=f"text-{self.number}",
            version=1,
            kind="integrity",
            roles=["owner"],
            sha256="0" * 64,
        )

    def pledge_texts(self):
        self.pledge_text()
        return {"vendor": self.vendor}

    def pledges(self):
        Pledge.objects.create(
            user=self.vendor.user,
            organisation=self.vendor.organisation,
            role="owner",
            text=self.pledge_text(),
            sha256="0" * 64,
            signed_at=clock.now(),
        )
        return {"vendor": self.vendor}

    def approaches(self):
        Approach.objects.create(
            filer=self.vendor.user, role="owner", who="x", happened_at=clock.now(), what="y"
        )
        return {"vendor": self.vendor}

    def inspections(self):
        until = clock.now() + timedelta(days=1)
        row = Inspection.objects.create(
            inspector=self.inspector.user,
            number="1",
            scope="organisations",
            reason="x",
            from_at=clock.now(),
            until_at=until,
        )
        InspectionSubject.objects.create(inspection=row, subject_uid=self.vendor.organisation.uid)
        return {"inspector": self.inspector}

    def tokens(self):
        for organisation, user in (
            (self.vendor.organisation, self.vendor.user),
            (self.vendor.organisation, world.make_user()),
        ):
            ApiToken.objects.create(
                user=user,
                organisation=organisation,
                role="owner",
                name="t",
                scopes=["read"],
                digest=f"{user.pk:032d}{self.number:032d}",
                expires_at=clock.now() + timedelta(days=9),
            )
        return {"vendor": self.vendor}

    def notices(self):
        """Of every kind at once, about something of each kind's sort where it is a demand."""
        scenario = self.scenario("published")
        for kind in KINDS:
            Notice.objects.create(
                user=self.vendor.user,
                kind=kind,
                subject_uid=scenario.uid,
                event_uid=scenario.uid,
                due_at=clock.now(),
            )
        return {"vendor": self.vendor}

    def uploads(self):
        Upload.objects.create(
            organisation=self.vendor.organisation,
            user=self.vendor.user,
            purpose="sealed",
            name="a.txt",
            length=3,
            expires_at=clock.now() + timedelta(days=1),
        )
        return {"vendor": self.vendor}

    def saved_searches(self):
        SavedSearch.objects.create(
            user=self.vendor.user,
            name=f"{self.number}",
            filters={"q": "x"},
            looked_at=clock.now(),
        )
        return {"vendor": self.vendor}

    def watched(self):
        Watch.objects.create(user=self.vendor.user, scenario=self.scenario("published"))
        return {"vendor": self.vendor}

    def questions(self):
        """One answered and one not, of a demand each."""
        uid = self.scenario("published").uid
        first = ask_question(actor=self.vendor, scenario_uid=uid, text="x")
        ask_question(actor=self.vendor, scenario_uid=uid, text="y")
        answer_questions(actor=self.owner, scenario_uid=uid, question_uids=[first.uid], text="z")
        return {"vendor": self.vendor, "owner": self.owner, "officer": self.officer}

    def amendments(self):
        scenario = self.scenario("published")
        draft_amendment(
            actor=self.owner,
            scenario_uid=scenario.uid,
            data={"contact": f"张三{self.number}"},
            reason="联系人变更。",
        )
        return {"owner": self.owner, "officer": self.officer}

    def demonstrations(self):
        """Open ones; what a secretary may conclude is asked of each, a few at a time in service."""
        scenario = world.draft_scenario(self.owner, state="demonstrating")
        rounds.asked(scenario, self.experts)
        return {"owner": self.owner, "officer": self.officer, "expert": self.experts[0]}

    def batches(self):
        """Calls, each with a demand and a task."""
        body = {"number": str(self.number), "title": "x", "call_number": "1", "text": "x"}
        soon = clock.now() + timedelta(days=9)
        row = gate.create_batch(actor=self.officer, data=body | {"closes_at": soon})
        gate.call_batch(actor=self.officer, batch_uid=row.uid)
        gate.add_task(
            actor=self.officer,
            batch_uid=row.uid,
            title="x",
            due_date=soon.date(),
            responsible_uid=self.officer.person.uid,
        )
        scenario = world.draft_scenario(self.owner, state="demonstrated")
        gate.take_into_batch(actor=self.officer, scenario_uid=scenario.uid, batch_uid=row.uid)
        return {"visitor": None, "owner": self.owner, "officer": self.officer}

    def make(self, name, number):
        readers = {}
        for _ in range(number):
            self.number += 1
            readers = getattr(self, name)()
        return readers


LISTS = {
    "scenarios/": "scenarios",
    "bids/": "bids",
    "openings/": "openings",
    "panels/": "panels",
    "sheets/": "sheets",
    "defences/": "defences",
    "panel-questions/": "panel_questions",
    "reports/": "reports",
    "awards/": "awards",
    "races/": "races",
    "challenges/": "challenges",
    "attempts/": "attempts",
    "questions/": "questions",
    "answers/": "questions",
    "amendments/": "amendments",
    "demonstrations/": "demonstrations",
    "batches/": "batches",
    "watched/": "watched",
    "saved-searches/": "saved_searches",
    "organisations/": "organisations",
    "members/": "members",
    "invitations/": "invitations",
    "tokens/": "tokens",
    "controls/": "controls",
    "relations/": "relations",
    "experts/": "pool_entries",
    "interests/": "interests",
    "pledge-texts/": "pledge_texts",
    "pledges/": "pledges",
    "approaches/": "approaches",
    "inspections/": "inspections",
    "notices/": "notices",
    "notices/unread/": "notices",
    "uploads/": "uploads",
}


@pytest.fixture(autouse=True)
def optional(settings):
    settings.MFA_OPTIONAL = True


def test_every_list_is_counted():
    paths = {
        path.removeprefix("/api/v1/")
        for path, methods in schema()["paths"].items()
        if methods.get("get", {}).get("operationId", "").endswith("_list")
    }
    assert paths == {*LISTS, "indicators/"}  # always the twelve targets


def statements(queries):
    return [str(query["sql"])[:300] for query in queries.captured_queries]


def told(asker, path, count_queries):
    """(number of rows, statements), once the process knows what never changes."""
    asker.get(f"{path}?limit=200")
    with count_queries() as queries:
        answer = asker.get(f"{path}?limit=200")
    assert answer.status_code == 200, answer.content
    return len(answer.json()["results"]), statements(queries)


@pytest.mark.parametrize("path", LISTS)
def test_thirty_rows_cost_what_one_costs(path, count_queries):
    rows = Rows()
    readers = rows.make(LISTS[path], 6 if path == "scenarios/" else 1)
    askers = {name: As(actor) for name, actor in readers.items()}
    few = {name: told(asker, path, count_queries) for name, asker in askers.items()}
    rows.make(LISTS[path], MANY - 1)
    wrong = {}
    for name, asker in askers.items():
        number, asked = told(asker, path, count_queries)
        assert number >= few[name][0] + MANY // 2
        if len(asked) != len(few[name][1]):
            wrong[name] = [sql for sql in asked if asked.count(sql) > few[name][1].count(sql)][:9]
    assert wrong == {}


# -- What lists within one object cost ---------------------------------------------------------------
def cost(actor, path, count_queries):
    asker = As(actor)
    asker.get(path)
    with count_queries() as queries:
        answer = asker.get(path)
    assert answer.status_code == 200, answer.content
    return len(answer.content), statements(queries)


def test_thirty_bids_cost_what_one_costs(count_queries):
    """The eligibility of all, and the entries of an opening."""
    owner, officer = world.owner(), world.officer()
    scenario = world.published_scenario(owner, state="eligibility")
    opening = Opening.objects.create(
        scenario=scenario,
        stage="first",
        state="finished",
        confirmations_needed=2,
        finished_at=clock.now(),
    )
    paths = [f"scenarios/{scenario.uid}/eligibility/", f"openings/{opening.uid}/"]
    factories.opened_bid(scenario, code="B1", state="opened")
    few = [cost(officer, path, count_queries) for path in paths]
    for number in range(2, MANY + 1):
        factories.opened_bid(scenario, code=f"B{number}", state="opened", files=0)
    for path, (size, asked) in zip(paths, few, strict=True):
        more, again = cost(officer, path, count_queries)
        assert more > size * 10
        assert (path, len(again)) == (path, len(asked))


def test_thirty_members_cost_what_one_costs(count_queries):
    secretary, rows = world.secretary(), Rows()
    panel, _seats = rows.panel("appointed")
    paths = [f"panels/{panel.uid}/"]
    few = [cost(secretary, path, count_queries) for path in paths]
    for number in range(4, MANY + 4):
        user = world.person("expert").user
        PanelMember.objects.create(panel=panel, user=user, code=f"J{number}")
    for path, (size, asked) in zip(paths, few, strict=True):
        more, again = cost(secretary, path, count_queries)
        assert more > size * 3
        assert (path, len(again)) == (path, len(asked))
