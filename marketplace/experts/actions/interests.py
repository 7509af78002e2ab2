"""Ties of experts: stated with dates, ended, struck out as mistaken, never deleted."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from marketplace.accounts.models import Organisation
from marketplace.base import clock
from marketplace.base.actor import Actor
from marketplace.base.errors import Invalid, NotFound, StateConflict, TooMany
from marketplace.base.locks import lock
from marketplace.base.rules import require
from marketplace.base.texts import read_all
from marketplace.experts import entries
from marketplace.experts.graph import LOOK_BACK_YEARS, years_before
from marketplace.experts.models import Expert, Interest
from marketplace.experts.rules import can_edit_expert, can_state_interest, can_strike_interest
from marketplace.ledger.actions import append
from marketplace.ledger.models import Audience

INTERESTS_MOST = 100


@transaction.atomic
def add_interest(*, actor: Actor, expert_uid: UUID, data: Mapping[str, Any]) -> Interest:
    """State a tie. data: kind, relation, party_name, party_uscc, from_date, until_date.

    A party of the platform is recognised by its code, or by its exact name. Raises Invalid,
    StateConflict when the same stands already, TooMany.
    """
    expert = _locked(actor, expert_uid)
    require(can_state_interest, actor, expert)
    clean = read_all(entries.tie(clock.today()), data, needed=list(entries.TIE_NEEDED))
    if errors := entries.tie_errors(clean):
        raise Invalid(errors={name: [*sentences] for name, sentences in errors.items()})
    rows = expert.interests.standing()
    if rows.count() >= INTERESTS_MOST:
        raise TooMany(_("There are too many entries already."), code="limit.ties")
    row = tie_of(expert, clean, actor)
    same = rows.filter(
        kind=row.kind,
        relation=row.relation,
        organisation=row.organisation,
        party_name=row.party_name,
        party_uscc=row.party_uscc,
        from_date=row.from_date,
    )
    if same.exists():
        raise StateConflict(_("This stands already."), code="interest.stated")
    row.save(force_insert=True)
    _changed(expert)
    append(
        "interest.stated",
        actor=actor,
        subjects=[row.uid, expert.uid],
        audience=Audience.OFFICE,
        inputs=clean,
    )
    return row


def tie_of(expert: Expert, clean: Mapping[str, Any], actor: Actor) -> Interest:
    """The row, unsaved. One query."""
    known = find_party(clean["party_name"], clean["party_uscc"])
    return Interest(
        expert=expert,
        organisation=known,
        party_name="" if known else clean["party_name"],
        party_uscc="" if known else clean["party_uscc"],
        kind=clean["kind"],
        relation=clean["relation"],
        from_date=clean["from_date"],
        until_date=clean["until_date"],
        entered_by=actor.user,
    )


def find_party(name: str, uscc: str) -> Organisation | None:
    """By its code where one is given; else by a name that only one has."""
    if uscc:
        return Organisation.objects.filter(uscc=uscc).first()
    found = Organisation.objects.filter(Q(name=name) | Q(name_en=name))[:2]
    return found[0] if len(found) == 1 else None


@transaction.atomic
def end_interest(*, actor: Actor, interest_uid: UUID, until_date: Any = None) -> Interest:
    """From that day on (today where none is given) it no longer holds.

    An expert ends the own ties by a day within the look-back, so that each still excludes for as
    long as the rules say; what ended earlier the office enters. Raises Invalid, StateConflict.
    """
    row = _locked_row(actor, interest_uid)
    expert = row.expert
    require(can_state_interest, actor, expert)
    today = clock.today()
    readers = {"until_date": entries.day_until(today)}
    day: date = read_all(readers, {"until_date": until_date})["until_date"] or today
    if row.until_date is not None and row.until_date <= today:
        raise StateConflict(_("This has ended already."), code="interest.ended")
    if row.from_date and day < row.from_date:
        raise Invalid(errors={"until_date": [_("It must end after it began.")]})
    if not can_edit_expert(actor, expert) and day <= years_before(today, LOOK_BACK_YEARS):
        sentence = _("What ended so long ago is entered by the office: write to it.")
        raise Invalid(errors={"until_date": [sentence]})
    row.until_date = day
    row.save(update_fields=["until_date"])
    _changed(expert)
    append(
        "interest.ended",
        actor=actor,
        subjects=[row.uid, expert.uid],
        audience=Audience.OFFICE,
        data={"until": day},
    )
    return row


@transaction.atomic
def strike_interest(*, actor: Actor, interest_uid: UUID) -> Interest:
    """Strike out what was entered by mistake; the row stays."""
    row = _locked_row(actor, interest_uid)
    require(can_strike_interest, actor, row)
    row.struck_at, row.struck_by = clock.now(), actor.person
    row.save(update_fields=["struck_at", "struck_by"])
    _changed(row.expert)
    append(
        "interest.struck",
        actor=actor,
        subjects=[row.uid, row.expert.uid],
        audience=Audience.OFFICE,
    )
    return row


def _locked(actor: Actor, expert_uid: UUID) -> Expert:
    if not Expert.objects.visible_to(actor).filter(uid=expert_uid).exists():
        raise NotFound
    return lock(Expert, uid=expert_uid)


def _locked_row(actor: Actor, interest_uid: UUID) -> Interest:
    seen = Interest.objects.visible_to(actor).standing().filter(uid=interest_uid)
    expert_id = seen.values_list("expert", flat=True).first()
    if expert_id is None:
        raise NotFound
    expert = lock(Expert, pk=expert_id)
    row = lock(Interest, uid=interest_uid)
    if row.struck_at is not None:
        raise NotFound
    row.expert = expert
    return row


def _changed(expert: Expert) -> None:
    expert.revision += 1
    expert.save(update_fields=["revision"])
