"""匿名举报: past the office to the inspectors."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID, uuid4

from django.db import transaction

from marketplace.base import clock
from marketplace.base.actor import VISITOR, Actor
from marketplace.base.errors import NotFound
from marketplace.base.rules import require
from marketplace.ledger import actions as ledger
from marketplace.ledger.models import Audience
from marketplace.supervision import tips
from marketplace.supervision.models import Tip, TipAnswer
from marketplace.supervision.rules import can_answer_tip, can_send_tip
from marketplace.supervision.words import words

TIP_MOST = 4000
ANSWER_MOST = 4000


@dataclass(frozen=True)
class Sent:
    """What the sender keeps: shown once, the secret is stored as a hash only."""

    number: str
    secret: str


@transaction.atomic
def send_tip(*, text: str, actor: Actor = VISITOR) -> Sent:
    """Keep a tip. Whoever sends it does so as a visitor, signed in or not. Raises Invalid."""
    require(can_send_tip, actor, None)
    text = words(text, TIP_MOST, field="text")
    sent, uid = Sent(tips.new_number(), tips.new_secret()), uuid4()
    tip = Tip.objects.create(
        uid=uid,
        number=sent.number,
        secret_hash=tips.secret_hash(sent.secret),
        body=tips.seal(text, uid),
        received_at=clock.now(),
    )
    ledger.append("tip.received", actor=VISITOR, subjects=[tip.uid], audience=Audience.INSPECTION)
    return sent


@transaction.atomic
def answer_tip(*, actor: Actor, tip_uid: UUID, text: str) -> TipAnswer:
    """Answer where only the sender can read it. Raises Invalid."""
    tip = Tip.objects.visible_to(actor).filter(uid=tip_uid).first()
    if tip is None:
        raise NotFound
    require(can_answer_tip, actor, tip)
    text = words(text, ANSWER_MOST, field="text")
    answer = TipAnswer.objects.create(
        tip=tip,
        inspector=actor.person,
        body=tips.seal(text, tip.uid),
        answered_at=clock.now(),
    )
    ledger.append(
        "tip.answered",
        actor=actor,
        subjects=[tip.uid, answer.uid],
        audience=Audience.INSPECTION,
    )
    return answer
