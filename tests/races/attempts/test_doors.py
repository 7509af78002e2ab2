"""Pages, the API and the notices of attempts: what each shows, and to whom."""

from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from marketplace.races.attempts import process
from marketplace.races.attempts.models import Attempt
from marketplace.races.attempts.working import waits, work_once
from marketplace.races.models import Heat
from tests import world
from tests.api.client import As
from tests.notices.steps import deliver, told
from tests.races import courses, factories
from tests.races.attempts.results import hand_in, racer, result

pytestmark = pytest.mark.django_db
BAD = courses.RESULT.replace(b"n5,normal", b"n5,maybe")


@pytest.fixture(scope="module", autouse=True)
def cold():
    yield
    process.cool()


@pytest.fixture
def heat():
    plan = factories.content(factories.heat(choice="chosen"))
    row = factories.race(plan=plan).heats.get(number=1)
    courses.lay(row)
    return row


def browser(actor) -> Client:
    return As(actor).client


def text(answer) -> str:
    return answer.content.decode()


def people_of(actor) -> set[int]:
    return set(actor.organisation.members.values_list("user_id", flat=True))


def work():
    while work_once(courses.identity()):
        pass
    assert not waits()


def test_from_the_form_to_the_score(heat):
    actor = racer(heat.race)
    page = reverse("attempts", args=[heat.race.scenario.address])
    client = browser(actor)
    assert "Attempts left: 3 today, 20 in all." in text(
        client.get(page, headers={"Accept-Language": "en"})
    )
    refused = client.post(page, {})
    assert refused.status_code == 422
    for body in (courses.RESULT, BAD):
        sent = client.post(page, {"file": SimpleUploadedFile("r.csv", body)})
        assert (sent.status_code, sent["Location"]) == (302, page)
    good, bad = Attempt.objects.order_by("number")
    queued = text(client.get(reverse("attempt", args=[bad.uid]), headers={"Accept-Language": "en"}))
    assert "Place 2 in the queue." in queued
    work()
    shown = text(client.get(reverse("attempt", args=[bad.uid]), headers={"Accept-Language": "en"}))
    assert "“maybe” is none of the labels." in shown
    address = reverse("attempt", args=[good.uid])
    assert "classification.macro_f1" in text(client.get(address))
    assert client.post(address, {"do": "choose"}).status_code == 302
    good.refresh_from_db()
    assert good.chosen
    assert "counts" in text(client.get(page, headers={"Accept-Language": "en"}))
    assert client.post(address, {"do": "cancel"}).status_code == 409
    assert client.post(address, {"do": "other"}).status_code == 404
    for stranger in (racer(heat.race, "R2"), world.vendor(), world.officer()):
        assert browser(stranger).get(address).status_code == 404
    assert browser(world.vendor()).get(page).status_code == 404


def test_a_list_of_thirty_costs_what_one_does(heat, assert_max_queries):
    actor = racer(heat.race)
    hand_in(actor, heat, courses.RESULT)
    client = browser(actor)
    page = reverse("attempts", args=[heat.race.scenario.address])
    client.get(page)
    with assert_max_queries(60) as one:
        client.get(page)
    entry = heat.entries.get(entrant__code="R1")
    first = entry.attempts.get()
    for number in range(2, 31):
        first.pk, first.uid, first.number = None, uuid4(), number
        first.upload = result(actor)
        first.save(force_insert=True)
    with assert_max_queries(len(one)):
        client.get(page)


def test_the_owner_prepares_the_course_on_its_page(heat):
    planned = heat.race.heats.get(number=1)
    Heat.objects.filter(pk=planned.pk).update(state="planned")
    owner = courses.preparer(heat)
    page = reverse("course", args=[heat.race.scenario.address, 1])
    client = browser(owner)
    assert text(client.get(page + "?kind=truth")).count("age -r age1") == 1
    clear = SimpleUploadedFile("truth.csv", courses.TRUTH)
    refused = client.post(page, {"kind": "truth", "file": clear})
    assert refused.status_code == 422
    sealed = SimpleUploadedFile(
        "truth.csv.age", courses.sealed(courses.TRUTH.replace(b"n1,", b"z,"))
    )
    assert client.post(page, {"kind": "truth", "file": sealed}).status_code == 302
    assert client.post(page, {"do": "fix"}).status_code == 302
    work()
    deliver()
    assert told("course.refused") == people_of(owner)
    assert "“z” is not in the list" in text(client.get(page, headers={"Accept-Language": "en"}))
    assert browser(racer(heat.race)).get(page).status_code == 403


def test_by_the_api(heat):
    actor = racer(heat.race)
    api = As(actor)
    body = {"heat_uid": str(heat.uid), "upload_uid": str(result(actor, courses.RESULT).uid)}
    made = api.send("post", "attempts/", body, key="k1")
    assert (made.status_code, made.json()["place"]) == (201, 1)
    again = api.send("post", "attempts/", body, key="k1")
    assert (again.json()["uid"], again["Idempotency-Replayed"]) == (made.json()["uid"], "true")
    assert Attempt.objects.count() == 1
    one = f"attempts/{made.json()['uid']}/"
    assert [row["name"] for row in made.json()["actions"]] == ["cancel_attempt"]
    work()
    shown = api.send("get", one).json()
    assert (shown["state"], list(shown["board"])) == ("scored", ["classification.macro_f1"])
    assert [line["code"] for line in shown["lines"]] == ["received", "started", "scored"]
    assert [row["name"] for row in shown["actions"]] == ["choose_attempt"]
    assert api.send("post", one + "choose/").json()["chosen"] is True
    assert api.send("post", one + "cancel/").status_code == 409
    listed = api.send("get", f"attempts/?heat={heat.uid}&state=scored").json()
    assert [row["uid"] for row in listed["results"]] == [made.json()["uid"]]
    assert As(racer(heat.race, "R2")).send("get", one).status_code == 404


def test_the_vendor_alone_is_told(heat):
    actor = racer(heat.race)
    for body in (courses.RESULT, BAD):
        hand_in(actor, heat, body)
    work()
    deliver()
    assert told("attempt.scored") == told("attempt.refused") == people_of(actor)
