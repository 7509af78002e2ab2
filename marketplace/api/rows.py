"""The rows of the list of demands, as the database says them.

The same as `row_shape` of one demand, which the tests hold against each other. Through the ORM, with
its six joins and a conversion of every value, a page cost forty times what the database needs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rest_framework.request import Request

from marketplace.api.views import absolute
from marketplace.base.actor import Actor, Role
from marketplace.base.inspected import inspected
from marketplace.base.prepared import fetch_all
from marketplace.scenarios.codes import profile_labels, term_codes
from marketplace.scenarios.disclosure.mask import MASK_EN
from marketplace.scenarios.models import BEFORE_PUBLICATION, Scenario

STAMP = "to_char(s.{0} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')"
TERMS = ("domain", "carrier", "area", "focus")
FIELDS = {
    "uid": "s.uid::text",
    **{name: f"s.{name}" for name in ("ref", "state", "title", "title_en", "language")},
    **{name: f"s.{name}" for name in ("summary", "summary_en", "organising_mode")},
    "race_entrants": "s.race_entrants",
    "budget_cny": "s.budget_cny::text",
    "duration_months": "s.duration_months",
    "award_mode": "s.award_mode",
    **{
        name: STAMP.format(name)
        for name in ("published_at", "deadline_at", "closed_at", "ended_at")
    },
    "failure": "s.failure",
    **{name: f"s.{name}_id" for name in (*TERMS, "profile")},
    "open": "s.state = 'published' AND marketplace_now() < s.deadline_at",
}
NAMES = tuple(FIELDS)
OWNER = (
    *("s.organisation_id", "s.owner_masked AND s.owner_shown_at IS NULL", "s.owner_mask"),
    *("o.uid::text", "o.name", "o.name_en"),
)
ROWS = (
    f"SELECT s.id, {', '.join(OWNER)}, {', '.join(FIELDS.values())}"  # noqa: S608
    " FROM marketplace_scenario s JOIN marketplace_organisation o ON o.id = s.organisation_id"
    " WHERE s.id = ANY(%(ids)s::bigint[])"
)
# What everybody sees.
PUBLIC = (
    "SELECT id FROM marketplace_scenario WHERE state <> ALL(%(hidden)s::varchar[])"
    " AND id BETWEEN %(least)s::bigint AND %(most)s::bigint ORDER BY id {0}"
    " LIMIT %(limit)s::int OFFSET %(offset)s::int"
)
HIDDEN = [str(state) for state in BEFORE_PUBLICATION]
LARGEST = 2**63 - 1
PLACE = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True)
class PublicIds:
    """What pagination asks of a queryset, for the list that every visitor reads without a filter.

    One constant statement: putting it together anew cost more than running it.
    """

    least: int = 0
    most: int = LARGEST
    order: str = "DESC"

    def order_by(self, key: str) -> PublicIds:
        return replace(self, order="DESC" if key.startswith("-") else "ASC")

    def filter(self, *, id__lt: str | None = None, id__gt: str | None = None) -> PublicIds:
        most = self.most if id__lt is None else int(id__lt) - 1
        return replace(self, most=most, least=self.least if id__gt is None else int(id__gt) + 1)

    def __getitem__(self, part: slice) -> list[dict[str, int]]:
        given = {"hidden": HIDDEN, "least": self.least, "most": self.most}
        given |= {"limit": part.stop - part.start, "offset": part.start}
        return [{"id": row[0]} for row in fetch_all(PUBLIC.format(self.order), given)]


def inspected_of(actor: Actor, ids: Sequence[int]) -> set[int]:
    """Those of which an inspector's request in force tells the owner; for others no query."""
    if actor.role != Role.INSPECTOR:
        return set()
    rows = Scenario.objects.filter(inspected(actor, "uid", "organisation__uid"), pk__in=ids)
    return set(rows.values_list("pk", flat=True))


def scenario_rows(
    request: Request, actor: Actor, ids: Sequence[int], actions: Mapping[int, Any]
) -> list[dict[str, Any]]:
    """The demands of these ids, in their order. One query, but for a term that is seen first.

    actions: {id: what `actions` says of it}.
    """
    self_link = absolute(request, "api-scenario", PLACE).removesuffix(f"{PLACE}/")
    page_link = absolute(request, "scenario", PLACE).removesuffix(f"{PLACE}/")
    found = {row[0]: row for row in fetch_all(ROWS, {"ids": list(ids)})}
    told = inspected_of(actor, ids)
    shaped = []
    for pk in ids:
        if pk not in found:  # withdrawn from sight between the two queries
            continue
        _id, owner_id, veiled, mask, owner_uid, owner, owner_en, *values = found[pk]
        knows = actor.is_office or owner_id == actor.organisation_id or pk in told
        if veiled and not knows:
            owner_uid, owner, owner_en = None, mask, MASK_EN
        body = dict(zip(NAMES, values, strict=True))
        body["open"] = bool(body["open"])
        body["organisation"] = {"uid": owner_uid, "name": owner, "name_en": owner_en}
        body["links"] = {
            "self": f"{self_link}{body['uid']}/",
            "html": f"{page_link}{body['ref'] or body['uid']}/",
        }
        body["actions"] = actions.get(pk, [])
        shaped.append(body)
    codes = term_codes(body[name] for body in shaped for name in TERMS)
    labels = profile_labels(body["profile"] for body in shaped)
    for body in shaped:
        for name in TERMS:
            body[name] = codes.get(body[name])
        body["profile"] = labels.get(body["profile"])
    return shaped
