"""Entries of the pool: made and kept by the office, confirmed by the expert, suspended with reason."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import make_password
from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from marketplace.accounts.models import PersonRole, User
from marketplace.base import clock
from marketplace.base.actor import Actor, Role
from marketplace.base.errors import Invalid, NotFound, Stale, StateConflict
from marketplace.base.locks import lock
from marketplace.base.rules import require
from marketplace.base.texts import read_all, text
from marketplace.experts import entries
from marketplace.experts.models import Expert
from marketplace.experts.rules import (
    can_confirm_record,
    can_edit_expert,
    can_import_experts,
    can_suspend_expert,
)
from marketplace.ledger.actions import append
from marketplace.ledger.models import Audience

FIELDS = (
    *("number", "title", "title_en", "grade", "kind", "specialties"),
    *("field_from_year", "valid_until", "panels_most"),
)


@transaction.atomic
def register_expert(*, actor: Actor, data: Mapping[str, Any], known: Collection[str]) -> Expert:
    """Take somebody into the pool, by the e-mail address; an account is made where none is.

    data: email, name, name_en, and the fields of an entry. known: the codes of the vocabulary.
    The account has no password: its owner sets one by the link for forgotten ones. Raises Invalid,
    StateConflict when the person or the number is in the pool.
    """
    require(can_import_experts, actor, None)
    readers = entries.PERSON | entries.entry(clock.today(), known)
    needed = [*entries.PERSON_NEEDED, *entries.ENTRY_NEEDED]
    clean = read_all(readers, data, needed=needed)
    expert = admit(actor, clean)
    append(
        "expert.registered",
        actor=actor,
        subjects=[expert.user.uid, expert.uid],
        audience=Audience.OFFICE,
        inputs=fingerprint(expert),
    )
    return expert


def admit(actor: Actor, clean: Mapping[str, Any]) -> Expert:
    """The rows of a new entry, inside an action. Raises StateConflict."""
    user = User.objects.filter(email__iexact=clean["email"]).first()
    if user is None:
        user = User(email=clean["email"], name=clean["name"], name_en=clean["name_en"])
        # None until its owner sets one: the address is theirs, not ours.
        user.password = make_password(None)
        _save(user)
        EmailAddress.objects.create(user=user, email=user.email, primary=True, verified=False)
    elif user.pk == actor.user_id:
        raise StateConflict(_("Nobody gives such a role to themselves."), code="expert.self")
    if Expert.objects.filter(user=user).exists():
        raise StateConflict(_("This person is in the pool already."), code="expert.exists")
    expert = Expert(user=user)
    fill(expert, clean)
    _save(expert)
    _given, fresh = PersonRole.objects.get_or_create(user=user, role=Role.EXPERT)
    if fresh:
        append("person_role.given", actor=actor, subjects=[user.uid], to_state=str(Role.EXPERT))
    return expert


def fill(expert: Expert, clean: Mapping[str, Any]) -> None:
    years = clean["years"]
    for name in FIELDS:
        if name != "field_from_year":
            setattr(expert, name, clean[name])
    expert.field_from_year = None if years is None else clock.today().year - years


def fingerprint(expert: Expert) -> dict[str, Any]:
    return {name: getattr(expert, name) for name in FIELDS}


@transaction.atomic
def edit_expert(
    *,
    actor: Actor,
    expert_uid: UUID,
    revision: int,
    data: Mapping[str, Any],
    known: Collection[str],
) -> Expert:
    """Change what stands in an entry. Raises Invalid, Stale, StateConflict for a number of another's."""
    expert = _locked(actor, expert_uid)
    require(can_edit_expert, actor, expert)
    if expert.revision != revision:
        raise Stale
    clean = read_all(entries.entry(clock.today(), known), data, needed=list(entries.ENTRY_NEEDED))
    fill(expert, clean)
    expert.revision += 1
    _save(expert)
    append(
        "expert.edited",
        actor=actor,
        subjects=[expert.user.uid, expert.uid],
        audience=Audience.OFFICE,
        inputs=fingerprint(expert),
    )
    return expert


@transaction.atomic
def suspend_expert(*, actor: Actor, expert_uid: UUID, reason: str) -> Expert:
    """Not drawn until lifted. The reason is read by the office and the expert."""
    expert = _locked(actor, expert_uid)
    require(can_suspend_expert, actor, expert)
    if expert.suspended_at is not None:
        raise StateConflict(_("The entry is suspended already."), code="expert.suspended")
    readers = {"reason": text(entries.REASON_MOST, lines=True)}
    clean = read_all(readers, {"reason": reason}, needed=["reason"])
    expert.suspended_at, expert.suspended_reason = clock.now(), clean["reason"]
    expert.save(update_fields=["suspended_at", "suspended_reason"])
    append(
        "expert.suspended",
        actor=actor,
        subjects=[expert.user.uid, expert.uid],
        audience=Audience.OFFICE,
        reason=clean["reason"],
    )
    return expert


@transaction.atomic
def lift_suspension(*, actor: Actor, expert_uid: UUID) -> Expert:
    expert = _locked(actor, expert_uid)
    require(can_suspend_expert, actor, expert)
    if expert.suspended_at is None:
        raise StateConflict(_("The entry is not suspended."), code="expert.not_suspended")
    expert.suspended_at, expert.suspended_reason = None, ""
    expert.save(update_fields=["suspended_at", "suspended_reason"])
    append(
        "expert.suspension_lifted",
        actor=actor,
        subjects=[expert.user.uid, expert.uid],
        audience=Audience.OFFICE,
    )
    return expert


@transaction.atomic
def confirm_record(*, actor: Actor, expert_uid: UUID, revision: int) -> Expert:
    """The expert says that the entry with its ties is complete and true, and may be used so.

    Raises Stale when it changed since it was shown.
    """
    expert = _locked(actor, expert_uid)
    require(can_confirm_record, actor, expert)
    if expert.revision != revision:
        raise Stale
    expert.confirmed_at = clock.now()
    expert.save(update_fields=["confirmed_at"])
    ties = expert.interests.standing().order_by("pk").values_list("uid", flat=True)
    append(
        "expert.confirmed",
        actor=actor,
        subjects=[expert.user.uid, expert.uid],
        audience=Audience.OFFICE,
        inputs={**fingerprint(expert), "ties": [str(uid) for uid in ties]},
    )
    return expert


def _locked(actor: Actor, expert_uid: UUID) -> Expert:
    if not Expert.objects.visible_to(actor).filter(uid=expert_uid).exists():
        raise NotFound
    return lock(Expert, uid=expert_uid)


def _save(row: User | Expert) -> None:
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError as error:
        # A twin was faster, or the number is another's.
        numbered = isinstance(row, Expert) and Expert.objects.filter(number=row.number)
        if numbered and numbered.exclude(pk=row.pk).exclude(number="").exists():
            sentence = _("Another entry has this number.")
            raise Invalid(errors={"number": [sentence]}) from error
        sentence = _("This person is in the pool already.")
        raise StateConflict(sentence, code="expert.exists") from error
