"""Who controls an organisation and to whom it is tied: stated with dates, ended, never deleted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from marketplace.accounts import content
from marketplace.accounts.models import Control, Organisation
from marketplace.accounts.organisations.actions.found import locked_organisation
from marketplace.accounts.organisations.models import OrganisationRelation, RelationKind
from marketplace.accounts.rules import can_edit_organisation
from marketplace.base import clock
from marketplace.base.actor import Actor
from marketplace.base.errors import Invalid, NotFound, StateConflict, TooMany
from marketplace.base.rules import require
from marketplace.base.texts import Wrong, read_all, text
from marketplace.ledger.actions import append

TIES_MOST = 100


def person_mark(identity_number: str) -> str:
    """By which one controller is the same in two organisations, though nobody can read who it is.

    The number is not kept: only this keyed hash of it, which SECRET_KEY makes unguessable.
    """
    mark = salted_hmac("marketplace.accounts.controller", identity_number, algorithm="sha256")
    return f"person:{mark.hexdigest()[:40]}"


@transaction.atomic
def state_control(*, actor: Actor, organisation_uid: UUID, data: Mapping[str, Any]) -> Control:
    """Say who controls the organisation: another party by its code, or a person.

    data: name; uscc of a party, or identity_number of a person (one of them); from_date, which
    may be empty. It counts once the office has verified the organisation again. Raises Invalid,
    StateConflict when it stands already, TooMany.
    """
    organisation = _editable(actor, organisation_uid)
    readers = {
        "name": text(120),
        "uscc": content.uscc,
        "identity_number": content.identity_number,
        "from_date": content.past_day(clock.today()),
    }
    clean = read_all(readers, data, needed=["name"])
    if bool(clean["uscc"]) == bool(clean["identity_number"]):
        sentence = _("Give the code of a party, or the document number of a person.")
        raise Invalid(errors={"uscc": [sentence]})
    if clean["uscc"] == organisation.uscc:
        raise Invalid(errors={"uscc": [_("An organisation does not control itself.")]})
    code = clean["uscc"] or person_mark(clean["identity_number"])
    rows = Control.objects.filter(organisation=organisation)
    if rows.filter(controller_code=code, until_date=None).exists():
        raise StateConflict(_("This stands already."), code="control.stated")
    _refuse_more(rows.count())
    row = Control.objects.create(
        organisation=organisation,
        controller_code=code,
        controller_name=clean["name"],
        from_date=clean["from_date"],
        statement_waits=True,
    )
    _changed(organisation)
    append("control.stated", actor=actor, subjects=[organisation.uid, row.uid], inputs=clean)
    return row


@transaction.atomic
def end_control(*, actor: Actor, control_uid: UUID, until_date: Any = None) -> Control:
    """From that day on (today where none is given) it no longer holds. Raises Invalid."""
    row: Control = _end(actor, Control, control_uid, until_date, "control")
    return row


@transaction.atomic
def state_relation(
    *, actor: Actor, organisation_uid: UUID, data: Mapping[str, Any]
) -> OrganisationRelation:
    """Say how the organisation is tied to another. data: other_uscc, other_name, kind, from_date.

    As with control, it counts once the office has seen it.
    """
    organisation = _editable(actor, organisation_uid)
    readers = {
        "other_uscc": content.uscc,
        "other_name": text(120),
        "kind": _kind,
        "from_date": content.past_day(clock.today()),
    }
    clean = read_all(readers, data, needed=["other_uscc", "other_name", "kind"])
    if clean["other_uscc"] == organisation.uscc:
        raise Invalid(errors={"other_uscc": [_("Name another organisation than your own.")]})
    rows = OrganisationRelation.objects.filter(organisation=organisation)
    same = {"other_uscc": clean["other_uscc"], "kind": clean["kind"]}
    if rows.filter(**same, until_date=None).exists():
        raise StateConflict(_("This stands already."), code="relation.stated")
    _refuse_more(rows.count())
    row = OrganisationRelation.objects.create(
        organisation=organisation, statement_waits=True, **clean
    )
    _changed(organisation)
    append(
        "relation.stated",
        actor=actor,
        subjects=[organisation.uid, row.uid],
        inputs=clean,
        data={"kind": row.kind},
    )
    return row


@transaction.atomic
def end_relation(
    *, actor: Actor, relation_uid: UUID, until_date: Any = None
) -> OrganisationRelation:
    row: OrganisationRelation = _end(
        actor, OrganisationRelation, relation_uid, until_date, "relation"
    )
    return row


def _kind(raw: Any) -> str:
    if raw not in RelationKind.values:
        raise Wrong("choice.unknown", str(_("Choose one of the values offered.")))
    return str(raw)


def _editable(actor: Actor, organisation_uid: UUID) -> Organisation:
    organisation = locked_organisation(actor, organisation_uid)
    require(can_edit_organisation, actor, organisation)
    return organisation


def _refuse_more(standing: int) -> None:
    if standing >= TIES_MOST:
        raise TooMany(_("There are too many entries already."), code="limit.ties")


def _end(actor: Actor, model: Any, uid: UUID, until_date: Any, noun: str) -> Any:
    held = (
        model.objects.visible_to(actor)
        .filter(uid=uid)
        .values_list("organisation__uid", flat=True)
        .first()
    )
    if held is None:
        raise NotFound
    organisation = _editable(actor, held)
    row = model.objects.select_for_update().get(uid=uid)
    if row.until_date is not None:
        raise StateConflict(_("This has ended already."), code=f"{noun}.ended")
    today = clock.today()
    day = read_all({"until_date": content.past_day(today)}, {"until_date": until_date})
    row.until_date = day["until_date"] or today
    if row.from_date and row.until_date <= row.from_date:
        raise Invalid(errors={"until_date": [_("It must end after it began.")]})
    row.end_waits = True
    row.save(update_fields=["until_date", "end_waits"])
    _changed(organisation)
    append(
        f"{noun}.ended",
        actor=actor,
        subjects=[organisation.uid, row.uid],
        data={"until": row.until_date},
    )
    return row


def _changed(organisation: Organisation) -> None:
    organisation.changed_at = clock.now()
    organisation.save(update_fields=["changed_at"])
