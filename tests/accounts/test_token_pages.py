"""The pages of API tokens: list, make, shown once, revoke."""

import re

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import translation

from marketplace.accounts.tokens.actions import create_token
from marketplace.accounts.tokens.models import ApiToken
from marketplace.accounts.tokens.queries import bearer
from marketplace.base.actor import Role
from tests import world

pytestmark = pytest.mark.django_db
FILLED = {"name": "夜间脚本", "scopes": ["read", "bids:write"], "days": "30", "demand": ""}


@pytest.fixture(autouse=True)
def chinese():
    with translation.override("zh-hans"):
        yield


def browser(actor):
    client = Client()
    client.force_login(actor.user)
    return client


def made_text(page):
    return re.search(r"jb_[0-9A-Za-z]{49}", page.content.decode())[0]


def test_made_shown_once_used_and_revoked():
    actor = world.vendor()
    client = browser(actor)
    assert "还没有令牌" in client.get(reverse("tokens")).content.decode()
    page = client.post(reverse("token-new"), FILLED)
    assert (page.status_code, page["Cache-Control"]) == (
        200,
        "max-age=0, no-cache, no-store, must-revalidate, private",
    )
    text = made_text(page)
    found = bearer(text)
    assert (found.actor, found.token.scopes) == (actor, ["read", "bids:write"])
    listed = client.get(reverse("tokens")).content.decode()
    assert "夜间脚本" in listed
    assert "jb_" not in listed
    assert text not in str(dict(client.session))
    gone = client.post(reverse("token-revoke", args=[found.token.uid]), follow=True)
    assert "“夜间脚本”已吊销" in gone.content.decode()
    assert client.get(reverse("tokens")).context["lines"][0]["token"].standing == "revoked"


def test_english():
    client = browser(world.vendor())
    page = client.post("/en" + reverse("token-new"), FILLED).content.decode()
    assert "Copy it now" in page
    assert "Submit, revise and withdraw bids" in page


def test_for_one_demand_that_one_may_see():
    owner = world.owner()
    hidden, seen = world.draft_scenario(world.owner()), world.published_scenario()
    client = browser(owner)
    for typed in (str(hidden.uid), "LG-2026-9999", "\x00", "x'"):
        page = client.post(reverse("token-new"), {**FILLED, "demand": typed})
        assert page.status_code == 422
        assert "夜间脚本" in page.content.decode()
    assert ApiToken.objects.count() == 0
    page = client.post(reverse("token-new"), {**FILLED, "demand": seen.ref})
    assert bearer(made_text(page)).token.scenario_uid == seen.uid
    assert seen.title in client.get(reverse("tokens")).content.decode()


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"name": "x" * 81},
        {"scopes": []},
        {"scopes": ["everything"]},
        {"days": "3660"},
        {"days": "x"},
        {"demand": "x" * 65},
    ],
)
def test_bad_input_is_told_beside_the_field(wrong):
    page = browser(world.vendor()).post(reverse("token-new"), {**FILLED, **wrong})
    assert page.status_code == 422
    assert list(page.context["form"].errors) == list(wrong)
    assert ApiToken.objects.count() == 0


def test_the_limit_is_told_on_the_page():
    actor = world.vendor()
    for _ in range(20):
        create_token(actor=actor, name="script", scopes=["read"])
    page = browser(actor).post(reverse("token-new"), FILLED)
    assert page.status_code == 409
    assert "20" in page.content.decode()
    assert ApiToken.objects.count() == 20


def test_somebody_elses_is_a_404():
    token = create_token(actor=world.vendor(), name="script", scopes=["read"]).token
    client = browser(world.vendor())
    address = reverse("token-revoke", args=[token.uid])
    assert client.post(address).status_code == 404
    assert client.get(address).status_code == 405
    assert client.get(reverse("tokens")).context["lines"] == []


def test_an_owner_sees_whose_it_is():
    owner = world.vendor()
    editor = world.member(owner.organisation, Role.EDITOR)
    create_token(actor=editor, name="script", scopes=["read"])
    page = browser(owner).get(reverse("tokens")).content.decode()
    assert editor.user.name in page


def test_making_one_asks_anew_before_anything_is_typed(settings):
    settings.MFA_OPTIONAL = False
    user = world.vendor().user
    client = Client()
    client.post(reverse("account_login"), {"login": user.email, "password": world.PASSWORD})
    asked = client.get(reverse("token-new"))
    assert asked["Location"].startswith(reverse("account_reauthenticate"))
    posted = client.post(reverse("token-new"), FILLED)
    assert posted["Location"].startswith(reverse("account_reauthenticate"))
    assert ApiToken.objects.count() == 0
    client.post(reverse("account_reauthenticate"), {"password": world.PASSWORD})
    assert client.get(reverse("token-new")).status_code == 200
    assert client.get(reverse("tokens")).status_code == 200


@pytest.mark.parametrize("rows", [1, 20])
def test_the_list_costs_the_same(rows, assert_max_queries):
    actor = world.vendor()
    client = browser(actor)
    for _ in range(rows):
        create_token(actor=actor, name="s", scopes=["read"], scenario_uid=actor.user.uid)
    client.get(reverse("tokens"))
    with assert_max_queries(8):
        client.get(reverse("tokens"))
