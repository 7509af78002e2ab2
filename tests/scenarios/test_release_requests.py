"""Asking to be released for the restricted parts: who, when, what is said to it, and each look."""

from __future__ import annotations

from datetime import timedelta
from io import BytesIO

import pytest
from django.db import DatabaseError, connection, transaction
from django.urls import reverse
from pypdf import PdfReader

from marketplace.accounts.models import Grant
from marketplace.base import clock as site_clock
from marketplace.base.errors import (
    DeadlinePassed,
    Invalid,
    NotAllowed,
    NotFound,
    StateConflict,
    TooMany,
)
from marketplace.files.access import AccessRecord
from marketplace.ledger.models import Event
from marketplace.notices.models import Notice
from marketplace.scenarios.models import Scenario, State
from marketplace.scenarios.releases import actions
from marketplace.scenarios.releases.models import ReleaseAnswer, ReleaseRequest
from marketplace.scenarios.undertakings import UndertakingMissing
from tests import world
from tests.notices.steps import deliver
from tests.scenarios import files
from tests.scenarios.disclosure.test_withheld import PLANTED, posted
from tests.web.asking import browser, text, url

pytestmark = pytest.mark.usefixtures("own_storage")
db = pytest.mark.django_db
WHY = "我司做过同类项目，需了解现状。"


@pytest.fixture
def demand():
    """(owner, vendor, posted demand with restricted fields)."""
    owner = world.owner()
    return owner, world.vendor(), posted(owner)


def ask(actor, scenario, words=WHY):
    return actions.ask_release(actor=actor, scenario_uid=scenario.uid, text=words)


@db
def test_asked_granted_signed_and_read_as_a_page_and_as_a_marked_file(demand):
    owner, vendor, scenario = demand
    client, read_url = browser(vendor), reverse("scenario-restricted", args=[scenario.ref])
    page = reverse("release-requests", args=[scenario.ref])
    assert client.get(read_url).status_code == 404
    assert f'href="{page}"' in text(client.get(url("scenario", scenario)))
    assert client.post(page, {"text": WHY}).status_code == 302
    row = ReleaseRequest.objects.get()
    theirs = browser(owner)
    assert WHY in text(theirs.get(page))
    assert page in text(theirs.get(reverse("desk")))
    file = scenario.attachments.get()
    given = {"request": row.uid, "do": "grant", f"r{row.pk}-until_date": files.until()}
    assert theirs.post(page, given).status_code == 422  # no file chosen
    assert theirs.post(page, given | {f"r{row.pk}-which": file.uid}).status_code == 302
    assert theirs.post(page, given | {f"r{row.pk}-which": file.uid}).status_code == 409
    undertaking = reverse("undertaking", args=[scenario.ref, file.uid])
    assert client.get(read_url)["Location"] == undertaking
    assert AccessRecord.objects.count() == 0
    files.sign(vendor, file)
    shown = client.get(read_url)
    assert {"private", "no-store"} <= set(shown["Cache-Control"].split(", "))
    told = text(shown)
    assert [word for word in PLANTED.values() if word not in told] == []
    look = AccessRecord.objects.get()
    assert (look.what, look.subject_uid, look.user_uid) == ("text.read", file.uid, vendor.user.uid)
    # Over every part, over the whole, and above them, with the request that the record names.
    assert told.count(vendor.person.name) >= len(PLANTED) + 2
    assert (look.detail in told, vendor.party.name in told) == (True, True)
    copy = client.get(f"/files/{file.upload.uid}/")
    assert copy["Content-Type"] == "application/pdf"
    assert f"{scenario.ref}-restricted.pdf" in copy["Content-Disposition"]
    pages = PdfReader(BytesIO(copy.content)).pages
    words = "".join("".join(one.extract_text().split()) for one in pages)
    assert vendor.person.name in words
    assert list(AccessRecord.objects.order_by("pk").values_list("what", flat=True)) == [
        "text.read",
        "file.read",
        "file.copied",
    ]
    kinds = list(Event.objects.filter(kind__startswith="release.").values_list("kind", "audience"))
    assert kinds == [("release.asked", "parties"), ("release.granted", "parties")]
    assert not any(WHY in bytes(body).decode() for (body,) in Event.objects.values_list("body"))


@db
def test_the_original_stays_as_it_was_for_owner_and_office(demand):
    owner, _vendor, scenario = demand
    file = scenario.attachments.get()
    for actor in (owner, world.officer()):
        copy = browser(actor).get(f"/files/{file.upload.uid}/")
        assert copy["Content-Type"].startswith("text/plain")
        page = text(browser(actor).get(reverse("scenario-restricted", args=[scenario.ref])))
        assert (PLANTED["need"] in page, "pub-mark" in page) == (True, True)
        assert 'id="mark"' not in page


