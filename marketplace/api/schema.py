"""The description of the API (OpenAPI 3.1) and its pages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.urls import reverse_lazy
from django.utils import translation
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularSwaggerSplitView
from rest_framework.request import Request
from rest_framework.response import Response

from marketplace.base.problems import MEDIA_TYPE

PROBLEM = {
    "type": "object",
    "description": "RFC 9457: what went wrong.",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string", "const": "about:blank"},
        "title": {"type": "string", "description": "The name of the status."},
        "status": {"type": "integer"},
        "code": {
            "type": "string",
            "description": "Stable, for programs; such as not_found or request.parameter.",
        },
        "detail": {
            "type": "string",
            "description": "For people, in the language of the request.",
        },
        "errors": {
            "type": "object",
            "description": "Field or parameter, and what is wrong with it.",
            "additionalProperties": {"type": "array", "items": {"type": "string"}},
        },
        "current": {
            "type": "object",
            "description": "With 412: the present revision, and what stands now where the request"
            " said otherwise.",
        },
    },
}


ORGANISATION = {
    "name": "Jiebang-Organisation",
    "in": "header",
    "description": "Act for this organisation in this request, instead of the one chosen on the"
    " pages: its uid. One must be a member there, or the answer is 403 `organisation.other`; a"
    " token acts for none but its own.",
    "schema": {"type": "string", "format": "uuid"},
}


def describe_problems(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Every operation may answer with a problem document; the shape is one for all."""
    components = result.setdefault("components", {})
    components.setdefault("schemas", {})["Problem"] = PROBLEM
    components.setdefault("responses", {})["Problem"] = {
        "description": "What went wrong.",
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    components["parameters"] = {"Organisation": ORGANISATION}
    close_bodies(result)
    for path in result["paths"].values():
        for operation in path.values():
            if isinstance(operation, dict) and "responses" in operation:
                told, problems = operation["responses"], operation.pop("x-problems", [])
                if any(operation.get("security", [])):
                    place = {"$ref": "#/components/parameters/Organisation"}
                    operation.setdefault("parameters", []).append(place)
                    problems = [*problems, 400, 401, 403]
                for status in [*problems, "default"]:
                    told[str(status)] = {"$ref": "#/components/responses/Problem"}
    return result


def close_bodies(result: dict[str, Any]) -> None:
    """Unknown fields are refused, so the schema says that there are none."""
    schemas = result["components"]["schemas"]
    bodies = [
        operation["requestBody"]
        for path in result["paths"].values()
        for operation in path.values()
        if isinstance(operation, dict) and "requestBody" in operation
    ]
    names, seen = list(references(bodies)), set()
    while names:
        name = names.pop()
        if name in seen:
            continue
        seen.add(name)
        schemas[name].setdefault("additionalProperties", False)
        names += references(schemas[name])


def references(part: Any) -> Iterator[str]:
    rows = part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
    for row in rows:
        yield from references(row)
    if isinstance(part, dict) and isinstance(part.get("$ref"), str):
        yield part["$ref"].rpartition("/")[2]


class Schema(SpectacularJSONAPIView):
    metadata_class = None
    http_method_names = ["get", "head"]

    @extend_schema(exclude=True)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One schema in one language: parameters of the address change nothing."""
        with translation.override("en"):
            return self._get_schema_response(request)

    def _get_version_parameter(self, request: Request) -> None:
        return None


class Docs(SpectacularSwaggerSplitView):
    metadata_class = None
    http_method_names = ["get", "head"]
    url_name = "api-schema"
    url_self = reverse_lazy("api-docs")  # type: ignore[assignment]
    template_name = "api/docs.html"
