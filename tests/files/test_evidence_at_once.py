"""Two people of one side, and a verdict, at the same instant."""

from marketplace.accounts.organisations.actions import verify_organisation
from marketplace.base.errors import StateConflict
from marketplace.files import actions
from marketplace.files.models import Upload, UploadState
from marketplace.files.queries import evidence_of
from tests import world
from tests.files.sending import stored

EVIDENCE = {"licence_number": "310115000000001", "legal_representative": "赵代一"}


def test_an_upload_is_attached_once(two_at_once):
    officer, firm = world.officer(), world.vendor().organisation
    upload = stored(officer, b"x", purpose="evidence")
    given = {"actor": officer, "upload_uid": upload.uid, "organisation_uid": firm.uid}
    found = two_at_once(*[lambda: actions.attach_evidence(**given)] * 2)
    assert sorted(type(one).__name__ for one in found) == ["StateConflict", "Upload"]
    assert evidence_of(officer, firm).count() == 1


def test_a_verdict_and_a_removal_leave_no_verdict_without_its_file(two_at_once):
    officer, firm = world.officer(), world.vendor(verified_at=None).organisation
    upload = stored(officer, b"x", purpose="evidence")
    given = {"actor": officer, "organisation_uid": firm.uid}
    actions.attach_evidence(upload_uid=upload.uid, **given)
    removed, verified = two_at_once(
        lambda: actions.remove_evidence(actor=officer, upload_uid=upload.uid),
        lambda: verify_organisation(evidence=EVIDENCE, **given),
    )
    assert verified.verified_at is not None
    upload = Upload.objects.get(pk=upload.pk)
    refused = isinstance(removed, StateConflict)
    assert upload.state == (UploadState.STORED if refused else UploadState.ENDED)