@db
def test_who_may_ask_and_when(demand, clock):
    owner, vendor, scenario = demand
    for actor in (owner, world.owner(), world.officer(), world.member(vendor.party, "viewer")):
        with pytest.raises(NotAllowed):
            ask(actor, scenario)
    for words in ("", "要看", "x" * 501):
        with pytest.raises(Invalid) as wrong:
            ask(vendor, scenario, words)
        assert list(wrong.value.errors) == ["text"]
    with pytest.raises(StateConflict) as refused:
        ask(vendor, posted(restricted=[]))
    assert refused.value.code == "release.nothing"
    draft = world.draft_scenario(owner)
    with pytest.raises(NotFound):
        ask(vendor, draft)
    clock.freeze(scenario.deadline_at)
    with pytest.raises(DeadlinePassed):
        ask(vendor, scenario)
    clock.freeze(scenario.deadline_at - timedelta(microseconds=1))
    assert ask(vendor, scenario).number == 1
    Scenario.objects.filter(pk=scenario.pk).update(state=State.CLOSED)
    with pytest.raises(StateConflict) as closed:
        ask(vendor, scenario)
    assert closed.value.code == "release.closed"


@db
def test_one_waits_at_a_time_and_three_are_all(demand):
    owner, vendor, scenario = demand
    for number in range(1, actions.REQUESTS_MOST + 1):
        row = ask(vendor, scenario)
        assert row.number == number
        with pytest.raises(StateConflict) as twice:
            ask(vendor, scenario)
        assert twice.value.code == "release.waiting"
        actions.refuse_release(actor=owner, request_uid=row.uid, reason="与本项目无关。")
        with pytest.raises(StateConflict):
            actions.refuse_release(actor=owner, request_uid=row.uid, reason="再说一次。")
    with pytest.raises(TooMany):
        ask(vendor, scenario)
    other = world.vendor()
    files.release(owner, scenario.attachments.get(), other)
    with pytest.raises(StateConflict) as given:
        ask(other, scenario)
    assert given.value.code == "release.given"


@db
def test_the_owner_alone_answers_and_the_vendor_is_told(demand):
    owner, vendor, scenario = demand
    row = ask(vendor, scenario)
    for actor in (world.officer(), vendor, world.member(owner.party, "viewer")):
        with pytest.raises(NotAllowed):
            actions.grant_release(actor=actor, request_uid=row.uid, until_date=files.until())
    with pytest.raises(NotFound):
        actions.refuse_release(actor=world.vendor(), request_uid=row.uid, reason="不相干。")
    for wrong in (None, site_clock.today() - timedelta(days=1)):
        with pytest.raises(Invalid):
            actions.grant_release(actor=owner, request_uid=row.uid, until_date=wrong)
    with pytest.raises(Invalid):
        actions.refuse_release(actor=owner, request_uid=row.uid, reason=" ")
    assert ReleaseAnswer.objects.count() == Grant.objects.filter(capability="read").count() == 0
    actions.refuse_release(actor=owner, request_uid=row.uid, reason="本阶段只开放给联合研制单位。")
    page = text(browser(vendor).get(reverse("release-requests", args=[scenario.ref])))
    assert "本阶段只开放给联合研制单位。" in page
    deliver()
    kinds = set(Notice.objects.filter(kind__startswith="release.").values_list("kind", "user"))
    assert kinds == {("release.asked", owner.user_id), ("release.refused", vendor.user_id)}
    stranger = browser(world.vendor())
    assert WHY not in text(stranger.get(reverse("release-requests", args=[scenario.ref])))
    with pytest.raises(DatabaseError), transaction.atomic():
        ReleaseAnswer.objects.update(granted=True)
    assert connection.is_usable()


@db
def test_nobody_reads_without_the_undertaking_or_after_the_end(demand, clock):
    owner, vendor, scenario = demand
    file = scenario.attachments.get()
    files.release(owner, file, vendor)
    with pytest.raises(UndertakingMissing):
        actions.read_restricted(actor=vendor, scenario_uid=scenario.uid)
    files.sign(vendor, file)
    look = actions.read_restricted(actor=vendor, scenario_uid=scenario.uid)
    assert (dict(look.texts), look.until_at) == (
        PLANTED,
        site_clock.day_starts_at(site_clock.day_after(files.until())),
    )
    clock.freeze(look.until_at)
    with pytest.raises(NotFound):
        actions.read_restricted(actor=vendor, scenario_uid=scenario.uid)
    assert AccessRecord.objects.filter(what="text.read").count() == 1


def test_asked_twice_at_once_is_asked_once(two_at_once):
    owner, vendor = world.owner(), world.vendor()
    scenario = posted(owner)
    found = two_at_once(*[lambda: ask(vendor, scenario)] * 2)
    assert sorted(type(one).__name__ for one in found) == ["ReleaseRequest", "StateConflict"]
    assert ReleaseRequest.objects.count() == 1


def test_granted_and_refused_at_once_is_one_of_them(two_at_once):
    owner, vendor = world.owner(), world.vendor()
    row = ask(vendor, posted(owner))
    given = {"actor": owner, "request_uid": row.uid}
    found = two_at_once(
        lambda: actions.grant_release(**given, until_date=files.until()),
        lambda: actions.refuse_release(**given, reason="不相干。"),
    )
    assert sorted(type(one).__name__ for one in found) == ["ReleaseAnswer", "StateConflict"]
