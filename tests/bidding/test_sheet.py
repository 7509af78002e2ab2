"""The sheet says all that sealing needs, to those who may bid, and its schema is the bids' own."""

import base64
import json
import random
from copy import deepcopy

import pytest
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from marketplace.base.errors import NotAllowed, StateConflict
from marketplace.bidding.demand_schema import bid_schema, demand_schema
from marketplace.bidding.forms_schema import Found, check_shape, demands_of, envelope_faults
from marketplace.bidding.sheet import sealing_sheet
from marketplace.files.limits import CHUNK_MOST, LIMITS, Purpose
from marketplace.ledger.log import sequencer
from marketplace.ledger.verify import leaf_hash, open_checkpoint, unbase64, verify_inclusion
from marketplace.scenarios.models import EnvelopeKey
from tests import world
from tests.api.client import As, refused
from tests.bidding import bids

pytestmark = pytest.mark.django_db


def validators(demands):
    return {name: Draft202012Validator(one) for name, one in demand_schema(demands).items()}


def test_the_sheet_says_what_sealing_needs():
    scenario, vendor = world.published_scenario(), world.vendor()
    sheet = sealing_sheet(vendor, scenario)
    assert json.loads(json.dumps(sheet)) == sheet
    recipients = dict(EnvelopeKey.objects.values_list("envelope", "recipient"))
    assert (sheet["format"], sheet["recipients"]) == ("jiebang-sealing/1", recipients)
    assert set(recipients) == {"business", "technical", "price"}
    assert (sheet["scenario"], sheet["organisation"]) == (
        str(scenario.uid),
        str(vendor.organisation.uid),
    )
    assert sheet["rules"] == {
        "budget_cny": f"{scenario.budget_cny:.2f}",
        "uscc": vendor.organisation.uscc,
    }
    assert vendor.organisation.name in sheet["names"]
    assert sheet["limits"] == {
        "files": 5,
        "file_name": 120,
        "envelope_bytes": LIMITS[Purpose.SEALED].bytes_most,
        "chunk_bytes": CHUNK_MOST,
    }
    assert sheet["publication"] is None
    asked = sheet["schema"]["business"]["properties"]["condition_statements"]
    assert (asked["required"], asked["additionalProperties"]) == (["Q1", "Q2"], False)


def test_the_publication_is_proved_once_the_log_has_it():
    scenario, vendor = world.published_scenario(), world.vendor()
    world.announce(scenario)
    assert sealing_sheet(vendor, scenario)["publication"] is None
    sequencer.seal_batch()
    sheet = sealing_sheet(vendor, scenario)
    entry = sheet["publication"]
    assert set(entry) == {"leaf", "index", "size", "hashes", "checkpoint"}
    leaf = base64.b64decode(entry["leaf"])
    told = json.loads(leaf)
    assert (told["kind"], str(scenario.uid) in told["subjects"]) == ("scenario.published", True)
    signed = open_checkpoint(entry["checkpoint"], sheet["key"])
    path = [unbase64(one) for one in entry["hashes"]]
    verify_inclusion(leaf_hash(leaf), entry["index"], signed.size, path, signed.root)
    assert signed.size == entry["size"]


def test_those_who_cannot_bid_are_told_so():
    scenario = world.published_scenario()
    for actor in (world.officer(), world.member(scenario.organisation), world.person("expert")):
        with pytest.raises(NotAllowed):
            sealing_sheet(actor, scenario)
    with pytest.raises(StateConflict) as conflict:
        sealing_sheet(world.vendor(), world.draft_scenario(world.owner()))
    assert conflict.value.code == "scenario.no_recipients"


def test_by_the_api_and_as_a_file(client):
    scenario, vendor = world.published_scenario(), world.vendor()
    answer = As(vendor).get(f"scenarios/{scenario.uid}/sealing/")
    assert answer.status_code == 200
    client.force_login(vendor.user)
    page = client.get(reverse("sealing-sheet", args=[scenario.address]))
    assert page["Content-Disposition"] == f'attachment; filename="sealing-{scenario.ref}.json"'
    assert page.json() | {"now": ""} == answer.json() | {"now": ""}
    refused(As(world.officer()).get(f"scenarios/{scenario.uid}/sealing/"), 403, "not_allowed.bid")
    draft = world.draft_scenario(world.owner())
    refused(As(vendor).get(f"scenarios/{draft.uid}/sealing/"), 404, "not_found")


# -- One schema --------------------------------------------------------------------------------------
# What a field may hold instead; each is copied before use.
ODD = [
    *(None, True, False, -1, 0, 7, 71, 1.0, 1.5, "", "x", "1.00", "-1", "a" * 81, "\x00"),
    *([], {}, [[]], [{}], {"Q1": "x"}, {"Q1": "x", "Q2": ""}, {"Q1": "x", "Q2": "y"}),
    *({"M1": "1"}, {"M1": "x"}, {"M1": "1", "M2": "2"}, {"M1": "1", "m": "2"}),
    *([{"name": "联合方", "uscc": "91310000MA1FL8XK2R"}] * many for many in (1, 2, 11)),
]


def changed(form, dice):
    """The form with up to three places added, replaced or taken away."""
    odd = None
    for _ in range(dice.randrange(4)):
        at = form
        while True:
            parts = at.values() if isinstance(at, dict) else at
            inner = [part for part in parts if part and isinstance(part, dict | list)]
            if not inner or dice.random() < 0.5:
                break
            at = dice.choice(inner)
        odd = deepcopy(dice.choice(ODD))
        if isinstance(at, list):
            at.append(deepcopy(at[0]) if at and dice.random() < 0.5 else odd)
        elif dice.random() < 0.6:
            at[dice.choice([*at, "Q3", "surplus"])] = odd
        else:
            at.pop(dice.choice([*at, ""]), None)
    return form if dice.random() < 0.95 else odd


@settings(
    max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(seed=st.integers(0, 2**32), envelope=st.sampled_from(["business", "technical", "price"]))
def test_the_schema_of_a_demand_refuses_what_the_server_refuses(cast, seed, envelope):
    demands, by_schema = cast
    form = changed(bids.forms()[envelope], random.Random(seed))
    found = Found()
    check_shape(found, envelope, form, demands)
    faults = [path for path in envelope_faults(envelope, form, [], demands) if not beyond(path)]
    taken = not found.faults and not faults
    assert by_schema[envelope].is_valid(form) == taken


def beyond(path):
    """Of a form of the right shape: what no schema can say."""
    return path in {"price.total_cny", "price.nodes"} or path.endswith(".uscc")


@pytest.fixture(params=[0, 1, 2, 12])
def cast(request):
    members = request.param
    scenario = world.published_scenario(
        consortium_allowed=members > 0, consortium_members_max=max(members, 2)
    )
    demands = demands_of(scenario, world.vendor().organisation)
    return demands, validators(demands)


def test_every_schema_is_one_and_stands_for_itself(cast):
    demands, by_schema = cast
    for one in by_schema.values():
        Draft202012Validator.check_schema(one.schema)
    assert set(bid_schema()["$defs"]) - set(demand_schema(demands)["price"]["$defs"]) == {
        "business",
        "technical",
        "price",
    }
    for envelope, form in bids.forms().items():
        assert list(by_schema[envelope].iter_errors(form)) == []
