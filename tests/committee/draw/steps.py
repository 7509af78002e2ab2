"""A draw taken through its steps: experts of the pool, deposits, the log, the opener."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any

import pyrage
from django.conf import settings

from marketplace.base.actor import Actor, Role
from marketplace.committee.draw import actions, drawing, invitations, lottery
from marketplace.committee.draw.models import Draw, DrawInvitation, RegisterEntry
from marketplace.experts.models import Expert, Grade
from marketplace.ledger.log import sequencer
from marketplace.scenarios.models import Scenario
from tests import world
from tests.bidding.bids import identity
from tests.committee import factories

CODES = ("ot_security", "cryptography")
STRATA = {"cryptography": 1, "ot_security": 2}


def pool(number: int = 8, specialties: tuple[str, ...] = CODES, **fields: Any) -> list[Actor]:
    """Experts that any profile admits; each knows all of these specialties."""
    people = [world.person(Role.EXPERT) for _ in range(number)]
    for actor in people:
        # Of one length, so that no name is found within another.
        actor.user.name = f"示评{actor.user.pk:06d}号"
        actor.user.save(update_fields=["name"])
    Expert.objects.bulk_create(
        Expert(
            user=actor.user,
            **{
                "title": "教授",
                "specialties": list(specialties),
                "grade": Grade.SENIOR,
                "field_from_year": 2005,
            }
            | fields,
        )
        for actor in people
    )
    return people


def sealed(nonce: bytes) -> bytes:
    return pyrage.encrypt(nonce, [pyrage.x25519.Recipient.from_str(settings.OPENER_RECIPIENT)])


def deposit(draw: Draw, actor: Actor, nonce: bytes | None = None, **wrong: Any) -> bytes:
    nonce = nonce or secrets.token_bytes(32)
    told = lottery.nonce_hash(nonce, str(draw.uid), str(actor.role)).hex()
    actions.deposit_nonce(
        actor=actor,
        draw_uid=draw.uid,
        **({"sealed": sealed(nonce), "nonce_hash": told} | wrong),
    )
    return nonce


def prepared(scenario: Scenario | None = None, strata: dict[str, int] | None = None) -> Draw:
    return actions.prepare_draw(
        actor=world.secretary(),
        scenario_uid=(scenario or factories.scenario_in_review()).uid,
        strata=strata or STRATA,
    )


def deposited(draw: Draw | None = None) -> Draw:
    draw = draw or prepared()
    deposit(draw, world.secretary())
    deposit(draw, world.person(Role.WITNESS))
    return draw


def committed(scenario: Scenario | None = None, strata: dict[str, int] | None = None) -> Draw:
    draw = deposited(prepared(scenario, strata))
    return actions.commit_draw(actor=world.secretary(), draw_uid=draw.uid)


def carry_on(draw: Draw) -> Draw:
    """The log seals the commitment, and the opener draws."""
    sequencer.seal_batch()
    drawing.draw_committed(identity())
    draw.refresh_from_db()
    return draw


def drawn(scenario: Scenario | None = None, strata: dict[str, int] | None = None) -> Draw:
    return carry_on(committed(scenario, strata))


def invited(draw: Draw) -> list[DrawInvitation]:
    rows = DrawInvitation.objects.filter(draw__scenario=draw.scenario, answer="")
    return list(rows.select_related("place__expert__user").order_by("pk"))


def actor_of(invitation: DrawInvitation) -> Actor:
    return Actor(Role.EXPERT, invitation.place.expert.user)


def answer(invitation: DrawInvitation, said: str = "accepted", **more: Any) -> DrawInvitation:
    return invitations.answer_invitation(
        actor=actor_of(invitation), invitation_uid=invitation.uid, answer=said, **more
    )


def line(scenario: Scenario, *, concerned: bool) -> RegisterEntry:
    rows = RegisterEntry.objects.filter(scenario=scenario, concerned=concerned)
    return rows.order_by("pk")[0]


DAY = timedelta(days=1)
