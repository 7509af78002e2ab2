"""schemathesis as every role: what fits the schema and what does not, on objects that are there.

A few cases of each operation here, against a server in service; FUZZ_EXAMPLES=50 digs deeper.
"""

from __future__ import annotations

import logging
import os
from contextlib import suppress

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.config import SchemathesisConfig
from schemathesis.generation.modes import GenerationMode

from tests.api.contract import schema
from tests.api.test_walls import NOBODY, World

pytestmark = pytest.mark.slow
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "1"))
ROLES = ["visitor", "owner", "vendor", "officer", "secretary", "expert", "holder", "inspector"]
# What the schema cannot say is refused by state or content, in these words and no others.
REFUSED = ["2xx", 400, 401, 403, 404, 409, 412, 413, 415, 422, 428, 429]
CASES = {}
CONFIG = {
    "checks": {
        "positive_data_acceptance": {"expected-statuses": REFUSED},
        "negative_data_rejection": {"expected-statuses": [*REFUSED[1:], 405, 406]},
        # Unknown methods and missing sessions are cells of the walls.
        "unsupported_method": {"enabled": False},
        "ignored_auth": {"enabled": False},
        "missing_required_header": {"enabled": False},
    }
}
QUICK = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(autouse=True)
def quiet(settings):
    settings.MFA_OPTIONAL = True
    settings.API_LIMITS = dict.fromkeys(settings.API_LIMITS, (10**9, 60))
    logging.disable(logging.ERROR)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture(scope="module")
def api():
    return schemathesis.openapi.from_dict(schema(), config=SchemathesisConfig.from_dict(CONFIG))


def headers_of(client, site):
    """The role's session and its CSRF token, as a browser sends them."""
    cookies = {name: morsel.value for name, morsel in client.cookies.items()}
    if not cookies:
        return {}
    token = "a" * 32
    cookies["csrftoken"] = token
    return {
        "Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items()),
        "X-CSRFToken": token,
        "Referer": f"{site}/",
    }


@pytest.mark.parametrize("role", ROLES)
def test_no_operation_fails(role, api, clock, site):
    here = World("review", clock)
    headers, failures = headers_of(here.clients[role], site), []
    for result in api.get_all_operations():
        operation = result.ok()
        if operation.path.startswith("/api/v1/uploads/") and operation.method != "get":
            continue  # tus speaks in bytes and headers; its room's tests cut and mangle them
        kind = operation.path.removeprefix("/api/v1/").partition("/")[0]
        found = here.objects.get(kind)
        places = {"uid": str(found.uid)} if found and "{uid}" in operation.path else {}
        if "{member}" in operation.path:
            places["member"] = str(here.objects["member"].uid)
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            try:
                fuzz(operation, mode, places, headers, site)
            except (Exception, BaseExceptionGroup) as error:
                failures.append(f"{operation.label} {mode}: {told(error)}")
    assert not failures, "\n".join(failures)


def told(error):
    """All that schemathesis says of it, in one text."""
    parts = [str(error), *map(str, getattr(error, "exceptions", ()))]
    return " | ".join(" ".join(part.split()) for part in parts)[:600]


def fuzz(operation, mode, places, headers, site):
    for case in cases(operation, mode, frozenset(places)):
        case.path_parameters.update(places)
        case.call_and_validate(base_url=site, headers=headers)


def cases(operation, mode, places):
    """Made once for all roles: derandomized, they would be the same for each."""
    key = (operation.label, mode, places)
    if key not in CASES:
        found = CASES[key] = []

        @QUICK
        @given(
            case=operation.as_strategy(mode, path_parameters=dict.fromkeys(places, NOBODY) or None)
        )
        def one(case):
            found.append(case)

        with suppress(Unsatisfiable):  # nothing of it can be wrong
            one()
    return CASES[key]
