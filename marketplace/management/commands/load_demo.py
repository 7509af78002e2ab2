from __future__ import annotations

import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import translation

from marketplace.base import clock
from marketplace.base.actor import Actor, Role
from marketplace.bidding.models import OpeningStage
from marketplace.committee.models import SheetStage
from marketplace.desk.acts import Desk
from marketplace.desk.others import waiting_on
from marketplace.desk.queries import waiting_for
from marketplace.management.season.content import Content, Mapping
from marketplace.management.season.people import People, load_people
from marketplace.management.season.play import Play, seconds_from_now, wait_until
from marketplace.scenarios import actions as scenarios
from marketplace.scenarios.batches.models import Batch
from marketplace.scenarios.documents.kinds import DocumentKind
from marketplace.scenarios.models import Scenario
from marketplace.supervision.actions import register_approach, request_inspection, send_tip
from marketplace.supervision.models import Scope

# The states after the deadline: played with profile D, in seconds.
AFTER_DEADLINE = ("closed", "eligibility", "review", "decision", "publicity", "awarded")
BIDDING_SECONDS = 10
KEY_HOLDERS = ["keyholder1", "keyholder2", "keyholder3"]
# One of each role, all with something on their desk or something of their own to follow.
TOURED = (
    "officer officer2 secretary o3-owner o5-owner v5 e7 keyholder2 witness inspector evaluator"
).split()


ANNOUNCED = {
    "number": "1",
    "title": "第一批网络安全需求榜单（虚构）",
    "title_en": "First batch of security demands (fictitious)",
    "call_number": "沪临网办〔2026〕1号（虚构）",
    "text": "面向园区企业征集第一批网络安全需求。\n\n- 需求真实，指标可测\n- 资金已落实",
    "text_en": "The first security demands of the park's enterprises are called for.",
}
CALL = {
    "number": "2",
    "title": "第二批网络安全需求征集通知（虚构）",
    "title_en": "Second call for security demands (fictitious)",
    "call_number": "沪临网办〔2026〕2号（虚构）",
    "text": "面向园区企业征集网络安全需求。\n\n- 需求真实，指标可测\n- 资金已落实\n- 不指向特定品牌",
    "text_en": "Security demands of the park's enterprises are called for.",
}
TASKS = [("汇总需求并核对材料", 12, 40), ("联系论证专家", 2, 50), ("落实论证会场地", 18, 100)]


def in_days(days: int) -> datetime:
    return clock.now() + timedelta(days=days)


