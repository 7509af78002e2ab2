"""What a new form is filled with."""

from __future__ import annotations

from uuid import UUID

from django.http import Http404

from marketplace.base import clock
from marketplace.scenarios.content import Content, read
from marketplace.scenarios.drafting.starting import copied, templates
from marketplace.scenarios.queries import known_codes
from marketplace.web.pages import actor_of
from marketplace.web.request import Request


def begun_with(request: Request) -> Content | None:
    """What the new form is filled with: ?template=CODE or ?from=UID; 404 where there is none."""
    if code := request.GET.get("template"):
        template = templates().get(code)
        if template is None:
            raise Http404
        content, _faults = read(template.data, base={}, known=known_codes(), now=clock.now())
        return content
    if raw := request.GET.get("from"):
        try:
            content_of = copied(actor_of(request), UUID(raw))
        except ValueError as error:
            raise Http404 from error
        if content_of is None:
            raise Http404
        return content_of
    return None
