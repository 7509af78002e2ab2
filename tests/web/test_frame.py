"""The frame of a page: who one is, for whom one acts, and what scripts add to it."""

from typing import Any

import pytest
from django.test import Client
from playwright.sync_api import expect

from marketplace.accounts.models import Membership
from marketplace.base.actor import Role
from tests import world


@pytest.fixture
def two_hats(client: Client) -> tuple[Any, Any]:
    """A person of two organisations, signed in, acting for the first."""
    first = world.owner()
    second = world.make_organisation(is_vendor=True, name="第二单位")
    Membership.objects.create(user=first.user, organisation=second, role=Role.EDITOR)
    client.force_login(first.user)
    return first, second


def worn(page: str) -> list[str]:
    """The values of the hat buttons marked as current."""
    return [
        line.split('value="')[1].split('"')[0]
        for line in page.splitlines()
        if 'name="acting"' in line and 'aria-current="true"' in line
    ]


@pytest.mark.django_db
def test_the_header_shows_and_switches_the_hat(client: Client, two_hats: Any) -> None:
    first, second = two_hats
    page = client.get("/en/components/").content.decode()
    assert worn(page) == [f"org:{first.organisation.uid}"]
    assert '<input type="hidden" name="next" value="/en/components/">' in page
    answer = client.post("/acting/", {"acting": f"org:{second.uid}", "next": "/en/components/"})
    assert (answer.status_code, answer.url) == (302, "/en/components/")
    assert worn(client.get("/en/components/").content.decode()) == [f"org:{second.uid}"]


@pytest.mark.django_db
def test_the_frame_costs_the_same_with_one_hat_and_with_thirty(
    client: Client, two_hats: Any, count_queries: Any
) -> None:
    client.get("/components/")
    with count_queries() as few:
        client.get("/components/")
    for _ in range(30):
        other = world.make_organisation()
        Membership.objects.create(user=two_hats[0].user, organisation=other, role=Role.VIEWER)
    with count_queries() as many:
        client.get("/components/")
    assert len(many) == len(few)


@pytest.mark.django_db
def test_a_visitor_may_sign_in_and_returns_to_the_page(client: Client) -> None:
    page = client.get("/components/?a=1&b=2").content.decode()
    assert 'href="/accounts/login/?next=%2Fcomponents%2F%3Fa%3D1%26b%3D2"' in page
    assert "hx-headers" not in page
    assert 'name="acting"' not in page


@pytest.mark.django_db
def test_a_wrong_password_is_explained_and_the_address_is_kept(client: Client) -> None:
    user = world.make_user()
    answer = client.post("/en/accounts/login/", {"login": user.email, "password": "wrong"})
    page = answer.content.decode()
    assert 'class="jb-summary"' in page
    assert f'value="{user.email}"' in page


@pytest.mark.django_db
def test_nobody_signs_up_alone(client: Client) -> None:
    page = client.get("/en/accounts/signup/").content.decode()
    assert "Register your organisation" in page


@pytest.mark.browser
def test_a_countdown_runs_and_ends_by_the_clock_of_the_server(site: str, browser: Any) -> None:
    page = browser.new_page()
    page.clock.install()
    page.goto(f"{site}/en/components/")
    soon = page.locator(".jb-countdown-urgent [data-left]").first
    expect(soon).to_have_text("5 h 12 min")
    page.clock.run_for(3 * 3600 * 1000)
    expect(soon).to_have_text("2 h 12 min")
    page.clock.run_for(3 * 3600 * 1000)
    over = page.locator(".jb-countdown-over[data-text-days]").first
    expect(over).to_have_text("Closed")
    page.close()


@pytest.mark.browser
def test_a_destructive_step_asks_once_even_without_scripts(site: str, browser: Any) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site}/en/components/")
    button = page.get_by_role("button", name="Withdraw", exact=True)
    expect(button).to_be_hidden()
    page.get_by_text("Withdraw the bid").click()
    expect(button).to_be_visible()
    context.close()


@pytest.mark.browser
def test_the_phone_opens_filters_as_a_sheet_and_closes_them_by_escape(
    site: str, browser: Any
) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 800})
    page.goto(f"{site}/en/components/")
    rail = page.locator(".jb-rail")
    expect(rail).to_be_hidden()
    page.locator(".jb-rail-open").click()
    expect(rail).to_be_visible()
    page.keyboard.press("Escape")
    expect(rail).to_be_hidden()
    page.close()


@pytest.mark.browser
def test_rows_are_added_numbered_and_marked_for_removal(site: str, browser: Any) -> None:
    page = browser.new_page()
    page.goto(f"{site}/en/components/")
    page.get_by_role("button", name="Add a row").click()
    expect(page.locator('[name="rows-1-name"]')).to_be_focused()
    expect(page.locator('[name="rows-TOTAL_FORMS"]')).to_have_value("2")
    rows = page.locator("[data-formset-row]")
    rows.nth(0).get_by_role("button", name="Remove").click()
    expect(rows).to_have_count(2)
    expect(rows.nth(0)).to_be_hidden()
    expect(rows.nth(1)).to_be_visible()
    expect(page.locator('[name="rows-0-DELETE"]')).to_be_checked()
    expect(page.locator('[name="rows-1-DELETE"]')).not_to_be_checked()
    page.close()
