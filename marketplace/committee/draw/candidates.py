"""Whom a draw may fall on: the pool's candidates, less those whom this demand keeps out."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from marketplace.base import clock
from marketplace.committee import queries
from marketplace.committee.draw import lottery
from marketplace.committee.draw.lottery import Stratum
from marketplace.committee.draw.models import DrawInvitation
from marketplace.committee.models import PanelMember
from marketplace.experts.candidates import Gathered, gathered
from marketplace.experts.models import Expert
from marketplace.scenarios.demonstration.queries import demonstrators
from marketplace.scenarios.models import Scenario


def barred(scenario: Scenario) -> dict[int, str]:
    """{user id: code} of those whom this room keeps out, whatever the pool says of them."""
    asked = DrawInvitation.objects.filter(draw__scenario=scenario)
    sat = PanelMember.objects.filter(panel__scenario=scenario)
    found = dict.fromkeys(challenged(scenario), "challenged")
    found |= dict.fromkeys(demonstrators(scenario), "demonstrated")
    found |= dict.fromkeys(asked.values_list("place__expert__user", flat=True), "asked")
    return found | dict.fromkeys(sat.values_list("user_id", flat=True), "asked")


def challenged(scenario: Scenario) -> list[int]:
    """Ids of those whom a bidder named under seal. Everybody of that name: it says no more."""
    named = [plain_name(told.who) for told in queries.challenges_of(scenario)]
    if not named:
        return []
    people = Expert.objects.values_list("user_id", "user__name", "user__name_en")
    return [
        pk
        for pk, name, name_en in people
        if any(plain_name(one) in who for who in named for one in (name, name_en) if one)
    ]


def plain_name(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


def strata_of(
    rows: Iterable[Mapping[str, Any]], found: Gathered, code_salt: bytes
) -> list[Stratum]:
    """rows: [{code, seats, reserve}]. Who knows several specialties has one code in all of them."""
    codes: dict[UUID, str] = {}

    def code_of(uid: UUID) -> str:
        code = codes.get(uid)
        if code is None:
            code = codes[uid] = lottery.candidate_code(code_salt, str(uid))
        return code

    return [
        Stratum(
            row["code"],
            row["seats"],
            row["reserve"],
            {code_of(uid): weight for uid, _user, weight in found.candidates[row["code"]]},
        )
        for row in rows
    ]


def gather(scenario: Scenario, strata: Mapping[str, int]) -> Gathered:
    """strata: {specialty: seats}."""
    return gathered(
        scenario.uid,
        strata,
        queries.concerned_organisations(scenario),
        scenario.profile,
        clock.today(),
        barred=barred(scenario),
    )
