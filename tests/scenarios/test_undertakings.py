"""The undertaking before a restricted file: who is asked, once, by which text, what is kept."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, transaction
from django.urls import reverse

from marketplace.accounts.models import Membership
from marketplace.accounts.pledges import PledgeText
from marketplace.accounts.pledging import load_pledge_texts
from marketplace.accounts.tokens.actions import create_token
from marketplace.base import clock
from marketplace.base.actor import VISITOR, Actor, Role
from marketplace.base.errors import NotAllowed, NotFound, Stale, StateConflict
from marketplace.files.access import AccessRecord
from marketplace.ledger.models import Event
from marketplace.scenarios import actions
from marketplace.scenarios.undertakings import TEXT, Undertaking, text_in_force
from tests import world
from tests.api.client import As, refused
from tests.files.sending import signed_in
from tests.scenarios.files import BODY, attach, published_files, reads, release, sign, until
from tests.supervision.test_inspections import ask

pytestmark = pytest.mark.usefixtures("own_storage")
db = pytest.mark.django_db


@pytest.fixture
def released():
    """(owner, reader, restricted file)."""
    owner, _scenario, _public, row = published_files()
    reader = world.vendor()
    release(owner, row, reader)
    return owner, reader, row


def page_of(row):
    return reverse("undertaking", args=[row.scenario.address, row.uid])


@db
def test_a_reader_signs_once_and_then_downloads(released):
    _owner, reader, row = released
    client, address = signed_in(reader), f"/files/{row.upload.uid}/"
    for method in (client.get, client.head):
        answer = method(address)
        assert (answer.status_code, answer["Location"]) == (302, page_of(row))
    assert AccessRecord.objects.count() == 0
    shown = client.get(page_of(row)).content.decode()
    assert text_in_force().body in shown
    scenario_page = client.get(reverse("scenario", args=[row.scenario.address]))
    listed = scenario_page.content.decode()
    assert (f'href="{page_of(row)}">' in listed, f'href="{address}" download' in listed) == (
        True,
        False,
    )
    assert client.post(page_of(row), {"sha256": "0" * 64}).status_code == 409
    signed = client.post(page_of(row), {"sha256": text_in_force().sha256})
    assert (signed.status_code, signed["Location"]) == (302, address)
    assert reads(reader, row)
    assert client.post(page_of(row), {"sha256": text_in_force().sha256}).status_code == 302
    kept = Undertaking.objects.get()
    assert (kept.user, kept.organisation, kept.attachment) == (
        reader.user,
        reader.organisation,
        row,
    )
    assert (kept.text, kept.sha256) == (text_in_force(), text_in_force().sha256)
    event = Event.objects.get(kind="undertaking.signed")
    assert (event.audience, event.subjects) == ("office", [row.scenario.uid, row.uid, kept.uid])
    assert event.data == {"version": 1, "sha256": kept.sha256}
    read = AccessRecord.objects.get()
    assert (read.what, read.subject_uid, read.user_uid) == ("file.read", row.uid, reader.user.uid)
    listed = client.get(reverse("scenario", args=[row.scenario.address])).content.decode()
    assert f'href="{address}" download' in listed


@db
def test_each_person_and_each_organisation_signs(released):
    owner, reader, row = released
    colleague = world.member(reader.organisation, Role.VIEWER)
    sign(reader, row)
    assert [reads(reader, row), reads(colleague, row)] == [True, False]
    sign(colleague, row)
    assert reads(colleague, row)
    elsewhere = Actor(Role.EDITOR, reader.user, world.make_organisation(is_vendor=True))
    Membership.objects.create(
        user=reader.user, organisation=elsewhere.organisation, role=elsewhere.role
    )
    world.pledge(elsewhere)
    release(owner, row, elsewhere)
    client = signed_in(reader)
    session = client.session
    session["acting"] = f"org:{elsewhere.organisation.uid}"
    session.save()
    assert client.get(f"/files/{row.upload.uid}/").status_code == 302
    sign(elsewhere, row)
    assert client.get(f"/files/{row.upload.uid}/").status_code == 200
    assert Undertaking.objects.count() == 3


@db
def test_who_is_asked_and_who_may_not_sign(released):
    owner, reader, row = released
    inspector = world.person("inspector")
    assert not reads(inspector, row)
    ask(inspector, clock.now())
    viewer = world.member(owner.organisation, Role.VIEWER)
    for actor in (owner, viewer, world.officer(), world.secretary(), inspector):
        assert reads(actor, row)
        assert signed_in(actor).get(page_of(row)).status_code == 403
        with pytest.raises(NotAllowed):
            sign(actor, row)
    for actor in (VISITOR, world.vendor(), world.person("expert")):
        with pytest.raises(NotFound):
            sign(actor, row)
    actions.end_release(
        actor=owner, attachment_uid=row.uid, organisation_uid=reader.organisation.uid
    )
    assert signed_in(reader).get(page_of(row)).status_code == 404
    with pytest.raises(NotFound):
        sign(reader, row)
    assert Undertaking.objects.count() == 0


@db
def test_a_public_file_asks_nothing():
    _owner, _scenario, public, _restricted = published_files()
    vendor = world.vendor()
    assert [reads(VISITOR, public), reads(vendor, public)] == [True, True]
    assert signed_in(vendor).get(page_of(public)).status_code == 403
    with pytest.raises(StateConflict):
        sign(vendor, public)


@db
def test_a_newer_text_is_asked_of_those_who_come_later(released):
    owner, reader, row = released
    earlier = text_in_force()
    sign(reader, row)
    names = ("code", "kind", "roles", "title", "title_en", "body", "body_en")
    text = {name: getattr(earlier, name) for name in names} | {"version": 2, "body": "新"}
    assert load_pledge_texts([text]) == 1
    assert reads(reader, row)
    later = world.member(reader.organisation)
    with pytest.raises(Stale):
        actions.sign_undertaking(actor=later, attachment_uid=row.uid, sha256=earlier.sha256)
    assert sign(later, row).text.version == 2
    assert PledgeText.objects.filter(code=TEXT).count() == 2
    page = signed_in(owner).get(reverse("attachment-readers", args=[row.scenario.address, row.uid]))
    shown = page.content.decode()
    assert [name in shown for name in (reader.user.name, later.user.name)] == [True, True]
    seen = {
        actor: Undertaking.objects.visible_to(actor).count()
        for actor in (owner, reader, later, world.officer(), world.vendor(), VISITOR)
    }
    assert list(seen.values()) == [2, 1, 1, 2, 0, 0]


@db
def test_what_was_signed_stays(released):
    _owner, reader, row = released
    sign(reader, row)
    for change in (
        lambda: Undertaking.objects.update(sha256="0" * 64),
        lambda: Undertaking.objects.all()._raw_delete("default"),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            change()


def test_signing_twice_at_once_is_once(two_at_once):
    owner, _scenario, _public, row = published_files()
    reader = world.vendor()
    release(owner, row, reader)
    found = two_at_once(*[lambda: sign(reader, row)] * 2)
    assert [type(one).__name__ for one in found] == ["Undertaking"] * 2
    assert Undertaking.objects.count() == 1
    assert Event.objects.filter(kind="undertaking.signed").count() == 1


# -- The API -----------------------------------------------------------------------------------------
@db
def test_files_of_a_demand_through_the_api(settings):
    settings.MFA_OPTIONAL = True
    owner, scenario, public, row = published_files()
    reader, stranger = world.vendor(), world.vendor()
    detail = f"scenarios/{scenario.uid}/"

    def seen(asker):
        return [file["name"] for file in asker.get(detail).json()["attachments"]]

    mine, theirs = As(owner), As(reader)
    assert [seen(asker) for asker in (As(), As(stranger), mine)] == [
        ["plan.pdf"],
        ["plan.pdf"],
        ["plan.pdf", "拓扑.pdf"],
    ]
    one = f"attachments/{row.uid}/"
    absent = theirs.get("attachments/00000000-0000-4000-8000-000000000000/")
    assert theirs.get(one).content == absent.content
    body = {"organisation": str(reader.organisation.uid), "until_date": until().isoformat()}
    refused(mine.post(f"{one}release/", {**body, "until_date": "x"}), 422, "content.invalid")
    refused(As(world.officer()).post(f"{one}release/", body), 403, RELEASE)
    refused(theirs.post(f"{one}release/", body), 404, "not_found")
    refused(mine.post(f"attachments/{public.uid}/release/", body), 409, "attachment.public")
    done = mine.post(f"{one}release/", body)
    assert [move["name"] for move in done.json()["actions"]] == [
        "release_attachment",
        "end_release",
    ]
    token = create_token(actor=reader, name="t", scopes=["read"], scenario_uid=scenario.uid).text
    bearer = {"Authorization": f"Bearer {token}"}
    file = theirs.get(one).json()
    assert [move["name"] for move in file["actions"]] == ["sign_undertaking"]
    href = file["href"]
    waiting = As().client.get(href, headers=bearer)
    assert (waiting.status_code, waiting.json()["code"]) == (403, "undertaking.missing")
    text = file["undertaking"]
    assert (file["undertaking_owed"], text["signed_at"]) == (True, None)
    refused(theirs.post(f"{one}undertaking/", {"sha256": "0" * 64}), 409, "state.stale")
    refused(mine.post(f"{one}undertaking/", {"sha256": text["sha256"]}), 403, UNDERTAKE)
    signed = theirs.post(f"{one}undertaking/", {"sha256": text["sha256"]}).json()
    assert (signed["undertaking_owed"], signed["undertaking"]["signed_at"] is None) == (
        False,
        False,
    )
    answer = As().client.get(href, headers=bearer)
    assert b"".join(answer.streaming_content) == BODY + b"secret"
    part = As().client.get(href, headers={**bearer, "Range": "bytes=0-3"})
    assert (part.status_code, b"".join(part.streaming_content)) == (206, b"%PDF")
    assert part["Content-Disposition"].startswith("attachment;")
    reads_now = AccessRecord.objects.filter(what="file.read", subject_uid=row.uid)
    assert [line.user_uid for line in reads_now] == [reader.user.uid] * 2
    free = As().client.get(f"/api/v1/attachments/{public.uid}/file/")
    assert b"".join(free.streaming_content) == BODY
    mine.post(f"{one}end-release/", {"organisation": str(reader.organisation.uid)})
    assert As().client.get(href, headers=bearer).status_code == 404
    assert seen(theirs) == ["plan.pdf"]


RELEASE, UNDERTAKE = "not_allowed.release_attachment", "not_allowed.undertake"


@db
@pytest.mark.parametrize("number", [1, 20])
def test_more_files_cost_no_more_queries(number, count_queries, settings):
    settings.MFA_OPTIONAL = True
    owner = world.owner()
    scenario = world.draft_scenario(owner)
    for place in range(number):
        attach(owner, scenario, ["public", "restricted"][place % 2] if number > 1 else "restricted")
    asker = As(owner)
    asker.get(f"scenarios/{scenario.uid}/")
    with count_queries() as counted:
        answer = asker.get(f"scenarios/{scenario.uid}/")
    assert len(answer.json()["attachments"]) == number
    assert len(counted) == 22
