"""The moves that somebody may make now on a demand: one list for pages and API alike."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from uuid import UUID

from django.db.models import prefetch_related_objects
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from marketplace.accounts.models import Capability
from marketplace.accounts.queries import granted_subjects, related_organisations
from marketplace.awards import rules as award_rules
from marketplace.awards.challenges.queries import unheard
from marketplace.awards.models import Decision, DecisionState
from marketplace.base.actor import Actor, Role
from marketplace.bidding import rules as bidding_rules
from marketplace.bidding.commitment import BidCommitment
from marketplace.bidding.models import Bid, BidState, Opening, OpeningState
from marketplace.bidding.queries import awaited_bytes
from marketplace.bidding.returns.queries import OVER, uncertified
from marketplace.committee.models import Panel, PanelMember
from marketplace.desk.race_facts import RaceFacts
from marketplace.scenarios import rules as scenario_rules
from marketplace.scenarios.actions.relisting import ENDED
from marketplace.scenarios.amendments.models import Amendment, AmendmentState
from marketplace.scenarios.demonstration.queries import open_rounds
from marketplace.scenarios.documents.kinds import FORMS
from marketplace.scenarios.documents.models import GateDocument
from marketplace.scenarios.documents.queries import GATE_STATES, Paper, PaperState, papers_of
from marketplace.scenarios.models import OWNER_EDITS, AwardMode, Scenario, State
from marketplace.scenarios.queries import has_closed, is_open
from marketplace.scenarios.questions.queries import answerable

Text = str | Promise

LABELS: dict[str, Text] = {
    "edit_scenario": _("Go on writing"),
    "start_demonstration": _("Start the demonstration"),
    "conclude_demonstration": _("Conclude the demonstration"),
    "invite_experts": _("Ask experts"),
    "give_opinion": _("Give my opinion"),
    "answer_invitation": _("Answer the invitation to a panel"),
    "answer_panel_question": _("Answer the panel"),
    "deposit_nonce": _("Deposit my nonce for a draw"),
    "publish_scenario": _("Publish"),
    "file_documents": _("See to the five documents"),
    "withdraw_scenario": _("Withdraw the demand"),
    "answer_questions": _("Answer the questions"),
    "answer_releases": _("Say who may read the restricted parts"),
    "publish_amendment": _("Publish the drafted change"),
    "draft_amendment": _("Amend the demand"),
    "suspend_scenario": _("Suspend the demand"),
    "resume_scenario": _("Let the demand go on"),
    "relist_scenario": _("List it anew"),
    "submit_bid": _("Seal and submit a bid"),
    "revise_bid": _("Revise or withdraw my bid"),
    "see_bid": _("My bid and its result"),
    "confirm_opening": _("Confirm the opening"),
    "witness_opening": _("Witness the opening"),
    "start_eligibility": _("Start the eligibility check"),
    "check_eligibility": _("Check eligibility"),
    "draw_panel": _("Draw the panel"),
    "run_panel": _("See to the panel"),
    "choose_winner": _("Choose the winner"),
    "decide_by_minutes": _("Enter the decision of the meeting"),
    "shortlist": _("Make the shortlist of the race"),
    "publicise_shortlist": _("Publicise the shortlist"),
    "offer_agreements": _("Offer the race agreements"),
    "accept_agreement": _("Accept a race agreement"),
    "start_race": _("Open the first heat"),
    "publicise": _("Publicise"),
    "confirm_award": _("Confirm the award"),
    "hear_challenge": _("Hear a challenge to a member"),
    "certify_return": _("Certify the return of bids"),
    "decide_consortium": _("Decide on other members of a consortium"),
}
PAGES = {
    "edit_scenario": "scenario-edit",
    "start_demonstration": "scenario-gate",
    "conclude_demonstration": "scenario-demonstration",
    "invite_experts": "scenario-demonstration",
    "give_opinion": "scenario-demonstration",
    "publish_scenario": "scenario-publish",
    "file_documents": "scenario-documents",
    "withdraw_scenario": "scenario-withdraw",
    "answer_questions": "scenario-questions",
    "publish_amendment": "scenario-amendments",
    "draft_amendment": "scenario-amend",
    "suspend_scenario": "scenario-standstill",
    "resume_scenario": "scenario-standstill",
    "relist_scenario": "scenario-relist",
    "submit_bid": "bid-form",
    "confirm_opening": "opening",
    "start_eligibility": "eligibility",
    "check_eligibility": "eligibility",
    "draw_panel": "draw",
    "run_panel": "panel",
    "choose_winner": "decision",
    "decide_by_minutes": "decision",
    **dict.fromkeys(("shortlist", "publicise_shortlist"), "race-entry"),
    **dict.fromkeys(("offer_agreements", "start_race"), "race-entry"),
    "publicise": "publicity",
    "confirm_award": "award-confirm",
    "certify_return": "returns",
}


@dataclass(frozen=True)
class Act:
    """One move: `why_not` says what stands in its way, or is empty when it may be made."""

    name: str
    url: str
    why_not: Text = ""

    @property
    def label(self) -> Text:
        return LABELS[self.name]

    @property
    def possible(self) -> bool:
        return not self.why_not


def with_memberships(actor: Actor) -> Actor:
    """The same actor, for a whole list: its organisations are read once. Never for an action."""
    if actor.user is None or not actor.is_office:
        return actor
    user = copy(actor.user)
    prefetch_related_objects([user], "memberships")
    return replace(actor, user=user)


class Desk:
    """What one actor may do. Facts about the actor are read once, whatever the list's length."""

    def __init__(self, actor: Actor, now: datetime) -> None:
        self.actor, self.now = with_memberships(actor), now

    @cached_property
    def keys(self) -> set[UUID]:
        """Scenarios whose opening this person confirms."""
        return set(granted_subjects(self.actor, Capability.KEY_HOLDER))

    @cached_property
    def bids(self) -> dict[int, tuple[UUID, str]]:
        """The own organisation's bids by scenario id."""
        if not self.actor.organisation_id:
            return {}
        mine = Bid.objects.filter(organisation_id=self.actor.organisation_id)
        return {pk: (uid, state) for pk, uid, state in mine.values_list("scenario", "uid", "state")}

    @cached_property
    def committed(self) -> set[int]:
        """Scenarios for which the own organisation committed to hashes."""
        mine = BidCommitment.objects.visible_to(self.actor)
        return set(mine.values_list("scenario_id", flat=True))

    @cached_property
    def related(self) -> set[int]:
        organisation = self.actor.organisation
        return related_organisations(organisation) if organisation else set()

    @cached_property
    def decided(self) -> dict[int, int]:
        """{scenario id: who decided} where the decision waits to be publicised."""
        rows = Decision.objects.filter(state=DecisionState.PROPOSED)
        return dict(rows.values_list("scenario_id", "decided_by_id"))

    @cached_property
    def papers(self) -> dict[int, list[Paper]]:
        """{scenario id: its five documents} of what is at the gate. For owners: their own."""
        rows = Scenario.objects.filter(state__in=GATE_STATES)
        if not self.actor.is_office:
            rows = rows.filter(organisation=self.actor.organisation)
        return papers_of(rows)

    @cached_property
    def rounds(self) -> dict[int, bool]:
        """{scenario id: whether it may be concluded} of open rounds of demonstration."""
        return open_rounds(self.now)

    @cached_property
    def publicity_ends(self) -> dict[int, datetime]:
        """{scenario id: the end of its window} for what is in publicity."""
        rows = Decision.objects.filter(state=DecisionState.PUBLICISED)
        return dict(rows.values_list("scenario_id", "publicity__ends_at"))

    @cached_property
    def challenged(self) -> set[int]:
        """Scenarios with a challenge to a member that keeps the award from being confirmed."""
        rows = unheard(self.actor).values_list("publicity__decision__scenario_id", flat=True)
        return set(rows) if self.actor.is_office else set()

    @cached_property
    def races(self) -> RaceFacts:
        return RaceFacts(self.actor)

    @cached_property
    def unreturned(self) -> set[int]:
        """Scenarios with a bid that did not win and of which nothing is certified."""
        return set(uncertified().values_list("scenario_id", flat=True))

    @cached_property
    def seated(self) -> set[int]:
        """Scenarios in review that have a panel."""
        rows = Panel.objects.filter(scenario__state=State.REVIEW)
        return set(rows.values_list("scenario_id", flat=True))

    @cached_property
    def paneled(self) -> set[int]:
        """Scenarios before their decision that have a panel."""
        rows = Panel.objects.filter(scenario__state__in=[State.ELIGIBILITY, State.REVIEW])
        return set(rows.values_list("scenario_id", flat=True))

    @cached_property
    def judged(self) -> set[int]:
        """Scenarios on whose panel this person sits or has sat."""
        rows = PanelMember.objects.filter(user=self.actor.user_id)
        return set(rows.values_list("panel__scenario_id", flat=True))

    @cached_property
    def unconfirmed(self) -> set[int]:
        """Scenarios with an opening that waits, and not only for others."""
        rows = Opening.objects.filter(state=OpeningState.WAITING, scenario__uid__in=self.keys)
        rows = rows.exclude(confirmations__user=self.actor.user_id)
        return set(rows.values_list("scenario_id", flat=True))

    @cached_property
    def questioned(self) -> set[int]:
        """Demands with a question that waits for this actor's answer."""
        return {row.scenario_id for row in answerable(self.actor, self.now)}

    @cached_property
    def on_the_way(self) -> set[int]:
        """Roots of the own organisation's demands of which a round has not come to its end."""
        rows = Scenario.objects.filter(organisation=self.actor.organisation)
        rows = rows.exclude(state__in=[*ENDED, State.REJECTED])
        return {root or pk for pk, root in rows.values_list("pk", "root_id")}

    @cached_property
    def drafted_by_others(self) -> set[int]:
        """Demands with a drafted change that this person did not draft."""
        rows = Amendment.objects.filter(state=AmendmentState.DRAFTED)
        rows = rows.exclude(drafted_by=self.actor.user_id)
        return set(rows.values_list("scenario_id", flat=True))

    def acts(self, scenario: Scenario) -> list[Act]:
        """In the order in which they are offered; the first is the one next step."""
        found = [*self._as_owner(scenario), *self._as_vendor(scenario)]
        found += [*self._as_office(scenario), *self._as_key_holder(scenario)]
        return found

    def _act(self, name: str, scenario: Scenario, why_not: Text = "") -> Act:
        return Act(name, reverse(PAGES[name], args=[scenario.address]), why_not)

    def _as_owner(self, scenario: Scenario) -> list[Act]:
        actor, state = self.actor, scenario.state
        if not scenario_rules.can_edit_scenario(actor, scenario):
            return []
        if state in OWNER_EDITS:
            return [self._act("edit_scenario", scenario)]
        if state in GATE_STATES:
            return [self._act("file_documents", scenario)] if self.owes_papers(scenario) else []
        owner = scenario_rules.can_withdraw_scenario(actor, scenario)
        if state == State.PUBLISHED and not has_closed(scenario, self.now):
            found = [*self._questions(scenario), self._act("draft_amendment", scenario)]
            return [*found, *([self._act("withdraw_scenario", scenario)] if owner else [])]
        if state in ENDED:
            again = (scenario.root_id or scenario.pk) not in self.on_the_way
            return [self._act("relist_scenario", scenario)] if again else []
        if state == State.DECISION and scenario.pk in self.races.awaiting:
            return self._race_step(scenario)
        mine = scenario.award_mode == AwardMode.OWNER_CHOICE
        undecided = state == State.DECISION and mine and scenario.pk not in self.decided
        if undecided and award_rules.can_choose_winner(actor, scenario):
            return [self._act("choose_winner", scenario)]
        return []

    def _race_step(self, scenario: Scenario) -> list[Act]:
        name = self.races.step(scenario)
        return [self._act(name, scenario)] if name else []

    def _questions(self, scenario: Scenario) -> list[Act]:
        waits = scenario.pk in self.questioned
        return [self._act("answer_questions", scenario)] if waits else []

    def _after_publication(self, scenario: Scenario) -> list[Act]:
        """What an officer who stands apart may do while bids are taken."""
        if not scenario_rules.can_draft_amendment(self.actor, scenario):
            return []
        found = self._questions(scenario)
        if scenario.pk in self.drafted_by_others:
            found.append(self._act("publish_amendment", scenario))
        still = "resume_scenario" if scenario.suspended else "suspend_scenario"
        return [*found, self._act("draft_amendment", scenario), self._act(still, scenario)]

    def _as_vendor(self, scenario: Scenario) -> list[Act]:
        organisation = self.actor.organisation
        if organisation is None or not organisation.is_vendor:
            return []
        bid = self.bids.get(scenario.pk)
        if self._awaits_bytes(scenario):
            return [Act("submit_bid", reverse("bid-form", args=[scenario.address]))]
        if bid and bid[1] != BidState.WITHDRAWN:
            name = "revise_bid" if is_open(scenario, self.now) else "see_bid"
            return [Act(name, reverse("bid", args=[bid[0]]))]
        if scenario.state != State.PUBLISHED:
            return []
        return [self._act("submit_bid", scenario, self._why_no_bid(scenario))]

    def _awaits_bytes(self, scenario: Scenario) -> bool:
        """After the deadline, where this bidder committed to hashes and the grace still runs."""
        closed = scenario.state == State.PUBLISHED and has_closed(scenario, self.now)
        if not closed or scenario.pk not in self.committed:
            return False
        return awaited_bytes(self.actor, scenario, self.now) is not None

    def _why_no_bid(self, scenario: Scenario) -> Text:
        """Mirrors `can_bid` in words, from facts read once."""
        organisation = self.actor.organisation
        if scenario.suspended:
            return _("This demand is suspended; bids are not taken until it goes on.")
        if has_closed(scenario, self.now):
            return _("The deadline has passed.")
        if organisation is None or organisation.pk == scenario.organisation_id:
            return _("Your organisation posted this demand.")
        if scenario.organisation_id in self.related:
            return _("Your organisation and the demand's owner are under the same control.")
        if organisation.verified_at is None:
            return _("Your organisation has not been verified yet.")
        if not self.actor.writes:
            return _("Viewers read; an owner or editor of your organisation may bid.")
        return ""

    def _as_office(self, scenario: Scenario) -> list[Act]:
        if self.actor.role == Role.OFFICER:
            return self._as_officer(scenario)
        if self.actor.role == Role.SECRETARY:
            return self._as_secretary(scenario)
        return []

    def _as_officer(self, scenario: Scenario) -> list[Act]:
        name = {
            State.SUBMITTED: "start_demonstration",
            State.DEMONSTRATING: "invite_experts",
            State.DEMONSTRATED: "publish_scenario",
        }.get(State(scenario.state))
        if name and scenario_rules.can_demonstrate_scenario(self.actor, scenario):
            return self._at_the_gate(name, scenario)
        if scenario.state == State.PUBLISHED:
            return [] if has_closed(scenario, self.now) else self._after_publication(scenario)
        if scenario.state == State.DECISION and scenario.pk in self.races.awaiting:
            return self._race_step(scenario)
        if scenario.state == State.DECISION:
            if scenario.pk in self.decided:
                own = self.decided[scenario.pk] == self.actor.user_id
                not_you = _("An officer who did not decide publishes the notice.")
                return [self._act("publicise", scenario, not_you if own else "")]
            collective = scenario.award_mode == AwardMode.COLLECTIVE
            return [self._act("decide_by_minutes", scenario)] if collective else []
        if scenario.state == State.PUBLICITY:
            ends_at = self.publicity_ends.get(scenario.pk)
            running = ends_at is not None and self.now < ends_at
            early: Text = _("The publicity is still running.") if running else ""
            if not running and scenario.pk in self.challenged:
                early = _("A challenge to a member of the panel waits for the office.")
            return [self._act("confirm_award", scenario, early)]
        if scenario.state in OVER and scenario.pk in self.unreturned:
            return [self._act("certify_return", scenario)]
        return []

    def _at_the_gate(self, name: str, scenario: Scenario) -> list[Act]:
        """The step itself; the documents where one waits for this officer or keeps it back."""
        papers = self.papers.get(scenario.pk, [])
        if name == "publish_scenario" and not all(paper.there for paper in papers):
            return [self._act("file_documents", scenario)]
        waits = [self._act("file_documents", scenario)] if self.owes_papers(scenario) else []
        if name == "invite_experts" and scenario.pk in self.rounds:
            return waits
        return [self._act(name, scenario), *waits]

    def owes_papers(self, scenario: Scenario) -> bool:
        """Whether a document of it waits for this person: to be filed by an owner, or checked."""
        return any(
            self._owes(scenario, paper)
            for paper in self.papers.get(scenario.pk, [])
            if not paper.there
        )

    def _owes(self, scenario: Scenario, paper: Paper) -> bool:
        row = paper.document
        if paper.state == PaperState.WAITING:
            officer = self.actor.role == Role.OFFICER
            return officer and row is not None and row.filed_by_id != self.actor.user_id
        draft = GateDocument(scenario=scenario, kind=paper.kind)
        by_owner = FORMS[paper.kind].by_owner
        return by_owner and scenario_rules.can_file_document(self.actor, draft)

    def _as_secretary(self, scenario: Scenario) -> list[Act]:
        if scenario.state == State.DEMONSTRATING:
            if self.rounds.get(scenario.pk) and scenario_rules.can_conclude_demonstration(
                self.actor, scenario
            ):
                return [self._act("conclude_demonstration", scenario)]
            return []
        name = {
            State.OPENED: "start_eligibility",
            State.ELIGIBILITY: "check_eligibility",
            State.REVIEW: "run_panel" if scenario.pk in self.seated else "draw_panel",
        }.get(State(scenario.state))
        return [self._act(name, scenario)] if name else []

    def _as_key_holder(self, scenario: Scenario) -> list[Act]:
        if not self.actor.user_id or scenario.uid not in self.keys:
            return []
        if scenario.pk not in self.unconfirmed:
            return []
        if not bidding_rules.can_confirm_opening(self.actor, scenario):
            return []
        return [self._act("confirm_opening", scenario)]
