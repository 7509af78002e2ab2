"""The office records what each member is owed, once the report is complete."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from marketplace.base import clock
from marketplace.base.actor import Actor
from marketplace.base.errors import Invalid, NotFound, StateConflict, Text
from marketplace.base.locks import lock, lock_shared
from marketplace.base.rules import require
from marketplace.committee.fees.arithmetic import HALF_DAYS_MOST, fee
from marketplace.committee.fees.models import Basis, ExpertFee, FeeTable
from marketplace.committee.models import MemberState, Panel, PanelMember, PanelState
from marketplace.committee.rules import can_record_fee
from marketplace.ledger import actions as ledger
from marketplace.ledger.models import Audience

NOTE_MOST = 500


@transaction.atomic
def record_fee(
    *, actor: Actor, member_uid: UUID, basis: str, half_days: int = 0, note: str = ""
) -> ExpertFee:
    """One member's fee by the newest table; a second one corrects the first and says why.

    Raises StateConflict before the report is complete and without a table, Invalid for time that
    does not fit the basis: who was recused gets the compensation, who sat is paid by half days.
    """
    panel = lock_shared(Panel, members__uid=member_uid)
    if not Panel.objects.visible_to(actor).filter(pk=panel.pk).exists():
        raise NotFound
    member = lock(PanelMember, uid=member_uid)
    require(can_record_fee, actor, member)
    if panel.state != PanelState.REPORTED:
        raise StateConflict(_("Fees are recorded after the report."), code="fee.state")
    table = FeeTable.objects.order_by("-version").first()
    if table is None:
        raise StateConflict(_("The office has no fee table yet."), code="fee.table")
    last = ExpertFee.objects.filter(member=member).order_by("-version").first()
    note = note.strip()
    _require_fit(member, basis, half_days, note, corrects=last is not None)
    row = ExpertFee.objects.create(
        member=member,
        version=last.version + 1 if last else 1,
        table=table,
        basis=basis,
        half_days=half_days,
        amount_cny=owed(table, basis, half_days),
        note=note,
        recorded_by=actor.person,
        recorded_at=clock.now(),
    )
    ledger.append(
        "fee.recorded",
        actor=actor,
        subjects=[panel.scenario.uid, panel.uid, member.uid, row.uid],
        audience=Audience.OFFICE,
        reason=note,
        inputs={"basis": basis, "half_days": half_days, "amount_cny": row.amount_cny},
        data={"code": member.code, "version": row.version, "table": table.version},
    )
    return row


def owed(table: FeeTable, basis: str, half_days: int) -> Decimal:
    if basis == Basis.ARRIVED:
        return table.number("arrived_cny")
    rates = {name: table.number(name) for name in ("day_cny", "half_day_percent")}
    return fee(half_days, **rates)


def _require_fit(
    member: PanelMember, basis: str, half_days: int, note: str, *, corrects: bool
) -> None:
    wrong: dict[str, list[Text]] = {}
    recused = member.state == MemberState.RECUSED
    if basis not in Basis.values or (basis == Basis.ARRIVED) != recused:
        wrong["basis"] = [_("Who was recused gets the compensation; who sat is paid by the time.")]
    elif basis == Basis.REVIEW and not 1 <= half_days <= HALF_DAYS_MOST:
        wrong["half_days"] = [_("Half days go from 1 to %(most)s.") % {"most": HALF_DAYS_MOST}]
    elif basis == Basis.ARRIVED and half_days:
        wrong["half_days"] = [_("The compensation is one sum, whatever the time.")]
    if corrects and not note:
        wrong["note"] = [_("Say why the recorded fee is corrected.")]
    elif len(note) > NOTE_MOST:
        wrong["note"] = [_("A note has at most %(most)s characters.") % {"most": NOTE_MOST}]
    if wrong:
        raise Invalid(errors=wrong, code="fee.invalid")
