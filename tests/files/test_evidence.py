"""Evidence about an organisation: who attaches, who reads, until when it is taken back."""

from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from marketplace.accounts.models import Membership
from marketplace.accounts.organisations.actions import refuse_verification, verify_organisation
from marketplace.base import clock as site_clock
from marketplace.base.actor import VISITOR, Role
from marketplace.base.errors import NotAllowed, NotFound, StateConflict, TooLarge
from marketplace.files import actions
from marketplace.files.access import AccessRecord
from marketplace.files.limits import FILE_LIMIT, LIMITS, Purpose
from marketplace.files.models import Upload, UploadState
from marketplace.files.queries import evidence_of, readings_about
from marketplace.ledger.models import Event
from marketplace.supervision.actions import request_inspection
from tests import world
from tests.api.client import As, refused
from tests.files.sending import signed_in, stored

pytestmark = pytest.mark.django_db
BODY = b"%PDF-1.7\n" + b"scan" * 50
EVIDENCE = {"licence_number": "310115000000001", "legal_representative": "赵代一"}


@pytest.fixture(autouse=True)
def optional(settings):
    settings.MFA_OPTIONAL = True


def attach(actor, organisation, name="营业执照.pdf"):
    return actions.attach_small_evidence(
        actor=actor, organisation_uid=organisation.uid, name=name, body=BODY
    )


def inspecting(organisation, **more):
    inspector = world.person("inspector")
    given = {"scope": "organisations", "subject_uids": [organisation.uid]} | more
    until = site_clock.now() + timedelta(days=1)
    request_inspection(actor=inspector, number="1", reason="x", until_at=until, **given)
    return inspector


def page(organisation):
    return reverse("organisation-verification", args=[organisation.uid])


def test_who_attaches_and_who_reads():
    owner, officer = world.vendor(verified_at=None), world.officer()
    firm = owner.organisation
    own, found = attach(owner, firm), attach(officer, firm, "查询.pdf")
    viewer, editor = world.member(firm, Role.VIEWER), world.member(firm, Role.EDITOR)
    for actor in (world.secretary(), viewer):
        with pytest.raises(NotAllowed):
            attach(actor, firm)
    with pytest.raises(NotFound):
        attach(world.vendor(), firm)
    tied = world.officer()
    Membership.objects.create(user=tied.user, organisation=firm, role=Role.VIEWER)
    with pytest.raises(NotAllowed):
        attach(tied, firm)
    for actor in (owner, viewer, editor):
        assert list(evidence_of(actor, firm)) == [own]
        assert signed_in(actor).get(reverse("file", args=[found.uid])).status_code == 404
    reading = [officer, world.secretary(), inspecting(firm), inspecting(firm, scope="everything")]
    for actor in reading:
        assert list(evidence_of(actor, firm)) == [own, found]
        client = signed_in(actor)
        if actor.role == Role.INSPECTOR:
            session = client.session
            session["acting"] = "role:inspector"
            session.save()
        answer = client.get(reverse("file", args=[found.uid]))
        assert b"".join(answer.streaming_content) == BODY
    other = inspecting(world.owner().organisation)
    for actor in (VISITOR, world.vendor(), world.person("inspector"), other):
        assert list(evidence_of(actor, firm)) == []
    read = AccessRecord.objects.filter(what="file.read", subject_uid=found.uid)
    assert [row.user_uid for row in read.order_by("pk")] == [a.user.uid for a in reading]
    kinds = Event.objects.filter(kind="evidence.attached").order_by("pk")
    assert [event.subjects for event in kinds] == [[firm.uid, own.uid], [firm.uid, found.uid]]


@pytest.mark.parametrize("verdict", ["verify", "refuse"])
def test_what_a_verdict_rests_on_stays(verdict, clock):
    owner, officer = world.vendor(verified_at=None), world.officer()
    firm = owner.organisation
    clock.freeze(site_clock.now())
    gone = attach(officer, firm)
    with pytest.raises(NotFound):
        actions.remove_evidence(actor=owner, upload_uid=gone.uid)
    with pytest.raises(NotAllowed):
        actions.remove_evidence(actor=world.secretary(), upload_uid=gone.uid)
    actions.remove_evidence(actor=officer, upload_uid=gone.uid)
    kept = attach(officer, firm)
    given = {"actor": officer, "organisation_uid": firm.uid}
    verify_organisation(evidence=EVIDENCE, **given)
    if verdict == "refuse":
        refuse_verification(reason="不符", **given)
    with pytest.raises(StateConflict) as caught:
        actions.remove_evidence(actor=officer, upload_uid=kept.uid)
    assert caught.value.code == "evidence.decided"
    clock.freeze(site_clock.now() + timedelta(seconds=1))
    later = attach(officer, firm)
    actions.remove_evidence(actor=officer, upload_uid=later.uid)
    assert list(evidence_of(officer, firm)) == [kept]


