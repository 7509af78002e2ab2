"""Searches of the board that one keeps; what is new is told once a day."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from rest_framework import serializers as s
from rest_framework.request import Request
from rest_framework.response import Response

from marketplace.accounts.tokens.models import Scope
from marketplace.api.bodies import Body, Text
from marketplace.api.calls import call
from marketplace.api.deeds import Given, deed
from marketplace.api.lists import Listed, listing, reading
from marketplace.api.moves import told
from marketplace.api.scenarios import said
from marketplace.api.shapes import Free, Links, Shape, actions, instant, text
from marketplace.api.views import Resource, absolute, actor_of
from marketplace.base.errors import NotFound
from marketplace.scenarios.saved import actions as saved
from marketplace.scenarios.saved.models import NAME_MOST, SAVED_MOST
from marketplace.scenarios.saved.queries import saved_searches
from marketplace.scenarios.search.asked import FACETS, VALUES_MOST
from marketplace.scenarios.search.asking import TYPED_MOST


class SavedRow(Shape):
    uid = s.UUIDField()
    name = text()
    filters = Free(
        help_text="As the board's address: q, and each facet with its codes; fits with an organisation."
    )
    found = s.IntegerField(help_text="How many demands it has told of.")
    created_at = instant()
    links = Links()
    actions = actions()


class NewName(Body):
    name = Text(NAME_MOST)


class NewSearch(Body):
    name = Text(NAME_MOST)
    q = Text(TYPED_MOST, required=False)
    fits = s.BooleanField(
        required=False,
        help_text="Only what fits the capabilities that the caller's organisation declares.",
    )
    facets = s.DictField(
        child=s.ListField(child=Text(saved.CODE_MOST), max_length=VALUES_MOST),
        required=False,
        help_text=f"{{facet: [code, …]}}; facets: {', '.join(FACETS)}.",
    )


def row_shape(request: Request, row: Any) -> dict[str, Any]:
    return {
        "uid": str(row.uid),
        "name": row.name,
        "filters": row.filters,
        "found": row.found,
        "created_at": said(row.created_at),
        "links": {
            "self": absolute(request, "api-saved-search", row.uid),
            "html": absolute(request, "saved-search", row.uid),
        },
        "actions": told(request, ["rename_search", "delete_search"], row.uid),
    }


def search_shown(request: Request, uid: UUID) -> dict[str, Any]:
    row = saved_searches(actor_of(request)).filter(uid=uid).first()
    if row is None:
        raise NotFound
    return row_shape(request, row)


class SavedSearches(Listed):
    @listing(
        "saved_searches_list",
        "Saved searches",
        rows=SavedRow,
        description="One's own; nobody else is told.",
    )
    def get(self, request: Request) -> Any:
        rows = saved_searches(actor_of(request)).order_by()
        return rows, lambda page: [row_shape(request, row) for row in page]

    @deed(
        "saved_searches_create",
        "Save a search",
        scope=Scope.NOTICES,
        description=f"The same twice is once. At most {SAVED_MOST} a person.",
        takes=NewSearch,
        example={"name": "工业互联网", "q": "检测", "facets": {"domain": ["industrial_internet"]}},
        shows=search_shown,
        answers=SavedRow,
        status=201,
    )
    def post(self, given: Given) -> UUID:
        body = given.body
        filters = {**body.get("facets", {}), "q": body.get("q", ""), "fits": body.get("fits")}
        made = saved.save_search(actor=given.actor, name=body["name"], filters=filters)
        return made.uid


class SavedSearchOne(Resource):
    @reading("saved_searches_retrieve", "One saved search", shape=SavedRow)
    def get(self, request: Request, uid: UUID) -> Response:
        return Response(search_shown(request, uid))

    patch = call(
        saved.rename_search,
        "search_uid",
        "saved_searches_rename",
        "Name a saved search anew",
        scope=Scope.NOTICES,
        takes=NewName,
        example={"name": "工业互联网检测"},
        shows=search_shown,
        answers=SavedRow,
    )
    delete = call(
        saved.delete_search,
        "search_uid",
        "saved_searches_delete",
        "Drop a saved search",
        scope=Scope.NOTICES,
    )
