"""The report on paper, signed and stamped: its scan is filed by one and checked by another."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from marketplace.base.actor import Actor
from marketplace.base.errors import NotFound, StateConflict
from marketplace.base.locks import lock
from marketplace.base.rules import require
from marketplace.committee.models import Panel, PanelState, Report
from marketplace.committee.rules import can_check_scan, can_file_scan
from marketplace.committee.signing.actions import KIND
from marketplace.files.actions import store_small
from marketplace.files.limits import Purpose
from marketplace.files.models import Upload
from marketplace.files.serving import Readable, reads
from marketplace.files.signing import making
from marketplace.files.signing.models import ScanCheck, SignedScan
from marketplace.ledger import actions as ledger
from marketplace.ledger.models import Audience


@transaction.atomic
def file_report_scan(*, actor: Actor, report_uid: UUID, upload_uid: UUID) -> SignedScan:
    """File the scan of the stamped report; whoever files it has held the paper against the hash.

    Raises StateConflict before the report is complete, and while one stands or waits.
    """
    report, panel = _complete(actor, report_uid)
    require(can_file_scan, actor, report)
    scan = making.file_scan(
        actor=actor,
        kind=KIND,
        subject_uid=report.uid,
        sha256=report.sha256,
        upload_uid=upload_uid,
    )
    ledger.append(
        "report.scan_filed",
        actor=actor,
        subjects=[report.scenario.uid, panel.uid, report.uid, scan.uid],
        audience=Audience.OFFICE,
        data={"sha256": scan.upload.sha256, "report_sha256": report.sha256},
    )
    return scan


def file_small_scan(*, actor: Actor, report_uid: UUID, name: str, body: bytes) -> SignedScan:
    """The same with a file that came inside the form. What is refused is swept."""
    with transaction.atomic():
        report, _panel = _complete(actor, report_uid)
        require(can_file_scan, actor, report)
    upload = store_small(actor=actor, purpose=Purpose.SIGNED, name=name, body=body)
    return file_report_scan(actor=actor, report_uid=report_uid, upload_uid=upload.uid)


@transaction.atomic
def check_report_scan(
    *, actor: Actor, report_uid: UUID, scan_uid: UUID, accepted: bool, words: str = ""
) -> ScanCheck:
    """The second person's word. Sent back, another scan is filed."""
    report, panel = _complete(actor, report_uid)
    scans = SignedScan.objects.filter(uid=scan_uid, subject_uid=report.uid)
    scan = scans.select_related("upload").first()
    if scan is None:
        raise NotFound
    require(can_check_scan, actor, scan)
    check = making.check_scan(actor=actor, scan=scan, accepted=accepted, words=words)
    ledger.append(
        "report.scan_accepted" if accepted else "report.scan_sent_back",
        actor=actor,
        subjects=[report.scenario.uid, panel.uid, report.uid, scan.uid],
        audience=Audience.OFFICE,
        reason=check.words,
        data={"sha256": scan.upload.sha256},
    )
    return check


def _complete(actor: Actor, report_uid: UUID) -> tuple[Report, Panel]:
    found = Report.objects.visible_to(actor).filter(uid=report_uid)
    report = found.select_related("scenario").first()
    if report is None:
        raise NotFound
    panel = lock(Panel, scenario=report.scenario)
    if panel.state != PanelState.REPORTED:
        raise StateConflict(
            _("The stamped paper is filed once every member's word stands."), code="scan.early"
        )
    return report, panel


@reads(Purpose.SIGNED)
def read_scan(actor: Actor, upload: Upload) -> Readable | None:
    """By the office alone, on the record: the signatures name the members."""
    scan = SignedScan.objects.filter(upload=upload, kind=KIND).first()
    if scan is None or not actor.is_office:
        return None
    seen = Report.objects.visible_to(actor).filter(uid=scan.subject_uid)
    return Readable(scan.uid, restricted=True) if seen.exists() else None