class Command(BaseCommand):
    help = "Fill the demo: play seeds/demo through the actions. Does nothing the second time."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--password-file", type=Path, required=True)

    def handle(self, *args: Any, **options: Any) -> None:
        content = Content()
        people = People(content)
        password = options["password_file"].read_text("utf-8").strip()
        if not password:
            raise CommandError("The password file is empty.")
        if people.is_there():
            found, planned = Scenario.objects.count(), len(content.plan["scenarios"])
            if found < planned:
                raise CommandError("Demo content is incomplete: `make reset` starts over.")
            self.say(f"demo content is there: {found} scenarios")
        else:
            self.load(content, password)
        self.print_accounts(people, password)

    def say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()

    def load(self, content: Content, password: str) -> None:
        began = time.monotonic()
        people = load_people(content, password)
        self.say("organisations and people of the park are there")
        plans = content.plan["scenarios"]
        played = [self.begin(Play(content, people, plan["code"]), plan) for plan in plans]
        self.say(f"{len(played)} demands are filed; waiting for the short deadlines")
        batch_uid = self.gathering(people, played)
        for number, (play, plan) in enumerate(played, 1):
            if plan["state"] in AFTER_DEADLINE:
                self.finish(play, plan)
                self.say(f"[{number}/{len(played)}] {play.code} is in state {plan['state']}")
        self.announce(people, played, batch_uid)
        for play, plan in played:
            self.afterwards(play, plan)
        self.call(people, played)
        supervise(people)
        self.say(f"demo content loaded in {time.monotonic() - began:.1f} s")

    def begin(self, play: Play, plan: Mapping) -> tuple[Play, Mapping]:
        """From the draft to the board, with the bids that come in at once."""
        state, profile = plan["state"], plan["profile"]
        deadline_at = self.deadline(play, state)
        award_mode = plan.get("award_mode") or ("collective" if profile == "B" else "owner_choice")
        play.draft(
            profile=profile,
            award_mode=award_mode,
            deadline_at=deadline_at,
            mask=plan.get("mask", ""),
            restricted=plan.get("restricted", []),
        )
        if state == "draft":
            return play, plan
        readers = plan.get("released_to", [])
        if readers:
            play.attach()
        play.submit()
        if state == "returned":
            play.send_back(plan["return_reason_zh"])
        if state in {"submitted", "returned"}:
            return play, plan
        play.start_demonstration()
        if state == "demonstrating":
            play.file_documents(DocumentKind.CONFIDENTIALITY)
            # One has answered, two are waited for.
            play.ask_experts("e3", "e5", "e7")
            play.opine("e3")
            return play, plan
        play.conclude_demonstration()
        play.file_documents()
        if plan.get("batch"):
            return play, plan  # published with the others of its batch
        holders = plan.get("keyholders", KEY_HOLDERS)
        play.publish(keyholders=holders, deadline_at=self.deadline(play, state))
        for vendor in readers:
            play.release(vendor)
        for vendor in plan.get("bids", []):
            play.bid(vendor)
        return play, plan

    def gathering(self, people: People, played: list[tuple[Play, Mapping]]) -> UUID:
        """The call of the first batch, which is over in a moment, with its demands."""
        officer = people.actor("officer")
        closes_at = seconds_from_now(BIDDING_SECONDS)
        batch = scenarios.create_batch(actor=officer, data=ANNOUNCED | {"closes_at": closes_at})
        scenarios.call_batch(actor=officer, batch_uid=batch.uid)
        for play, plan in played:
            if plan.get("batch"):
                scenarios.file_under_call(
                    actor=play.owner, scenario_uid=play.uid, batch_uid=batch.uid
                )
        return batch.uid

    def announce(self, people: People, played: list[tuple[Play, Mapping]], batch_uid: UUID) -> None:
        """第一批榜单公告: its demands are published at one moment."""
        chosen = [play for play, plan in played if plan.get("batch")]
        batch = Batch.objects.get(uid=batch_uid)
        assert batch.closes_at is not None, "it was called"
        closes_at = batch.closes_at
        wait_until("the end of the call", lambda: clock.now() >= closes_at)
        scenarios.gather_batch(actor=people.actor("officer"), batch_uid=batch_uid)
        days = max(play.seed["bid_days"] for play in chosen)
        scenarios.announce_batch(
            actor=people.actor("officer2"),
            batch_uid=batch_uid,
            announcement_number="沪临网办公告〔2026〕1号（虚构）",
            scenario_uids=[play.uid for play in chosen],
            key_holder_uids=[people.user(local).uid for local in KEY_HOLDERS],
            deadline_at=clock.now() + timedelta(days=days, minutes=5),
        )
        self.say("the first batch is announced")

    def afterwards(self, play: Play, plan: Mapping) -> None:
        """What happens to a demand that takes bids: questions, requests to read on, a change."""
        for asked in plan.get("questions", []):
            play.ask(asked["vendor"], asked["text_zh"])
            play.answer_all(asked["answer_zh"])
        for asked in plan.get("release_requests", []):
            play.ask_release(asked["vendor"], asked["text_zh"], granted=asked.get("granted", False))
        if change := plan.get("amendment"):
            play.amend({change["field"]: change["text_zh"]}, change["reason_zh"])

    def call(self, people: People, played: list[tuple[Play, Mapping]]) -> None:
        """An open call with two demands on their way and three tasks."""
        officer, secretary = people.actor("officer"), people.actor("secretary")
        batch = scenarios.create_batch(actor=officer, data=CALL | {"closes_at": in_days(14)})
        scenarios.call_batch(actor=officer, batch_uid=batch.uid)
        for play, plan in played:
            if plan["state"] in {"submitted", "demonstrating"}:
                scenarios.file_under_call(
                    actor=play.owner, scenario_uid=play.uid, batch_uid=batch.uid
                )
        for title, days, progress in TASKS:
            task = scenarios.add_task(
                actor=officer,
                batch_uid=batch.uid,
                title=title,
                due_date=in_days(days).date(),
                responsible_uid=secretary.person.uid,
            )
            scenarios.report_task(actor=secretary, task_uid=task.uid, progress=progress)
        scenarios.set_meeting(
            actor=officer,
            batch_uid=batch.uid,
            meeting_at=in_days(20),
            meeting_place="示例会议室（虚构）",
        )
        self.say("a call for demands is open")

    def deadline(self, play: Play, state: str) -> datetime:
        if state in AFTER_DEADLINE:
            return seconds_from_now(BIDDING_SECONDS)
        return clock.now() + timedelta(days=play.seed["bid_days"], minutes=5)

    def finish(self, play: Play, plan: Mapping) -> None:
        """From the deadline to where the plan leaves it."""
        play.wait_for_deadline()
        if plan["state"] == "closed":
            play.confirm(OpeningStage.FIRST, *plan["confirmed_by"])
            return
        play.confirm(OpeningStage.FIRST, *plan["keyholders"][:2])
        play.wait_for_opening()
        play.start_eligibility()
        pending = plan.get("pending", [])
        for vendor in plan["bids"]:
            if vendor not in pending:
                play.check(vendor)
        if plan["state"] == "eligibility":
            return
        play.conclude_eligibility()
        play.appoint(plan["panel"])
        if plan["state"] == "review":
            busy = plan["open_sheets"]
            done = [expert for expert in plan["panel"] if expert not in busy]
            play.score(SheetStage.TECHNICAL, done)
            return
        play.review(plan["panel"], *plan["keyholders"][1:3])
        if plan["state"] == "decision":
            return
        play.decide(plan["chosen"], minutes_number=plan.get("minutes_number", ""))
        longer = plan.get("stricter", {}).get("publicity_min")
        play.publicise(ends_at=seconds_from_now(longer["value"]) if longer else None)
        if plan["state"] == "awarded":
            play.confirm_award()

    def print_accounts(self, people: People, password: str) -> None:
        self.say("")
        self.say(f"demo accounts, all with the password {password}")
        with translation.override("en"):
            for local in TOURED:
                actor = people.actor(local)
                self.say(f"  {people.address(local):24} {hat(actor)}: {errand(actor)}")


