"""What every answer of the API keeps: the schema, problem documents, methods, caching."""

import json

import pytest
from django.test import Client
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from marketplace.scenarios.models import Publication, State
from tests import world
from tests.indicators.test_goals import publish, withdraw

pytestmark = pytest.mark.django_db
PROBLEM = "application/problem+json"
READ = [
    "/api/v1/scenarios/",
    "/api/v1/indicators/",
    "/api/v1/indicators/K4/",
    "/api/v1/schema/",
]


@pytest.fixture
def schema():
    return Client().get("/api/v1/schema/").json()


def holds(schema, name, body):
    """Fails with every difference between an answer and its shape."""
    shape = {"$ref": f"#/components/schemas/{name}", "components": schema["components"]}
    errors = [f"{e.json_path}: {e.message}" for e in Draft202012Validator(shape).iter_errors(body)]
    assert errors == []
    properties = schema["components"]["schemas"][name]["properties"]
    assert set(body) <= set(properties)


def test_an_independent_validator_accepts_the_schema(schema):
    assert schema["openapi"] == "3.1.0"
    OpenAPIV31SpecValidator(schema).validate()


def test_the_schema_describes_problem_documents_for_every_operation(schema):
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            told = operation["responses"]["default"]
            assert told == {"$ref": "#/components/responses/Problem"}, (path, method)
    content = schema["components"]["responses"]["Problem"]["content"]
    assert content == {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}}


def test_the_schema_names_every_filter(schema):
    told = schema["paths"]["/api/v1/scenarios/"]["get"]["parameters"]
    found = {row["name"] for row in told if "$ref" not in row}
    assert found == {
        "ref",
        "state",
        "domain",
        "carrier",
        "area",
        "organising_mode",
        "focus",
        "technology",
        "stage",
        "platform",
        "budget",
        "deadline",
        "q",
        "fits",
        "cursor",
        "limit",
    }


def test_the_schema_is_the_same_in_every_language():
    plain = Client().get("/api/v1/schema/")
    other = Client().get("/api/v1/schema/?lang=zh-hans&version=%0d%0ax", HTTP_ACCEPT_LANGUAGE="zh")
    assert plain.content == other.content


def test_answers_hold_the_schema(schema):
    race = publish(
        organising_mode="race", race_entrants=3, carrier=world.term("carrier", "data_port")
    )
    withdraw(publish(world.owner(in_lingang=False)))
    world.published_scenario(state=State.FAILED, failure="no_bids")
    draft_owner = world.owner()
    world.draft_scenario(draft_owner, domain=None, budget_cny=None, profile=None, deadline_at=None)
    client = Client()
    client.force_login(draft_owner.user)
    rows = client.get("/api/v1/scenarios/").json()
    assert len(rows["results"]) == 4
    for row in rows["results"]:
        holds(schema, "ScenarioRow", row)
        holds(schema, "ScenarioDetail", client.get(row["links"]["self"]).json())
    for row in client.get("/api/v1/indicators/").json():
        holds(schema, "IndicatorRow", row)
        holds(schema, "IndicatorDetail", client.get(row["links"]["self"]).json())
    body = client.get(f"/api/v1/scenarios/{race.uid}/").json()
    assert [row["sha256"] for row in body["publications"]] == [
        row.sha256 for row in Publication.objects.filter(scenario=race)
    ]


def test_a_problem_holds_the_schema(schema):
    body = Client().get("/api/v1/scenarios/", {"domain": "x"}).json()
    holds(schema, "Problem", body)
    assert (body["type"], body["title"]) == ("about:blank", "Bad Request")


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/",
        "/api/v1/nothing/",
        "/api/",
        "/api/v2/scenarios/",
        "/api/v1/scenarios/not-a-uid/",
        "/api/v1/scenarios/00000000-0000-4000-8000-000000000000/",
        "/api/v1/indicators/K13/",
        "/api/v1/indicators/k4/",
        "/api/v1/scenarios/?format=xml",
    ],
)
def test_what_is_not_there_is_a_problem_document(path):
    answer = Client().get(path)
    expected = 400 if "format" in path else 404
    assert (answer.status_code, answer["Content-Type"]) == (expected, PROBLEM)
    assert json.loads(answer.content)["status"] == expected


@pytest.mark.parametrize("path", READ)
@pytest.mark.parametrize("method", ["options", "post", "put", "patch", "delete", "trace"])
def test_only_reading_and_options_tells_nothing(path, method):
    if (path, method) == (READ[0], "post"):
        pytest.skip("demands are drafted here")
    answer = getattr(Client(), method)(path)
    assert (answer.status_code, answer["Content-Type"]) == (405, PROBLEM)
    assert answer.json()["code"] == "request.method_not_allowed"


@pytest.mark.parametrize("path", READ[:3])
def test_only_json_is_spoken(path):
    refused = Client().get(path, HTTP_ACCEPT="text/html")
    assert refused.status_code == 406
    assert refused["Content-Type"] == PROBLEM
    assert Client().get(path)["Content-Type"] == "application/json"


@pytest.mark.parametrize("path", READ[:3])
def test_answers_for_a_person_are_kept_by_no_cache(path):
    client = Client()
    client.force_login(world.vendor().user)
    assert client.get(path)["Cache-Control"] == "private, no-store"
    visitor = Client().get(path)
    assert "Cookie" in visitor["Vary"]


def test_problems_speak_the_language_of_the_request():
    said = {
        language: Client()
        .get("/api/v1/indicators/K13/", HTTP_ACCEPT_LANGUAGE=language)
        .json()["detail"]
        for language in ("en", "zh-hans")
    }
    assert said["en"] == "There is no such record, or you may not see it."


def test_the_reference_pages_run_no_inline_script():
    page = Client().get("/api/v1/docs/")
    html = page.content.decode()
    assert page.status_code == 200
    assert html.count("<script") == html.count("<script src=")
    assert "<style" not in html
    assert "style=" not in html
    script = Client().get("/api/v1/docs/?script=")
    assert script["Content-Type"] == "application/javascript"
    assert "/api/v1/schema/" in script.content.decode()


@pytest.mark.parametrize("rows", [1, 30])
def test_indicators_take_four_queries(rows, count_queries):
    owner = world.owner()
    for _ in range(rows):
        publish(owner)
    with count_queries() as queries:
        body = Client().get("/api/v1/indicators/K4/").json()
    assert len(queries) == 4
    assert (body["value"], len(body["units"])) == (0, rows) or body["value"] == rows


def test_drafts_are_behind_no_indicator():
    world.draft_scenario(world.owner(), state=State.DEMONSTRATED)
    body = Client().get("/api/v1/indicators/K4/").json()
    assert (body["value"], body["units"]) == (0, [])


def test_a_withdrawn_demand_is_listed_with_its_reason():
    scenario = publish()
    withdraw(scenario)
    body = Client().get("/api/v1/indicators/K4/").json()
    assert (body["value"], body["count"]["withdrawn"]) == (0, 1)
    unit = body["units"][0]
    assert (unit["ref"], unit["standing"], unit["reasons"]) == (
        scenario.ref,
        "withdrawn",
        ["withdrawn"],
    )
