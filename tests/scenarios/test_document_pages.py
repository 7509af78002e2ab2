"""The page of the five documents: what it shows to whom, and what a refusal keeps."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from marketplace.base.actor import Role
from marketplace.scenarios.documents.kinds import FORMS, DocumentKind
from marketplace.scenarios.documents.models import GateDocument
from marketplace.scenarios.models import State
from tests import world

pytestmark = pytest.mark.django_db


def browser(actor):
    client = Client()
    client.force_login(actor.user)
    return client


def address(scenario):
    return reverse("scenario-documents", args=[scenario.address])


def affirmed(kind, **typed):
    ticked = {f"{kind}-{code}": "on" for code in FORMS[kind].statements}
    return {"kind": kind, **ticked, **{f"{kind}-{name}": said for name, said in typed.items()}}


def offered(page):
    shown = page.context["papers"]
    return (
        [row["paper"].kind for row in shown if row["may_file"]],
        [row["paper"].kind for row in shown if row["may_check"]],
    )


def test_each_side_files_its_own_and_a_second_person_checks():
    owner, first, second = world.owner(), world.officer(), world.officer()
    scenario = world.draft_scenario(owner, state=State.DEMONSTRATING)
    mine, office, other = browser(owner), browser(first), browser(second)
    assert offered(mine.get(address(scenario))) == (["confidentiality", "funding"], [])
    assert offered(office.get(address(scenario))) == (["competition"], [])
    scan = SimpleUploadedFile("承诺.pdf", b"%PDF-1.7 x")
    sent = affirmed("funding", amount_cny="1,000,000") | {"funding-file": scan}
    assert mine.post(address(scenario), sent).status_code == 302
    assert office.post(address(scenario), affirmed("competition")).status_code == 302
    # Until it is checked one may file one's own anew.
    assert offered(office.get(address(scenario))) == (["competition"], ["funding"])
    assert offered(other.get(address(scenario)))[1] == ["competition", "funding"]
    for row in GateDocument.objects.all():
        given = {"check": str(row.uid), "kind": row.kind, "verdict": "accept"}
        assert other.post(address(scenario), given).status_code == 302
    assert other.get(address(scenario)).context["there"] == 2
    upload = GateDocument.objects.get(kind="funding").upload
    served = mine.get(reverse("file", args=[upload.uid]))
    assert b"".join(served.streaming_content) == b"%PDF-1.7 x"
    assert browser(world.vendor()).get(reverse("file", args=[upload.uid])).status_code == 404


def test_a_refusal_keeps_what_was_typed():
    owner = world.owner()
    scenario = world.draft_scenario(owner, state=State.SUBMITTED)
    page = browser(owner).post(
        address(scenario), {"kind": "funding", "funding-words": "写了很久", "funding-number": ""}
    )
    assert page.status_code == 422
    [form] = [row["form"] for row in page.context["papers"] if row["paper"].kind == "funding"]
    assert set(form.errors) == {*FORMS[DocumentKind.FUNDING].statements, "number", "amount_cny"}
    assert "写了很久" in page.content.decode()
    assert browser(owner).post(address(scenario), {"kind": "x"}).status_code == 422
    assert browser(owner).post(address(scenario), affirmed("competition")).status_code == 403


def test_sending_back_without_a_reason_is_refused_beside_its_form():
    officer = world.officer()
    scenario = world.draft_scenario(world.owner(), state=State.SUBMITTED)
    browser(world.officer()).post(address(scenario), affirmed("competition"))
    row = GateDocument.objects.get()
    given = {"check": str(row.uid), "kind": row.kind, "verdict": "back"}
    page = browser(officer).post(address(scenario), given)
    assert page.status_code == 422
    said = given | {"check-competition-words": "请写明理由"}
    assert browser(officer).post(address(scenario), said).status_code == 302
    page = browser(officer).get(address(scenario))
    assert "请写明理由" in page.content.decode()


def test_who_reads_the_page():
    owner = world.owner()
    waiting = world.draft_scenario(owner, state=State.SUBMITTED)
    posted = world.published_scenario(owner)
    for actor, before, after in (
        (owner, 200, 200),
        (world.officer(), 200, 200),
        (world.secretary(), 200, 200),
        (world.vendor(), 404, 403),
        (world.person(Role.EXPERT), 404, 403),
    ):
        assert browser(actor).get(address(waiting)).status_code == before
        assert browser(actor).get(address(posted)).status_code == after


def test_gate_and_publish_page_say_what_is_missing_and_who_has_it():
    officer = world.officer()
    scenario = world.draft_scenario(world.owner(), state=State.DEMONSTRATED)
    world.documents(scenario, DocumentKind.OPINION)
    for name in ("scenario-gate", "scenario-publish"):
        page = browser(officer).get(reverse(name, args=[scenario.address]))
        assert [row["paper"].there for row in page.context["papers"]] == [
            *(False, False, False, True, False)
        ]
    sent = {"sure": "on", "deadline_at": "", "key_holders": []}
    page = browser(officer).post(reverse("scenario-publish", args=[scenario.address]), sent)
    assert page.status_code == 422
    assert len(page.context["form"].non_field_errors()) == 4
