"""What ties experts to organisations: people, employers, organisations, and who controls them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Q
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from marketplace.accounts.members.models import EndedRole
from marketplace.accounts.models import Membership, Organisation, User
from marketplace.base import clock
from marketplace.base.languages import either
from marketplace.experts.control import Party, Way, ways_from
from marketplace.experts.models import Interest, InterestKind, Relation

LOOK_BACK_YEARS = 3
# Longer ago than this an end is told by its day.
MONTHS_TOLD = 48
MEMBER = "member"

# By (kind, relation): while it holds, and after it.
SAID: dict[str, tuple[str | Promise, str | Promise]] = {
    MEMBER: (
        gettext_lazy("is a member of %(party)s"),
        gettext_lazy("was a member of %(party)s %(until)s"),
    ),
    InterestKind.EMPLOYMENT: (
        gettext_lazy("works at %(party)s"),
        gettext_lazy("worked at %(party)s %(until)s"),
    ),
    InterestKind.ADVISER: (
        gettext_lazy("is an adviser of %(party)s"),
        gettext_lazy("was an adviser of %(party)s %(until)s"),
    ),
    InterestKind.DIRECTOR: (
        gettext_lazy("is a director or supervisor of %(party)s"),
        gettext_lazy("was a director or supervisor of %(party)s %(until)s"),
    ),
    InterestKind.HOLDING: (
        gettext_lazy("holds shares of %(party)s"),
        gettext_lazy("held shares of %(party)s %(until)s"),
    ),
    InterestKind.RELATIVE: (
        gettext_lazy("a near relative works at or holds shares of %(party)s"),
        gettext_lazy("a near relative worked at or held shares of %(party)s %(until)s"),
    ),
    Relation.SPOUSE: (
        gettext_lazy("the spouse works at or holds shares of %(party)s"),
        gettext_lazy("the spouse worked at or held shares of %(party)s %(until)s"),
    ),
    Relation.DIRECT: (
        gettext_lazy("a direct blood relative works at or holds shares of %(party)s"),
        gettext_lazy("a direct blood relative worked at or held shares of %(party)s %(until)s"),
    ),
    Relation.COLLATERAL: (
        gettext_lazy("a collateral relative works at or holds shares of %(party)s"),
        gettext_lazy("a collateral relative worked at or held shares of %(party)s %(until)s"),
    ),
    Relation.IN_LAW: (
        gettext_lazy("a near in-law works at or holds shares of %(party)s"),
        gettext_lazy("a near in-law worked at or held shares of %(party)s %(until)s"),
    ),
}


@dataclass(frozen=True)
class Conflict:
    """One tie with the way that explains it. A hard one excludes; another is told.

    way: from the organisation concerned to the party with which the tie is. until: the first day
    on which it no longer holds. day: on which it was looked up, so that it reads the same later.
    """

    way: Way
    kind: str
    hard: bool
    day: date
    relation: str = ""
    until: date | None = None

    @property
    def organisation_id(self) -> int | None:
        """Of the party with which the tie is; none where it is not on the platform."""
        return self.way.end.organisation_id

    @property
    def path(self) -> tuple[str, ...]:
        """Names from the organisation concerned to the party of the tie; people are left out."""
        return tuple(_named(party) for party in self.way.parties if not party.is_person)

    @property
    def sentence(self) -> str:
        """The tie and the way in one sentence, in the language of the moment."""
        over = self.until is not None and self.until <= self.day
        said = SAID[self.relation or self.kind][over]
        told = {"party": _named(self.way.end), "until": self._until()}
        text = str(said) % told
        if self.until is not None and not over:
            text = _("%(tie)s until %(day)s") % {"tie": text, "day": _day(self.until)}
        if not self.way.steps:
            return text
        steps, sentence = set(self.way.steps), _("%(tie)s, tied to %(organisation)s by its head")
        if steps == {"up"}:
            sentence = _("%(tie)s, which controls %(organisation)s")
        elif steps == {"down"}:
            sentence = _("%(tie)s, controlled by %(organisation)s")
        elif steps == {"up", "down"}:
            sentence = _("%(tie)s, under the same control as %(organisation)s")
        text = sentence % {"tie": text, "organisation": _named(self.way.parties[0])}
        between = [_named(party) for party in self.way.parties[1:-1] if not party.is_person]
        if between:
            names = _(", ").join(between)
            text = _("%(tie)s (through %(names)s)") % {"tie": text, "names": names}
        return text

    def _until(self) -> str:
        if self.until is None:
            return ""
        months = whole_months(self.until, self.day)
        if months > MONTHS_TOLD:
            return _("until %(day)s") % {"day": _day(self.until)}
        if months < 1:
            return _("until less than a month ago")
        return ngettext(
            "until %(months)s month ago", "until %(months)s months ago", months
        ) % {"months": months}  # fmt: skip

    @property
    def plain(self) -> dict[str, Any]:
        """For keeping: JSON from which `told` makes it again, in whatever language is read."""
        return {
            "kind": self.kind,
            "relation": self.relation,
            "hard": self.hard,
            "day": self.day.isoformat(),
            "until": self.until.isoformat() if self.until else None,
            "steps": list(self.way.steps),
            "parties": [
                [party.code, party.name, party.name_en, party.organisation_id]
                for party in self.way.parties
            ],
        }


def told(plain: Mapping[str, Any]) -> Conflict:
    """What `Conflict.plain` kept."""
    until = plain["until"]
    return Conflict(
        Way(tuple(Party(*party) for party in plain["parties"]), tuple(plain["steps"])),
        plain["kind"],
        plain["hard"],
        date.fromisoformat(plain["day"]),
        plain["relation"],
        date.fromisoformat(until) if until else None,
    )


def _named(party: Party) -> str:
    return either(party.name, party.name_en)


def _day(day: date) -> str:
    return date_format(day, "Y-m-d")


def whole_months(since: date, day: date) -> int:
    """Full months from one day to another: 31 January to 28 February is none."""
    months = (day.year - since.year) * 12 + day.month - since.month
    return months - (day.day < since.day)


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

    Hard: a member of the organisation's account; employed by, adviser or director of, holding
    shares of, or with a near relative at the organisation or a party near it (control.py), now or
    in the last three years. Older ties are told but exclude nobody. A party that is not on the
    platform is the same by its code, or else by its name. Source: recusal rules of expert pools.
    """
    ids = [user.pk for user in users]
    found = ties(organisations, clock.today(), users=ids)
    return {pk: found.get(pk, []) for pk in ids}


