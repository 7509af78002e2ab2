"""What ties an expert to organisations: the pool's interests, memberships, common control."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from django.utils.translation import gettext as _

from marketplace.accounts.models import Membership, Organisation, PersonRole, User
from marketplace.accounts.queries import related_organisations
from marketplace.base import clock
from marketplace.base.actor import Role
from marketplace.experts.models import Interest, InterestKind

LOOK_BACK_YEARS = 3


@dataclass(frozen=True)
class Conflict:
    """One tie. A hard one excludes; another is shown to whoever appoints.

    path: the names from the organisation concerned to the one where the tie is.
    """

    organisation_id: int
    path: tuple[str, ...]
    sentence: str
    hard: bool


def pool() -> list[User]:
    """Everybody who acts as an expert, by name."""
    experts = PersonRole.objects.filter(role=Role.EXPERT).values("user_id")
    users = User.objects.filter(pk__in=experts, is_active=True).select_related("expert")
    return list(users.order_by("name", "pk"))


def years_before(day: date, years: int) -> date:
    """The same day years ago; 29 February becomes 28."""
    try:
        return day.replace(year=day.year - years)
    except ValueError:
        return day.replace(year=day.year - years, day=28)


def conflicts(expert_user: User, organisations: Iterable[Organisation]) -> list[Conflict]:
    """Everything that ties one expert to these organisations."""
    return conflicts_of([expert_user], organisations)[expert_user.pk]


def conflicts_of(
    users: Iterable[User], organisations: Iterable[Organisation]
) -> dict[int, list[Conflict]]:
    """{user id: ties}, hard ones first. The number of queries does not grow with the experts.

    Hard: a member of the organisation's account; employed by, adviser of, or with a near relative
    at the organisation, or one under the same control, now or in the last three years. Older ties
    are told but exclude nobody. Source: recusal rules of expert pools, three-year look-back.
    """
    users = list(users)
    concerned: dict[int, list[tuple[str, ...]]] = {}
    for organisation in organisations:
        concerned.setdefault(organisation.pk, []).append((organisation.name,))
        related = Organisation.objects.filter(pk__in=related_organisations(organisation))
        for other in related.order_by("pk"):
            concerned.setdefault(other.pk, []).append((organisation.name, other.name))
    found: dict[int, list[Conflict]] = {user.pk: [] for user in users}
    members = Membership.objects.filter(user__in=users, organisation_id__in=concerned)
    for seat in members.select_related("organisation").order_by("pk"):
        for path in concerned[seat.organisation_id]:
            tie = _("is a member of %(organisation)s") % {"organisation": seat.organisation.name}
            found[seat.user_id].append(_conflict(seat.organisation_id, path, tie, hard=True))
    since = years_before(clock.today(), LOOK_BACK_YEARS)
    interests = Interest.objects.filter(
        expert__user__in=users, organisation_id__in=concerned
    ).select_related("organisation", "expert")
    for interest in interests.order_by("pk"):
        hard = interest.until_date is None or interest.until_date > since
        for path in concerned[interest.organisation_id]:
            found[interest.expert.user_id].append(
                _conflict(interest.organisation_id, path, _tie(interest), hard=hard)
            )
    for ties in found.values():
        ties.sort(key=lambda tie: not tie.hard)
    return found


def _tie(interest: Interest) -> str:
    words = {
        InterestKind.EMPLOYMENT: _("employed by %(organisation)s"),
        InterestKind.ADVISER: _("adviser of %(organisation)s"),
        InterestKind.RELATIVE: _("a near relative works at %(organisation)s"),
    }
    text = words[InterestKind(interest.kind)] % {"organisation": interest.organisation.name}
    if interest.until_date:
        text = _("%(tie)s until %(day)s") % {"tie": text, "day": interest.until_date.isoformat()}
    return text


def _conflict(organisation_id: int, path: tuple[str, ...], tie: str, *, hard: bool) -> Conflict:
    sentence = tie
    if len(path) > 1:
        sentence = _("%(tie)s, under the same control as %(organisation)s") % {
            "tie": tie,
            "organisation": path[0],
        }
    return Conflict(organisation_id, path, sentence, hard)
