"""What people do for a draw: say the strata, deposit their nonces, commit the list.

None of these names anybody. What follows, the opener does alone (drawing.py).
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from marketplace.base import clock, sealing
from marketplace.base.actor import Actor
from marketplace.base.errors import Invalid, NotFound, StateConflict, Text
from marketplace.base.locks import lock, lock_shared
from marketplace.base.rules import require
from marketplace.base.states import move
from marketplace.bidding.actions.eligibility import require_running
from marketplace.committee.draw import candidates, lottery, numbers, register, seats
from marketplace.committee.draw.lottery import Stratum
from marketplace.committee.draw.models import (
    Draw,
    DrawCommitment,
    DrawDeposit,
    DrawState,
)
from marketplace.committee.models import PANEL_MAY_CHANGE, Panel
from marketplace.committee.queries import rules_of, size_fits
from marketplace.committee.rules import can_commit_draw, can_deposit_nonce, can_prepare_draw
from marketplace.ledger import actions as ledger
from marketplace.ledger.models import Audience
from marketplace.scenarios.models import Scenario, State
from marketplace.scenarios.queries import specialties

DRAWN_IN = {State.ELIGIBILITY, State.REVIEW}
CODE = re.compile(r"[a-z0-9_]{1,64}", re.ASCII)
# An age file of 32 bytes has about 230; grease may make it a little longer.
SEALED_MOST = 1024
HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)


@transaction.atomic
def prepare_draw(*, actor: Actor, scenario_uid: UUID, strata: Mapping[str, int]) -> Draw:
    """Say how many seats each specialty has: {code: seats}. Until the commitment, as often as needed.

    Raises Invalid where the size does not fit the profile or a specialty is unknown, StateConflict
    where a draw is under way, or nothing is missing.
    """
    # For the whole row: a second secretary waits, and then finds this draw.
    scenario = lock(Scenario, uid=scenario_uid)
    require(can_prepare_draw, actor, scenario)
    _require_time(scenario)
    running = Draw.objects.running().filter(scenario=scenario).first()
    if running is not None and running.state != DrawState.PREPARED:
        raise StateConflict(
            _("The list is committed and waits to be drawn: nothing can be changed any more."),
            code="draw.running",
        )
    missing = seats.missing(scenario)
    errors = strata_errors(scenario, strata, missing)
    if errors:
        raise Invalid(errors={"strata": errors}, code="draw.strata")
    profile = rules_of(scenario)
    rows = [
        {"code": code, "seats": strata[code], "reserve": numbers.reserve(profile, strata[code])}
        for code in sorted(strata)
    ]
    if running is not None:
        draw = lock(Draw, pk=running.pk)
        draw.strata, draw.proposed_by = rows, actor.person
        draw.save(update_fields=["strata", "proposed_by"])
    else:
        last = Draw.objects.filter(scenario=scenario).order_by("-round").first()
        draw = Draw.objects.create(
            scenario=scenario,
            round=last.round + 1 if last else 1,
            strata=rows,
            proposed_by=actor.person,
        )
    ledger.append(
        "draw.prepared",
        actor=actor,
        subjects=[scenario.uid, draw.uid],
        audience=Audience.OFFICE,
        to_state=draw.state,
        profile_version=profile.label,
        data={"round": draw.round, "strata": rows},
    )
    return draw


@transaction.atomic
def deposit_nonce(*, actor: Actor, draw_uid: UUID, sealed: bytes, nonce_hash: str) -> DrawDeposit:
    """Leave 32 random bytes, encrypted to the opener, with SHA-256(nonce ‖ draw ‖ role) in hex.

    Only the form can be judged here: what does not fit its hash voids the round later.
    """
    draw = _visible(actor, draw_uid)
    scenario = lock_shared(Scenario, pk=draw.scenario_id)
    draw = lock(Draw, pk=draw.pk)
    require(can_deposit_nonce, actor, draw)
    _require_time(scenario)
    if draw.state != DrawState.PREPARED:
        raise StateConflict(
            _("The list is committed: no nonce is taken any more."), code="draw.committed"
        )
    role = str(actor.role)
    given = {row.role: row for row in draw.deposits.all()}
    if role in given:
        raise StateConflict(_("This nonce is deposited already."), code="draw.deposited")
    if any(row.user_id == actor.user_id for row in given.values()):
        raise StateConflict(
            _("The two nonces come from two people: you have deposited one already."),
            code="draw.same_person",
        )
    if not HASH.fullmatch(nonce_hash) or len(sealed) > SEALED_MOST or not _is_age(sealed):
        raise Invalid(
            errors={
                "deposit": [_("This is not a nonce encrypted to the opener with its SHA-256.")]
            },
            code="draw.deposit",
        )
    if any(row.nonce_hash == nonce_hash for row in given.values()):
        raise Invalid(
            errors={"deposit": [_("Another nonce of this draw has this very hash.")]},
            code="draw.deposit",
        )
    deposit = DrawDeposit.objects.create(
        draw=draw,
        role=role,
        user=actor.person,
        sealed=sealed,
        nonce_hash=nonce_hash,
        deposited_at=clock.now(),
    )
    ledger.append(
        "draw.deposited",
        actor=actor,
        subjects=[scenario.uid, draw.uid],
        audience=Audience.OFFICE,
        data={"role": role, "hash": nonce_hash},
    )
    return deposit


@transaction.atomic
def commit_draw(*, actor: Actor, draw_uid: UUID) -> Draw:
    """Fix the candidates as they are now, and commit to them in the log. The opener goes on.

    Raises Invalid, naming the specialty, where too few are left to draw from.
    """
    found = _visible(actor, draw_uid)
    scenario = lock(Scenario, pk=found.scenario_id)
    draw = lock(Draw, pk=found.pk)
    require(can_commit_draw, actor, draw)
    _require_time(scenario)
    if draw.state != DrawState.PREPARED:
        raise StateConflict(_("The list is committed already."), code="draw.committed")
    deposits = {row.role: row.nonce_hash for row in draw.deposits.all()}
    if set(deposits) != set(lottery.DEPOSITORS):
        raise StateConflict(
            _("First the secretary and the witness each deposit a nonce."), code="draw.deposits"
        )
    missing = seats.missing(scenario)
    wanted = {row["code"]: row["seats"] for row in draw.strata}
    errors = strata_errors(scenario, wanted, missing)
    if errors:
        raise Invalid(errors={"strata": errors}, code="draw.strata")
    gathered = candidates.gather(scenario, wanted)
    code_salt, document_salt = secrets.token_bytes(32), secrets.token_bytes(32)
    strata = candidates.strata_of(draw.strata, gathered, code_salt)
    _require_enough(strata)
    document = lottery.document(str(draw.uid), strata)
    committed = lottery.commitment(document_salt, document)
    register.fill(scenario)
    event = ledger.append(
        "draw.committed",
        actor=actor,
        subjects=[scenario.uid, draw.uid],
        audience=Audience.PUBLIC,
        from_state=DrawState.PREPARED,
        to_state=DrawState.COMMITTED,
        profile_version=rules_of(scenario).label,
        data={
            "algorithm": lottery.ALGORITHM,
            "round": draw.round,
            "commitment": committed.hex(),
            "nonces": deposits,
            "strata": len(strata),
        },
    )
    DrawCommitment.objects.create(
        draw=draw,
        document=document,
        document_salt=document_salt,
        code_salt=code_salt,
        commitment=committed,
        event_id=event.pk,
        committed_by=actor.person,
        excluded=[[str(uid), code, tie] for uid, code, tie in gathered.excluded],
    )
    draw.moved = missing if draw.round > 1 and missing else {}
    draw.committed_at = event.at
    move(draw, DrawState.COMMITTED, also=("moved", "committed_at"))
    return draw


# -- What is refused -------------------------------------------------------------------------------
TOO_FEW = gettext_lazy("Too few experts may be drawn for “%(code)s”: choose other specialties.")


def strata_errors(
    scenario: Scenario, strata: Mapping[str, int], missing: Mapping[str, int] | None
) -> list[Text]:
    """missing: {code: seats} that no order of earlier rounds fills; None before the first round."""
    errors: list[Text] = []
    if not strata or len(strata) > numbers.STRATA_MOST:
        errors.append(_("Name one to %(most)s specialties.") % {"most": numbers.STRATA_MOST})
    known = {term.code for term in specialties()}
    for code, count in strata.items():
        if not CODE.fullmatch(code) or (known and code not in known):
            errors.append(_("There is no specialty “%(code)s”.") % {"code": code[:64]})
        if not 1 <= count <= numbers.SEATS_MOST:
            told = {"code": code[:64], "most": numbers.SEATS_MOST}
            errors.append(_("“%(code)s” has 1 to %(most)s seats.") % told)
    total = sum(strata.values())
    if errors:
        return errors
    if missing is None:
        return _size_errors(scenario, total)
    wanted = sum(missing.values())
    if not wanted:
        raise StateConflict(
            _("No seat is missing that the order drawn before does not fill."),
            code="draw.nothing_missing",
        )
    if total != wanted:
        return [
            _("This round fills exactly the %(wanted)s missing seats; %(total)s were named.")
            % {"wanted": wanted, "total": total}
        ]
    return []


def _size_errors(scenario: Scenario, size: int) -> list[Text]:
    if size_fits(scenario, size):
        return []
    profile = rules_of(scenario)
    if profile.says("panel_size_odd"):
        text = _("The rules ask for an odd panel of at least %(least)s; %(size)s were named.")
    else:
        text = _("The rules ask for a panel of at least %(least)s; %(size)s were named.")
    return [text % {"least": profile.count("panel_size_min"), "size": size}]


def _require_enough(strata: list[Stratum]) -> None:
    """However the lots fall, each stratum fills its seats. Raises Invalid by specialty."""
    errors: list[Text] = []
    earlier: list[Stratum] = []
    for stratum in strata:
        # In the worst case those who stand in both are drawn in the earlier one.
        taken = 0
        if earlier:
            shared = set(stratum.candidates) & {c for one in earlier for c in one.candidates}
            taken = min(len(shared), sum(one.seats for one in earlier))
        if len(stratum.candidates) - taken < stratum.seats:
            errors.append(str(TOO_FEW) % {"code": stratum.code})
        earlier.append(stratum)
    if errors:
        raise Invalid(errors={"strata": errors}, code="draw.too_few")


def _require_time(scenario: Scenario) -> None:
    require_running(scenario)
    if scenario.state not in DRAWN_IN:
        raise StateConflict(
            _("A panel is drawn once the bids are opened and before they are scored."),
            code="draw.scenario_state",
        )
    panel = Panel.objects.filter(scenario=scenario).first()
    if panel is not None and panel.state not in PANEL_MAY_CHANGE:
        raise StateConflict(
            _("The prices have been asked for: the panel no longer changes."), code="panel.closed"
        )


def _visible(actor: Actor, draw_uid: UUID) -> Draw:
    found = Draw.objects.visible_to(actor).filter(uid=draw_uid).first()
    if found is None:
        raise NotFound
    return found


def _is_age(sealed: bytes) -> bool:
    try:
        sealing.check_form(sealed)
    except sealing.Unreadable:
        return False
    return True
