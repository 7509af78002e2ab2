"""Reference seeds: vocabularies, indicators, profiles, calendars, and the files as such."""

import datetime as dt
import re

import chinese_calendar
import pytest
import yaml

from tests.seeds import CODES, PROFILES, SEEDS, VOCABULARIES, leaves, read

FILES = sorted(SEEDS.rglob("*.yaml"))
INDICATORS = read("reference/indicators.yaml")
CALENDARS = {row["year"]: row for row in read("reference/calendars.yaml")["calendars"]}


@pytest.mark.parametrize("path", FILES, ids=[p.stem for p in FILES])
def test_values_survive_yaml(path):
    """Decimals and dates are quoted strings, and nothing hides behind an anchor."""
    text = path.read_text(encoding="utf-8")
    odd = [w for w, v in leaves(yaml.safe_load(text)) if isinstance(v, float | dt.date)]
    assert odd == []
    events = [e for e in yaml.parse(text) if isinstance(e, yaml.AliasEvent)]
    assert events == []


@pytest.mark.parametrize("path", FILES, ids=[p.stem for p in FILES])
def test_nothing_that_a_demand_may_not_say(path):
    text = path.read_text(encoding="utf-8")
    assert re.findall(r"\b\d{1,3}(?:\.\d{1,3}){3}\b", text) == []
    assert re.findall(r"(?i)\b(?:CVE|CNVD|CNNVD)-\d+", text) == []


def test_vocabularies_are_complete_and_bilingual():
    assert sorted(VOCABULARIES) == sorted(
        [
            "domain",
            "transformation",
            "focus",
            "technology",
            "specialty",
            "carrier",
            "area",
            "sync3",
            "sync3_field",
            "ics_topic",
            "ics_site",
            "monitoring",
            "drill",
            "ability",
            "low_risk_catalogue",
            "standard_flow",
            "insured",
            "owner_type",
            "linked_platform",
            "organising_mode",
            "funding_source",
            "disclosure",
        ]
    )
    for name, vocabulary in VOCABULARIES.items():
        codes = [term["code"] for term in vocabulary["terms"]]
        assert len(codes) == len(set(codes)), name
        for row in (vocabulary, *vocabulary["terms"]):
            assert row["name_zh"], name
            assert row["name_en"], name
        assert [c for c in codes if not re.fullmatch(r"[a-z][a-z0-9_]*", c)] == []


@pytest.mark.parametrize(
    ("vocabulary", "codes"),
    [
        ("domain", {"industrial_internet", "digital_infrastructure", "ai", "data_compliance"}),
        ("carrier", {"financial_bay", "flying_fish", "data_port"}),
        ("area", {"innovation_zone", "services_zone", "yangshan"}),
        ("organising_mode", {"best", "race"}),
    ],
)
def test_codes_that_others_rely_on(vocabulary, codes):
    assert CODES[vocabulary] == codes


def test_twelve_indicators_with_their_targets():
    rows = {row["key"]: row for row in INDICATORS["indicators"]}
    assert {key: (row["comparison"], row["target"]) for key, row in rows.items()} == {
        "K1": (">", "30"),
        "K2": (">", "50"),
        "K3": (">=", "5"),
        "K4": (">=", "50"),
        "K5": (">=", "20"),
        "K6": (">=", "5"),
        "K7": (">=", "30"),
        "K8": (">=", "30"),
        "K9": (">=", "5"),
        "K10": (">=", "100"),
        "K11": (">=", "100"),
        "K12": (">=", "5"),
    }
    assert {key: row["counted_by"] for key, row in rows.items() if row["counted_by"]} == {
        "K4": "k4"
    }
    for row in rows.values():
        floor = "至少" in row["name_zh"] or "不少于" in row["name_zh"]
        assert row["strength"] == ("floor" if floor else "aspiration")


