"""Plays one scenario of the seeds through the actions, as the people of the seeds would."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pyrage
from django.conf import settings

from marketplace.awards import actions as awards
from marketplace.base import clock, queue
from marketplace.base.actor import Actor
from marketplace.bidding import actions as bidding
from marketplace.bidding.challenges import demo_answer, opening_challenge
from marketplace.bidding.models import Bid, BidState, Opening, OpeningStage
from marketplace.committee import actions as committee
from marketplace.committee.draw import actions as draws
from marketplace.committee.draw import invitations, lottery
from marketplace.committee.draw.models import Answer, Draw, DrawInvitation, DrawState
from marketplace.committee.models import PanelState, Sheet, SheetStage, SheetState
from marketplace.committee.queries import second_due
from marketplace.committee.signing.queries import unsaid
from marketplace.ledger.log import sequencer
from marketplace.management.season.content import Content, Mapping, draft_data
from marketplace.management.season.people import People
from marketplace.races.design.actions import save_design
from marketplace.scenarios import actions as scenarios
from marketplace.scenarios import sweeps
from marketplace.scenarios.amendments.actions import draft_amendment, publish_amendment
from marketplace.scenarios.attachments import Access
from marketplace.scenarios.demonstration.conclusion import QUESTIONS
from marketplace.scenarios.demonstration.models import Outcome, Verdict
from marketplace.scenarios.documents.kinds import FORMS, DocumentKind
from marketplace.scenarios.models import Scenario, State
from marketplace.scenarios.questions.actions import answer_questions, ask_question
from marketplace.scenarios.releases.actions import ask_release, grant_release
from marketplace.scenarios.undertakings import text_in_force

PATIENCE = 60
# Experts without a tie to any demand's owner of the seeds.
DEMONSTRATORS = ("e3", "e5", "e6", "e1", "e4", "e9")
# In which of their specialties the experts of the plan are drawn: few know it, so the lot comes to
# each of them.
SPECIALTIES = {
    "e1": "ot_security",
    "e2": "cryptography",
    "e4": "vehicle_security",
    "e5": "data_law",
    "e6": "cloud_identity",
    "e7": "port_iot",
    "e9": "ai_security",
}
# Those that are filed by hand, in their order, with how their numbers begin.
DOCUMENTS = {
    DocumentKind.CONFIDENTIALITY: "",
    DocumentKind.FUNDING: "资金承诺〔2026〕",
    DocumentKind.COMPETITION: "",
    DocumentKind.APPROVAL: "沪临网办审〔2026〕",
}


class TookTooLong(RuntimeError):
    """A process that should have done its part did not."""


def wait_until(what: str, reached: Callable[[], bool], *, seconds: float = PATIENCE) -> None:
    """Do the worker's part while waiting, so that it works with and without one."""
    ends = time.monotonic() + seconds
    while not reached():
        if time.monotonic() > ends:
            raise TookTooLong(what)
        sweeps.close_due()
        queue.deliver_due()
        time.sleep(0.1)


