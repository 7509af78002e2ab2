from __future__ import annotations

from functools import cached_property

from csp.constants import HEADER
from csp.middleware import CSPMiddleware
from csp.utils import build_policy
from django.http import HttpRequest, HttpResponseBase

OVERRIDES = ("_csp_config", "_csp_update", "_csp_replace", "_csp_exempt")


class PolicyMiddleware(CSPMiddleware):
    """The content security policy of the settings, put into words once and not for each answer.

    An answer with a policy of its own, or that drew a nonce, is left to the package.
    """

    @cached_property
    def usual(self) -> str:
        return str(build_policy())

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        own = any(name in vars(response) for name in OVERRIDES)
        if own or HEADER in response or getattr(request, "_csp_nonce", None) is not None:
            return super().process_response(request, response)
        response.headers[HEADER] = self.usual
        return response
