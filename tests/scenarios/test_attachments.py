"""Files of a demand: who adds, removes, reads and releases them, and what publication freezes."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DatabaseError, transaction
from django.test import Client
from django.urls import reverse

from marketplace.base import clock as site_clock
from marketplace.base.actor import VISITOR, Role
from marketplace.base.canonical import salted
from marketplace.base.clock import SHANGHAI
from marketplace.base.errors import DomainError, Invalid, NotAllowed, NotFound, StateConflict
from marketplace.files.access import AccessRecord
from marketplace.files.limits import FILE_LIMIT, MEBIBYTE
from marketplace.files.models import Upload, UploadState
from marketplace.ledger.models import Event
from marketplace.scenarios import actions
from marketplace.scenarios.attachments import Attachment
from marketplace.scenarios.models import Publication, Scenario, State
from tests import world
from tests.files.sending import signed_in, stored
from tests.scenarios import typed
from tests.scenarios.test_publication import publish

BODY = b"%PDF-1.7\n" + b"x" * 500
db = pytest.mark.django_db


@pytest.fixture(autouse=True)
def own_storage(settings, tmp_path):
    settings.STORAGE_ROOT = tmp_path / "storage"
    settings.SPOOL_ROOT = tmp_path / "storage" / "spool"


def attach(actor, scenario, access="public", *, name="plan.pdf", title="", body=BODY):
    upload = stored(actor, body, name=name)
    return actions.attach_file(
        actor=actor, scenario_uid=scenario.uid, upload_uid=upload.uid, access=access, title=title
    )


def with_files():
    """(owner, published demand, public file, restricted file)."""
    scenario = typed.demonstrated()
    owner = world.member(scenario.organisation)
    Scenario.objects.filter(pk=scenario.pk).update(state=State.RETURNED)
    public = attach(owner, scenario, title="公开说明")
    restricted = attach(owner, scenario, "restricted", name="拓扑.pdf", body=BODY + b"secret")
    Scenario.objects.filter(pk=scenario.pk).update(state=State.DEMONSTRATED)
    publish(scenario)
    scenario.refresh_from_db()
    return owner, scenario, public, restricted


def reads(actor, row):
    client = signed_in(actor) if actor.user else Client()
    return client.get(f"/files/{row.upload.uid}/").status_code == 200


def until(days=7):
    return site_clock.today() + timedelta(days=days)


# -- Adding and removing ---------------------------------------------------------------------------
@db
def test_files_stand_in_their_order_and_under_their_names():
    owner = world.owner()
    scenario = world.draft_scenario(owner)
    first = attach(owner, scenario, title=" 附件  一 ")
    second = attach(owner, scenario, name="图.png")
    actions.remove_attachment(actor=owner, scenario_uid=scenario.uid, attachment_uid=first.uid)
    third = attach(owner, scenario, "restricted")
    rows = scenario.attachments.order_by("position").values_list("uid", "title", "access")
    assert list(rows) == [
        (second.uid, "图.png", "public"),
        (third.uid, "plan.pdf", "restricted"),
    ]
    first_upload = Upload.objects.get(pk=first.upload_id)
    assert (first.title, first_upload.state) == ("附件 一", UploadState.ENDED)


@db
@pytest.mark.parametrize("state", [s for s in State if s not in {State.DRAFT, State.RETURNED}])
def test_only_before_filing(state):
    owner = world.owner()
    scenario = world.draft_scenario(owner)
    row = attach(owner, scenario)
    upload = stored(owner, BODY)
    if state not in {State.SUBMITTED, State.DEMONSTRATING, State.REJECTED, State.DEMONSTRATED}:
        scenario = world.published_scenario(owner, state=state)
    else:
        Scenario.objects.filter(pk=scenario.pk).update(state=state)
    given = {"actor": owner, "scenario_uid": scenario.uid}
    for act in (
        lambda: actions.attach_file(upload_uid=upload.uid, access="public", **given),
        lambda: actions.attach_small(name="a", body=b"x", access="public", **given),
        lambda: actions.remove_attachment(attachment_uid=row.uid, **given),
    ):
        with pytest.raises(StateConflict) as refused:
            act()
        assert refused.value.code == "scenario.state"


@db
def test_who_adds_and_removes():
    owner = world.owner()
    scenario = world.draft_scenario(owner)
    row = attach(owner, scenario)
    for outsider in (world.owner(), world.vendor(), world.officer()):
        with pytest.raises(NotFound):
            actions.remove_attachment(
                actor=outsider, scenario_uid=scenario.uid, attachment_uid=row.uid
            )
    viewer = world.member(owner.organisation, Role.VIEWER)
    with pytest.raises(NotAllowed):
        actions.remove_attachment(actor=viewer, scenario_uid=scenario.uid, attachment_uid=row.uid)
    editor = world.member(owner.organisation, Role.EDITOR)
    foreign = stored(owner, BODY)
    with pytest.raises(NotFound):
        actions.attach_file(
            actor=editor, scenario_uid=scenario.uid, upload_uid=foreign.uid, access="public"
        )
    actions.remove_attachment(actor=editor, scenario_uid=scenario.uid, attachment_uid=row.uid)


@db
@pytest.mark.parametrize(
    ("given", "field"), [({"access": "x"}, "access"), ({"title": "x" * 121}, "title")]
)
def test_what_is_wrong_is_said_by_field(given, field):
    owner = world.owner()
    scenario = world.draft_scenario(owner)
    upload = stored(owner, BODY)
    told = {"access": "public"} | given
    with pytest.raises(Invalid) as refused:
        actions.attach_file(actor=owner, scenario_uid=scenario.uid, upload_uid=upload.uid, **told)
    assert list(refused.value.errors) == [field]
    assert Upload.objects.get().subject_uid is None


@db
def test_a_deleted_draft_lets_its_files_go():
    owner = world.owner()
    scenario = world.draft_scenario(owner)
    attach(owner, scenario)
    actions.delete_draft(actor=owner, scenario_uid=scenario.uid)
    assert Attachment.objects.count() == 0
    assert Upload.objects.get().state == UploadState.ENDED


def test_one_upload_belongs_to_one_demand(two_at_once):
    owner = world.owner()
    one, other = world.draft_scenario(owner), world.draft_scenario(owner)
    upload = stored(owner, BODY)
    results = two_at_once(
        *(
            lambda scenario=scenario: actions.attach_file(
                actor=owner, scenario_uid=scenario.uid, upload_uid=upload.uid, access="public"
            )
            for scenario in (one, other)
        )
    )
    assert sorted(type(found).__name__ for found in results) == ["Attachment", "StateConflict"]
    assert Attachment.objects.count() == 1


def test_adding_and_filing_at_once(two_at_once):
    owner = world.owner()
    scenario = world.draft_scenario(owner)
    upload = stored(owner, BODY)
    given = {"actor": owner, "scenario_uid": scenario.uid}
    added, filed = two_at_once(
        lambda: actions.attach_file(upload_uid=upload.uid, access="public", **given),
        lambda: actions.submit_scenario(revision=1, **given),
    )
    assert isinstance(filed, Scenario)
    assert isinstance(added, Attachment | StateConflict)
    assert Attachment.objects.count() == isinstance(added, Attachment)


# -- Publication -----------------------------------------------------------------------------------
@db
def test_publication_covers_the_hashes_and_hides_what_is_restricted():
    _owner, _scenario, public, restricted = with_files()
    frozen = json.loads(bytes(Publication.objects.get().body))["attachments"]
    assert frozen == [
        {
            "access": "public",
            "title": "公开说明",
            "name": "plan.pdf",
            "size": len(BODY),
            "sha256": public.upload.sha256,
        },
        {
            "access": "restricted",
            "commitment": salted(restricted.upload.sha256, bytes(restricted.salt)),
        },
    ]
    text = bytes(Publication.objects.get().body).decode()
    assert restricted.upload.sha256 not in text
    assert "拓扑" not in text


@db
@pytest.mark.parametrize("change", ["update", "delete", "insert"])
def test_the_database_freezes_what_was_published(change):
    _owner, scenario, public, _restricted = with_files()
    rows = Attachment.objects.filter(pk=public.pk)
    upload = stored(world.owner(), BODY)
    changes = {
        "update": lambda: rows.update(title="x"),
        "delete": rows.delete,
        "insert": lambda: Attachment.objects.create(
            scenario=scenario, upload=upload, title="x", access="public", position=9
        ),
    }
    with pytest.raises(DatabaseError, match="do not change"), transaction.atomic():
        changes[change]()


# -- Reading ---------------------------------------------------------------------------------------
@db
def test_a_file_is_read_exactly_where_its_attachment_is_seen():
    owner, _scenario, public, restricted = with_files()
    draft = world.draft_scenario(owner)
    drafted = attach(owner, draft)
    reader = world.vendor()
    actions.release_attachment(
        actor=owner,
        attachment_uid=restricted.uid,
        organisation_uid=reader.organisation.uid,
        until_date=until(),
    )
    people = [
        VISITOR,
        owner,
        world.member(owner.organisation, Role.VIEWER),
        world.owner(),
        world.vendor(),
        reader,
        world.officer(),
        world.secretary(),
        *(world.person(role) for role in (Role.EXPERT, Role.WITNESS, Role.INSPECTOR)),
    ]
    found = {
        row: [reads(person, row) for person in people] for row in (public, restricted, drafted)
    }
    inside = [person.organisation_id == owner.organisation_id for person in people]
    assert found[public] == [True] * len(people)
    assert found[restricted] == [
        own or person is reader or person.is_office
        for own, person in zip(inside, people, strict=True)
    ]
    assert found[drafted] == inside
    for person in people:
        seen = set(Attachment.objects.visible_to(person))
        assert {row for row in found if reads(person, row)} == seen


@db
def test_restricted_readings_are_recorded_and_public_ones_are_not():
    owner, _scenario, public, restricted = with_files()
    assert reads(owner, public)
    assert reads(world.officer(), restricted)
    assert not reads(world.vendor(), restricted)
    row = AccessRecord.objects.get()
    assert (row.subject_uid, row.role, row.what) == (restricted.uid, "officer", "file.read")


# -- Releasing -------------------------------------------------------------------------------------
@db
def test_a_release_ends_with_its_day_or_earlier(clock):
    clock.freeze(datetime(2026, 11, 22, 9, tzinfo=SHANGHAI))
    owner, scenario, _public, restricted = with_files()
    one, other = world.vendor(), world.vendor()
    for vendor in (one, other):
        actions.release_attachment(
            actor=owner,
            attachment_uid=restricted.uid,
            organisation_uid=vendor.organisation.uid,
            until_date=date(2026, 11, 24),
        )
    assert [reads(one, restricted), reads(other, restricted)] == [True, True]
    given = {"attachment_uid": restricted.uid, "organisation_uid": other.organisation.uid}
    actions.end_release(actor=owner, **given)
    actions.end_release(actor=owner, **given)
    assert [reads(one, restricted), reads(other, restricted)] == [True, False]
    clock.freeze(datetime(2026, 11, 24, 23, 59, 59, 999999, tzinfo=SHANGHAI))
    assert reads(one, restricted)
    clock.freeze(datetime(2026, 11, 25, tzinfo=SHANGHAI))
    assert not reads(one, restricted)
    events = Event.objects.filter(kind__startswith="attachment.").order_by("pk")
    assert [(event.kind, event.subjects) for event in events] == [
        ("attachment.released", [scenario.uid, one.organisation.uid, restricted.uid]),
        ("attachment.released", [scenario.uid, other.organisation.uid, restricted.uid]),
        ("attachment.release_ended", [scenario.uid, other.organisation.uid, restricted.uid]),
    ]


@db
def test_releasing_again_changes_the_day(clock):
    clock.freeze(datetime(2026, 11, 22, 9, tzinfo=SHANGHAI))
    owner, _scenario, _public, restricted = with_files()
    vendor = world.vendor()
    for day in (30, 23):
        actions.release_attachment(
            actor=owner,
            attachment_uid=restricted.uid,
            organisation_uid=vendor.organisation.uid,
            until_date=date(2026, 11, day),
        )
    clock.freeze(datetime(2026, 11, 24, tzinfo=SHANGHAI))
    assert not reads(vendor, restricted)


@db
def test_what_cannot_be_released():
    owner, _scenario, public, restricted = with_files()
    vendor, unverified = world.vendor(), world.vendor(verified_at=None)

    def release(actor=owner, row=restricted, organisation=vendor, day=until()):  # noqa: B008
        actions.release_attachment(
            actor=actor,
            attachment_uid=row.uid,
            organisation_uid=organisation.organisation.uid,
            until_date=day,
        )

    for organisation in (unverified, world.owner()):
        with pytest.raises(Invalid) as refused:
            release(organisation=organisation)
        assert list(refused.value.errors) == ["organisation"]
    for day in (until(-1), until(367), None):
        with pytest.raises(Invalid) as refused:
            release(day=day)
        assert list(refused.value.errors) == ["until_date"]
    with pytest.raises(StateConflict) as conflict:
        release(row=public)
    assert conflict.value.code == "attachment.public"
    with pytest.raises(NotFound):
        release(actor=vendor)
    for actor in (world.officer(), world.member(owner.organisation, Role.VIEWER)):
        with pytest.raises(NotAllowed):
            release(actor=actor)
    release(day=until(0))
    release(day=until(366))


@db
def test_nothing_is_released_before_publication():
    owner = world.owner()
    row = attach(owner, world.draft_scenario(owner), "restricted")
    with pytest.raises(DomainError) as refused:
        actions.release_attachment(
            actor=owner,
            attachment_uid=row.uid,
            organisation_uid=world.vendor().organisation.uid,
            until_date=until(),
        )
    assert refused.value.code == "attachment.unpublished"


# -- Pages -----------------------------------------------------------------------------------------
@db
@pytest.mark.parametrize("prefix", ["", "/en"])
def test_a_small_file_without_scripts(prefix):
    owner = world.owner()
    scenario = world.draft_scenario(owner)
    client = signed_in(owner)
    url = prefix + f"/scenarios/{scenario.address}/files/"
    sent = {"file": SimpleUploadedFile("说明.pdf", BODY), "access": "public", "title": ""}
    assert client.post(url, sent).status_code == 302
    page = client.get(url).content.decode()
    row = Attachment.objects.get()
    assert row.title == "说明.pdf"
    assert row.upload.sha256 in page
    assert f"/files/{row.upload.uid}/" in page
    for address in ("edit", "files"):
        assert (
            "说明.pdf" in client.get(f"/scenarios/{scenario.address}/{address}/").content.decode()
        )
    assert client.post(url, {"remove": str(row.uid)}).status_code == 302
    assert Attachment.objects.count() == 0


@db
def test_refusals_keep_what_was_typed():
    owner = world.owner()
    scenario = world.draft_scenario(owner)
    client, url = signed_in(owner), f"/scenarios/{scenario.address}/files/"
    nothing = client.post(url, {"access": "restricted", "title": "附件"})
    assert (nothing.status_code, 'value="附件"' in nothing.content.decode()) == (422, True)
    large = SimpleUploadedFile("a.bin", bytes(FILE_LIMIT + 1))
    refused = client.post(url, {"file": large, "access": "public"})
    assert refused.status_code == 413
    assert f"{FILE_LIMIT // MEBIBYTE}" in refused.content.decode()
    assert Upload.objects.count() == 0


@db
def test_an_upload_that_came_by_itself_is_attached():
    owner = world.owner()
    scenario = world.draft_scenario(owner)
    upload = stored(owner, BODY)
    url = f"/scenarios/{scenario.address}/files/"
    sent = {"upload": str(upload.uid), "access": "restricted", "title": "拓扑"}
    assert signed_in(owner).post(url, sent).status_code == 302
    assert Attachment.objects.get().upload == upload
    assert signed_in(owner).post(url, sent | {"upload": "x"}).status_code == 404


@db
def test_the_page_of_readers():
    owner, scenario, public, restricted = with_files()
    vendor = world.vendor()
    url = reverse("attachment-readers", args=[scenario.address, restricted.uid])
    client = signed_in(owner)
    sent = {"organisation": str(vendor.organisation.uid), "until_date": until().isoformat()}
    assert client.post(url, sent | {"until_date": "x"}).status_code == 422
    assert client.post(url, sent).status_code == 302
    page = client.get("/en" + url).content.decode()
    assert f'value="{vendor.organisation.uid}">End it' in page
    assert reads(vendor, restricted)
    assert client.post(url, {"end": str(vendor.organisation.uid)}).status_code == 302
    assert not reads(vendor, restricted)
    other = reverse("attachment-readers", args=[scenario.address, public.uid])
    assert client.get(other).status_code == 403
    assert signed_in(world.officer()).get(url).status_code == 403
    assert signed_in(vendor).get(url).status_code == 404


@db
def test_the_scenario_page_shows_each_reader_his_files():
    owner, scenario, public, restricted = with_files()
    url = reverse("scenario", args=[scenario.address])
    for client, sees in (
        (Client(), False),
        (signed_in(world.vendor()), False),
        (signed_in(owner), True),
        (signed_in(world.officer()), True),
    ):
        page = client.get(url).content.decode()
        assert public.upload.sha256 in page
        assert (restricted.upload.sha256 in page) is sees
        assert ("拓扑.pdf" in page) is sees
        # With hash and salt a reader recomputes what the publication holds.
        assert (bytes(restricted.salt).hex() in page) is sees
        assert (restricted.commitment in page) is sees


@db
@pytest.mark.parametrize("rows", [1, 20])
def test_files_take_the_same_queries(rows, count_queries):
    owner = world.owner()
    scenario = world.draft_scenario(owner)
    for _ in range(rows):
        attach(owner, scenario)
    client = signed_in(owner)
    with count_queries() as queries:
        client.get(f"/scenarios/{scenario.address}/files/")
    assert len(queries) == 7