class Play:
    """One scenario and the people around it. Each method is one step of the path."""

    def __init__(self, content: Content, people: People, code: str) -> None:
        self.content, self.people, self.code = content, people, code
        self.seed = content.scenario(code)
        self.uid: UUID
        self.round: UUID
        officer, publisher = people.actor("officer"), people.actor("officer2")
        self.officer, self.publisher = officer, publisher
        self.secretary = people.actor("secretary")
        self.owner = people.actor(f"{self.seed['owner']}-owner")
        self.editor = people.actor(f"{self.seed['owner']}-editor")

    @property
    def scenario(self) -> Scenario:
        return Scenario.objects.get(uid=self.uid)

    # -- to the board --------------------------------------------------------------------------
    def draft(
        self,
        *,
        profile: str,
        award_mode: str,
        deadline_at: datetime,
        mask: str = "",
        restricted: Sequence[str] = (),
    ) -> None:
        """mask: under which words the owner posts it, where it is not to be named.

        restricted: fields that only released readers read.
        """
        data = draft_data(
            self.seed, profile=profile, award_mode=award_mode, deadline_at=deadline_at
        )
        if mask:
            data = {**data, "owner_masked": True, "owner_mask": mask}
        data = {**data, "restricted_fields": list(restricted)}
        self.uid = scenarios.create_draft(actor=self.editor, data=data).uid
        if design := self.content.races.get(self.code):
            save_design(actor=self.editor, scenario_uid=self.uid, revision=0, data=design)

    def attach(self) -> None:
        """A public and a restricted file."""
        for access, title in ((Access.PUBLIC, "接口说明"), (Access.RESTRICTED, "网络拓扑")):
            scenarios.attach_small(
                actor=self.editor,
                scenario_uid=self.uid,
                name=f"{title}.txt",
                body=f"{title}（虚构），仅供演示。\n".encode(),
                access=access,
                title=f"{title}（虚构）",
            )

    def release(self, vendor: str) -> None:
        """The restricted file, for a month."""
        [row] = self.scenario.attachments.filter(access=Access.RESTRICTED)
        scenarios.release_attachment(
            actor=self.owner,
            attachment_uid=row.uid,
            organisation_uid=self.people.actor(vendor).party.uid,
            until_date=clock.today() + timedelta(days=30),
        )

    def ask_release(self, vendor: str, words: str, *, granted: bool) -> None:
        """A vendor asks for the restricted parts; where they are granted, it signs for them."""
        reader = self.people.actor(vendor)
        asked = ask_release(actor=reader, scenario_uid=self.uid, text=words)
        if not granted:
            return
        until = clock.today() + timedelta(days=30)
        grant_release(actor=self.owner, request_uid=asked.uid, until_date=until)
        text = text_in_force()
        assert text is not None, "the reference data hold it"
        for row in self.scenario.attachments.filter(access=Access.RESTRICTED):
            scenarios.sign_undertaking(actor=reader, attachment_uid=row.uid, sha256=text.sha256)

    def submit(self) -> None:
        revision = self.scenario.revision
        scenarios.submit_scenario(actor=self.owner, scenario_uid=self.uid, revision=revision)

    def send_back(self, reason: str) -> None:
        scenarios.return_scenario(actor=self.officer, scenario_uid=self.uid, reason=reason)

    def start_demonstration(self) -> None:
        scenarios.start_demonstration(actor=self.officer, scenario_uid=self.uid)

    def ask_experts(self, *locals_: str) -> None:
        """Three of the pool who are not on the demand's panel, where none are named."""
        named = locals_ or self.demonstrators
        self.round = scenarios.invite_experts(
            actor=self.officer,
            scenario_uid=self.uid,
            expert_uids=[self.people.user(local).uid for local in named],
        ).uid

    @property
    def demonstrators(self) -> tuple[str, ...]:
        [plan] = [row for row in self.content.plan["scenarios"] if row["code"] == self.code]
        apart = [local for local in DEMONSTRATORS if local not in plan.get("panel", [])]
        return tuple(apart[:3])

    def opine(self, *locals_: str) -> None:
        for local in locals_ or self.demonstrators:
            scenarios.give_opinion(
                actor=self.people.actor(local),
                demonstration_uid=self.round,
                answers={name: {"yes": True} for name in QUESTIONS},
                verdict=Verdict.PASS,
                words="指标可由第三方测量，条件中立。",
            )

    def conclude_demonstration(self) -> None:
        """With everything before it: the experts are asked and answer."""
        self.ask_experts()
        self.opine()
        opinion = "需求真实，指标可测，条件中立，同意发榜。"
        scenarios.conclude_demonstration(
            actor=self.secretary, scenario_uid=self.uid, outcome=Outcome.PASS, opinion=opinion
        )

    def file_documents(self, *kinds: str) -> None:
        """The owner's and the office's, each checked by another person; all where none is named."""
        wanted = [DocumentKind(kind) for kind in kinds] or list(DOCUMENTS)
        for kind in wanted:
            number = f"{DOCUMENTS[kind]}-{self.code}（虚构）" if DOCUMENTS[kind] else ""
            row = scenarios.file_document(
                actor=self.owner if FORMS[kind].by_owner else self.officer,
                scenario_uid=self.uid,
                kind=kind,
                answers=dict.fromkeys(FORMS[kind].statements, True),
                number=number,
                amount_cny=self.scenario.budget_cny if FORMS[kind].amount else None,
            )
            if FORMS[kind].checked:
                scenarios.check_document(
                    actor=self.publisher, document_uid=row.uid, accepted=True, words="核对无误。"
                )

    def publish(self, *, keyholders: list[str], deadline_at: datetime) -> None:
        uids = [self.people.user(local).uid for local in keyholders]
        scenarios.publish_scenario(
            actor=self.publisher,
            scenario_uid=self.uid,
            key_holder_uids=uids,
            deadline_at=deadline_at,
        )

    # -- while it takes bids ---------------------------------------------------------------------
    def ask(self, vendor: str, text: str) -> None:
        ask_question(actor=self.people.actor(vendor), scenario_uid=self.uid, text=text)

    def answer_all(self, text: str) -> None:
        """The owner, to everybody, whatever waits."""
        waiting = self.scenario.questions.filter(reply=None)
        uids = list(waiting.values_list("uid", flat=True))
        answer_questions(actor=self.owner, scenario_uid=self.uid, question_uids=uids, text=text)

    def amend(self, data: Mapping, reason: str) -> None:
        """Drafted by the owner, published by an officer."""
        row = draft_amendment(actor=self.owner, scenario_uid=self.uid, data=data, reason=reason)
        publish_amendment(actor=self.publisher, amendment_uid=row.uid)

    # -- bids ------------------------------------------------------------------------------------
    def bid(self, vendor: str, forms: Mapping | None = None) -> None:
        forms = forms or self.content.bid(self.code, vendor)
        agreement = forms["business"].get("consortium_agreement", "")
        bidding.submit_bid(
            actor=self.people.actor(vendor),
            scenario_uid=self.uid,
            forms=forms,
            files=attachments(self.seed["title_zh"], agreement),
        )

    def bid_of(self, vendor: str) -> Bid:
        organisation = self.people.actor(vendor).organisation
        return Bid.objects.get(scenario__uid=self.uid, organisation=organisation)

    def wait_for_deadline(self) -> None:
        wait_until(f"{self.code} was not closed", lambda: self.scenario.state != State.PUBLISHED)

    # -- opening and eligibility -----------------------------------------------------------------
    def confirm(self, stage: str, *holders: str) -> None:
        for holder in holders:
            actor = self.people.actor(holder)
            bidding.confirm_opening(
                actor=actor, scenario_uid=self.uid, stage=stage, **self.answer(actor, stage)
            )

    def answer(self, actor: Actor, stage: str) -> Mapping:
        """By the holder's key of the demonstration, once the closing is in the log."""
        opening = Opening.objects.standing().filter(scenario__uid=self.uid, stage=stage).first()
        if opening is None:
            return {}
        # The season is its own sequencer; where another is at work, it is waited for.
        sequencer.seal_batch()
        wait_until(
            f"the closing of {self.code} did not reach the log",
            lambda: opening_challenge(opening) is not None,
        )
        return demo_answer(actor.person, opening)

    def wait_for_opening(self) -> None:
        wait_until(f"{self.code} was not opened", lambda: self.scenario.state != State.CLOSED)

    def start_eligibility(self) -> None:
        bidding.start_eligibility(actor=self.secretary, scenario_uid=self.uid)

    def check(self, vendor: str, *, failing: str = "", reason: str = "") -> None:
        """Every condition passes but the failing one."""
        bid = self.bid_of(vendor)
        for condition in self.scenario.conditions.order_by("position"):
            fails = condition.code == failing
            bidding.check_condition(
                actor=self.secretary,
                bid_uid=bid.uid,
                condition_code=condition.code,
                verdict="fail" if fails else "pass",
                reason=reason if fails else "",
            )

    def conclude_eligibility(self) -> None:
        bidding.conclude_eligibility(actor=self.secretary, scenario_uid=self.uid)

    # -- review ----------------------------------------------------------------------------------
    def draw(self, experts: list[str]) -> Draw:
        """One seat for the specialty of each; both nonces, the committed list, the log."""
        strata = {SPECIALTIES[local]: 1 for local in experts}
        draw = draws.prepare_draw(actor=self.secretary, scenario_uid=self.uid, strata=strata)
        for actor in (self.secretary, self.people.actor("witness")):
            nonce, role = secrets.token_bytes(32), str(actor.role)
            recipient = pyrage.x25519.Recipient.from_str(settings.OPENER_RECIPIENT)
            draws.deposit_nonce(
                actor=actor,
                draw_uid=draw.uid,
                sealed=pyrage.encrypt(nonce, [recipient]),
                nonce_hash=lottery.nonce_hash(nonce, str(draw.uid), role).hex(),
            )
        draws.commit_draw(actor=self.secretary, draw_uid=draw.uid)
        sequencer.seal_batch()
        return draw

    def answer_invitations(self, experts: list[str]) -> None:
        """These accept when the lot comes to them; everybody before them has no time."""
        people = {self.people.user(local).pk for local in experts}
        waiting = DrawInvitation.objects.filter(draw__scenario__uid=self.uid, answer="")
        while invitation := waiting.select_related("place__expert__user").order_by("pk").first():
            user = invitation.place.expert.user
            invitations.answer_invitation(
                actor=self.people.actor(user.email.split("@")[0]),
                invitation_uid=invitation.uid,
                answer=Answer.ACCEPTED if user.pk in people else Answer.NO_TIME,
            )
        seated = set(self.scenario.panel.members.values_list("user_id", flat=True))
        assert seated == people, f"{self.code}: the lot did not come to all of {experts}"

    def appoint(self, experts: list[str]) -> None:
        """Drawn, invited, declared, begun."""
        draw = self.draw(experts)
        wait_until(
            f"the panel of {self.code} was not drawn",
            lambda: Draw.objects.get(pk=draw.pk).state == DrawState.DRAWN,
        )
        self.begin_scoring(experts)

    def begin_scoring(self, experts: list[str]) -> None:
        self.answer_invitations(experts)
        panel = self.scenario.panel
        for local in experts:
            committee.declare_interest(
                actor=self.people.actor(local), panel_uid=panel.uid, free=True
            )
        committee.start_scoring(actor=self.secretary, panel_uid=panel.uid)

    def score(self, stage: str, experts: list[str], *, lock: bool = True) -> None:
        """Fill the sheets of one stage by the seeds, and lock them unless told not to."""
        for local in experts:
            actor = self.people.actor(local)
            if stage == SheetStage.NAMED:
                self.declare_again(actor)
            sheets = Sheet.objects.filter(
                member__user=actor.user,
                bid__scenario__uid=self.uid,
                stage=stage,
                state=SheetState.OPEN,
            )
            for sheet in sheets.order_by("pk"):
                self._fill(sheet, local, actor)
                if lock:
                    committee.lock_sheet(actor=actor, sheet_uid=sheet.uid)

    def declare_again(self, actor: Actor) -> None:
        """Against those who bid in fact, where it is due."""
        due = second_due().filter(user=actor.user, panel__scenario__uid=self.uid)
        for member in due:
            committee.declare_against_bidders(actor=actor, panel_uid=member.panel.uid, free=True)

    def _fill(self, sheet: Sheet, expert: str, actor: Actor) -> None:
        vendor = self._vendor_of(sheet.bid)
        marks = self.content.scores(self.code, expert, vendor)
        kinds = {SheetStage.TECHNICAL: "technical", SheetStage.NAMED: "team"}
        criteria = sheet.bid.scenario.criteria.filter(kind=kinds[SheetStage(sheet.stage)])
        scores = {
            criterion.code: (
                (criterion.weight * marks[criterion.code][0] / 100).quantize(Decimal("0.01")),
                marks[criterion.code][1],
            )
            for criterion in criteria
        }
        committee.save_scores(
            actor=actor, sheet_uid=sheet.uid, revision=sheet.revision, scores=scores
        )

    def _vendor_of(self, bid: Bid) -> str:
        rows = self.content.organisations["vendors"]
        return next(row["code"] for row in rows if row["uscc"] == bid.organisation.uscc)

    def wait_for_prices(self) -> None:
        eligible = Bid.objects.filter(scenario__uid=self.uid, state=BidState.ELIGIBLE)
        wait_until(
            f"the prices of {self.code} were not opened",
            lambda: (
                not eligible.filter(price_opened_at=None).exists()
                and self.scenario.openings.filter(
                    stage=OpeningStage.PRICE, finished_at__isnull=False
                ).exists()
            ),
        )

    def review(self, experts: list[str], *holders: str) -> None:
        """The whole review: blind, by name, prices, report."""
        self.score(SheetStage.TECHNICAL, experts)
        self.score(SheetStage.NAMED, experts)
        assert self.scenario.panel.state == PanelState.PRICE
        self.confirm(OpeningStage.PRICE, *holders)
        self.wait_for_prices()
        self.finish_review()

    def finish_review(self) -> None:
        """Added up, and signed by every member."""
        committee.finish_review(actor=self.secretary, scenario_uid=self.uid)
        for member in unsaid().filter(panel__scenario__uid=self.uid).order_by("pk"):
            actor = self.people.actor(member.user.email.split("@")[0])
            committee.sign_report(actor=actor, panel_uid=member.panel.uid)

    # -- award -----------------------------------------------------------------------------------
    def decide(self, vendor: str, *, reason: str = "", minutes_number: str = "") -> None:
        bid = self.bid_of(vendor)
        if minutes_number:
            awards.decide_by_minutes(
                actor=self.officer,
                scenario_uid=self.uid,
                bid_uid=bid.uid,
                minutes_number=minutes_number,
                reason=reason,
            )
        else:
            awards.choose_winner(
                actor=self.owner, scenario_uid=self.uid, bid_uid=bid.uid, reason=reason
            )

    def publicise(self, *, ends_at: datetime | None = None) -> None:
        decision = self.scenario.decisions.exclude(state="refused").get()
        awards.publicise(actor=self.publisher, decision_uid=decision.uid, ends_at=ends_at)

    def confirm_award(self) -> None:
        decision = self.scenario.decisions.exclude(state="refused").get()
        ends_at = decision.publicity.ends_at
        wait_until("the publicity window did not end", lambda: clock.now() >= ends_at)
        awards.confirm_award(actor=self.officer, decision_uid=decision.uid)


def attachments(title: str, agreement: str = "") -> dict[str, list[tuple[str, bytes]]]:
    """A small anonymous annex, so that files travel the path too; the agreement by its name."""
    text = f"{title}：方案附件（虚构）\n\n架构说明、接口清单、测试计划各一节，仅供演示。\n"
    agreed = f"{title}：联合体协议（虚构）\n\n各成员分工与份额如商务部分所列，承担连带责任。\n"
    return {
        "business": [(agreement, agreed.encode())] if agreement else [],
        "technical": [("annex.txt", text.encode())],
        "price": [],
    }


def seconds_from_now(seconds: float) -> datetime:
    return clock.now() + timedelta(seconds=seconds)
