"""What a request may bring: one JSON object, bounded, without unknown fields or control signs.

Fields are strict: a number is no text and "yes" is no boolean, so that what the schema says is
what is taken.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, cast
from uuid import UUID

import orjson
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers as s
from rest_framework.parsers import BaseParser
from rest_framework.request import Request

from marketplace.api.limits import BODY_BYTES_MAX, DEPTH_MAX
from marketplace.base.errors import DomainError, Invalid, TooLarge

# Control signs but tab and line ends, lone surrogates, and marks that turn the direction of text.
FORBIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
# The same for the schema; JSON Schema knows no escapes for surrogates, and JSON carries none.
PLAIN_TEXT = "^[^\\u0000-\\u0008\\u000b\\u000c\\u000e-\\u001f\\u007f-\\u009f\\u202a-\\u202e\\u2066-\\u2069]*$"
UID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9:.]{5,15}([Zz]|[+-][0-9]{2}:[0-9]{2})", re.ASCII
)


class BadBody(DomainError):
    status = 400
    code = "request.parse"
    message = gettext_lazy("The body is not JSON that can be read.")


class JSONBody(BaseParser):
    """JSON in UTF-8. Its length was checked before; depth is bounded by orjson and by us."""

    media_type = "application/json"

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        limit = BODY_BYTES_MAX
        raw = stream.read(limit + 1)
        if len(raw) > limit:
            raise too_large(limit)
        try:
            body = orjson.loads(raw)
        except orjson.JSONDecodeError as error:
            raise BadBody from error
        if deeper_than(body, DEPTH_MAX):
            raise BadBody(_("The body is nested too deeply."), code="request.depth")
        return body


def refuse_long(request: Request, limit: int) -> None:
    """By the length that the request announces, before anything of it is read."""
    given = request.META.get("CONTENT_LENGTH") or "0"
    if not re.fullmatch(r"[0-9]{1,15}", given, re.ASCII) or int(given) > limit:
        raise too_large(limit)


def too_large(limit: int) -> TooLarge:
    sentence = gettext_lazy("The body may have at most %(limit)s bytes.")
    return TooLarge(sentence, code="limit.body", limit=limit)


def deeper_than(body: Any, most: int) -> bool:
    """Level by level, so that no depth can exhaust the stack."""
    level = [body]
    for _level in range(most + 1):
        level = [
            item
            for row in level
            for item in (
                row.values() if isinstance(row, dict) else row if isinstance(row, list) else ()
            )
        ]
        if not level:
            return False
    return True


def forbidden_signs(value: Any, path: str = "") -> Iterator[str]:
    """Paths of texts (or names) with signs that can be neither shown nor kept."""
    if isinstance(value, str) and FORBIDDEN.search(value):
        yield path
    rows: list[tuple[Any, Any]] = []
    if isinstance(value, dict | list):
        rows = list(value.items() if isinstance(value, dict) else enumerate(value))
    for name, item in rows:
        if isinstance(name, str) and FORBIDDEN.search(name):
            yield path or "body"
            continue
        yield from forbidden_signs(item, f"{path}.{name}" if path else str(name))


class Body(s.Serializer):
    """What an operation takes. Unknown fields are refused by name, at every level."""

    default_error_messages = {
        "invalid": gettext_lazy("Give a JSON object."),
        "unknown": gettext_lazy("There is no such field."),
    }

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            unknown = data.keys() - self.fields.keys()
            errors: dict[str, Any] = {
                str(name): [self.error_messages["unknown"]] for name in sorted(unknown)
            }
            try:
                found = super().to_internal_value(data)
            except s.ValidationError as error:
                detail = error.detail
                assert isinstance(detail, dict)
                raise s.ValidationError({**detail, **errors}) from error
            if errors:
                raise s.ValidationError(errors)
            return found
        return super().to_internal_value(data)


class Nothing(Body):
    """An operation without a body; an empty object is taken too."""


def read_body(takes: type[Body], body: Any) -> dict[str, Any]:
    """The clean values of a body. Raises Invalid with every fault, field by field."""
    if not isinstance(body, dict):
        raise Invalid(errors={"body": [_("Give a JSON object.")]})
    if not body and takes is Nothing:
        return {}
    signs = {
        path: [_("This contains characters that cannot be shown.")]
        for path in forbidden_signs(body)
    }
    if signs:
        raise Invalid(code="content.signs", errors=cast("dict[str, list[Any]]", signs))
    form = takes(data=body)
    if not form.is_valid():
        raise Invalid(errors=cast("dict[str, list[Any]]", form.errors))
    return dict(form.validated_data)


# -- Strict fields -----------------------------------------------------------------------------------
class Text(s.CharField):
    """A text; `lines` keeps line ends."""

    def __init__(self, most: int, **kwargs: Any) -> None:
        kwargs.setdefault("allow_blank", not kwargs.get("required", True))
        super().__init__(max_length=most, trim_whitespace=False, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)

    def run_validation(self, data: Any = s.empty) -> Any:
        if isinstance(data, str) and not data.strip() and not self.allow_blank:
            self.fail("blank")
        return super().run_validation(data)


class Flag(s.BooleanField):
    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class Whole(s.IntegerField):
    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, float) and data.is_integer() and abs(data) < 2**53:
            return int(data)  # JSON knows one kind of number
        if isinstance(data, bool) or not isinstance(data, int):
            self.fail("invalid")
        return data


class Uid(s.UUIDField):
    def to_internal_value(self, data: Any) -> UUID:
        if not isinstance(data, str) or not UID.fullmatch(data):
            self.fail("invalid", value=data)
        return UUID(data)


@extend_schema_field(OpenApiTypes.DATETIME)
class Instant(s.Field):
    """RFC 3339 with its offset: 2026-12-01T17:00:00+08:00."""

    default_error_messages = {
        "invalid": gettext_lazy("Give date and time with an offset: 2026-12-01T17:00:00+08:00."),
    }

    def to_internal_value(self, data: Any) -> Any:
        try:
            found = parse_datetime(data.upper()) if INSTANT.fullmatch(data) else None
        except (TypeError, ValueError):
            found = None
        if found is None or found.tzinfo is None or not 1970 <= found.year < 2200:
            self.fail("invalid")
        return found

    def to_representation(self, value: Any) -> Any:
        return value


@extend_schema_field(OpenApiTypes.DATE)
class Day(s.Field):
    """A day as 2026-11-22."""

    default_error_messages = {"invalid": gettext_lazy("Enter a date as 2026-11-22.")}

    def to_internal_value(self, data: Any) -> date:
        if not isinstance(data, str) or not DAY.fullmatch(data):
            self.fail("invalid")
        try:
            return date.fromisoformat(data)
        except ValueError:
            self.fail("invalid")

    def to_representation(self, value: Any) -> Any:
        return value


class Choice(s.ChoiceField):
    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str):
            self.fail("invalid_choice", input=data)
        return super().to_internal_value(data)


class Number(s.RegexField):
    """A decimal as text: binary fractions would change it."""

    default_error_messages = {
        "invalid": gettext_lazy("Give a decimal number as text, such as 1280000.00."),
    }

    def __init__(self, *, whole: int = 12, places: int = 2, sign: bool = False, **kw: Any) -> None:
        dash = "-?" if sign else ""
        fraction = f"(\\.[0-9]{{1,{places}}})?" if places else ""
        self.whole_text = re.compile(f"{dash}[0-9]{{1,{whole}}}{fraction}", re.ASCII)
        super().__init__(f"^{self.whole_text.pattern}$", **kw)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str) or not self.whole_text.fullmatch(data):
            self.fail("invalid")
        return super().to_internal_value(data)


class Signature(Body):
    sha256 = Text(64, help_text="Of the text that was read.")


def form_of(name: str) -> dict[str, Any]:
    """The schema of a free-form object whose content the action checks."""
    return {"type": "object", "title": name, "additionalProperties": True}
