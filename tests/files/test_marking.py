"""A reader's copy of a restricted file says whose it is, on every page."""

import hashlib
import io
from datetime import timedelta

import pytest
import typst
from pypdf import PdfReader, PdfWriter

from marketplace.accounts.models import Grant
from marketplace.files import marking
from marketplace.files.marking import marked
from marketplace.files.models import AccessRecord
from tests import world
from tests.files.sending import signed_in
from tests.scenarios import files
from tests.scenarios.test_publication import publish

LINES = ["王工", "某安全科技有限公司", "2026-11-23 12:50:00 北京时间", "8b1f0c"]


def drawn(tmp_path, **how):
    page = tmp_path / "page.typ"
    page.write_text("#set page(width: 300pt, height: 200pt)\nfirst\n#pagebreak()\nsecond")
    made = typst.compile(str(page), **how)
    return made[0] if isinstance(made, list) else made


def text_of(body):
    return ["".join(page.extract_text().split()) for page in PdfReader(io.BytesIO(body)).pages]


def test_every_page_of_a_pdf_names_the_reader_and_keeps_its_words(tmp_path):
    copy = marked(drawn(tmp_path), "application/pdf", LINES)
    assert copy is not None
    pages = text_of(copy[0])
    assert len(pages) == 2
    for page, words in zip(pages, ("first", "second"), strict=True):
        assert [word for word in (words, *LINES) if "".join(word.split()) not in page] == []


def test_a_turned_page_keeps_its_size(tmp_path):
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(drawn(tmp_path))))
    writer.pages[0].rotate(90)
    out = io.BytesIO()
    writer.write(out)
    copy = marked(out.getvalue(), "application/pdf", LINES)
    assert copy is not None
    box = PdfReader(io.BytesIO(copy[0])).pages[0].mediabox
    assert (round(box.width), round(box.height)) == (200, 300)


def test_a_picture_keeps_its_size_and_changes(tmp_path):
    body = png(tmp_path)
    copy = marked(body, "image/png", LINES)
    assert copy is not None
    assert copy[1] == "image/png"
    assert copy[0][16:24] == body[16:24]  # width and height stand there
    assert copy[0] != body


def png(tmp_path):
    page = tmp_path / "one.typ"
    page.write_text("#set page(width: 120pt, height: 90pt)\nonly")
    return typst.compile(str(page), format="png", ppi=72)


@pytest.mark.parametrize("body", [b"", b"%PDF-1.7\nbroken", b"\x89PNG\r\n\x1a\nbroken"])
@pytest.mark.parametrize("kind", ["application/pdf", "image/png", "text/plain"])
def test_what_cannot_be_marked_is_said_to_be_so(body, kind):
    assert marked(body, kind, LINES) is None


def test_an_encrypted_pdf_is_not_marked(tmp_path):
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(drawn(tmp_path))))
    writer.encrypt("word", algorithm="RC4-128")
    out = io.BytesIO()
    writer.write(out)
    assert marked(out.getvalue(), "application/pdf", LINES) is None


def test_a_file_too_large_is_not_marked(tmp_path, monkeypatch):
    monkeypatch.setattr(marking, "BYTES_MOST", 10)
    assert marked(drawn(tmp_path), "application/pdf", LINES) is None


@pytest.mark.django_db
def test_a_released_reader_has_a_marked_copy_and_its_owner_the_file(tmp_path):
    body = drawn(tmp_path)
    owner = world.owner()
    scenario = world.draft_scenario(owner)
    row = files.attach(owner, scenario, "restricted", body=body)
    from_owner = b"".join(signed_in(owner).get(f"/files/{row.upload.uid}/"))
    assert from_owner == body
    reader, row = released(owner, scenario, row)
    answer = signed_in(reader).get(f"/files/{row.upload.uid}/")
    assert (answer.status_code, answer.headers["Accept-Ranges"]) == (200, "none")
    assert "ETag" not in answer.headers
    page, named = text_of(answer.content)[0], (reader.user.name, reader.party.name)
    assert [name for name in named if "".join(name.split()) not in page] == []
    detail = AccessRecord.objects.filter(what="file.read").latest("pk").detail
    assert (len(detail) > 8, detail in page) == (True, True)
    told = AccessRecord.objects.get(what="file.copied")
    assert told.detail == hashlib.sha256(answer.content).hexdigest() != row.upload.sha256
    assert (told.subject_uid, told.user_uid) == (row.uid, reader.user.uid)
    assert told.organisation_uid == reader.party.uid
    # What is published of the file is what it was.
    assert row.commitment in bytes(scenario.publications.get().body).decode()


