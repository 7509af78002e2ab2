"""Adding files to a draft, taking them away, and releasing restricted ones reader by reader."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from marketplace.accounts.actions import end_reading, grant_reading
from marketplace.accounts.models import Grant, Organisation
from marketplace.base import clock
from marketplace.base.actor import Actor
from marketplace.base.errors import Invalid, NotFound, Stale, StateConflict
from marketplace.base.rules import require
from marketplace.files.actions import claim_upload, release_upload, store_small
from marketplace.files.models import Purpose
from marketplace.ledger import actions as ledger
from marketplace.ledger.models import Audience
from marketplace.scenarios.actions.found import find
from marketplace.scenarios.attachments import Access, Attachment
from marketplace.scenarios.disclosure.patterns import refuse_forbidden
from marketplace.scenarios.models import BEFORE_PUBLICATION, OWNER_EDITS, Scenario
from marketplace.scenarios.readers import Wrong, text
from marketplace.scenarios.rules import (
    can_edit_scenario,
    can_release_attachment,
    can_undertake,
)
from marketplace.scenarios.undertakings import Undertaking, text_in_force

RELEASE_DAYS_MOST = 366


def _editable(actor: Actor, scenario_uid: UUID) -> Scenario:
    scenario = find(actor, scenario_uid)
    require(can_edit_scenario, actor, scenario)
    if scenario.state not in OWNER_EDITS:
        raise StateConflict(
            _("The demand has been filed; it can be changed only if the office returns it."),
            code="scenario.state",
        )
    return scenario


@transaction.atomic
def attach_file(
    *, actor: Actor, scenario_uid: UUID, upload_uid: UUID, access: str, title: str = ""
) -> Attachment:
    """A stored upload of the actor's becomes a file of the draft, at the end of the list.

    title: what it is called on the page; the file's name where empty. Raises Invalid, StateConflict
    once the demand is filed, and what `claim_upload` raises.
    """
    scenario = _editable(actor, scenario_uid)
    called = _title(title)
    if access not in Access.values:
        raise Invalid(errors={"access": [_("Say who may read the file.")]})
    upload = claim_upload(
        actor=actor,
        upload_uid=upload_uid,
        purpose=Purpose.ATTACHMENT,
        subject_uid=scenario.uid,
    )
    if access == Access.PUBLIC:
        refuse_forbidden({"title": called, "file": upload.name})
    last = scenario.attachments.aggregate(last=Max("position"))["last"]
    return Attachment.objects.create(
        scenario=scenario,
        upload=upload,
        title=called or upload.name[:120],
        access=access,
        position=0 if last is None else last + 1,
    )


def attach_small(
    *, actor: Actor, scenario_uid: UUID, name: str, body: bytes, access: str, title: str = ""
) -> Attachment:
    """A file that came inside the form, for browsers without scripts. What is refused is swept."""
    with transaction.atomic():
        _editable(actor, scenario_uid)
    upload = store_small(actor=actor, purpose=Purpose.ATTACHMENT, name=name, body=body)
    return attach_file(
        actor=actor,
        scenario_uid=scenario_uid,
        upload_uid=upload.uid,
        access=access,
        title=title,
    )


@transaction.atomic
def remove_attachment(*, actor: Actor, scenario_uid: UUID, attachment_uid: UUID) -> None:
    scenario = _editable(actor, scenario_uid)
    row = scenario.attachments.select_related("upload").filter(uid=attachment_uid).first()
    if row is None:
        raise NotFound
    _let_go(row)


def remove_all(scenario: Scenario) -> None:
    """Before a draft is deleted, inside that action."""
    for row in scenario.attachments.select_related("upload"):
        _let_go(row)


def _let_go(row: Attachment) -> None:
    row.delete()
    release_upload(upload_uid=row.upload.uid)


# -- Readers ---------------------------------------------------------------------------------------
@transaction.atomic
def release_attachment(
    *, actor: Actor, attachment_uid: UUID, organisation_uid: UUID, until_date: date | None
) -> Grant:
    """Let a verified vendor read a restricted file until the end of a day in Beijing.

    Doing it again changes the day. Raises Invalid, StateConflict before publication.
    """
    row = _restricted(actor, attachment_uid)
    today = clock.today()
    errors: dict[str, list[Any]] = {}
    if until_date is None or not today <= until_date <= today + timedelta(days=RELEASE_DAYS_MOST):
        errors["until_date"] = [_("Choose a day from today on, within a year.")]
    vendor = Organisation.objects.filter(
        uid=organisation_uid, is_vendor=True, verified_at__isnull=False
    ).first()
    if vendor is None:
        errors["organisation"] = [_("Choose a verified vendor.")]
    if vendor is None or until_date is None or errors:
        raise Invalid(errors=errors)
    given = grant_reading(
        organisation=vendor,
        subject_uid=row.uid,
        until_at=clock.day_starts_at(clock.day_after(until_date)),
    )
    ledger.append(
        "attachment.released",
        actor=actor,
        subjects=[row.scenario.uid, vendor.uid, row.uid],
        data={"until_date": until_date},
    )
    return given


@transaction.atomic
def end_release(*, actor: Actor, attachment_uid: UUID, organisation_uid: UUID) -> None:
    """From now on that vendor reads the file no more. Ending what has ended changes nothing."""
    row = _restricted(actor, attachment_uid)
    vendor = Organisation.objects.filter(uid=organisation_uid).first()
    if vendor is not None and end_reading(organisation=vendor, subject_uid=row.uid):
        ledger.append(
            "attachment.release_ended",
            actor=actor,
            subjects=[row.scenario.uid, vendor.uid, row.uid],
        )


@transaction.atomic
def sign_undertaking(*, actor: Actor, attachment_uid: UUID, sha256: str) -> Undertaking:
    """Undertake to keep a released file confidential, by the text that was shown. Once.

    sha256: of that text. Raises NotFound, NotAllowed, Stale when another text is in force.
    """
    rows = Attachment.objects.visible_to(actor).filter(uid=attachment_uid)
    row = rows.select_related("scenario").first()
    if row is None:
        raise NotFound
    require(can_undertake, actor, row)
    if not row.restricted:
        raise StateConflict(_("Everybody may read this file."), code="attachment.public")
    text_now = text_in_force()
    if text_now is None or text_now.sha256 != sha256:
        raise Stale(_("This text has a newer version. Read that one and sign it."))
    undertaking, new = Undertaking.objects.get_or_create(
        attachment=row,
        user=actor.person,
        organisation=actor.party,
        defaults={"text": text_now, "sha256": text_now.sha256, "signed_at": clock.now()},
    )
    if new:
        ledger.append(
            "undertaking.signed",
            actor=actor,
            subjects=[row.scenario.uid, row.uid, undertaking.uid],
            audience=Audience.OFFICE,
            data={"version": text_now.version, "sha256": text_now.sha256},
        )
    return undertaking


def _restricted(actor: Actor, attachment_uid: UUID) -> Attachment:
    """The demand is held: two releases to one vendor come one after the other."""
    rows = Attachment.objects.visible_to(actor).filter(uid=attachment_uid)
    row = rows.select_related("scenario").first()
    if row is None:
        raise NotFound
    require(can_release_attachment, actor, row)
    row.scenario = find(actor, row.scenario.uid)
    if row.scenario.state in BEFORE_PUBLICATION:
        raise StateConflict(
            _("Files are released to vendors once the demand is published."),
            code="attachment.unpublished",
        )
    if not row.restricted:
        raise StateConflict(_("Everybody may read this file."), code="attachment.public")
    return row


def _title(raw: str) -> str:
    try:
        return str(text(120)(raw))
    except Wrong as wrong:
        raise Invalid(errors={"title": [wrong.message]}) from wrong
