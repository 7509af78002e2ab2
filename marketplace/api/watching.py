"""What one watches: told to nobody else, and counted nowhere."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from rest_framework import serializers as s
from rest_framework.request import Request

from marketplace.accounts.tokens.models import Scope
from marketplace.api.bid_shapes import subject
from marketplace.api.calls import call
from marketplace.api.lists import Filter, Listed, listing
from marketplace.api.moves import told
from marketplace.api.scenarios import said
from marketplace.api.shapes import Links, Shape, Subject, actions, instant
from marketplace.api.views import OfScenario, absolute, actor_of
from marketplace.base.errors import NotFound
from marketplace.scenarios.watching import actions as watching
from marketplace.scenarios.watching.models import WATCHED_MOST, Watch
from marketplace.scenarios.watching.queries import watched


class WatchRow(Shape):
    uid = s.UUIDField()
    scenario = Subject()
    watched_at = instant("Since when.")
    links = Links()
    actions = actions()


def row_shape(request: Request, row: Watch) -> dict[str, Any]:
    return {
        "uid": str(row.uid),
        "scenario": subject(request, row.scenario),
        "watched_at": said(row.created_at),
        "links": {
            "self": absolute(request, "api-scenario-watch", row.scenario.uid),
            "html": absolute(request, "watched"),
        },
        "actions": told(request, ["unwatch_scenario"], row.scenario.uid),
    }


def watch_shown(request: Request, uid: UUID) -> dict[str, Any]:
    row = watched(actor_of(request)).filter(scenario__uid=uid).first()
    if row is None:
        raise NotFound
    return row_shape(request, row)


class Watched(Listed):
    @listing(
        "watched_list",
        "What one watches",
        rows=WatchRow,
        filters=(Filter("scenario", "scenario__uid", "The demand."),),
        description="One's own, the latest first; nobody else is told.",
    )
    def get(self, request: Request) -> Any:
        rows = watched(actor_of(request)).order_by()
        return rows, lambda page: [row_shape(request, row) for row in page]


class ScenarioWatch(OfScenario):
    put = call(
        watching.watch_scenario,
        "scenario_uid",
        "scenarios_watch",
        "Watch a demand",
        scope=Scope.NOTICES,
        description=f"A posted one; again changes nothing. At most {WATCHED_MOST} a person.",
        shows=watch_shown,
        answers=WatchRow,
    )
    delete = call(
        watching.unwatch_scenario,
        "scenario_uid",
        "scenarios_unwatch",
        "Stop watching a demand",
        scope=Scope.NOTICES,
        description="Where nothing was watched nothing changes.",
    )
