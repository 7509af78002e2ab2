"""The stamped report's scan: filed by one, checked by another, read by the office alone."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DatabaseError, transaction
from django.urls import reverse

from marketplace.base.actor import Actor, Role
from marketplace.base.errors import Invalid, NotAllowed, NotFound, StateConflict
from marketplace.committee import actions
from marketplace.files.signing import making
from marketplace.files.signing.models import ScanCheck, SignedScan
from marketplace.ledger.models import Event
from tests import world
from tests.committee import factories
from tests.committee.test_pages import signed_in

pytestmark = pytest.mark.django_db
PDF = b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n"


def file(report, actor, body=PDF):
    return actions.file_small_scan(actor=actor, report_uid=report.uid, name="report.pdf", body=body)


def check(scan, report, actor, *, accepted=True, words=""):
    return actions.check_report_scan(
        actor=actor, report_uid=report.uid, scan_uid=scan.uid, accepted=accepted, words=words
    )


def test_two_people_and_what_it_leaves():
    scenario = factories.reported(1)
    report, first = scenario.report, world.officer()
    for actor in (world.secretary(), world.person(Role.WITNESS), world.vendor()):
        with pytest.raises((NotAllowed, NotFound)):
            file(report, actor)
    scan = file(report, first)
    assert scan.sha256 == report.sha256
    with pytest.raises(StateConflict) as refused:
        file(report, world.officer())
    assert refused.value.code == "scan.filed"
    with pytest.raises(NotAllowed):
        check(scan, report, first)
    with pytest.raises(Invalid):
        check(scan, report, world.secretary(), accepted=False)
    check(scan, report, world.secretary(), accepted=False, words="缺 J2 的签名。")
    with pytest.raises(StateConflict):
        check(scan, report, world.officer())
    again = file(report, first, PDF + b"% 2\n")
    check(again, report, world.secretary())
    assert making.newest_scan(report.uid) == again
    kinds = Event.objects.filter(kind__startswith="report.scan").order_by("pk")
    assert list(kinds.values_list("kind", flat=True)) == [
        "report.scan_filed",
        "report.scan_sent_back",
        "report.scan_filed",
        "report.scan_accepted",
    ]
    for row in (scan, again):
        with pytest.raises(DatabaseError), transaction.atomic():
            SignedScan.objects.filter(pk=row.pk).delete()


def test_not_before_the_last_word():
    scenario = factories.scenario_in_review(1)
    factories.scored(scenario)
    factories.open_prices(scenario, {"B1": "800000"})
    report = actions.finish_review(actor=world.secretary(), scenario_uid=scenario.uid)
    with pytest.raises(StateConflict) as refused:
        file(report, world.officer())
    assert refused.value.code == "scan.early"


def test_the_page_files_and_checks_and_the_office_alone_reads():
    scenario = factories.reported(1)
    url = reverse("report", args=[scenario.address])
    office, second = signed_in(world.officer()), signed_in(world.secretary())
    assert office.post(url, {"do": "scan"}).status_code == 422
    sent = SimpleUploadedFile("signed.pdf", PDF, "application/pdf")
    assert office.post(url, {"do": "scan", "file": sent}).status_code == 302
    scan = SignedScan.objects.get()
    assert 'value="check"' not in office.get(url).content.decode()
    assert 'value="check"' in second.get(url).content.decode()
    assert second.post(url, {"do": "check", "scan": scan.uid}).status_code == 422
    given = {"do": "check", "scan": scan.uid, "accepted": "yes"}
    assert second.post(url, given).status_code == 302
    assert ScanCheck.objects.get().accepted
    judge = signed_in(Actor(Role.EXPERT, scenario.panel.members.first().user))
    owner = signed_in(world.member(scenario.organisation))
    name = reverse("file", args=[scan.upload.uid])
    assert [c.get(name).status_code for c in (second, judge, owner)] == [200, 404, 404]
    assert "signed.pdf" not in owner.get(url).content.decode()
