"""Files as downloads: who, which bytes, under which name and type, and what the record keeps."""

import hashlib

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from marketplace.files import actions, storage
from marketplace.files.access import AccessRecord
from marketplace.files.http import disposition, span
from marketplace.files.sniffing import UNKNOWN, safe_name, served_type
from tests import world
from tests.files.sending import signed_in, stored

BODY = b"%PDF-1.7\n" + bytes(range(256)) * 2000
db = pytest.mark.django_db


@pytest.fixture
def vendor(db):
    return world.vendor()


@pytest.fixture
def evidence(vendor):
    upload = stored(vendor, BODY, name="营业执照.pdf", purpose="evidence")
    return actions.attach_evidence(
        actor=vendor, upload_uid=upload.uid, organisation_uid=vendor.organisation.uid
    )


def address(upload):
    return f"/files/{upload.uid}/"


def body_of(answer):
    return b"".join(answer.streaming_content)


def test_the_whole_file(evidence, vendor):
    answer = signed_in(vendor).get(address(evidence))
    assert (answer.status_code, body_of(answer)) == (200, BODY)
    expected = {
        "Content-Type": "application/pdf",
        "Content-Length": str(len(BODY)),
        "Content-Disposition": 'attachment; filename="____.pdf"; '
        "filename*=UTF-8''%E8%90%A5%E4%B8%9A%E6%89%A7%E7%85%A7.pdf",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "X-Content-Type-Options": "nosniff",
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-store",
        "ETag": f'"{hashlib.sha256(BODY).hexdigest()}"',
    }
    assert {name: answer[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("wanted", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=5-9", 5, 10),
        ("bytes=100-", 100, len(BODY)),
        ("bytes=-7", len(BODY) - 7, len(BODY)),
        ("bytes=-999999999", 0, len(BODY)),
        (f"bytes={len(BODY) - 1}-999999999", len(BODY) - 1, len(BODY)),
    ],
)
def test_one_range(evidence, vendor, wanted, start, end):
    answer = signed_in(vendor).get(address(evidence), HTTP_RANGE=wanted)
    assert (answer.status_code, body_of(answer)) == (206, BODY[start:end])
    assert answer["Content-Range"] == f"bytes {start}-{end - 1}/{len(BODY)}"
    assert answer["Content-Length"] == str(end - start)
    assert AccessRecord.objects.get().detail == wanted


@pytest.mark.parametrize("wanted", [f"bytes={len(BODY)}-", "bytes=-0", "bytes=999999999-"])
def test_a_range_that_is_not_there(evidence, vendor, wanted):
    answer = signed_in(vendor).get(address(evidence), HTTP_RANGE=wanted)
    assert (answer.status_code, answer["Content-Range"]) == (416, f"bytes */{len(BODY)}")


@pytest.mark.parametrize("wanted", ["bytes=0-1,5-6", "lines=1-2", "bytes=-", "bytes=9-5", "x"])
def test_what_is_no_single_range_gives_the_whole(evidence, vendor, wanted):
    answer = signed_in(vendor).get(address(evidence), HTTP_RANGE=wanted)
    assert (answer.status_code, body_of(answer)) == (200, BODY)


def test_if_range_and_if_none_match(evidence, vendor):
    client = signed_in(vendor)
    etag = f'"{evidence.sha256}"'
    same = client.get(address(evidence), HTTP_RANGE="bytes=0-9", HTTP_IF_RANGE=etag)
    other = client.get(address(evidence), HTTP_RANGE="bytes=0-9", HTTP_IF_RANGE='"x"')
    assert (same.status_code, other.status_code) == (206, 200)
    known = client.get(address(evidence), HTTP_IF_NONE_MATCH=f'"x", W/{etag}')
    assert (known.status_code, known.content) == (304, b"")


def test_head_tells_all_and_is_no_reading(evidence, vendor):
    answer = signed_in(vendor).head(address(evidence))
    assert (answer.status_code, answer["Content-Length"]) == (200, str(len(BODY)))
    assert body_of(answer) == b""
    assert AccessRecord.objects.count() == 0


def test_readings_are_recorded(evidence, vendor):
    officer = world.officer()
    signed_in(officer).get(address(evidence))
    row = AccessRecord.objects.get()
    assert (row.user_uid, row.role, row.subject_uid, row.what, row.detail) == (
        officer.user_uid,
        "officer",
        evidence.uid,
        "file.read",
        "",
    )


def test_whoever_may_not_learns_nothing(evidence):
    nothing = Client().get("/files/00000000-0000-4000-8000-000000000000/")
    stranger = signed_in(world.vendor())
    for client in (Client(), stranger, signed_in(world.person("expert"))):
        answer = client.get(address(evidence))
        assert (answer.status_code, answer.content) == (404, nothing.content)
    assert AccessRecord.objects.count() == 0


def test_an_unclaimed_one_is_its_makers(vendor):
    upload = stored(vendor, b"x", purpose="evidence")
    colleague = world.member(vendor.organisation)
    assert signed_in(vendor).get(address(upload)).status_code == 200
    assert signed_in(colleague).get(address(upload)).status_code == 404
    assert signed_in(world.officer()).get(address(upload)).status_code == 404


def test_bytes_that_are_gone_are_a_fault_of_ours(evidence, vendor):
    storage.discard(evidence.stored_name)
    answer = signed_in(vendor).get(address(evidence))
    assert (answer.status_code, answer["Retry-After"]) == (503, "60")


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_files_are_only_read(evidence, vendor, method):
    assert getattr(signed_in(vendor), method)(address(evidence)).status_code == 405


# -- Names and types -------------------------------------------------------------------------------
HTML = b"<!DOCTYPE html><script>alert(1)</script>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(30)


@pytest.mark.parametrize(
    ("name", "head", "expected"),
    [
        ("a.pdf", b"%PDF-1.4\n", "application/pdf"),
        ("a.PDF", b"%PDF-1.4\n", "application/pdf"),
        ("a.pdf", HTML, UNKNOWN),
        ("a.pdf", PNG, UNKNOWN),
        ("a.png", PNG, "image/png"),
        ("a.jpg", b"\xff\xd8\xff\xe0\0\x10JFIF\0", "image/jpeg"),
        ("a.html", HTML, UNKNOWN),
        ("a.svg", SVG, UNKNOWN),
        ("a.txt", SVG, UNKNOWN),
        ("a.txt", HTML, UNKNOWN),
        ("a.txt", "说明".encode(), "text/plain; charset=utf-8"),
        ("a.txt", "说明".encode()[:-1], "text/plain; charset=utf-8"),
        ("a.csv", b"a,b\n1,2\n", "text/plain; charset=utf-8"),
        ("a.txt", b"a\0b", UNKNOWN),
        ("a.txt", "说明".encode("gb18030"), UNKNOWN),
        ("a.zip", b"PK\x03\x04" + bytes(30), "application/zip"),
        (
            "a.docx",
            b"PK\x03\x04" + bytes(30),
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        ),
        ("a.exe", b"MZ" + bytes(60), UNKNOWN),
        ("a", b"%PDF-1.4\n", UNKNOWN),
    ],
)
def test_a_type_is_what_bytes_and_name_agree_on(name, head, expected):
    assert served_type(name, head) == expected


@db
@pytest.mark.parametrize(("name", "body"), [("报价.pdf", HTML), ("logo.svg", SVG)])
def test_script_in_disguise_is_a_download_of_bytes(name, body, vendor):
    upload = stored(vendor, body, name=name, purpose="evidence")
    answer = signed_in(vendor).get(address(upload))
    assert answer["Content-Type"] == UNKNOWN
    assert answer["Content-Disposition"].startswith("attachment; ")
    assert answer["Content-Security-Policy"] == "default-src 'none'; sandbox"


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("方案.pdf", "方案.pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\x\\a.txt", "a.txt"),
        ('a"b.txt', "a_b.txt"),
        ("a\r\nSet-Cookie: x=1.txt", "aSet-Cookie_ x=1.txt"),
        ("\u202efdp.exe", "fdp.exe"),
        (".htaccess", "htaccess"),
        ("", "file"),
        ("...", "file"),
        ("a" * 300 + ".pdf", "a" * 146 + ".pdf"),
    ],
)
def test_names_are_safe(raw, expected):
    assert safe_name(raw, 150) == expected


@given(st.text(max_size=200))
def test_no_name_breaks_the_header(raw):
    header = disposition(raw)
    assert header.isascii()
    assert header.isprintable()
    assert header.count('"') == 2
    assert "/" not in header.partition("filename*=")[0].partition("filename=")[2]


@given(st.text(max_size=30), st.integers(0, 1000))
def test_any_range_is_within_the_file(wanted, size):
    check_span(wanted, size)


@given(st.integers(0, 2000), st.integers(0, 2000), st.integers(0, 1000))
def test_any_numbers_are_within_the_file(first, last, size):
    for wanted in (f"bytes={first}-{last}", f"bytes={first}-", f"bytes=-{last}"):
        check_span(wanted, size)


def check_span(wanted, size):
    try:
        found = span(wanted, size)
    except ValueError:
        return
    if found is not None:
        start, end = found
        assert 0 <= start < end <= size
