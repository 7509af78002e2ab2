"""The tab of changes, the form of one, and the same by API."""

import pytest
from django.test import Client

from marketplace.scenarios.amendments.models import Amendment
from tests import world
from tests.api.client import As
from tests.files.sending import signed_in
from tests.scenarios.amendments.test_amendments import SMALL, demand, draft, metrics, publish
from tests.web.asking import text

pytestmark = pytest.mark.django_db


def page(scenario):
    return f"/en/scenarios/{scenario.ref}/amendments/"


def typed(scenario, **changed):
    """The form as it stands on the page, with what one types over it."""
    owner = world.member(scenario.organisation)
    shown = signed_in(owner).get(f"/en/scenarios/{scenario.ref}/amend/")
    data = {}
    for form in shown.context["forms"]:
        forms = [*form, form.management_form] if hasattr(form, "management_form") else [form]
        for one in forms:
            for bound in one:
                value = bound.value()
                if value not in (None, False):
                    data[bound.html_name] = "on" if value is True else value
    return {name: value for name, value in data.items() if "DELETE" not in name} | changed


def test_the_owner_drafts_and_an_officer_publishes_on_the_pages():
    owner = world.owner()
    scenario = demand(owner)
    given = typed(scenario, need="需要实时检测。", reason="说明不够清楚。")
    sent = signed_in(owner).post(f"/en/scenarios/{scenario.ref}/amend/", given)
    assert sent.status_code == 302, [one.errors for one in sent.context["forms"]]
    row = Amendment.objects.get()
    assert list(row.changes) == ["need"]
    assert "说明不够清楚" not in text(Client().get(page(scenario)))
    officer = signed_in(world.officer())
    assert "Publish the change" in text(officer.get(page(scenario)))
    assert "Publish the change" not in text(signed_in(owner).get(page(scenario)))
    done = officer.post(page(scenario), {"do": "publish", "amendment": str(row.uid)})
    assert done.status_code == 302
    shown = text(Client().get(page(scenario)))
    assert "Change 1" in shown
    assert "说明不够清楚" in shown
    assert "<ins" in shown
    assert "需要实时检测" in text(Client().get(f"/en/scenarios/{scenario.ref}/"))


def test_what_was_typed_stays_beside_what_is_wrong():
    owner = world.owner()
    scenario = demand(owner)
    given = typed(scenario, need="改过的需要", reason="", budget_cny="-1")
    sent = signed_in(owner).post(f"/en/scenarios/{scenario.ref}/amend/", given)
    assert sent.status_code == 422
    assert "改过的需要" in text(sent)
    assert Amendment.objects.count() == 0


def test_rows_that_changed_are_told_by_their_code():
    scenario = demand()
    publish(draft(scenario, data={"metrics": metrics(scenario, value="99")}))
    shown = text(Client().get(page(scenario)))
    assert "误报率" in shown
    assert "M2" in shown


def test_others_have_no_form():
    scenario = demand()
    for actor in (world.vendor(), world.secretary()):
        assert signed_in(actor).get(f"/en/scenarios/{scenario.ref}/amend/").status_code == 403


def test_by_api():
    owner, officer = world.owner(), world.officer()
    scenario = demand(owner)
    made = As(owner).post(
        f"/api/v1/scenarios/{scenario.uid}/amendments/", {"changes": SMALL, "reason": "更正。"}
    )
    assert made.status_code == 201
    uid = made.json()["uid"]
    assert [move["name"] for move in made.json()["actions"]] == ["drop_amendment"]
    assert As(None).get("/api/v1/amendments/").json()["results"] == []
    done = As(officer).post(f"/api/v1/amendments/{uid}/publish/")
    assert (done.status_code, done.json()["number"], done.json()["state"]) == (200, 1, "published")
    [public] = As(None).get(f"/api/v1/amendments/?scenario={scenario.uid}").json()["results"]
    assert public["changes"]["contact"]["after"] == SMALL["contact"]
    again = As(officer).post(f"/api/v1/amendments/{uid}/publish/")
    assert again.status_code == 409


def test_a_changed_amount_is_money_in_the_reader_s_language():
    scenario = demand(world.owner())
    publish(draft(scenario, data={"budget_cny": "1500000.00"}))
    assert "150 万元" in text(Client().get(f"/scenarios/{scenario.ref}/amendments/"))
    assert "CNY 1,500,000.00" in text(Client().get(page(scenario)))
