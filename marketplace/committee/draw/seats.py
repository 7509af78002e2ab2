"""Which seats are held, which are free, and who is next for them."""

from __future__ import annotations

from collections import Counter, defaultdict

from marketplace.base import clock
from marketplace.base.actor import SYSTEM, Actor
from marketplace.committee.draw import numbers
from marketplace.committee.draw.models import (
    Draw,
    DrawInvitation,
    DrawPlace,
    DrawState,
)
from marketplace.committee.models import PANEL_MAY_CHANGE, Panel
from marketplace.committee.queries import rules_of
from marketplace.ledger import actions as ledger
from marketplace.ledger.models import Audience
from marketplace.scenarios.models import Scenario


def wanted(draws: list[Draw]) -> Counter[str]:
    """{specialty: seats} over all rounds; a later round takes over what an earlier one cannot fill."""
    found: Counter[str] = Counter()
    for draw in draws:
        found.update({row["code"]: row["seats"] for row in draw.strata})
        found.subtract(draw.moved)
    return found


def held(scenario: Scenario) -> Counter[str]:
    """{specialty: seats} that are held, or offered and not answered yet."""
    rows = DrawInvitation.objects.filter(draw__scenario=scenario).standing()
    return Counter(rows.values_list("place__stratum", flat=True))


def waiting(draws: list[Draw]) -> dict[str, list[DrawPlace]]:
    """{specialty: those who were not asked yet}, in the order in which they are."""
    asked = set(
        DrawInvitation.objects.filter(draw__in=draws).values_list("place__expert_id", flat=True)
    )
    found: dict[str, list[DrawPlace]] = defaultdict(list)
    places = DrawPlace.objects.filter(draw__in=draws).order_by("draw__round", "place")
    for place in places:
        if place.expert_id not in asked:
            found[place.stratum].append(place)
    return found


def drawn_rounds(scenario: Scenario) -> list[Draw]:
    rows = Draw.objects.filter(scenario=scenario, state=DrawState.DRAWN)
    return list(rows.order_by("round"))


def missing(scenario: Scenario) -> dict[str, int] | None:
    """{specialty: seats} that nobody of any order can fill; None before anything was drawn."""
    draws = drawn_rounds(scenario)
    if not draws:
        return None
    seated, next_ones = held(scenario), waiting(draws)
    short = {
        code: count - seated[code] - len(next_ones.get(code, ()))
        for code, count in wanted(draws).items()
    }
    return {code: count for code, count in short.items() if count > 0}


def fill(scenario: Scenario, panel: Panel, *, actor: Actor = SYSTEM) -> list[DrawInvitation]:
    """Invite the next of the order for every free seat. The caller holds the panel's lock."""
    draws = drawn_rounds(scenario)
    if not draws or panel.state not in PANEL_MAY_CHANGE:
        return []
    seated, next_ones = held(scenario), waiting(draws)
    by_pk = {draw.pk: draw for draw in draws}
    asked: set[int] = set()
    made = []
    for code, count in sorted(wanted(draws).items()):
        free = count - seated[code]
        for place in next_ones.get(code, ()):
            if free <= 0:
                break
            # Somebody may wait in two specialties, and is asked for one.
            if place.expert_id in asked:
                continue
            asked.add(place.expert_id)
            made.append(invite(by_pk[place.draw_id], place, scenario, actor))
            free -= 1
    return made


def invite(draw: Draw, place: DrawPlace, scenario: Scenario, actor: Actor) -> DrawInvitation:
    now = clock.now()
    invitation = DrawInvitation.objects.create(
        draw=draw,
        number=draw.invitations.count() + 1,
        place=place,
        invited_at=now,
        answer_by=numbers.answer_until(rules_of(scenario), now),
    )
    ledger.append(
        "draw.invited",
        actor=actor,
        subjects=[scenario.uid, draw.uid, invitation.uid],
        audience=Audience.OFFICE,
        data={"number": invitation.number, "stratum": place.stratum},
    )
    return invitation


def settled(scenario: Scenario) -> bool:
    """No invitation waits for an answer. True of a panel that no draw belongs to."""
    rows = DrawInvitation.objects.filter(draw__scenario=scenario, answer="")
    return not rows.exists()