def test_an_officer_has_no_other_uploads_and_no_other_count():
    officer, firm = world.officer(), world.vendor().organisation
    for purpose in (Purpose.ATTACHMENT, Purpose.SEALED):
        with pytest.raises(NotAllowed):
            actions.create_upload(actor=officer, purpose=purpose, length=1, name="a")
    most = LIMITS[Purpose.EVIDENCE].count_most
    for number in range(most):
        attach(officer, firm, f"{number}.pdf")
    with pytest.raises(TooLarge) as caught:
        attach(officer, firm)
    assert caught.value.code == "limit.file_count"
    assert evidence_of(officer, firm).count() == most


# -- The page ----------------------------------------------------------------------------------------
def test_an_officer_attaches_and_takes_back_on_the_page():
    officer, firm = world.officer(), world.vendor(verified_at=None).organisation
    client = signed_in(officer)
    empty = client.post(page(firm), {"do": "attach"})
    assert (empty.status_code, "请选择文件" in empty.content.decode()) == (422, True)
    large = SimpleUploadedFile("a.pdf", b"x" * (FILE_LIMIT + 1))
    assert client.post(page(firm), {"do": "attach", "file": large}).status_code == 413
    foreign = stored(world.vendor(), BODY, purpose="evidence")
    answer = client.post(page(firm), {"do": "attach", "upload": str(foreign.uid)})
    assert answer.status_code == 422
    small = SimpleUploadedFile("执照.pdf", BODY)
    assert client.post(page(firm), {"do": "attach", "file": small}).status_code == 302
    sent = stored(officer, BODY, purpose="evidence", name="b.pdf")
    assert client.post(page(firm), {"do": "attach", "upload": str(sent.uid)}).status_code == 302
    shown = client.get(page(firm)).content.decode()
    assert [name in shown for name in ("执照.pdf", "b.pdf", sent.sha256)] == [True] * 3
    first = Upload.objects.get(name="执照.pdf")
    assert client.post(page(firm), {"do": "remove", "row": str(first.uid)}).status_code == 302
    first.refresh_from_db()
    assert first.state == UploadState.ENDED
    assert client.post(page(firm), {"do": "remove", "row": "x"}).status_code == 404


def test_an_inspector_reads_the_whole_organisation_and_who_read_it():
    owner, officer = world.vendor(verified_at=None), world.officer()
    firm = owner.organisation
    found = attach(officer, firm)
    world.control(firm, "person:1", "赵某控制")
    reader = signed_in(officer)
    assert reader.get(reverse("file", args=[found.uid])).status_code == 200
    stranger, inspector = world.person("inspector"), inspecting(firm)
    names = ["organisation", "organisation-control", "organisation-members"]
    pages = [reverse(name, args=[firm.uid]) for name in names] + [page(firm)]
    client = signed_in(inspector)
    for where in pages:
        assert signed_in(stranger).get(where).status_code == 404
        assert client.get(where).status_code == 200
    assert "赵某控制" in client.get(pages[1]).content.decode()
    shown = client.get(page(firm)).content.decode()
    assert [word in shown for word in (found.name, "谁读过", officer.user.name)] == [True] * 3
    assert client.post(page(firm), {"do": "attach"}).status_code in {403, 422}
    refusal = client.post(pages[1], {"do": "end-control", "row": str(found.uid)})
    assert refusal.status_code == 403
    read = AccessRecord.objects.filter(what="inspection.read", subject_uid=firm.uid)
    assert {row.detail.partition(" ")[2] for row in read} == {*names, "organisation-verification"}
    assert readings_about(officer, firm).count() == 0


@pytest.mark.parametrize("number", [1, 9])
def test_more_files_cost_no_more_queries(number, count_queries):
    officer, firm = world.officer(), world.vendor(verified_at=None).organisation
    inspector = inspecting(firm)
    for place in range(number):
        attach(officer, firm, f"{place}.pdf")
    costs = []
    for actor in (officer, inspector):
        client = signed_in(actor)
        client.get(page(firm))
        with count_queries() as counted:
            assert client.get(page(firm)).status_code == 200
        costs.append(len(counted))
    assert costs == [14, 20]


# -- The API -----------------------------------------------------------------------------------------
def test_evidence_through_the_api():
    owner, officer = world.vendor(verified_at=None), world.officer()
    firm = owner.organisation
    path = f"organisations/{firm.uid}/evidence/"
    absent = {"upload": "00000000-0000-4000-8000-000000000000"}
    told = refused(As(officer).post(path, absent), 422, "content.invalid")
    assert list(told["errors"]) == ["upload"]
    refused(As(world.secretary()).post(path, absent), 403, "not_allowed.attach_evidence")
    refused(As(world.vendor()).post(path, absent), 404, "not_found")
    sent = stored(officer, BODY, purpose="evidence", name="b.pdf")
    made = As(officer).post(path, {"upload": str(sent.uid)})
    [row] = made.json()["evidence"]
    assert (made.status_code, row["sha256"], row["by_office"]) == (201, sent.sha256, True)
    assert As(owner).get(f"organisations/{firm.uid}/").json()["evidence"] == []
    inspector = As(inspecting(firm))
    assert inspector.get(f"organisations/{firm.uid}/").json()["evidence"] == [row]
    refused(As(owner).delete(f"evidence/{sent.uid}/"), 404, "not_found")
    assert As(officer).delete(f"evidence/{sent.uid}/").status_code == 204
    assert evidence_of(officer, firm).count() == 0
