"""Result files for tests, stored as the door stores them."""

from __future__ import annotations

from marketplace.base.actor import Actor
from marketplace.files import actions as files
from marketplace.files.limits import Purpose
from marketplace.races.attempts.actions import submit_attempt
from marketplace.races.attempts.models import Attempt
from marketplace.races.models import Heat, Race
from tests import world

BODY = b"id,prediction\na,normal\nb,attack\n"


def racer(race: Race, code: str = "R1") -> Actor:
    """Somebody who writes for an entrant."""
    return world.member(race.entrants.get(code=code).organisation)


def result(actor: Actor, body: bytes = BODY, name: str = "result.csv"):
    return files.store_small(actor=actor, purpose=Purpose.RESULT, name=name, body=body)


def hand_in(actor: Actor, heat: Heat, body: bytes = BODY) -> Attempt:
    return submit_attempt(actor=actor, heat_uid=heat.uid, upload_uid=result(actor, body).uid)
