"""For which organisation a request acts: a header, within what its bearer may be."""

import pytest

from marketplace.accounts.models import Membership
from marketplace.accounts.tokens.actions import create_token
from marketplace.base.actor import Actor, Role
from tests import world
from tests.api.client import As, refused

pytestmark = pytest.mark.django_db
NAME = "Jiebang-Organisation"


@pytest.fixture(autouse=True)
def optional(settings):
    settings.MFA_OPTIONAL = True


@pytest.fixture
def both():
    """One person of two organisations: an owner here, an editor there."""
    here = world.vendor()
    there = Actor(Role.EDITOR, here.user, world.make_organisation(is_owner=True))
    Membership.objects.create(user=there.user, organisation=there.organisation, role=there.role)
    return here, world.pledge(there)


def titles(asker, **headers):
    return [row["title"] for row in asker.get("scenarios/", **headers).json()["results"]]


def test_a_person_acts_for_the_organisation_that_the_header_names(both):
    here, there = both
    draft = world.draft_scenario(there)
    asker = As(here)
    other = {NAME: str(there.organisation.uid)}
    assert titles(asker) == []
    assert titles(asker, **other) == [draft.title]
    assert titles(asker, **{NAME: str(here.organisation.uid)}) == []
    assert titles(asker) == []  # the header holds for one request
    refused(asker.delete(f"scenarios/{draft.uid}/"), 404, "not_found")
    assert asker.delete(f"scenarios/{draft.uid}/", **other).status_code == 204


def test_nobody_acts_where_he_has_no_place(both):
    here, _there = both
    rival = world.vendor().organisation
    for uid in (rival.uid, "00000000-0000-4000-8000-000000000000"):
        for path in ("scenarios/", "members/"):
            refused(As(here).get(path, **{NAME: str(uid)}), 403, "organisation.other")
    answer = As(here).post("approaches/", {}, **{NAME: str(rival.uid)})
    refused(answer, 403, "organisation.other")
    visitor = As().get("scenarios/", **{NAME: str(rival.uid)})
    refused(visitor, 401, "request.not_authenticated")
    told = refused(As(here).get("scenarios/", **{NAME: "x' OR 1"}), 400, "request.header")
    assert list(told["errors"]) == [NAME]


def test_who_left_acts_there_no_more(both):
    here, there = both
    named = {NAME: str(there.organisation.uid)}
    assert As(here).get("members/", **named).status_code == 200
    Membership.objects.filter(user=here.user, organisation=there.organisation).delete()
    refused(As(here).get("members/", **named), 403, "organisation.other")


def test_a_token_acts_for_none_but_its_own(both):
    here, there = both
    text = create_token(actor=here, name="t", scopes=["read"]).text
    bearer = {"Authorization": f"Bearer {text}"}
    own = {NAME: str(here.organisation.uid)}
    assert As().get("members/", **bearer, **own).status_code == 200
    answer = As().get("members/", **bearer, **{NAME: str(there.organisation.uid)})
    refused(answer, 403, "organisation.other")


def test_an_expert_puts_on_an_organisation_and_sees_no_sheet_then():
    expert = world.person("expert")
    firm = world.make_organisation(is_vendor=True)
    Membership.objects.create(user=expert.user, organisation=firm, role=Role.VIEWER)
    asker = As(expert)
    assert asker.get("tokens/").status_code == 200
    rows = asker.get("members/", **{NAME: str(firm.uid)}).json()["results"]
    assert [row["role"] for row in rows] == ["viewer"]
    assert asker.get("members/").json()["results"] == []


def test_uploads_and_keys_count_for_the_organisation_named(both):
    here, there = both
    headers = {
        "Tus-Resumable": "1.0.0",
        "Upload-Length": "3",
        "Upload-Metadata": "purpose YXR0YWNobWVudA==,filename YS50eHQ=",
    }
    asker = As(here)
    other = {NAME: str(there.organisation.uid)}
    made = asker.client.post("/api/v1/uploads/", b"", "text/plain", headers=headers | other)
    assert made.status_code == 201
    assert asker.client.get(made["Location"]).status_code == 404
    assert asker.client.get(made["Location"], headers=other).status_code == 200
