"""What a bid must be: every fault at once, each at its field."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from django.utils import translation
from jsonschema import Draft202012Validator

from marketplace.base.errors import Invalid, TooLarge
from marketplace.base.packer import names_found, safe_name
from marketplace.bidding.anonymity import telling_names
from marketplace.bidding.forms_schema import FILE_BYTES_MAX, SCHEMA_FILE, check_bid
from tests import world
from tests.bidding import bids

pytestmark = pytest.mark.django_db
SEEDS = Path(__file__).parents[2] / "seeds" / "demo" / "bids.yaml"


@pytest.fixture(autouse=True)
def english():
    with translation.override("en"):
        yield


def faults(forms=None, files=None, scenario=None, organisation=None):
    with pytest.raises(Invalid) as refused:
        check_bid(
            scenario=scenario or world.published_scenario(),
            organisation=organisation or world.vendor().organisation,
            forms=bids.forms() if forms is None else forms,
            files=files,
        )
    assert refused.value.status == 422
    return refused.value.errors


def clean(forms, **fields):
    scenario = world.published_scenario(**fields)
    return check_bid(scenario=scenario, organisation=world.vendor().organisation, forms=forms)


def test_the_schema_is_a_schema_and_takes_the_seeds():
    schema = json.loads(SCHEMA_FILE.read_text("utf-8"))
    Draft202012Validator.check_schema(schema)
    seeds = yaml.safe_load(SEEDS.read_text("utf-8"))
    whole = Draft202012Validator(schema)
    for bids_of_one in seeds.values():
        for bid in bids_of_one:
            forms = {name: bid[name] for name in ("business", "technical", "price")}
            assert [fault.message for fault in whole.iter_errors(forms)] == []


def test_a_complete_bid_is_taken_as_it_is():
    assert clean(bids.forms()) == bids.forms()


def test_everything_missing_is_told_at_once():
    found = faults({"business": {}, "technical": {}, "price": {}})
    assert set(found) == {
        "business.legal_representative",
        "business.contact_name",
        "business.contact_phone",
        "business.contact_email",
        "business.project_leader",
        "business.team",
        "business.consortium",
        "business.condition_statements",
        "business.related_parties",
        "business.accepts_terms",
        "technical.approach",
        "technical.commitments",
        "technical.plan",
        "technical.risks",
        "technical.resources",
        "price.total_cny",
        "price.tax_rate_percent",
        "price.nodes",
    }
    assert {sentence for told in found.values() for sentence in told} == {"Please fill this in."}


def test_no_envelope_at_all():
    assert set(faults({})) == {"business", "technical", "price"}
    assert faults(bids.forms() | {"price": None}) == {"price": ["This envelope is missing."]}


WRONG = [
    ({"business__accepts_terms": False}, "business.accepts_terms"),
    ({"business__contact_email": "nobody"}, "business.contact_email"),
    ({"business__contact_phone": "abc"}, "business.contact_phone"),
    ({"business__legal_representative": "  "}, "business.legal_representative"),
    ({"business__legal_representative": "赵" * 81}, "business.legal_representative"),
    ({"business__legal_representative": "a\x00b"}, "business.legal_representative"),
    ({"business__legal_representative": "a\ud800b"}, "business.legal_representative"),
    ({"business__legal_representative": 7}, "business.legal_representative"),
    ({"business__team": []}, "business.team"),
    ({"business__team": [{"name": "孙", "role": "长"}]}, "business.team.0.years"),
    ({"business__team": [{"name": "孙", "role": "长", "years": 71}]}, "business.team.0.years"),
    ({"business__team": [{"name": "孙", "role": "长", "years": "x"}]}, "business.team.0.years"),
    ({"business__surprise": "x"}, "business.surprise"),
    ({"business__condition_statements": {"Q1": "x"}}, "business.condition_statements.Q2"),
    (
        {"business__condition_statements": {"Q1": "x", "Q2": "y", "Q9": "z"}},
        "business.condition_statements.Q9",
    ),
    ({"business__related_parties": "x" * 2001}, "business.related_parties"),
    ({"technical__commitments": {}}, "technical.commitments.M1"),
    ({"technical__commitments": {"M1": "viel"}}, "technical.commitments.M1"),
    ({"technical__commitments": {"M1": "1", "M2": "1"}}, "technical.commitments.M2"),
    ({"technical__plan": [{"month": 0, "result": "x"}]}, "technical.plan.0.month"),
    ({"technical__approach": "x" * 20_001}, "technical.approach"),
    ({"price__total_cny": "0"}, "price.total_cny"),
    ({"price__total_cny": "-1"}, "price.total_cny"),
    ({"price__total_cny": "1.234"}, "price.total_cny"),
    ({"price__total_cny": "1e5"}, "price.total_cny"),
    ({"price__total_cny": "NaN"}, "price.total_cny"),
    ({"price__total_cny": "1000000.01"}, "price.total_cny"),
    ({"price__tax_rate_percent": "100"}, "price.tax_rate_percent"),
    ({"price__nodes": [{"name": "签约", "amount_cny": "1.00"}]}, "price.nodes"),
    ({"price__nodes": [{"name": "签约", "amount_cny": ""}]}, "price.nodes.0.amount_cny"),
]


@pytest.mark.parametrize(
    ("change", "path"), WRONG, ids=[f"{n}-{w[1]}" for n, w in enumerate(WRONG)]
)
def test_a_fault_stands_at_its_field(change, path):
    assert path in faults(bids.forms(**change))


def test_above_the_budget_the_rule_is_told():
    nodes = [{"name": "全部", "amount_cny": "1000000.01"}]
    found = faults(bids.forms(price__total_cny="1000000.01", price__nodes=nodes))
    sentence = (
        "The price is above the challenge budget of CNY 1,000,000.00. "
        "Bids above the budget are not accepted."
    )
    assert found == {"price.total_cny": [sentence]}
    nodes = [{"name": "全部", "amount_cny": "1000000.00"}]
    assert clean(bids.forms(price__total_cny="1000000.00", price__nodes=nodes))


def test_a_promise_worse_than_asked_is_kept():
    made = clean(bids.forms(technical__commitments={"M1": "12.5"}))
    assert made["technical"]["commitments"] == {"M1": "12.5"}


def test_figures_in_full_width_and_with_commas_are_understood():
    made = clean(
        bids.forms(
            business__team=[{"name": "孙项一", "role": "负责人", "years": "１２"}],
            technical__commitments={"M1": "９９．２"},
            technical__plan=[{"month": "６", "result": "验收"}],
            price__total_cny="９００，０００",
            price__tax_rate_percent="６",
            price__nodes=[{"name": "全部", "amount_cny": "900,000.0"}],
        )
    )
    assert made["business"]["team"][0]["years"] == 12
    assert made["technical"]["commitments"] == {"M1": "99.2"}
    assert made["technical"]["plan"][0]["month"] == 6
    assert made["price"]["total_cny"] == "900000.00"
    assert made["price"]["nodes"][0]["amount_cny"] == "900000.00"


# -- Consortia -------------------------------------------------------------------------------------
AGREED = {"business": [bids.AGREEMENT]}


def partner(name="伙伴单位", uscc="", share="10"):
    return bids.member(SimpleNamespace(name=name, uscc=uscc or world.make_uscc()), share)


def partners(count):
    return [partner(f"伙伴单位{n}") for n in range(count)]


def consortium_faults(organisation=None, files=AGREED, members=None, **changes):
    members = partners(2) if members is None else members
    return faults(
        bids.forms(**bids.consortium(*members, **changes)),
        files=files,
        scenario=world.published_scenario(**bids.CONSORTIA),
        organisation=organisation,
    )


def test_a_consortium_says_who_does_what_for_which_share():
    forms = bids.forms(**bids.consortium(partner(share="33.33"), partner(share="0.01")))
    assert forms["business"]["lead_share_percent"] == "66.66"
    scenario = world.published_scenario(**bids.CONSORTIA)
    organisation = world.vendor().organisation
    made = check_bid(scenario=scenario, organisation=organisation, forms=forms, files=AGREED)
    assert made == forms


def test_a_consortium_only_where_and_as_large_as_allowed():
    forms = bids.forms(**bids.consortium(*partners(1)))
    assert set(faults(forms, files=AGREED)) == {"business.consortium"}
    assert set(consortium_faults(members=partners(3))) == {"business.consortium"}


def test_each_member_has_a_valid_code_of_its_own():
    organisation = world.vendor().organisation
    wrong = [partner("错码单位", "91310115MAXXX0015A"), partner("本单位", organisation.uscc)]
    found = consortium_faults(organisation, members=wrong)
    assert set(found) == {"business.consortium.0.uscc", "business.consortium.1.uscc"}
    twice = partner()
    found = consortium_faults(members=[twice, twice])
    assert found == {
        "business.consortium.1.uscc": ["This organisation is named twice, or is the bidder itself."]
    }


def test_a_consortium_leaves_nothing_out():
    organisation = world.make_organisation()
    bare = {"name": organisation.name, "uscc": organisation.uscc}
    scenario = world.published_scenario(**bids.CONSORTIA)
    found = faults(bids.forms(business__consortium=[bare]), scenario=scenario)
    assert found == {
        f"business.{path}": ["Please fill this in."]
        for path in (
            "consortium.0.work",
            "consortium.0.share_percent",
            "lead_work",
            "lead_share_percent",
            "consortium_agreement",
            "joint_liability",
        )
    }


@pytest.mark.parametrize(
    "name", ["lead_work", "lead_share_percent", "consortium_agreement", "joint_liability"]
)
def test_who_bids_alone_says_nothing_of_a_consortium(name):
    value = bids.consortium(partner())[f"business__{name}"]
    found = faults(bids.forms(**{f"business__{name}": value}))
    assert found == {"business.consortium": ["At least one row is needed."]}


@pytest.mark.parametrize("share", ["0", "0.00", "00", "100", "-1", "1.234", "1e1", "x", ".5"])
def test_a_share_is_above_nothing_and_below_all(share):
    sentence = "Enter a share above 0 and below 100 with at most two decimals, such as 35.5."
    found = consortium_faults(lead_share_percent=share)
    assert found == {"business.lead_share_percent": [sentence]}


@pytest.mark.parametrize(("share", "sum_"), [("79.99", "99.99"), ("80.01", "100.01")])
def test_the_shares_make_the_whole(share, sum_):
    found = consortium_faults(lead_share_percent=share)
    sentence = f"The shares of all members, the lead included, add up to {sum_} percent, not 100."
    assert found == {"business.lead_share_percent": [sentence]}


def test_the_agreement_is_a_file_of_the_envelope():
    sentence = "No file of this envelope has this name."
    told = {"business.consortium_agreement": [sentence]}
    assert consortium_faults(files={}) == told
    assert consortium_faults(files={"price": [bids.AGREEMENT]}) == told
    assert consortium_faults(consortium_agreement="Agreement.pdf") == told


def test_all_are_liable_jointly():
    found = consortium_faults(joint_liability=False)
    sentence = "Without this agreement the bid cannot be accepted."
    assert found == {"business.joint_liability": [sentence]}


# -- Challenges ------------------------------------------------------------------------------------
def test_at_most_three_experts_are_challenged_each_with_a_reason():
    challenge = {"who": "某专家", "reason": "曾任我方竞争对手顾问。"}
    forms = bids.forms(business__challenges=[challenge] * 3)
    assert clean(forms) == forms
    assert set(faults(bids.forms(business__challenges=[challenge] * 4))) == {"business.challenges"}
    found = faults(bids.forms(business__challenges=[{"who": "某专家", "reason": " "}]))
    assert found == {"business.challenges.0.reason": ["Please fill this in."]}
    found = faults(bids.forms(business__challenges=[{"who": "某" * 81}]))
    assert set(found) == {"business.challenges.0.who", "business.challenges.0.reason"}


# -- Files -----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "name",
    [
        "",
        ".hidden",
        "../up",
        "a/b",
        "a\\b",
        "form.json",
        "Manifest.JSON",
        "a\nb",
        "x" * 121,
        " lead.pdf",
        "a\u202efdp.exe",
        "a\x00.pdf",
        "what?.pdf",
    ],
)
def test_unsafe_names(name):
    assert safe_name(name) is False


@pytest.mark.parametrize("name", ["方案 第一版.pdf", "Plan (1).docx", "数据-2026.xlsx"])
def test_safe_names(name):
    assert safe_name(name) is True


def test_files_are_bounded():
    six = {"business": [(f"{n}.pdf", b"x") for n in range(6)]}
    assert set(faults(files=six)) == {"files.business"}
    twice = {"price": [("a.pdf", b"x"), ("A.pdf", b"y")]}
    assert set(faults(files=twice)) == {"files.price.1"}
    assert set(faults(files={"price": [("a.pdf", b"")]})) == {"files.price.0"}
    scenario, organisation = world.published_scenario(), world.vendor().organisation
    given = {"scenario": scenario, "organisation": organisation, "forms": bids.forms()}
    check_bid(**given, files={"price": [("a.pdf", b"x" * FILE_BYTES_MAX)]})
    with pytest.raises(TooLarge) as refused:
        check_bid(**given, files={"price": [("a.pdf", b"x" * (FILE_BYTES_MAX + 1))]})
    assert (refused.value.status, refused.value.code) == (413, "bid.file_size")


# -- Anonymity -------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "text",
    [
        "由示盾安全承担",
        "由 示 盾 安 全 承担",
        "by DEMO-SHIELD itself",
        "代码 91310115MAXXX0111L",
        "负责人孙项一",
        "联系 bid@test.invalid",
        "伙伴：示枢密码",
    ],
)
def test_the_technical_envelope_names_nobody(text):
    organisation = world.make_organisation(
        is_vendor=True, name="示盾安全（虚构）有限公司", name_en="Demo-Shield Co., Ltd"
    )
    organisation.uscc = "91310115MAXXX0111L"
    scenario = world.published_scenario(consortium_allowed=True, consortium_members_max=3)
    consortium = bids.consortium(partner("示枢密码（虚构）"))
    forms = bids.forms(technical__approach=text, **consortium)
    found = faults(forms, files=AGREED, scenario=scenario, organisation=organisation)
    assert set(found) == {"technical.approach"}
    forms = bids.forms(**consortium)
    named = {"technical": [(f"{text[:60]}.pdf", b"x")], **AGREED}
    found = faults(forms, files=named, scenario=scenario, organisation=organisation)
    assert set(found) == {"files.technical.0"}


def test_what_was_found_is_told():
    found = faults(bids.forms(technical__risks="孙项一不在岗"))
    assert found == {
        "technical.risks": [
            "The technical envelope is anonymous, but this names the bidder: “孙项一”."
        ]
    }


def test_a_short_latin_name_is_not_found_inside_words():
    assert names_found("A reliable line", ["Li"]) == []
    assert names_found("Made by Li himself", ["Li"]) == ["Li"]


def test_wrong_shapes_name_nobody():
    organisation = world.make_organisation(name="示盾安全")
    odd = {"team": "x", "consortium": [1, {"name": 5}], "contact_name": None}
    assert telling_names(organisation, odd) == ["示盾安全", organisation.uscc]
