from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from marketplace.accounts.actions import end_grants, grant
from marketplace.accounts.models import Capability, PersonRole, User
from marketplace.base import clock
from marketplace.base.actor import Actor, Role
from marketplace.base.errors import Invalid, NotFound, StateConflict, Text
from marketplace.base.locks import lock, lock_shared
from marketplace.base.rules import require
from marketplace.base.states import move
from marketplace.committee import queries
from marketplace.committee.actions.scoring import advance, open_sheets
from marketplace.committee.draw.invitations import replace
from marketplace.committee.models import (
    MemberState,
    Panel,
    PanelMember,
    PanelState,
    Sheet,
    SheetStage,
    SheetState,
)
from marketplace.committee.rules import (
    can_add_member,
    can_appoint_panel,
    can_declare_interest,
    can_recuse_member,
)
from marketplace.experts.candidates import NEVER_JUDGES
from marketplace.ledger import actions as ledger
from marketplace.ledger.models import Audience
from marketplace.scenarios.models import Scenario
from marketplace.scenarios.models import State as ScenarioState

APPOINTED_IN = {ScenarioState.ELIGIBILITY, ScenarioState.REVIEW}
# Afterwards the prices are known, and a new judge would know whom his points help.
PANEL_MAY_CHANGE = {PanelState.APPOINTED, PanelState.TECHNICAL, PanelState.NAMED}


@transaction.atomic
def appoint_panel(*, actor: Actor, scenario_uid: UUID, expert_uids: Sequence[UUID]) -> Panel:
    """Name the judges of a scenario; expert_uids are uids of users, J1 first.

    Raises Invalid, with one sentence for each reason, if the size does not fit the profile or
    somebody may not sit: a key holder, a member of owner, bidder or office, or a hard conflict.
    """
    # For the whole row, not shared: a second appointment waits and then finds the panel.
    scenario = lock(Scenario, uid=scenario_uid)
    require(can_appoint_panel, actor, scenario)
    if scenario.state not in APPOINTED_IN:
        raise StateConflict(
            _("A panel is appointed once the bids are opened and before they are scored."),
            code="panel.scenario_state",
        )
    if Panel.objects.filter(scenario=scenario).exists():
        raise StateConflict(_("This demand has a panel already."), code="panel.exists")
    users = _experts(expert_uids)
    errors = _size_errors(scenario, len(users)) + _seat_errors(scenario, users)
    if errors:
        raise Invalid(errors={"experts": errors}, code="panel.experts")
    assert actor.user is not None, "a secretary is a person"
    panel = Panel.objects.create(scenario=scenario, appointed_by=actor.user)
    for number, user in enumerate(users, start=1):
        _seat(panel, user, number)
    ledger.append(
        "panel.appointed",
        actor=actor,
        subjects=[scenario.uid, panel.uid],
        audience=Audience.OFFICE,
        to_state=panel.state,
        profile_version=queries.rules_of(scenario).label,
        inputs=[user.uid for user in users],
        data={"members": len(users)},
    )
    return panel


@transaction.atomic
def add_member(*, actor: Actor, panel_uid: UUID, expert_uid: UUID) -> PanelMember:
    """One more judge, mostly in place of a recused one. He scores everything himself."""
    scenario = lock_shared(Scenario, panel__uid=panel_uid)
    panel = lock(Panel, uid=panel_uid)
    require(can_add_member, actor, panel)
    _refuse_late_change(panel)
    [user] = _experts([expert_uid])
    if PanelMember.objects.filter(panel=panel, user=user).exists():
        raise Invalid(
            errors={"expert": [_("This person sits, or has sat, on this panel.")]},
            code="panel.member_known",
        )
    errors = _seat_errors(scenario, [user])
    if errors:
        raise Invalid(errors={"expert": errors}, code="panel.experts")
    number = PanelMember.objects.filter(panel=panel).count() + 1
    member = _seat(panel, user, number)
    ledger.append(
        "member.added",
        actor=actor,
        subjects=[scenario.uid, panel.uid, member.uid],
        audience=Audience.OFFICE,
        to_state=member.state,
        data={"code": member.code},
    )
    return member


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


def _experts(uids: Sequence[UUID]) -> list[User]:
    """The users in the order asked for. Raises Invalid for a stranger to the pool, or a twin."""
    role = PersonRole.objects.filter(role=Role.EXPERT).values("user_id")
    found = {user.uid: user for user in User.objects.filter(uid__in=uids, pk__in=role)}
    errors: list[Text] = []
    if len(set(uids)) != len(uids):
        errors.append(_("The same person was named twice."))
    if set(uids) - set(found):
        errors.append(_("Somebody named here is not an expert of the pool."))
    if errors:
        raise Invalid(errors={"experts": errors}, code="panel.experts")
    return [found[uid] for uid in uids]


def _size_errors(scenario: Scenario, size: int) -> list[Text]:
    if queries.size_fits(scenario, size):
        return []
    profile = queries.rules_of(scenario)
    least = profile.count("panel_size_min")
    if profile.says("panel_size_odd"):
        text = _("The rules ask for an odd panel of at least %(least)s; %(size)s were named.")
    else:
        text = _("The rules ask for a panel of at least %(least)s; %(size)s were named.")
    return [str(text) % {"least": least, "size": size}]


def _seat_errors(scenario: Scenario, users: list[User]) -> list[Text]:
    """One sentence for each thing that keeps somebody off this panel."""
    errors: list[Text] = []
    apart = PersonRole.objects.filter(user__in=users, role__in=NEVER_JUDGES)
    for person in apart.values_list("user__name", flat=True).distinct().order_by("user__name"):
        text = str(_("%(name)s measures, supervises or runs the platform, and so never scores."))
        errors.append(text % {"name": person})
    for found in queries.choosable(scenario, users):
        name = {"name": found.user.name}
        if found.key_holder:
            errors.append(str(_("%(name)s holds a key of this demand's bids.")) % name)
        if found.demonstrated:
            text = str(_("%(name)s gave an opinion when this demand was demonstrated."))
            errors.append(text % name)
        errors += [f"{found.user.name}: {tie.sentence}" for tie in found.ties if tie.hard]
    return errors


def _seat(panel: Panel, user: User, number: int) -> PanelMember:
    member = PanelMember.objects.create(panel=panel, user=user, code=f"J{number}")
    for uid in (panel.uid, panel.scenario.uid):
        grant(subject_uid=uid, capability=Capability.REVIEW, user=user)
    return member
