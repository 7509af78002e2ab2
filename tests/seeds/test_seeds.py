"""Demo seeds: sums, codes, credit codes, anonymity, and a story without contradictions."""

import re
from decimal import Decimal

import pytest

from tests.seeds import CODES, PROFILES, SEEDS, leaves, read

ORGANISATIONS = read("demo/organisations.yaml")
PEOPLE = read("demo/people.yaml")
BIDS = read("demo/bids.yaml")
SHEETS = read("demo/sheets.yaml")
PLAN = {row["code"]: row for row in read("demo/plan.yaml")["scenarios"]}
SCENARIOS = {path.stem: read(path) for path in sorted((SEEDS / "demo/scenarios").glob("*.yaml"))}
OWNERS = {row["code"]: row for row in ORGANISATIONS["owners"]}
VENDORS = {row["code"]: row for row in ORGANISATIONS["vendors"]}
EVERY_ORGANISATION = [
    ORGANISATIONS["office"],
    *ORGANISATIONS["holdings"],
    *OWNERS.values(),
    *VENDORS.values(),
]
EXPERTS = {row["local"]: row for row in PEOPLE["experts"]}
STATES = {
    "draft",
    "submitted",
    "demonstrating",
    "returned",
    "rejected",
    "demonstrated",
    "published",
    "closed",
    "opened",
    "eligibility",
    "review",
    "decision",
    "publicity",
    "awarded",
    "implementing",
    "accepted",
    "withdrawn",
    "failed",
    "terminated",
}
each_scenario = pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS)
each_bid = pytest.mark.parametrize(
    ("scenario", "bid"),
    [(SCENARIOS[code], bid) for code, bids in BIDS.items() for bid in bids],
    ids=[f"{code}-{bid['vendor']}" for code, bids in BIDS.items() for bid in bids],
)


def organisation_digit(base):
    """Check character of GB 11714 for eight characters."""
    total = sum(int(c, 36) * w for c, w in zip(base, (3, 7, 9, 10, 5, 8, 4, 2), strict=True))
    return "0123456789X"[-total % 11]


def credit_digit(base):
    """Check character of GB 32100 for seventeen characters, by Horner's rule from the right."""
    alphabet, total = "0123456789ABCDEFGHJKLMNPQRTUWXY", 0
    for character in reversed(base):
        total = (total * 3 + alphabet.index(character)) % 31
    return alphabet[-total % 31]


def uscc_valid(code):
    return (
        re.fullmatch(r"[0-9A-HJ-NPQRTUWXY]{18}", code) is not None
        and organisation_digit(code[8:16]) == code[16]
        and credit_digit(code[:17]) == code[17]
    )


@pytest.mark.parametrize("row", EVERY_ORGANISATION, ids=[o["code"] for o in EVERY_ORGANISATION])
def test_organisations_are_valid_and_marked_fictitious(row):
    assert uscc_valid(row["uscc"])
    assert "MAXXX" in row["uscc"]
    assert row["name_zh"].endswith("（虚构）")
    assert row["name_en"].endswith("(fictitious)")


def test_the_check_of_the_credit_code_notices_each_digit():
    assert uscc_valid("91310115MAXXX0015B")
    assert not uscc_valid("91310115MAXXX0016B")
    assert not uscc_valid("91310115MAXXX0015C")


def test_organisations_are_distinct_and_tagged():
    for key in ("code", "uscc", "name_zh", "name_en"):
        values = [row[key] for row in EVERY_ORGANISATION]
        assert len(values) == len(set(values)), key
    assert list(OWNERS) == [f"o{n}" for n in range(1, 9)]
    assert list(VENDORS) == [f"v{n}" for n in range(1, 11)]
    for row in OWNERS.values():
        assert row["owner_type"] in CODES["owner_type"]
        assert row["carrier"] in CODES["carrier"] | {None}
        assert row["area"] in CODES["area"]
    for row in VENDORS.values():
        assert set(row["capabilities"]) <= CODES["technology"]
        assert row["area"] in CODES["area"] | {None}


