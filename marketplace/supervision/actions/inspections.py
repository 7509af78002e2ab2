"""An inspector's request to read: recorded first, in force from and until."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from marketplace.accounts.models import Organisation
from marketplace.base import clock
from marketplace.base.actor import Actor
from marketplace.base.errors import Invalid, NotFound, StateConflict
from marketplace.base.rules import require
from marketplace.ledger import actions as ledger
from marketplace.ledger.models import Audience
from marketplace.supervision.models import Inspection, InspectionEnd, InspectionSubject, Scope
from marketplace.supervision.rules import can_end_inspection, can_request_inspection
from marketplace.supervision.words import words

LONGEST = timedelta(days=366)
SUBJECTS_MOST = 50
NUMBER_MOST = 80
REASON_MOST = 2000
NAMES_SUBJECTS = {Scope.SCENARIOS, Scope.ORGANISATIONS}


@transaction.atomic
def request_inspection(
    *,
    actor: Actor,
    number: str,
    scope: str,
    reason: str,
    until_at: datetime,
    from_at: datetime | None = None,
    subject_uids: Sequence[UUID] = (),
    drafts: bool = False,
) -> Inspection:
    """Record a request; it opens from `from_at` (now, where empty) until `until_at`.

    subject_uids: the demands or organisations, where the scope names some. Never backwards: a
    reading is not excused afterwards. Nobody is told, and the event names no subject, so that
    neither a history nor a notice warns whom it concerns. Raises Invalid.
    """
    require(can_request_inspection, actor, None)
    number = words(number, NUMBER_MOST, field="number", lines=False)
    reason = words(reason, REASON_MOST, field="reason")
    now = clock.now()
    from_at = from_at or now
    _check_period(now, from_at, until_at)
    subjects = _checked_subjects(scope, list(dict.fromkeys(subject_uids)))
    inspection = Inspection.objects.create(
        inspector=actor.person,
        number=number,
        scope=scope,
        drafts=drafts,
        reason=reason,
        from_at=from_at,
        until_at=until_at,
    )
    InspectionSubject.objects.bulk_create(
        InspectionSubject(inspection=inspection, subject_uid=uid) for uid in subjects
    )
    ledger.append(
        "inspection.requested",
        actor=actor,
        subjects=[inspection.uid],
        audience=Audience.INSPECTION,
        reason=reason,
        inputs={"number": number, "scope": scope, "subjects": subjects, "drafts": drafts},
        data={"from_at": from_at, "until_at": until_at},
    )
    return inspection


def _check_period(now: datetime, from_at: datetime, until_at: datetime) -> None:
    if from_at < now:
        raise Invalid(errors={"from_at": [_("A request does not reach back: leave it empty.")]})
    if until_at <= from_at:
        raise Invalid(errors={"until_at": [_("The end comes after the start.")]})
    if until_at - from_at > LONGEST:
        raise Invalid(errors={"until_at": [_("At most 366 days; make a new request then.")]})


def _checked_subjects(scope: str, uids: list[UUID]) -> list[UUID]:
    if scope not in Scope.values:
        raise Invalid(errors={"scope": [_("Choose what the request opens.")]})
    if scope not in NAMES_SUBJECTS:
        return []
    if not 1 <= len(uids) <= SUBJECTS_MOST:
        sentence = _("Name at least one and at most %(most)s.") % {"most": SUBJECTS_MOST}
        raise Invalid(errors={"subjects": [sentence]})
    if scope == Scope.ORGANISATIONS:
        known = Organisation.objects.filter(uid__in=uids).count()
        if known != len(uids):
            raise Invalid(errors={"subjects": [_("There is no such organisation.")]})
    return uids


@transaction.atomic
def end_inspection(*, actor: Actor, inspection_uid: UUID) -> InspectionEnd:
    """Close a request before its time. Ending twice is once. Raises StateConflict when over."""
    inspection = Inspection.objects.visible_to(actor).filter(uid=inspection_uid).first()
    if inspection is None:
        raise NotFound
    require(can_end_inspection, actor, inspection)
    now = clock.now()
    if inspection.until_at <= now:
        raise StateConflict(_("This request is over already."), code="inspection.over")
    end, new = InspectionEnd.objects.get_or_create(
        inspection=inspection, defaults={"ended_at": now}
    )
    if new:
        ledger.append(
            "inspection.ended",
            actor=actor,
            subjects=[inspection.uid],
            audience=Audience.INSPECTION,
        )
    return end