def supervise(people: People) -> None:
    """A request of the inspector in force, a registered approach and a tip."""
    now = clock.now()
    request_inspection(
        actor=people.actor("inspector"),
        number="沪临纪调〔2026〕1号（虚构）",
        scope=Scope.EVERYTHING,
        reason="年度专项检查（虚构）。",
        until_at=now + timedelta(days=180),
    )
    register_approach(
        actor=people.actor("officer"),
        who="某单位来电人（虚构）",
        happened_at=now,
        what="来电询问某项需求有几家申报，已告知截止前任何人都不掌握，并按规定登记。",
    )
    send_tip(text="反映某揭榜方的业绩证明疑似借用其他单位材料（虚构）。")


def hat(actor: Actor) -> str:
    """The role by its name; who only holds keys has no other."""
    holds_keys = bool(Desk(actor, clock.now()).keys)
    if actor.role == Role.MEMBER and holds_keys:
        return "Key holder"
    role = str(Role(actor.role).label)
    return f"{role} of {actor.organisation.name_en}" if actor.organisation else role


def errand(actor: Actor) -> str:
    """What the desk of this account shows now."""
    waiting = waiting_for(actor)
    if waiting:
        return ", ".join(dict.fromkeys(str(task.verb) for task in waiting))
    following = len(waiting_on(actor))
    return f"follows {following} of its own" if following else "reads along"