PROFILE_NAMES = {
    "bid_window_min",
    "amendment_lead_min",
    "objection_to_documents_lead",
    "question_answer",
    "publicity_start_max",
    "publicity_min",
    "objection_answer",
    "contract_max",
    "panel_size_min",
    "panel_size_odd",
    "panel_expert_share_min",
    "bidders_min",
    "trim_extremes",
    "trim_panel_min",
    "recommend_max",
    "pass_line",
    "open_confirmations",
    "deposit_bid_max",
    "price_weight_min",
    "criteria_warn_above",
    "payment_last_share_min",
    "public_summary_min",
    "consortium_members_max",
    "return_max",
    "retention",
    "question_holds_deadline",
    "price_formula",
    "veto_over",
    "technical_minimum",
    "ties",
}


EXPERT_NAMES = {
    "expert_years_min",
    "expert_senior",
    "expert_panels_max",
    *(f"rotation_weight_{n}" for n in range(4)),
}
PANEL_NAMES = {
    "draw_checkpoint_wait",
    "invitation_answer",
    "decoys_min",
    "draw_reserve",
    "panel_challenge",
    "panel_challenge_answer",
    "defence_notice_min",
    "panel_question_answer",
}
OUTAGE_NAMES = {"outage_total", "outage_window", "outage_extension"}


def test_profiles_name_every_value_with_its_unit():
    assert sorted(PROFILES) == ["A", "B", "C", "D"]
    # Who has no grace does not name it.
    named = PROFILE_NAMES | EXPERT_NAMES | PANEL_NAMES
    assert set(PROFILES["A"]["values"]) == named | OUTAGE_NAMES | {"bytes_grace"}
    deductions = {"price_deduct_above", "price_deduct_below"}
    assert set(PROFILES["B"]["values"]) == named | OUTAGE_NAMES | deductions
    assert set(PROFILES["D"]["values"]) == named
    assert set(PROFILES["C"]["values"]) == {"public_summary_min"}
    for profile in PROFILES.values():
        for name, row in profile["values"].items():
            assert set(row) == {"value", "unit", "source", "unconfirmed"}
            kind = {"bool": bool, "percent": str, "code": str}.get(row["unit"], int)
            assert type(row["value"]) is kind, name
            units = {"second", "day", "working_day", "count", "percent", "bool", "code"}
            assert row["unit"] in units
            assert row["source"]


def test_profiles_keep_the_legal_minimum():
    for code, days in (("A", 3), ("B", 5)):
        assert PROFILES[code]["values"]["publicity_min"]["value"] == days
    assert PROFILES["B"]["values"]["publicity_min"]["unit"] == "working_day"
    assert PROFILES["B"]["values"]["panel_size_min"]["value"] == 5
    assert PROFILES["B"]["values"]["bid_window_min"] == {
        "value": 20,
        "unit": "day",
        "source": "L1 §24",
        "unconfirmed": False,
    }
    assert {code: p["award_mode"] for code, p in PROFILES.items()} == {
        "A": "owner_choice",
        "B": "collective",
        "C": "none",
        "D": "per_scenario",
    }
    assert [c for c, p in PROFILES.items() if p["counts_in_demo_only"]] == ["D"]
    assert [c for c, p in PROFILES.items() if not p["takes_bids"]] == ["C"]
    units = {row["unit"] for row in PROFILES["D"]["values"].values()}
    assert units & {"day", "working_day"} == set()


@pytest.mark.parametrize("year", [2022, 2023, 2024, 2025, 2026])
def test_calendars_agree_with_chinese_calendar_on_every_day(year):
    row = CALENDARS[year]
    holidays, workdays = set(row["holidays"]), set(row["workdays"])
    assert len(holidays) == len(row["holidays"])
    assert len(workdays) == len(row["workdays"])
    assert holidays & workdays == set()
    day, different = dt.date(year, 1, 1), []
    while day.year == year:
        iso = day.isoformat()
        worked = iso in workdays or (day.weekday() < 5 and iso not in holidays)
        if worked != chinese_calendar.is_workday(day):
            different.append(iso)
        day += dt.timedelta(days=1)
    assert different == []
    assert {d[:4] for d in holidays | workdays} == {str(year)}
    assert {dt.date.fromisoformat(d).weekday() for d in workdays} <= {5, 6}


def test_a_year_without_notice_is_absent():
    assert sorted(CALENDARS) == [2022, 2023, 2024, 2025, 2026]
