from __future__ import annotations

import re
from typing import Any

from django.utils.translation import gettext as _
from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.request import Request

from marketplace.api.errors import BadParameter

POSITION = re.compile(r"[0-9]{1,18}", re.ASCII)


class KeysetPagination(CursorPagination):
    """Pages by key, not by offset: the millionth costs what the first one does."""

    page_size = 50
    max_page_size = 200
    page_size_query_param = "limit"
    ordering = "-id"

    def get_page_size(self, request: Request) -> int:
        given = request.query_params.get(self.page_size_query_param)
        if given is None:
            return self.page_size
        if not re.fullmatch(r"[0-9]{1,6}", given, re.ASCII) or int(given) == 0:
            sentence = _("Give a whole number from 1 to %(most)s.") % {"most": self.max_page_size}
            raise BadParameter(self.page_size_query_param, sentence)
        return min(int(given), self.max_page_size)

    def decode_cursor(self, request: Request) -> Cursor | None:
        """Our own cursors only: what comes back is compared with an id by the database."""
        try:
            cursor = super().decode_cursor(request)
        except Exception as error:
            raise self._bad_cursor() from error
        if cursor and cursor.position is not None and not POSITION.fullmatch(str(cursor.position)):
            raise self._bad_cursor()
        return cursor

    def _bad_cursor(self) -> BadParameter:
        return BadParameter(
            self.cursor_query_param, _("This is no cursor of this list: start from its first page.")
        )

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        link = {"type": ["string", "null"], "format": "uri"}
        return {
            "type": "object",
            "required": ["next", "previous", "results"],
            "properties": {
                "next": {**link, "description": "The following page."},
                "previous": {**link, "description": "The page before."},
                "results": schema,
            },
        }