def test_v1_and_v8_have_one_controller():
    controllers = {row["controlled"]: row["controller"] for row in ORGANISATIONS["controls"]}
    assert controllers == {"v1": "h1", "v8": "h1"}


def test_people_have_one_address_each_and_real_memberships():
    locals_ = [row["local"] for row in (*PEOPLE["users"], *PEOPLE["experts"])]
    assert len(locals_) == len(set(locals_))
    codes = {row["code"] for row in EVERY_ORGANISATION}
    for user in PEOPLE["users"]:
        for membership in user["memberships"]:
            assert membership["organisation"] in codes
            office = membership["organisation"] == "office"
            assert membership["role"] in (
                {"officer", "secretary"} if office else {"owner", "editor", "viewer"}
            )
    expected = {f"o{n}-{role}" for n in range(1, 9) for role in ("owner", "editor")}
    expected |= {f"v{n}" for n in range(1, 11)} | {f"e{n}" for n in range(1, 25)}
    expected |= {"v1-editor", "v7-editor", "officer", "officer2", "secretary", "witness"}
    expected |= {
        "keyholder1",
        "keyholder2",
        "keyholder3",
        "complaints",
        "inspector",
        "evaluator",
        "operator",
    }
    assert set(locals_) == expected


def test_experts_know_something_of_the_vocabularies():
    for expert in EXPERTS.values():
        assert set(expert["specialties"]) <= CODES["specialty"]


# scenarios


@each_scenario
def test_codes_of_a_scenario_exist(scenario):
    assert scenario["owner"] in OWNERS
    assert scenario["domain"] in CODES["domain"]
    assert scenario["area"] in CODES["area"]
    assert scenario["carrier"] in CODES["carrier"] | {None}
    assert scenario["focus"] in CODES["focus"] | {None}
    assert set(scenario["technologies"]) <= CODES["technology"]
    assert scenario["funding_source"] in CODES["funding_source"]
    assert scenario["organising_mode"] in CODES["organising_mode"]
    racing = scenario["organising_mode"] == "race"
    assert (scenario["race_entrants"] in range(2, 6)) if racing else True
    assert racing or scenario["race_entrants"] is None


@each_scenario
def test_sums_of_a_scenario(scenario):
    criteria = scenario["criteria"]
    assert sum(c["weight"] for c in criteria) == 100
    assert len(criteria) <= 8
    prices = [c for c in criteria if c["kind"] == "price"]
    assert len(prices) == 1
    assert prices[0]["weight"] >= 10
    assert prices[0]["levels"] == []
    for criterion in criteria:
        if criterion["kind"] != "price":
            assert criterion["kind"] in {"technical", "team"}
            points = [level["points_percent"] for level in criterion["levels"]]
            assert len(points) in range(3, 6)
            assert points == sorted(set(points), reverse=True)
            assert points[0] == 100
    nodes = scenario["payment_nodes"]
    assert sum(n["percent"] for n in nodes) == 100
    assert nodes[-1]["percent"] >= 10
    months = [m["month"] for m in scenario["milestones"]]
    assert months == sorted(set(months))
    assert months[-1] == scenario["duration_months"]


@each_scenario
def test_metrics_can_be_measured(scenario):
    metrics = scenario["metrics"]
    assert len(metrics) in range(3, 7)
    assert [m["code"] for m in metrics] == [f"M{n}" for n in range(1, len(metrics) + 1)]
    assert any(m["critical"] for m in metrics)
    for metric in metrics:
        assert metric["operator"] in {">=", "<="}
        assert Decimal(metric["value"]) >= 0
        for key in ("name_en", "unit", "test_method_zh", "dataset_zh", "tester_zh"):
            assert metric[key], key


