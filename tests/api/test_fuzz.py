"""schemathesis as every role: what fits the schema and what does not, on objects that are there.

A few cases of each operation here; FUZZ_EXAMPLES=50 digs deeper. Each request is taken back.
"""

from __future__ import annotations

import logging
import os

import pytest
import schemathesis
from django.core.wsgi import get_wsgi_application
from django.db import transaction
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.config import SchemathesisConfig
from schemathesis.generation.modes import GenerationMode

from tests.api.contract import schema
from tests.api.test_walls import World

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "1"))
ROLES = ["visitor", "owner", "vendor", "officer", "secretary", "expert", "holder", "inspector"]
# What the schema cannot say is refused by state or content, in these words and no others.
REFUSED = ["2xx", 400, 401, 403, 404, 409, 412, 413, 415, 422, 428, 429]
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
    found = schemathesis.openapi.from_dict(schema(), config=SchemathesisConfig.from_dict(CONFIG))
    found.app = get_wsgi_application()
    return found


def headers_of(client):
    """The role's session and its CSRF token, as a browser sends them."""
    cookies = {name: morsel.value for name, morsel in client.cookies.items()}
    if not cookies:
        return {}
    token = "a" * 32
    cookies["csrftoken"] = token
    return {
        "Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items()),
        "X-CSRFToken": token,
        "Referer": "http://localhost/",
    }


@pytest.mark.parametrize("role", ROLES)
def test_no_operation_fails(role, api, clock):
    here = World("review", clock)
    headers = headers_of(here.clients[role])
    for result in api.get_all_operations():
        operation = result.ok()
        kind = operation.path.removeprefix("/api/v1/").partition("/")[0]
        found = here.objects.get(kind)
        places = {"uid": str(found.uid)} if found and "{uid}" in operation.path else {}
        if "{member}" in operation.path:
            places["member"] = str(here.objects["member"].uid)
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            fuzz(operation, mode, places, headers)


def fuzz(operation, mode, places, headers):
    try:
        cases = operation.as_strategy(mode, path_parameters=places or None)
        cases.validate()
    except Exception as error:
        if "negative" in str(error).lower() or mode == GenerationMode.NEGATIVE:
            return  # nothing of it can be wrong
        raise

    @QUICK
    @given(case=cases)
    def one(case):
        with transaction.atomic():
            case.call_and_validate(headers=headers)
            transaction.set_rollback(True)

    one()
