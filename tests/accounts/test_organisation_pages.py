"""Pages of an organisation: profile, control, verification, and what they cost."""

import pytest
from django.core.cache import cache
from django.utils import translation

from marketplace.accounts.invitations.models import Invitation, hash_of
from marketplace.accounts.models import Organisation
from marketplace.accounts.organisations.models import Verification
from marketplace.base.actor import Role
from marketplace.base.clock import now
from tests import world
from tests.accounts.pages import browser, text, url
from tests.accounts.steps import EVIDENCE, asked

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def english_and_nothing_remembered():
    """Neither what was counted before, nor, afterwards, the language of the last page."""
    cache.clear()
    with translation.override("en"):
        yield


# -- Profile, control, verification ------------------------------------------------------------------
def test_a_profile_is_saved_and_read_by_everybody():
    owner = world.vendor(name="甲方向")
    client = browser(owner)
    address = url("organisation-profile", owner.organisation)
    given = {
        "revision": "0",
        "name": "<b>甲</b>\r\n方向",
        "name_en": "Direction",
        "is_vendor": "on",
        "capabilities": ["mpc", "ai"],
        "profile_en": "We <script>alert(1)</script>",
        "contact": "021-1",
    }
    assert client.post(address, given).status_code == 302
    stale = client.post(address, given | {"name_en": "Other"})
    assert stale.status_code == 409
    assert 'value="Other"' in text(stale)
    page = browser().get(url("organisation", owner.organisation))
    assert "Secure multi-party computation" in text(page)
    assert b"<script>alert" not in page.content
    owner.organisation.refresh_from_db()
    assert owner.organisation.name == "<b>甲</b> 方向"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"capabilities": ["cooking"]}, "Choose among the values offered."),
        ({"name": ""}, "This must be filled in."),
        ({"name": "x" * 10_000}, "At most 120 characters"),
        ({"is_vendor": ""}, "Say whether it posts demands, bids, or both."),
    ],
)
def test_wrong_profiles_stay_on_the_page(wrong, said):
    owner = world.vendor()
    given = {"revision": "0", "name": "乙", "is_vendor": "on", "contact": "kept"} | wrong
    page = browser(owner).post(url("organisation-profile", owner.organisation), given)
    assert page.status_code == 422
    assert said in text(page)
    assert 'value="kept"' in text(page)


@pytest.mark.parametrize("revision", ["", "x", "-1", "9" * 30, "１"])
def test_a_profile_without_its_revision_is_stale(revision):
    owner = world.vendor()
    given = {"revision": revision, "name": "乙", "is_vendor": "on"}
    page = browser(owner).post(url("organisation-profile", owner.organisation), given)
    assert page.status_code == 409


def test_control_and_relations_are_stated_and_ended():
    owner, other = world.vendor(), world.vendor()
    address = url("organisation-control", owner.organisation)
    client = browser(owner)
    given = {"do": "control", "control-name": "王五", "control-identity_number": "3101011980"}
    assert client.post(address, given).status_code == 302
    relation = {
        "do": "relation",
        "relation-other_name": other.organisation.name,
        "relation-other_uscc": other.organisation.uscc,
        "relation-kind": "same_head",
    }
    assert client.post(address, relation).status_code == 302
    assert client.post(address, relation).status_code == 409
    page = client.get(address)
    assert "王五" in text(page)
    assert "3101011980" not in text(page)
    row = owner.organisation.controls.get()
    end = {"do": "end-control", "row": str(row.uid), "until_date": ""}
    assert client.post(address, end).status_code == 302
    assert client.post(address, end).status_code == 409
    wrong = client.post(address, {"do": "control", "control-name": "", "control-uscc": "1"})
    assert wrong.status_code == 422
    assert "This must be filled in." in text(wrong)
    assert client.post(address, {"do": "x"}).status_code == 404
    assert browser(world.officer()).post(address, end).status_code == 403


def test_evidence_is_filed_and_judged():
    owner = world.vendor(verified_at=None)
    address = url("organisation-verification", owner.organisation)
    client, officer = browser(owner), browser(world.officer())
    wrong = client.post(address, {"do": "ask", "registry_url": "x", "note": "kept"})
    assert wrong.status_code == 422
    assert "kept" in text(wrong)
    assert client.post(address, {"do": "ask", **EVIDENCE}).status_code == 302
    assert client.post(address, {"do": "ask", **EVIDENCE}).status_code == 409
    queue = officer.get("/en/desk/organisations/")
    assert text(queue).count("Asks to be verified") == 2
    assert officer.post(address, {"do": "refuse", "refuse-reason": ""}).status_code == 422
    refused = officer.post(address, {"do": "refuse", "refuse-reason": "查无 <此号>"})
    assert refused.status_code == 302
    page = client.get(address)
    assert "查无 <此号>" in text(page)
    assert f'value="{EVIDENCE["licence_number"]}"' in text(page)
    client.post(address, {"do": "ask", **EVIDENCE})
    verified = officer.post(address, {"do": "verify", "verdict-in_lingang": "on"})
    assert verified.status_code == 302
    organisation = Organisation.objects.get(pk=owner.organisation.pk)
    assert (organisation.verified_at is not None, organisation.in_lingang) == (True, True)
    assert client.post(address, {"do": "verify"}).status_code == 403
    assert officer.post(address, {"do": "x"}).status_code == 404


def test_the_office_verifies_by_what_it_found_itself():
    organisation = world.make_organisation(is_vendor=True, verified_at=None)
    officer = browser(world.officer())
    address = url("organisation-verification", organisation)
    assert officer.post(address, {"do": "verify"}).status_code == 422
    given = {f"verdict-{name}": value for name, value in EVIDENCE.items()}
    assert officer.post(address, {"do": "verify", **given}).status_code == 302
    assert Verification.objects.get().state == "verified"


# -- Many rows ---------------------------------------------------------------------------------------
def many(owner, number):
    for place in range(number):
        world.member(owner.organisation, Role.VIEWER)
        world.control(owner.organisation, f"person:{place}")
        row = Invitation(
            organisation=owner.organisation,
            role=Role.EDITOR,
            email=f"w{place}@test.invalid",
            language="en",
            invited_by=owner.user,
            expires_at=now(),
        )
        row.token_hash = hash_of(row.token)
        row.save()


@pytest.mark.parametrize("number", [1, 30])
@pytest.mark.parametrize(
    ("where", "queries"),
    [("organisation-members", 9), ("organisation-control", 8), ("organisation-verification", 8)],
)
def test_pages_cost_the_same_with_one_row_and_with_thirty(number, where, queries, count_queries):
    owner = world.owner()
    many(owner, number)
    client = browser(owner)
    client.get(url(where, owner.organisation))
    with count_queries() as counted:
        assert client.get(url(where, owner.organisation)).status_code == 200
    assert len(counted) == queries


@pytest.mark.parametrize("number", [1, 30])
@pytest.mark.parametrize(("where", "queries"), [("organisations", 9), ("people", 8)])
def test_lists_of_the_office_cost_the_same(number, where, queries, count_queries):
    officer = world.officer()
    for _ in range(number):
        asked()
        world.person(Role.EXPERT)
    client = browser(officer)
    client.get(f"/en/desk/{where}/")
    with count_queries() as counted:
        assert client.get(f"/en/desk/{where}/").status_code == 200
    assert len(counted) == queries