@each_scenario
def test_texts_of_a_scenario(scenario):
    assert len(scenario["summary_zh"]) in range(100, 201)
    assert scenario["pain_zh"].strip().count("\n\n") == 1
    names = [v["name_zh"].removesuffix("（虚构）") for v in VENDORS.values()]
    text = "".join(str(v) for _, v in leaves(scenario))
    assert [n for n in names if n in text] == []
    assert re.findall(r"注册(?:地|于)|本地企业|本市企业", str(scenario["conditions"])) == []
    if not scenario["consortium_allowed"]:
        assert scenario["consortium_members_max"] == 1


@pytest.mark.parametrize(
    ("code", "agreed"),
    [
        ("S01", ("o1", 280, 30, 10, 2)),
        ("S02", ("o6", 180, 25, 8, 3)),
        ("S03", ("o3", 260, 30, 9, 3)),
        ("S04", ("o4", 320, 30, 12, 2)),
        ("S05", ("o5", 240, 30, 10, 3)),
        ("S06", ("o2", 350, 35, 12, None)),
        ("S07", ("o1", 160, 25, 6, None)),
        ("S08", ("o6", 200, 25, 8, None)),
        ("S09", ("o8", 150, 25, 7, None)),
        ("S10", ("o7", 90, 20, 5, 2)),
        ("S11", ("o2", 220, 30, 8, 4)),
        ("S12", ("o4", 130, 20, 6, None)),
    ],
)
def test_the_twelve_as_agreed(code, agreed):
    """agreed: owner, budget in 万元, days to bid, months to deliver, racing entrants."""
    scenario, (owner, wan, days, months, entrants) = SCENARIOS[code], agreed
    assert scenario["owner"] == owner
    assert Decimal(scenario["budget_cny"]) == wan * 10_000
    assert (scenario["bid_days"], scenario["duration_months"]) == (days, months)
    assert scenario["race_entrants"] == entrants


# bids, sheets, plan


@each_bid
def test_price_of_a_bid(scenario, bid):
    total = Decimal(bid["price"]["total_cny"])
    assert Decimal(0) < total <= Decimal(scenario["budget_cny"])
    wanted = [
        (node["name_zh"], total * node["percent"] / 100) for node in scenario["payment_nodes"]
    ]
    given = [(node["name"], Decimal(node["amount_cny"])) for node in bid["price"]["nodes"]]
    assert given == wanted
    assert sum(amount for _, amount in given) == total


@each_bid
def test_a_bid_answers_everything(scenario, bid):
    assert bid["vendor"] in VENDORS
    technical, business = bid["technical"], bid["business"]
    assert list(technical["commitments"]) == [m["code"] for m in scenario["metrics"]]
    assert [Decimal(v) >= 0 for v in technical["commitments"].values()].count(False) == 0
    assert list(business["condition_statements"]) == [c["code"] for c in scenario["conditions"]]
    months = [step["month"] for step in technical["plan"]]
    assert months == sorted(set(months))
    assert months[-1] <= scenario["duration_months"]
    known = {v["uscc"]: v["name_zh"] for v in VENDORS.values()}
    for member in business["consortium"]:
        assert known[member["uscc"]] == member["name"]
    assert len(business["consortium"]) + 1 <= scenario["consortium_members_max"]


@each_bid
def test_technical_texts_name_nobody(scenario, bid):
    text = "".join(str(v) for _, v in leaves(bid["technical"]))
    told = {
        member["name"] for row in BIDS.values() for b in row for member in b["business"]["team"]
    }
    for vendor in VENDORS.values():
        name = vendor["name_zh"].removesuffix("（虚构）")
        # the full name, its short form (示证, 示盾 …), the English name, the credit code
        told |= {name, name[:2], vendor["name_en"].split(" (")[0], vendor["uscc"]}
    business = bid["business"]
    told |= {business["legal_representative"], business["contact_name"], business["contact_email"]}
    assert [name for name in sorted(told) if name in text] == []


