"""Who may be drawn for a panel, and what keeps the others out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

from django.db.models import Case, CharField, Q, QuerySet, Value, When
from django.utils.translation import gettext_lazy as _

from marketplace.accounts.models import Organisation, PersonRole
from marketplace.accounts.queries import key_holders
from marketplace.base.actor import Role
from marketplace.experts.graph import first_ties
from marketplace.experts.models import Expert, ExpertKind, Grade
from marketplace.experts.numbers import Profile, numbers_of
from marketplace.experts.workload import panels_by_user, panels_since

# Who watches, measures or rules does not judge.
NEVER_JUDGES = (Role.EVALUATOR, Role.WITNESS, Role.COMPLAINTS, Role.INSPECTOR, Role.OPERATOR)

# Why somebody is not drawn; the first that holds is told.
REASONS = {
    "inactive": _("The account is closed, or the person is no expert any more."),
    "suspended": _("The entry is suspended."),
    "expired": _("The entry has expired."),
    "role": _("The person watches, measures or rules on this platform."),
    "kind": _("Neither a technical nor an economic expert."),
    "title": _("No senior title, nor an equal level."),
    "years": _("Fewer years in the field than the rules ask for."),
    "workload": _("As many panels in twelve months as the rules, or the expert, allow."),
    "key_holder": _("Holds a key of this opening."),
    "conflict": _("Has a tie to one of the parties."),
}


def with_standing(rows: QuerySet[Expert], profile: Profile | None, day: date) -> QuerySet[Any]:
    """With `barred`: a code of REASONS, or empty. Asked so that each subquery runs once."""
    numbers = numbers_of(profile)
    roles = PersonRole.objects.order_by()
    acting = roles.filter(role=Role.EXPERT).values("user")
    apart = roles.filter(role__in=NEVER_JUDGES).values("user")
    latest_year = day.year - numbers.years
    whens = [
        When(Q(user__is_active=False) | ~Q(user__in=acting), then=Value("inactive")),
        When(Q(suspended_at__isnull=False), then=Value("suspended")),
        When(Q(valid_until__lte=day), then=Value("expired")),
        When(Q(user__in=apart), then=Value("role")),
        When(~Q(kind__in=[ExpertKind.TECHNICAL, ExpertKind.ECONOMIC]), then=Value("kind")),
    ]
    if numbers.senior:
        titled = Q(grade__in=[Grade.SENIOR, Grade.EQUAL])
        whens.append(When(~titled, then=Value("title")))
    if numbers.years:
        unknown = Q(field_from_year=None)
        whens.append(When(unknown | Q(field_from_year__gt=latest_year), then=Value("years")))
    # Counted for the few who set a limit of their own, and for those who sat so often.
    own = Q(panels_most__isnull=False) & Q(panels_most__lte=panels_since(day))
    often = [user for user, number in panels_by_user(day).items() if number >= numbers.panels]
    whens.append(When(own | Q(user__in=often), then=Value("workload")))
    return rows.annotate(barred=Case(*whens, default=Value(""), output_field=CharField()))


def eligible(profile: Profile | None, day: date) -> QuerySet[Any]:
    """Whom the profile lets sit on a panel that is drawn on that day, ties to parties aside."""
    return with_standing(Expert.objects.all(), profile, day).filter(barred="")


@dataclass
class Gathered:
    """candidates: {specialty: [(expert uid, user id, weight)]}, by uid; somebody may be in several.

    excluded: [(expert uid, code, tie)] of those who know one of the specialties, by uid. The code
    is one of REASONS or of the caller's own; the tie is `graph.Conflict.plain` of the first hard
    tie, by which `graph.told` tells it, and empty for other reasons.
    """

    candidates: dict[str, list[tuple[UUID, int, int]]]
    excluded: list[tuple[UUID, str, dict[str, Any]]] = field(default_factory=list)


def gathered(
    scenario_uid: UUID,
    strata: Mapping[str, int],
    organisations: Iterable[Organisation],
    profile: Profile | None,
    day: date,
    *,
    barred: Mapping[int, str] | None = None,
) -> Gathered:
    """Candidates for a draw of so many seats per specialty, and everybody who is kept out.

    organisations: all whom a member must not be tied to. barred: {user id: code} of those whom the
    rooms above keep out, such as who demonstrated the demand. The number of queries is constant.
    """
    kept_out = dict.fromkeys(key_holders(scenario_uid).values_list("pk", flat=True), "key_holder")
    kept_out |= barred or {}
    near = first_ties(organisations, day)
    numbers = numbers_of(profile)
    result = Gathered({specialty: [] for specialty in strata})
    rows = with_standing(Expert.objects.filter(specialties__overlap=[*strata]), profile, day)
    panels = panels_by_user(day)
    columns = ("uid", "user_id", "specialties", "barred")
    for uid, user_id, specialties, reason in rows.order_by("uid").values_list(*columns):
        why = reason or kept_out.get(user_id, "")
        if not why and user_id in near:
            result.excluded.append((uid, "conflict", near[user_id].plain))
        elif why:
            result.excluded.append((uid, why, {}))
        else:
            entry = (uid, user_id, numbers.weight(panels.get(user_id, 0)))
            for specialty in strata:
                if specialty in specialties:
                    result.candidates[specialty].append(entry)
    return result