def ties(
    organisations: Iterable[Organisation], day: date, *, users: list[int] | None = None
) -> dict[int, list[Conflict]]:
    """{user id: ties on that day}, hard ones first, of these people or of all. Four queries."""
    found: dict[int, list[Conflict]] = {}
    for user_id, ways, said in _met(organisations, day, users):
        found.setdefault(user_id, []).extend(Conflict(way, day=day, **said) for way in ways)
    for mine in found.values():
        mine.sort(key=lambda tie: not tie.hard)
    return found


def first_ties(organisations: Iterable[Organisation], day: date) -> dict[int, Conflict]:
    """{user id: the first hard tie} of everybody who has one. Four queries."""
    found: dict[int, Conflict] = {}
    for user_id, ways, said in _met(organisations, day, None):
        if said["hard"] and user_id not in found:
            found[user_id] = Conflict(ways[0], day=day, **said)
    return found


def _met(
    organisations: Iterable[Organisation], day: date, users: list[int] | None
) -> Iterator[tuple[int, list[Way], dict[str, Any]]]:
    """(user id, ways to the party, what else a Conflict says): memberships, then interests."""
    by_code, by_name = _ways(organisations, day)
    if not by_code or users == []:
        return
    since = years_before(day, LOOK_BACK_YEARS)
    among = Q() if users is None else Q(user__in=users)
    seats = Membership.objects.filter(among, organisation__uscc__in=by_code).order_by("pk")
    for user_id, code in seats.values_list("user_id", "organisation__uscc"):
        yield user_id, by_code[code], {"kind": MEMBER, "hard": True}
    left = EndedRole.objects.filter(among, organisation__uscc__in=by_code).order_by("pk")
    for user_id, code, at in left.values_list("user_id", "organisation__uscc", "created_at"):
        until = at.astimezone(clock.SHANGHAI).date()
        yield user_id, by_code[code], {"kind": MEMBER, "hard": until > since, "until": until}
    same = (
        Q(organisation__uscc__in=by_code)
        | Q(organisation=None, party_uscc__in=by_code)
        | Q(organisation=None, party_uscc="", party_name__in=by_name)
    )
    rows = Interest.objects.standing().filter(same).order_by("pk")
    if users is not None:
        rows = rows.filter(expert__user__in=users)
    columns = ("expert__user_id", "organisation__uscc", "party_uscc", "party_name")
    for user_id, known, code, name, kind, relation, until in rows.values_list(
        *columns, "kind", "relation", "until_date"
    ):
        # Not on the platform and without a code, it is known by its name alone.
        ways = by_code[known or code] if known or code else by_name[name]
        hard = until is None or until > since
        yield user_id, ways, {"kind": kind, "hard": hard, "relation": relation, "until": until}


def _ways(
    organisations: Iterable[Organisation], day: date
) -> tuple[dict[str, list[Way]], dict[str, list[Way]]]:
    """The parties near these organisations by code and by name. A person's name proves nothing."""
    by_code: dict[str, list[Way]] = {}
    by_name: dict[str, list[Way]] = {}
    for way in ways_from((organisation.uscc for organisation in organisations), day):
        by_code.setdefault(way.end.code, []).append(way)
        names = set() if way.end.is_person else {way.end.name, way.end.name_en} - {""}
        for name in names:
            by_name.setdefault(name, []).append(way)
    return by_code, by_name
