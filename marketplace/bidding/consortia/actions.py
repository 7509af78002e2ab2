"""Asking for other members after the opening. The office decides in the committee's room."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from marketplace.base import clock
from marketplace.base.actor import Actor
from marketplace.base.errors import Invalid, NotFound, StateConflict
from marketplace.base.locks import lock, lock_shared
from marketplace.base.rules import require
from marketplace.bidding.consortia.models import ChangeState, ConsortiumChange
from marketplace.bidding.consortia.queries import as_row, business_forms, standing_members
from marketplace.bidding.forms_schema import demands_of, envelope_faults, normalised
from marketplace.bidding.models import Bid, BidState
from marketplace.bidding.rules import can_request_consortium_change
from marketplace.ledger import actions as ledger
from marketplace.ledger.models import Audience
from marketplace.scenarios.models import Envelope, Scenario, State

# From the opening's end until the award is confirmed; afterwards it is the contract's matter.
CHANGE_STATES = {State.OPENED, State.ELIGIBILITY, State.REVIEW, State.DECISION, State.PUBLICITY}
CHANGE_BIDS = {BidState.OPENED, BidState.ELIGIBLE, BidState.CANDIDATE}
REASON_MAX = 2000


@transaction.atomic
def request_consortium_change(
    *,
    actor: Actor,
    bid_uid: UUID,
    members: Sequence[Mapping[str, Any]],
    lead_work: str,
    lead_share_percent: str,
    agreement_name: str,
    agreement_sha256: str,
    reason: str,
) -> ConsortiumChange:
    """The lead asks; members are the others as they are to be, each as in the business form.

    Raises Invalid with the faults by field, StateConflict outside the time for it, for a bid
    without a consortium, and while another change waits.
    """
    found = Bid.objects.visible_to(actor).filter(uid=bid_uid).values("scenario_id").first()
    if found is None:
        raise NotFound
    scenario = lock_shared(Scenario, pk=found["scenario_id"])
    bid = lock(Bid, uid=bid_uid)
    require(can_request_consortium_change, actor, bid)
    require_changeable(scenario, bid)
    standing = standing_members([bid]).get(bid.pk)
    if not standing:
        raise StateConflict(
            _("This bid is none of a consortium; nobody joins it now."), code="consortium.none"
        )
    if ConsortiumChange.objects.filter(bid=bid, state=ChangeState.REQUESTED).exists():
        raise StateConflict(_("Another change waits for its decision."), code="consortium.waits")
    form = business_forms([bid])[bid.pk] | {
        "consortium": [dict(row) for row in members],
        "lead_work": lead_work,
        "lead_share_percent": lead_share_percent,
        "consortium_agreement": agreement_name,
        "joint_liability": True,
    }
    form = normalised({"business": form})["business"]
    words, digest = reason.strip(), agreement_sha256.strip().lower()
    errors = change_errors(scenario, bid, form) | text_errors(words, digest)
    rows = rows_of(bid, form) if not errors else []
    if rows and rows == [as_row(member) for member in standing]:
        errors["members"] = [_("This is what stands already.")]
    if errors:
        raise Invalid(
            code="consortium.invalid", errors={name: [*told] for name, told in errors.items()}
        )
    assert actor.user is not None, "the rule asked for a person"
    change = ConsortiumChange.objects.create(
        bid=bid,
        replaces=standing[0].generation,
        members=rows,
        reason=words,
        agreement_name=form["consortium_agreement"],
        agreement_sha256=digest,
        requested_by=actor.user,
        requested_at=clock.now(),
    )
    ledger.append(
        "consortium.change_requested",
        actor=actor,
        subjects=[scenario.uid, bid.uid, change.uid],
        audience=Audience.PARTIES,
        to_state=change.state,
        reason=words,
        inputs={"members": rows, "agreement_sha256": digest},
    )
    return change


def require_changeable(scenario: Scenario, bid: Bid) -> None:
    """Locked by the caller. Raises StateConflict."""
    if scenario.suspended:
        raise StateConflict(
            _("This demand is suspended; nothing is decided until it goes on."),
            code="scenario.suspended",
        )
    if scenario.state not in CHANGE_STATES or bid.state not in CHANGE_BIDS:
        raise StateConflict(
            _("Members change only after the opening and before the award is confirmed."),
            code="consortium.not_now",
        )


def change_errors(scenario: Scenario, bid: Bid, form: dict[str, Any]) -> dict[str, list[str]]:
    """By the rules of the business envelope, under the names of what was asked for here."""
    demands = demands_of(scenario, bid.organisation)
    name = str(form["consortium_agreement"])
    faults = envelope_faults(Envelope.BUSINESS, form, [name], demands)
    errors: dict[str, list[str]] = {}
    for path, told in faults.items():
        field = path.removeprefix("business.").replace("consortium.", "members.", 1)
        place = {"consortium": "members", "consortium_agreement": "agreement_name"}
        errors.setdefault(
            "agreement_name" if path.startswith("files.") else place.get(field, field), []
        ).extend(told)
    return errors


def text_errors(words: str, digest: str) -> dict[str, list[str]]:
    errors: dict[str, list[str]] = {}
    if not words:
        errors["reason"] = [_("Please fill this in.")]
    if len(words) > REASON_MAX:
        errors["reason"] = [_("At most %(limit)s characters.") % {"limit": REASON_MAX}]
    if not re.fullmatch(r"[0-9a-f]{64}", digest):
        errors["agreement_sha256"] = [_("Enter the 64 hexadecimal digits of a SHA-256.")]
    return errors


def rows_of(bid: Bid, form: dict[str, Any]) -> list[dict[str, str]]:
    """The lead first, shares with two decimals."""
    lead = {
        "name": bid.organisation.name,
        "uscc": bid.organisation.uscc,
        "work": form["lead_work"],
        "share_percent": form["lead_share_percent"],
    }
    return [
        row | {"share_percent": two_decimals(row["share_percent"])}
        for row in [lead, *form["consortium"]]
    ]


def two_decimals(share: str) -> str:
    whole, _point, part = share.partition(".")
    return f"{int(whole)}.{part:0<2}"
