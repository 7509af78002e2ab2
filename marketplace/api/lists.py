"""Lists: narrowed by named filters, in pages by key, shaped all at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from marketplace.api.bodies import UID
from marketplace.api.errors import BadParameter
from marketplace.api.filters import PAGE_PARAMETERS
from marketplace.api.pagination import KeysetPagination
from marketplace.api.shapes import Shape
from marketplace.api.views import Resource


@dataclass(frozen=True)
class Filter:
    """One parameter; several values of it are alternatives. Without choices it takes uids."""

    name: str
    lookup: str
    text: str
    choices: tuple[str, ...] = ()

    def read(self, value: str) -> Any:
        if self.choices:
            if value not in self.choices:
                raise BadParameter(self.name, _("There is no such value."))
            return value == "true" if "true" in self.choices else value
        if not UID.fullmatch(value):
            raise BadParameter(self.name, _("There is no such value."))
        return UUID(value)

    @property
    def described(self) -> OpenApiParameter:
        return OpenApiParameter(
            self.name,
            OpenApiTypes.STR if self.choices else OpenApiTypes.UUID,
            description=self.text,
            enum=list(self.choices) or None,
            many=True,
            explode=True,
            style="form",
        )


def narrow(request: Request, rows: QuerySet, filters: Iterable[Filter]) -> QuerySet:
    """Rows that match every parameter. Raises BadParameter for one that is not known."""
    known = {one.name: one for one in filters}
    given = request.query_params
    for name in given.keys() - known.keys() - PAGE_PARAMETERS:
        raise BadParameter(name, _("There is no such parameter."))
    for name, wanted in known.items():
        if name in given:
            values = [wanted.read(value) for value in given.getlist(name)]
            rows = rows.filter(**{f"{wanted.lookup}__in": values})
    return rows


def listing(
    name: str,
    summary: str,
    *,
    rows: type[Shape],
    filters: tuple[Filter, ...] = (),
    description: str = "",
    public: bool = False,
) -> Callable[[Callable[..., Any]], Callable[..., Response]]:
    """Describe a list. The method returns (a queryset, how the rows of one page are shaped).

    The queryset is narrowed and paged here; the second part is called once with the page's rows.
    """

    def describe(method: Callable[..., Any]) -> Callable[..., Response]:
        def answer(self: Resource, request: Request) -> Response:
            found, shape = method(self, request)
            pages = KeysetPagination()
            page = pages.paginate_queryset(narrow(request, found, filters), request, view=self)
            return pages.get_paginated_response(shape(page or []))

        return extend_schema(
            operation_id=name,
            summary=summary,
            description=description,
            parameters=[one.described for one in filters],
            responses=rows(many=True),
            extensions={"x-problems": [400] if public else [400, 401, 403]},
        )(answer)

    return describe


def reading(
    name: str, summary: str, *, shape: Any, description: str = "", public: bool = False
) -> Callable[[Callable[..., Response]], Callable[..., Response]]:
    """Describe the reading of one object."""
    problems = [400, 404] if public else [400, 401, 403, 404]
    return extend_schema(
        operation_id=name,
        summary=summary,
        description=description,
        responses=shape,
        extensions={"x-problems": problems},
    )


class Listed(Resource):
    pagination_class = KeysetPagination
    parameters: frozenset[str] | None = None