def conflicted(expert, scenario, vendors):
    """Does the register know of a tie to the owner, a bidder or a consortium member?"""
    parties = {scenario["owner"], *vendors}
    tied = {row["organisation"] for row in expert["relations"]}
    tied |= {
        job["organisation"]
        for job in expert["employers"]
        if "organisation" in job and (job["to_months_ago"] is None or job["to_months_ago"] < 36)
    }
    return bool(tied & parties)


@pytest.mark.parametrize("code", SHEETS)
def test_sheets_cover_panel_bids_and_criteria(code):
    scenario, plan = SCENARIOS[code], PLAN[code]
    failed = {row["vendor"] for row in plan["eligibility"] if row["verdict"] == "fail"}
    uscc = {v["uscc"]: v["code"] for v in VENDORS.values()}
    parties = {b["vendor"] for b in BIDS[code]} | {
        uscc[m["uscc"]] for b in BIDS[code] for m in b["business"]["consortium"]
    }
    scored = [b["vendor"] for b in BIDS[code] if b["vendor"] not in failed]
    criteria = [c["code"] for c in scenario["criteria"] if c["kind"] != "price"]
    assert [sheet["expert"] for sheet in SHEETS[code]] == plan["panel"]
    assert len(plan["panel"]) == 3
    for sheet in SHEETS[code]:
        assert not conflicted(EXPERTS[sheet["expert"]], scenario, parties)
        assert [row["vendor"] for row in sheet["bids"]] == scored
        for row in sheet["bids"]:
            assert [score["criterion"] for score in row["scores"]] == criteria
            for score in row["scores"]:
                assert score["percent"] in range(101)
                assert score["comment_zh"]


def test_the_register_knows_the_conflicts_of_the_story():
    assert conflicted(EXPERTS["e1"], SCENARIOS["S03"], ["v3"])
    assert conflicted(EXPERTS["e8"], SCENARIOS["S01"], [])
    assert conflicted(EXPERTS["e6"], SCENARIOS["S07"], ["v9"])


def test_plan_leaves_work_for_every_role():
    assert list(PLAN) == list(SCENARIOS)
    states = {row["state"] for row in PLAN.values()}
    assert states <= STATES
    assert states == {
        "draft",
        "submitted",
        "demonstrating",
        "returned",
        "published",
        "closed",
        "eligibility",
        "review",
        "decision",
        "publicity",
        "awarded",
    }
    locals_ = {row["local"] for row in PEOPLE["users"]}
    for code, row in PLAN.items():
        profile = PROFILES[row["profile"]]
        assert profile["takes_bids"]
        assert row.get("bids", []) == [b["vendor"] for b in BIDS.get(code, [])]
        assert set(row.get("keyholders", [])) <= locals_
        window = profile["values"]["bid_window_min"]
        if window["unit"] == "day":
            assert SCENARIOS[code]["bid_days"] >= window["value"]
        if SCENARIOS[code]["organising_mode"] == "race":
            assert row["state"] in {"published", "submitted"}


def test_a_closed_scenario_waits_for_one_key_holder_more():
    """Enough holders are left that each finds the opening on the desk, and none opens it."""
    closed = {code: row for code, row in PLAN.items() if row["state"] == "closed"}
    assert list(closed) == ["S17"]
    for row in closed.values():
        needed = PROFILES[row["profile"]]["values"]["open_confirmations"]["value"]
        assert set(row["confirmed_by"]) < set(row["keyholders"])
        assert len(row["confirmed_by"]) == needed - 1
        assert PROFILES[row["profile"]]["values"]["bid_window_min"]["unit"] == "second"


def test_related_bidders_fail_together():
    failed = {r["vendor"] for r in PLAN["S09"]["eligibility"] if r["verdict"] == "fail"}
    assert failed == {"v1", "v8"}


def test_a_scenario_is_never_laxer_than_its_profile():
    for row in PLAN.values():
        for name, own in row.get("stricter", {}).items():
            base = PROFILES[row["profile"]]["values"][name]
            assert own["unit"] == base["unit"]
            assert own["value"] > base["value"]
