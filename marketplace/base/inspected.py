"""The one predicate by which an inspector reads more than others: a recorded request in force.

Every room's `visible_to` adds it to what it shows. What nobody may read yet (a bid before the
closing, an unopened envelope) stays out, since each room narrows the predicate by its own rules.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.apps import apps
from django.db.models import Exists, Q, QuerySet

from marketplace.base.actor import Actor, Role

NOTHING = Q(pk__in=[])
WHOLE = Q(scope="everything")


def requests_in_force(actor: Actor) -> QuerySet[Any]:
    """The actor's own requests that hold at this instant; none for anybody but an inspector."""
    model: Any = apps.get_model("marketplace", "Inspection")
    if actor.role != Role.INSPECTOR or actor.user_id is None:
        return model.objects.none()
    return model.objects.in_force().filter(inspector=actor.user_id)


def inspected(
    actor: Actor,
    scenario: str = "",
    *organisations: str,
    register: bool = False,
    drafts: bool = False,
) -> Q:
    """Rows that a request of this inspector opens now.

    scenario, organisations: the paths from the row to the uids that a request may name
    ("scenario__uid", "organisation__uid"). register: the row belongs to the register of
    approaches. drafts: only requests that also ask for drafts.
    """
    if actor.role != Role.INSPECTOR or actor.user_id is None:
        return NOTHING
    subjects: Any = apps.get_model("marketplace", "InspectionSubject")
    requests = requests_in_force(actor)
    if drafts:
        requests = requests.filter(drafts=True)
    named = subjects.objects.filter(inspection__in=requests)

    def uids(scope: str) -> QuerySet[Any, UUID]:
        return named.filter(inspection__scope=scope).values("subject_uid")

    seen = Q(Exists(requests.filter(scope="everything")))
    if register:
        seen |= Q(Exists(requests.filter(scope="register")))
    if scenario:
        seen |= Q(**{f"{scenario}__in": uids("scenarios")})
    for path in organisations:
        seen |= Q(**{f"{path}__in": uids("organisations")})
    return seen


def inspects(actor: Actor, scenario_uid: UUID, organisation_uid: UUID) -> bool:
    """Whether a request in force opens this demand, by itself or through its owner."""
    if actor.role != Role.INSPECTOR:
        return False
    one = Q(scope="scenarios", subjects__subject_uid=scenario_uid)
    owner = Q(scope="organisations", subjects__subject_uid=organisation_uid)
    return requests_in_force(actor).filter(WHOLE | one | owner).exists()


def inspects_organisation(actor: Actor, organisation_uid: UUID) -> bool:
    """Whether a request in force opens the papers of this organisation."""
    if actor.role != Role.INSPECTOR:
        return False
    one = Q(scope="organisations", subjects__subject_uid=organisation_uid)
    return requests_in_force(actor).filter(WHOLE | one).exists()
