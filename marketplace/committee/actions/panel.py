from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from marketplace.accounts.actions import end_grants
from marketplace.accounts.models import Capability
from marketplace.base import clock
from marketplace.base.actor import Actor
from marketplace.base.errors import Invalid, NotFound, StateConflict, TooEarly
from marketplace.base.locks import lock, lock_shared
from marketplace.base.rules import require
from marketplace.base.states import move
from marketplace.committee import queries
from marketplace.committee.actions.scoring import advance, open_sheets
from marketplace.committee.draw.invitations import replace
from marketplace.committee.models import (
    PANEL_MAY_CHANGE,
    MemberState,
    Panel,
    PanelMember,
    PanelState,
    Sheet,
    SheetStage,
    SheetState,
)
from marketplace.committee.rules import (
    can_declare_interest,
    can_recuse_member,
)
from marketplace.ledger import actions as ledger
from marketplace.ledger.models import Audience
from marketplace.scenarios.models import Scenario


@transaction.atomic
def declare_interest(*, actor: Actor, panel_uid: UUID, free: bool, reason: str = "") -> PanelMember:
    """A judge declares himself free of interests, or not, and is then recused at once."""
    scenario = lock_shared(Scenario, panel__uid=panel_uid)
    panel = lock(Panel, uid=panel_uid)
    member = _own_seat(actor, panel)
    require(can_declare_interest, actor, member)
    _refuse_late_change(panel)
    if not free:
        return _recuse(scenario, panel, member, actor=actor, reason=reason)
    member.declared_at = clock.now()
    left = move(member, MemberState.DECLARED, also=("declared_at",))
    ledger.append(
        "interest.declared",
        actor=actor,
        subjects=[scenario.uid, panel.uid, member.uid],
        audience=Audience.OFFICE,
        from_state=left,
        to_state=member.state,
        data={"free": True},
    )
    if panel.state in {PanelState.TECHNICAL, PanelState.NAMED}:
        open_sheets(scenario, member, SheetStage.TECHNICAL)
        advance(scenario, panel, actor=actor)
    return member


@transaction.atomic
def declare_against_bidders(
    *, actor: Actor, panel_uid: UUID, free: bool, reason: str = ""
) -> PanelMember:
    """The second declaration: against those who bid in fact, once one's blind sheets are locked.

    The sheets by name follow it. Not free recuses at once. Raises TooEarly while the names are
    not shown to this member, StateConflict for a second one.
    """
    scenario = lock_shared(Scenario, panel__uid=panel_uid)
    panel = lock(Panel, uid=panel_uid)
    member = _own_seat(actor, panel)
    require(can_declare_interest, actor, member)
    _refuse_late_change(panel)
    panel.scenario = member.panel.scenario = scenario
    if not queries.sees_names(panel, member):
        raise TooEarly(
            _("The names are shown once every technical sheet is locked."),
            code="declaration.early",
        )
    if not free:
        return _recuse(scenario, panel, member, actor=actor, reason=reason)
    if not queries.declares_again(member):
        raise StateConflict(_("You have declared already."), code="declaration.made")
    member.declared_named_at = clock.now()
    member.save(update_fields=["declared_named_at"])
    ledger.append(
        "interest.declared",
        actor=actor,
        subjects=[scenario.uid, panel.uid, member.uid],
        audience=Audience.OFFICE,
        from_state=member.state,
        to_state=member.state,
        inputs=sorted(queries.scored_bids(scenario).values_list("organisation__uid", flat=True)),
        data={"free": True, "named": True},
    )
    open_sheets(scenario, member, SheetStage.NAMED)
    return member


@transaction.atomic
def recuse_member(*, actor: Actor, member_uid: UUID, reason: str) -> PanelMember:
    """End a seat: every right at once, every sheet void; the points stay on record."""
    scenario = lock_shared(Scenario, panel__members__uid=member_uid)
    panel = lock(Panel, members__uid=member_uid)
    if not Panel.objects.visible_to(actor).filter(pk=panel.pk).exists():
        raise NotFound
    member = lock(PanelMember, uid=member_uid)
    if not actor.is_office and member.user_id != actor.user_id:
        raise NotFound
    require(can_recuse_member, actor, member)
    _refuse_late_change(panel)
    if not reason.strip():
        raise Invalid(errors={"reason": [_("Give the reason for the recusal.")]})
    return _recuse(scenario, panel, member, actor=actor, reason=reason.strip())


def _recuse(
    scenario: Scenario, panel: Panel, member: PanelMember, *, actor: Actor, reason: str
) -> PanelMember:
    member.recused_at, member.recusal_reason = clock.now(), reason
    left = move(member, MemberState.RECUSED, also=("recused_at", "recusal_reason"))
    end_grants(
        user=member.user,
        subject_uids=[panel.uid, scenario.uid],
        capability=Capability.REVIEW,
    )
    sheets = Sheet.objects.select_for_update().filter(member=member).order_by("pk")
    for sheet in sheets.exclude(state=SheetState.VOID):
        move(sheet, SheetState.VOID)
    ledger.append(
        "member.recused",
        actor=actor,
        subjects=[scenario.uid, panel.uid, member.uid],
        audience=Audience.OFFICE,
        from_state=left,
        to_state=member.state,
        reason=reason,
        data={"code": member.code},
    )
    replace(scenario, panel, member)
    # The one whose sheets were awaited may have been this one.
    advance(scenario, panel, actor=actor)
    return member


def _refuse_late_change(panel: Panel) -> None:
    if panel.state not in PANEL_MAY_CHANGE:
        raise StateConflict(
            _(
                "The prices have been asked for: the panel no longer changes. Whoever learns of"
                " an interest now tells the office, which takes it up as an objection."
            ),
            code="panel.closed",
        )


def _own_seat(actor: Actor, panel: Panel) -> PanelMember:
    if not Panel.objects.visible_to(actor).filter(pk=panel.pk).exists():
        raise NotFound
    return lock(PanelMember, panel=panel, user_id=actor.user_id)
