from __future__ import annotations

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from marketplace.accounts.models import Control, Organisation
from marketplace.accounts.organisations.models import (
    OrganisationRelation,
    Verification,
    VerificationState,
)
from marketplace.base.actor import Actor, Role
from marketplace.base.inspected import inspects_organisation

CHANGED = Q(verified_at__isnull=False, changed_at__gt=F("verified_at"))


def _waits() -> Exists:
    rows = Verification.objects.filter(organisation=OuterRef("pk"))
    return Exists(rows.filter(state=VerificationState.WAITING))


def to_verify(actor: Actor) -> QuerySet[Organisation]:
    """What waits for an officer: who asked, and who changed since the verification."""
    if actor.role != Role.OFFICER:
        return Organisation.objects.none()
    return all_organisations(actor).filter(Q(asks=True) | CHANGED)


def all_organisations(actor: Actor) -> QuerySet[Organisation]:
    """Every organisation but the office, newest first, with `asks`: whether a request waits."""
    if not actor.is_office:
        return Organisation.objects.none()
    rows = Organisation.objects.filter(is_office=False).annotate(asks=_waits())
    return rows.order_by("-pk")


def verifications(actor: Actor, organisation: Organisation) -> QuerySet[Verification]:
    """Requests and what came of them, newest first."""
    rows = Verification.objects.visible_to(actor).filter(organisation=organisation)
    return rows.select_related("asked_by", "decided_by").order_by("-pk")


def sees_inside(actor: Actor, organisation: Organisation) -> bool:
    """Its own people, the office, and an inspector whose request opens it."""
    own = actor.organisation_id == organisation.pk
    return own or actor.is_office or inspects_organisation(actor, organisation.uid)


def controls(actor: Actor, organisation: Organisation) -> QuerySet[Control]:
    """Those that hold first, then the ended ones."""
    rows = Control.objects.visible_to(actor).filter(organisation=organisation)
    return rows.order_by(F("until_date").desc(nulls_first=True), "-pk")


def relations(actor: Actor, organisation: Organisation) -> QuerySet[OrganisationRelation]:
    rows = OrganisationRelation.objects.visible_to(actor).filter(organisation=organisation)
    return rows.order_by(F("until_date").desc(nulls_first=True), "-pk")
