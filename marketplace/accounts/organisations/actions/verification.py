"""The organisation files evidence and asks; an officer verifies, or refuses with a reason."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from allauth.account.models import EmailAddress
from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from marketplace.accounts.content import EVIDENCE, EVIDENCE_NEEDED, REASON_MOST
from marketplace.accounts.models import Control, Organisation
from marketplace.accounts.organisations.actions.found import locked_organisation
from marketplace.accounts.organisations.models import (
    OrganisationRelation,
    Verification,
    VerificationState,
)
from marketplace.accounts.rules import can_ask_verification, can_verify_organisation
from marketplace.base import clock
from marketplace.base.actor import Actor
from marketplace.base.errors import StateConflict
from marketplace.base.rules import require
from marketplace.base.states import move
from marketplace.base.texts import read_all, text
from marketplace.ledger.actions import append


@transaction.atomic
def ask_verification(
    *, actor: Actor, organisation_uid: UUID, evidence: Mapping[str, Any]
) -> Verification:
    """File evidence and ask. One request waits at a time; after a refusal one may ask again.

    evidence: licence_number and legal_representative, and where there is one registry_url,
    evidence_number, evidence_sha256, note. Raises Invalid, StateConflict where nothing is to be
    verified, or where the person's address waits to be confirmed.
    """
    organisation = locked_organisation(actor, organisation_uid)
    require(can_ask_verification, actor, organisation)
    if organisation.verified_at and not organisation.changed_since_verified:
        raise StateConflict(
            _("The organisation is verified, and nothing was changed since."),
            code="verification.done",
        )
    if _waiting(organisation):
        raise StateConflict(
            _("A request waits for the office already."), code="verification.waiting"
        )
    if settings.EMAIL_HOST and _unconfirmed(actor):
        raise StateConflict(
            _("Confirm your e-mail address first: follow the link that was sent to it."),
            code="email.unconfirmed",
        )
    row = _filed(actor, organisation, evidence)
    append(
        "organisation.verification_asked",
        actor=actor,
        subjects=[row.uid, organisation.uid],
        inputs={name: getattr(row, name) for name in EVIDENCE},
        to_state=row.state,
    )
    return row


@transaction.atomic
def verify_organisation(
    *,
    actor: Actor,
    organisation_uid: UUID,
    evidence: Mapping[str, Any] | None = None,
    in_lingang: bool | None = None,
) -> Organisation:
    """The office has checked who this is, by the evidence that waits or by what it found itself.

    What the organisation stated about its control counts from now on. Where nothing waits and
    nothing changed, saying so again changes nothing. evidence: what the office found, where no
    request waits. in_lingang: whether its site lies there, unless it stays as it is known.
    """
    organisation = locked_organisation(actor, organisation_uid)
    require(can_verify_organisation, actor, organisation)
    row = _waiting(organisation)
    settled = organisation.verified_at and not organisation.changed_since_verified
    if row is None and settled:
        return organisation
    row = row or _filed(actor, organisation, evidence or {})
    left = _decide(actor, row, VerificationState.VERIFIED)
    organisation.verified_at = row.decided_at
    if in_lingang is not None:
        organisation.in_lingang = in_lingang
    organisation.save(update_fields=["verified_at", "in_lingang"])
    for model in (Control, OrganisationRelation):
        model.objects.filter(organisation=organisation, statement_waits=True).update(
            statement_waits=False
        )
        model.objects.filter(organisation=organisation, end_waits=True).update(end_waits=False)
    append(
        "organisation.verified",
        actor=actor,
        subjects=[row.uid, organisation.uid],
        from_state=left,
        to_state=row.state,
    )
    return organisation


@transaction.atomic
def refuse_verification(*, actor: Actor, organisation_uid: UUID, reason: str) -> Verification:
    """Not verified, and why. Where it was verified before, it no longer is.

    Raises Invalid without a reason, StateConflict where nothing waits and nothing was verified.
    """
    organisation = locked_organisation(actor, organisation_uid)
    require(can_verify_organisation, actor, organisation)
    readers = {"reason": text(REASON_MOST, lines=True)}
    clean = read_all(readers, {"reason": reason}, needed=["reason"])
    row = _waiting(organisation)
    if row is None and organisation.verified_at is None:
        raise StateConflict(_("There is nothing to refuse."), code="verification.none")
    if row is None:
        last = organisation.verifications.filter(state=VerificationState.VERIFIED)
        said = last.order_by("-pk").values(*EVIDENCE).first() or {}
        row = _filed(actor, organisation, said, needed=())
    row.reason = clean["reason"]
    left = _decide(actor, row, VerificationState.REFUSED)
    organisation.verified_at = None
    organisation.save(update_fields=["verified_at"])
    append(
        "organisation.refused",
        actor=actor,
        subjects=[row.uid, organisation.uid],
        from_state=left,
        to_state=row.state,
        reason=row.reason,
    )
    return row


def _waiting(organisation: Organisation) -> Verification | None:
    rows = organisation.verifications.filter(state=VerificationState.WAITING)
    return rows.select_for_update().first()


def _unconfirmed(actor: Actor) -> bool:
    user = actor.person
    rows = EmailAddress.objects.filter(user=user, email__iexact=user.email)
    return rows.filter(verified=False).exists()


def _filed(
    actor: Actor,
    organisation: Organisation,
    evidence: Mapping[str, Any],
    *,
    needed: tuple[str, ...] = EVIDENCE_NEEDED,
) -> Verification:
    clean = read_all(EVIDENCE, evidence, needed=needed)
    return Verification.objects.create(
        organisation=organisation, name=organisation.name, asked_by=actor.person, **clean
    )


def _decide(actor: Actor, row: Verification, state: VerificationState) -> str:
    row.decided_by, row.decided_at = actor.person, clock.now()
    return move(row, state, also=("decided_by", "decided_at", "reason"))
