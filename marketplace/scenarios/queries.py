"""Reading demands: one of them as plain content, its notes, and who may hold its keys."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Q, QuerySet

from marketplace.accounts.models import Membership, PersonRole, User
from marketplace.base.actor import Actor, Role
from marketplace.base.inspected import inspects
from marketplace.ledger.models import Event
from marketplace.ledger.queries import history as public_history
from marketplace.scenarios import checks
from marketplace.scenarios.board import board, facets
from marketplace.scenarios.content import ROWS, TAGS, TERMS, TEXTS, Content, Fault, Known, read
from marketplace.scenarios.models import Scenario, ScenarioNote, State
from marketplace.scenarios.reference import RuleProfile, Term

__all__ = ["board", "facets"]  # the board is part of what this room answers

PLAIN_FIELDS = (
    *TEXTS,
    "language",
    "owner_masked",
    "owner_mask",
    "restricted_fields",
    "organising_mode",
    "award_mode",
    "race_entrants",
    "budget_cny",
    "duration_months",
    "deadline_at",
    "consortium_allowed",
    "consortium_members_max",
    "pass_line_percent",
)
# Who checks, measures, rules or runs the machines does not hold a key.
NEVER_KEY_HOLDERS = (
    Role.EXPERT,
    Role.EVALUATOR,
    Role.COMPLAINTS,
    Role.INSPECTOR,
    Role.OPERATOR,
)


def is_open(scenario: Scenario, now: datetime) -> bool:
    """Whether it takes bids at this instant, whatever the sweep has recorded so far."""
    return (
        scenario.state == State.PUBLISHED
        and not scenario.suspended
        and scenario.deadline_at is not None
        and now < scenario.deadline_at
    )


def has_closed(scenario: Scenario, now: datetime) -> bool:
    """Whether the deadline of a published one has passed, recorded or not.

    While it is suspended its clock stands still.
    """
    if scenario.state == State.PUBLISHED and scenario.suspended:
        return False
    return scenario.deadline_at is not None and (
        scenario.state != State.PUBLISHED or now >= scenario.deadline_at
    )


def closes_at(scenario: Scenario) -> datetime | None:
    """When its closing may be recorded: at the deadline, or after the grace for committed bytes.

    The same for every demand of a profile, so that it tells nothing of whether bytes are awaited.
    """
    if scenario.deadline_at is None or scenario.profile is None:
        return scenario.deadline_at
    return scenario.deadline_at + scenario.profile.bytes_grace


def rounds_of(root: Scenario) -> QuerySet[Scenario]:
    """Every round of a demand that was ever posted, the first one first."""
    rows = Scenario.objects.public().filter(Q(pk=root.pk) | Q(root=root))
    return rows.order_by("published_at", "pk")


def rounds_on_the_way(root: Scenario) -> QuerySet[Scenario]:
    """Those that have not come to an end; a rejected draft has."""
    over = [State.FAILED, State.WITHDRAWN, State.TERMINATED, State.REJECTED]
    return Scenario.objects.filter(Q(pk=root.pk) | Q(root=root)).exclude(state__in=over)


def newest_profile(code: str) -> RuleProfile | None:
    return RuleProfile.objects.filter(code=code).order_by("-version").first()


def newest_profiles() -> list[RuleProfile]:
    """One per code, in the order of the codes."""
    return list(RuleProfile.objects.order_by("code", "-version").distinct("code"))


def known_codes() -> Known:
    """The codes that a demand may name. Two queries."""
    vocabularies = {*TERMS.values(), *TAGS.values()}
    terms: dict[str, set[str]] = {name: set() for name in vocabularies}
    rows = Term.objects.filter(vocabulary__in=vocabularies)
    for vocabulary, code in rows.values_list("vocabulary", "code"):
        terms[vocabulary].add(code)
    profiles = RuleProfile.objects.values_list("code", flat=True).distinct()
    return Known({name: frozenset(codes) for name, codes in terms.items()}, frozenset(profiles))


def specialties() -> list[Term]:
    """What experts are drawn by, in the vocabulary's order."""
    return list(Term.objects.filter(vocabulary="specialty").order_by("position", "pk"))


def stored_values(scenario: Scenario) -> dict[str, Any]:
    """The fields of a demand as plain values, terms and profile as codes."""
    values = {name: getattr(scenario, name) for name in PLAIN_FIELDS}
    for name in TERMS:
        term = getattr(scenario, name)
        values[name] = term.code if term else None
    values["profile"] = scenario.profile.code if scenario.profile else None
    return values


def tags_of(scenario: Scenario) -> dict[str, list[Term]]:
    """{"technologies": its terms, "platforms": its terms}, in their order. One query."""
    parts = [getattr(scenario, name).all() for name in TAGS]
    rows = parts[0].union(*parts[1:]).order_by("position", "id")
    found: dict[str, list[Term]] = {name: [] for name in TAGS}
    names = {vocabulary: name for name, vocabulary in TAGS.items()}
    for term in rows:
        found[names[term.vocabulary]].append(term)
    return found


def stored_content(scenario: Scenario) -> Content:
    """A demand with all its rows as plain content, as it would be typed."""
    values = stored_values(scenario)
    values |= {name: [tag.code for tag in tags] for name, tags in tags_of(scenario).items()}
    rows = {
        part: list(getattr(scenario, part).order_by("position", "pk").values(*fields))
        for part, fields in ROWS.items()
    }
    return Content(values, rows)


def open_faults(scenario: Scenario, now: datetime) -> list[Fault]:
    """What still stands between this demand and its submission."""
    return checks.faults(
        stored_content(scenario), profile=scenario.profile, now=now, demo=settings.DEMO
    )


def typed_faults(data: Mapping[str, Any], now: datetime) -> list[Fault]:
    """The same for a whole demand as somebody types it, nothing of it stored."""
    content, read_faults = read(data, base={}, known=known_codes(), now=now)
    profile = newest_profile(content.values.get("profile") or "")
    return checks.with_read(read_faults, content, profile=profile, now=now, demo=settings.DEMO)


def key_holder_candidates(scenario: Scenario) -> QuerySet[User]:
    """People who may be appointed to confirm the opening.

    Active people who judge, measure or audit nothing, and belong to no organisation but the
    office or the owner of this demand. Never a reviewer.
    """
    bound = Membership.objects.exclude(organisation__is_office=True).exclude(
        organisation_id=scenario.organisation_id
    )
    barred = PersonRole.objects.filter(role__in=NEVER_KEY_HOLDERS)
    people = User.objects.filter(is_active=True, expert=None)
    people = people.exclude(pk__in=bound.values("user_id"))
    return people.exclude(pk__in=barred.values("user_id")).order_by("name", "pk")


def history(scenario: Scenario) -> QuerySet[Event]:
    """What everybody may know of its course, oldest first."""
    return public_history(scenario.uid)


def notes(actor: Actor, scenario: Scenario) -> QuerySet[ScenarioNote]:
    """Reasons and opinions: to the owner and the office all; to others why it ended."""
    rows = ScenarioNote.objects.filter(scenario=scenario).select_related("author").order_by("pk")
    ended = Q(to_state__in=[State.WITHDRAWN, State.FAILED, State.TERMINATED])
    mine = actor.organisation_id is not None and actor.organisation_id == scenario.organisation_id
    inside = actor.is_office or mine or inspects(actor, scenario.uid, scenario.organisation.uid)
    return rows if inside else rows.filter(ended)
