"""Which earlier demands one is like, as far as its reader may see them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from django.db import connection
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from marketplace.base.actor import Actor
from marketplace.base.inspected import inspects
from marketplace.scenarios.content import Content, Fault
from marketplace.scenarios.disclosure.mask import shown_owner
from marketplace.scenarios.likeness.keeping import PARTS, words_of_content, words_of_row
from marketplace.scenarios.likeness.models import LikenessAnswer
from marketplace.scenarios.likeness.sketch import (
    Compared,
    Shingles,
    bands,
    compare,
    estimate,
    shared_phrases,
    shingles,
    signature,
    signed,
)
from marketplace.scenarios.models import Scenario, State
from marketplace.scenarios.queries import stored_content

# Rows of one band that are looked at; rows with most bands in common; those of them that the actor
# sees and that are compared word by word; shown.
OF_BAND_MOST, FOUND_MOST, COMPARED_MOST, SHOWN_MOST = 1_000, 2_000, 300, 10
# A sketch that tells less is not compared; 0.2 is more than two standard errors below NAMED.
WORTH_COMPARING = 0.2
# From here on named, and from here on the owner must say what it is.
NAMED, STRONG = 0.35, 0.5
# Or where the wish alone is nearly the same, and long enough to say so.
STRONG_NEED, NEED_LEAST = 0.7, 30
PHRASED = ("need", "pain", "metrics")


@dataclass(frozen=True)
class Like:
    """One that is like it. answer: what the owner said of it, if anything."""

    other: Scenario
    owner: str
    compared: Compared
    strong: bool
    phrases: list[str] = field(default_factory=list)
    answer: LikenessAnswer | None = None

    @property
    def percent(self) -> int:
        return int(self.compared.whole * 100)

    @property
    def parts(self) -> list[tuple[str, int]]:
        """(part, percent) of those that are somewhat alike, the most alike first."""
        told = [(part, self.compared.percent(part)) for part in PARTS]
        return sorted((one for one in told if one[1] >= 25), key=lambda one: -one[1])

    @property
    def owes_answer(self) -> bool:
        """A draft of one's own may still become anything."""
        return self.strong and self.answer is None and self.other.state != State.DRAFT


# Band by band, each by the index: of all at once the planner cannot tell how few have any, and reads
# every row.
MEETING = """
    SELECT l.scenario_id FROM unnest(%s::int[]) band CROSS JOIN LATERAL
        (SELECT scenario_id FROM marketplace_likeness WHERE bands @> ARRAY[band] LIMIT %s) l
    GROUP BY l.scenario_id ORDER BY count(*) DESC, l.scenario_id DESC LIMIT %s
"""


def told_to(actor: Actor, scenario: Scenario) -> bool:
    """Who is told of likenesses at all: its owner, the office, an inspector on a request."""
    own = actor.organisation_id is not None and actor.organisation_id == scenario.organisation_id
    return own or actor.is_office or inspects(actor, scenario.uid, scenario.organisation.uid)


def likes(actor: Actor, scenario: Scenario, content: Content | None = None) -> list[Like]:
    """Those that this one is like, the most alike first, at most SHOWN_MOST.

    content: what is to be filed, else what is stored. Never another round of the same root, and
    nothing that the actor may not see. At most five queries.
    """
    words = words_of_content(content or stored_content(scenario))
    mine = {part: shingles(text) for part, text in words.items()}
    signs = signature(frozenset().union(*mine.values()))
    if not signs:
        return []
    near = _candidates(_others(actor, scenario), bands(signs))
    kept = signed(signs)
    rows = [row for row in near if estimate(kept, row.likeness.signs) >= WORTH_COMPARING]
    found = [one for row in rows if (one := _like(actor, mine, row))]
    if not found:
        return []
    found.sort(key=lambda one: (-one.strong, -one.compared.whole, -one.other.pk))
    answers = {row.other_id: row for row in scenario.likeness_answers.select_related("author")}
    return [
        Like(
            one.other,
            one.owner,
            one.compared,
            one.strong,
            _phrases(words, words_of_row(one.other)),
            answers.get(one.other.pk),
        )
        for one in found[:SHOWN_MOST]
    ]


def _others(actor: Actor, scenario: Scenario) -> QuerySet[Scenario]:
    root = scenario.root_id or scenario.pk
    rounds = Q(pk=root) | Q(root=root)
    # What was said to be the same stays in sight, so that it can be taken back.
    said = Q(pk__in=scenario.likeness_answers.values("other"))
    seen = Scenario.objects.visible_to(actor).exclude(pk=scenario.pk)
    return seen.filter(~rounds | said) if scenario.root_id else seen.exclude(rounds)


def _candidates(seen: QuerySet[Scenario], asked: list[int]) -> list[Scenario]:
    """At most COMPARED_MOST that share a band, those with most of them first. Two queries."""
    with connection.cursor() as cursor:
        cursor.execute(MEETING, [asked, OF_BAND_MOST, FOUND_MOST])
        place = {pk: number for number, (pk,) in enumerate(cursor.fetchall())}
    pks = seen.filter(pk__in=list(place)).values_list("pk", flat=True)
    nearest = sorted(pks, key=place.__getitem__)[:COMPARED_MOST]
    rows = Scenario.objects.filter(pk__in=nearest)
    return list(rows.select_related("organisation", "likeness").prefetch_related("metrics"))


def _like(actor: Actor, mine: Mapping[str, Shingles], row: Scenario) -> Like | None:
    theirs = {part: shingles(text) for part, text in words_of_row(row).items()}
    compared = compare(mine, theirs)
    long = len(mine["need"] | theirs["need"]) >= NEED_LEAST
    same_need = long and compared.parts.get("need", 0) >= STRONG_NEED
    if compared.whole < NAMED and not same_need:
        return None
    strong = compared.whole >= STRONG or same_need
    return Like(row, shown_owner(actor, row).name, compared, strong)


def _phrases(mine: Mapping[str, str], theirs: Mapping[str, str]) -> list[str]:
    found = [one for part in PHRASED for one in shared_phrases(mine[part], theirs[part])]
    return sorted(dict.fromkeys(found), key=len, reverse=True)[:3]


def unanswered(actor: Actor, scenario: Scenario, content: Content) -> list[Fault]:
    """What stands between this demand and its submission: strong likenesses without a word."""
    return owed(likes(actor, scenario, content))


def owed(found: list[Like]) -> list[Fault]:
    """The same of likenesses that are known already."""
    sentence = _(
        "This is %(percent)s %% like %(other)s. Save the draft, and say under “Like earlier demands”"
        " what makes it different, or that it is the same."
    )
    return [
        Fault(
            "likeness",
            "likeness.unanswered",
            sentence % {"percent": one.percent, "other": one.other.ref or one.other.title},
        )
        for one in found
        if one.owes_answer
    ]
