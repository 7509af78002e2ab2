"""Reading requests, approaches and tips; who may see a row is asked of its queryset."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Count, QuerySet

from marketplace.accounts.models import Organisation
from marketplace.base.actor import Actor
from marketplace.base.inspected import inspected, inspects, requests_in_force
from marketplace.supervision import tips
from marketplace.supervision.models import Approach, Inspection, Scope, Tip, TipAnswer

__all__ = ["inspected", "inspects", "requests_in_force"]


def my_inspections(actor: Actor) -> QuerySet[Inspection]:
    rows = Inspection.objects.visible_to(actor).select_related("end")
    return rows.annotate(named=Count("subjects")).order_by("-pk")


def state_of(inspection: Inspection, now: datetime) -> str:
    """in_force, ended, or one of the times outside: before, over."""
    if hasattr(inspection, "end"):
        return "ended"
    if now < inspection.from_at:
        return "before"
    return "in_force" if now < inspection.until_at else "over"


def subjects_of(inspection: Inspection) -> list[UUID]:
    return list(inspection.subjects.order_by("pk").values_list("subject_uid", flat=True))


def organisations_of(inspection: Inspection) -> list[Organisation]:
    if inspection.scope != Scope.ORGANISATIONS:
        return []
    return list(Organisation.objects.filter(uid__in=subjects_of(inspection)).order_by("pk"))


def covering(actor: Actor, subject_uid: UUID | None) -> Inspection | None:
    """The request in force under which something is read: the one that names it, else the widest."""
    held = list(requests_in_force(actor).prefetch_related("subjects").order_by("pk"))
    for row in held:
        if any(named.subject_uid == subject_uid for named in row.subjects.all()):
            return row
    whole = [row for row in held if row.scope == Scope.EVERYTHING]
    return (whole or held or [None])[0]


def approaches(actor: Actor) -> QuerySet[Approach]:
    rows = Approach.objects.visible_to(actor).select_related("filer", "organisation")
    return rows.order_by("-pk")


# -- Tips --------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Message:
    at: datetime
    text: str
    by: str = ""


def tips_for(actor: Actor) -> QuerySet[Tip]:
    """Unanswered ones first, then the newest."""
    rows = Tip.objects.visible_to(actor).annotate(given=Count("answers"))
    return rows.order_by("given", "-pk")


def tip_text(tip: Tip) -> str:
    return tips.unseal(tip.body, tip.uid)


def answers_of(tip: Tip) -> list[Message]:
    rows = TipAnswer.objects.filter(tip=tip).select_related("inspector").order_by("pk")
    return [
        Message(row.answered_at, tips.unseal(row.body, tip.uid), row.inspector.name) for row in rows
    ]


def tip_by_secret(number: str, secret: str) -> Tip | None:
    """For its sender, who is known by nothing else."""
    tip = Tip.objects.filter(number=tips.tidy(number)[:16].replace("\x00", "")).first()
    given = tips.tidy(secret)
    if tip is None:
        tips.is_secret(given, "0" * 64)
        return None
    return tip if tips.is_secret(given, tip.secret_hash) else None


def waiting(actor: Actor) -> Counter[str]:
    """What waits for an inspector: tips without an answer."""
    return Counter(tips=Tip.objects.visible_to(actor).filter(answers=None).count())
