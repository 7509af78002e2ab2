"""Files of a demand: who adds, removes, reads and releases them, and what publication freezes."""

from __future__ import annotations

import json

import pytest
from django.db import DatabaseError, transaction

from marketplace.base.actor import VISITOR, Role
from marketplace.base.canonical import salted
from marketplace.base.errors import Invalid, NotAllowed, NotFound, StateConflict
from marketplace.files.access import AccessRecord
from marketplace.files.models import Upload, UploadState
from marketplace.scenarios import actions
from marketplace.scenarios.attachments import Attachment
from marketplace.scenarios.models import Publication, Scenario, State
from tests import world
from tests.files.sending import stored
from tests.scenarios.files import BODY, attach, published_files, reads, release, sign

db = pytest.mark.django_db


pytestmark = pytest.mark.usefixtures("own_storage")


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
    _owner, _scenario, public, restricted = published_files()
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
    _owner, scenario, public, _restricted = published_files()
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
    owner, _scenario, public, restricted = published_files()
    draft = world.draft_scenario(owner)
    drafted = attach(owner, draft)
    reader = world.vendor()
    release(owner, restricted, reader)
    sign(reader, restricted)
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
    owner, _scenario, public, restricted = published_files()
    assert reads(owner, public)
    assert reads(world.officer(), restricted)
    assert not reads(world.vendor(), restricted)
    row = AccessRecord.objects.get()
    assert (row.subject_uid, row.role, row.what) == (restricted.uid, "officer", "file.read")
