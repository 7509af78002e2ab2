"""The schema, and whether an answer holds it. Every request of `client.As` is held to it."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from django.http import HttpResponse
from django.utils import translation
from drf_spectacular.generators import SchemaGenerator
from jsonschema import Draft202012Validator

METHODS = ("get", "post", "put", "patch", "delete")


@cache
def schema() -> dict[str, Any]:
    with translation.override("en"):
        found: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
    return found


@cache
def patterns() -> list[tuple[re.Pattern[str], str]]:
    """Addresses as patterns, the plain ones before those with places."""
    paths = sorted(schema()["paths"], key=lambda path: (path.count("{"), path))
    return [(re.compile(re.sub(r"\{\w+\}", "[^/]+", path)), path) for path in paths]


def operation(method: str, address: str) -> dict[str, Any] | None:
    path = re.sub(r"^https?://[^/]+", "", address).partition("?")[0]
    for pattern, template in patterns():
        if pattern.fullmatch(path):
            return schema()["paths"][template].get(method)
    return None


def holds(method: str, address: str, answer: HttpResponse) -> None:
    """Fails with every difference between an answer and what its operation promises."""
    found = operation(method, address)
    if found is None or answer.status_code == 304:
        return
    told = found["responses"].get(str(answer.status_code))
    if told is None and answer.status_code in {405, 406, 429, 503}:
        told = found["responses"]["default"]
    assert told, f"{found['operationId']} does not speak of {answer.status_code}: {answer.content}"
    if answer.status_code == 204:
        assert answer.content == b""
        return
    if "$ref" in told:
        assert answer["Content-Type"] == "application/problem+json"
        shape = {"$ref": "#/components/schemas/Problem"}
    else:
        shape = told["content"]["application/json"]["schema"]
    rules = Draft202012Validator({**shape, "components": schema()["components"]})
    faults = [f"{e.json_path}: {e.message}" for e in rules.iter_errors(answer.json())]
    assert not faults, (found["operationId"], faults)
    unknown = sorted(undeclared(answer.json(), shape, ""))
    assert not unknown, (found["operationId"], unknown)


def undeclared(body: Any, shape: dict[str, Any], path: str) -> set[str]:
    """Paths of what an answer says and its schema does not."""
    if "$ref" in shape:
        shape = schema()["components"]["schemas"][shape["$ref"].rpartition("/")[2]]
    found: set[str] = set()
    for part in [*shape.get("allOf", []), *shape.get("oneOf", []), *shape.get("anyOf", [])]:
        if part.get("type") != "null":
            return undeclared(body, part, path)
    if isinstance(body, list):
        for row in body:
            found |= undeclared(row, shape.get("items", {}), f"{path}[]")
    properties = shape.get("properties")
    if isinstance(body, dict) and properties and not shape.get("additionalProperties"):
        found |= {f"{path}.{name}" for name in body.keys() - properties.keys()}
        for name in body.keys() & properties.keys():
            found |= undeclared(body[name], properties[name], f"{path}.{name}")
    return found