@pytest.mark.django_db
def test_a_copy_that_is_found_names_who_got_it(tmp_path):
    owner = world.owner()
    scenario = world.draft_scenario(owner)
    row = files.attach(owner, scenario, "restricted", body=drawn(tmp_path))
    first, row = released(owner, scenario, row)
    second = world.vendor()
    files.release(owner, row, second)
    files.sign(second, row)
    link = f"/files/{row.upload.uid}/"
    mine = [signed_in(reader).get(link).content for reader in (first, second, second)]
    hashes = [hashlib.sha256(body).hexdigest() for body in mine]
    assert len(set(hashes)) == 3
    readers = f"/en/scenarios/{row.scenario.address}/files/{row.uid}/readers/"
    client = signed_in(owner)
    every = client.get(readers).context["copies"]
    assert [one["sha256"] for one in every] == hashes[::-1]
    leaked = client.get(readers, {"copy": hashes[0].upper()})
    assert [one["user"] for one in leaked.context["copies"]] == [first.user]
    assert first.party.name in leaked.content.decode()
    assert "No copy of this file" in client.get(readers, {"copy": "0" * 64}).content.decode()
    for stranger in (first, world.vendor()):
        assert signed_in(stranger).get(readers).status_code in {403, 404}


@pytest.mark.django_db
def test_asking_for_the_head_alone_makes_no_copy(tmp_path):
    owner = world.owner()
    row = files.attach(owner, world.draft_scenario(owner), "restricted", body=drawn(tmp_path))
    reader, row = released(owner, row.scenario, row)
    answer = signed_in(reader).head(f"/files/{row.upload.uid}/")
    assert (answer.status_code, answer.content, answer.get("ETag")) == (200, b"", None)
    assert AccessRecord.objects.filter(what="file.copied").count() == 0
    # The hash of the original brings no reader past the mark.
    known = signed_in(reader).get(
        f"/files/{row.upload.uid}/",
        headers={"If-None-Match": f'"{row.upload.sha256}"', "Range": "bytes=0-9"},
    )
    assert (known.status_code, known.content[:5]) == (200, b"%PDF-")


def routes(row):
    page = f"/scenarios/{row.scenario.address}/files/{row.uid}/undertaking/"
    return [
        f"/files/{row.upload.uid}/",
        f"/api/v1/attachments/{row.uid}/",
        f"/api/v1/attachments/{row.uid}/file/",
        page,
        f"/en{page}",
    ]


@pytest.mark.django_db
@pytest.mark.parametrize("how", ["taken back", "expired"])
def test_without_a_release_every_route_refuses_at_once(tmp_path, clock, how):
    owner = world.owner()
    row = files.attach(owner, world.draft_scenario(owner), "restricted", body=drawn(tmp_path))
    reader, row = released(owner, row.scenario, row)
    client = signed_in(reader)
    assert [client.get(path).status_code for path in routes(row)] == [200] * 5
    if how == "expired":
        until = Grant.objects.get(subject_uid=row.uid, capability="read").until_at
        clock.freeze(until - timedelta(milliseconds=1))
        assert [client.get(path).status_code for path in routes(row)] == [200] * 5
        clock.freeze(until)
    else:
        party = reader.party.uid
        files.actions.end_release(actor=owner, attachment_uid=row.uid, organisation_uid=party)
    before = AccessRecord.objects.count()
    assert [client.get(path).status_code for path in routes(row)] == [404] * 5
    assert row.title not in client.get(f"/scenarios/{row.scenario.address}/").content.decode()
    assert AccessRecord.objects.count() == before


@pytest.mark.django_db
def test_an_issued_link_ends_with_the_release(tmp_path):
    owner = world.owner()
    scenario = world.draft_scenario(owner)
    row = files.attach(owner, scenario, "restricted", body=drawn(tmp_path))
    reader, row = released(owner, scenario, row)
    client, link = signed_in(reader), f"/files/{row.upload.uid}/"
    assert client.get(link).status_code == 200
    files.actions.end_release(
        actor=owner, attachment_uid=row.uid, organisation_uid=reader.party.uid
    )
    assert client.get(link).status_code == 404


def released(owner, scenario, row):
    """(reader, the file), published, released and signed for."""
    type(scenario).objects.filter(pk=scenario.pk).update(state="demonstrated")
    world.documents(scenario)
    publish(scenario)
    row.refresh_from_db()
    row.scenario.refresh_from_db()
    reader = world.vendor()
    files.release(owner, row, reader)
    files.sign(reader, row)
    return reader, row
