"""The pages of the pool, as the office and an expert meet them."""

import io

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import translation
from openpyxl import load_workbook

from marketplace.base import clock as the_clock
from marketplace.experts.importing.models import ExpertImport
from marketplace.experts.models import Expert
from tests import world
from tests.accounts.pages import at, browser, text
from tests.experts.factories import expert, tied

pytestmark = pytest.mark.django_db
PAGES = "experts expert-new expert my-record expert-import expert-import-form"
#              list new one mine import form
OPENS = {
    "visitor": "  s s s s s s",
    "owner": "    - - - - - -",
    "officer": "  + + + - + +",
    "secretary": "+ f + - f f",
    "own": "      - - m + - -",
    "another": "  - - - + - -",
    "inspector": "- - - - - -",
}
STATUS = {"+": 200, "-": 404, "f": 403, "s": 302, "m": 302}
CELLS = [
    pytest.param(who, name, STATUS[sign], id=f"{who}-{name}")
    for who, signs in OPENS.items()
    for name, sign in zip(PAGES.split(), signs.split(), strict=True)
]


@pytest.mark.parametrize(("who", "name", "status"), CELLS)
def test_who_opens_what(who, name, status):
    judge = world.person("expert")
    entry = expert(actor=judge)
    actors = {
        "visitor": lambda: None,
        "owner": world.owner,
        "officer": world.officer,
        "secretary": world.secretary,
        "own": lambda: judge,
        "another": lambda: world.person("expert"),
        "inspector": lambda: world.person("inspector"),
    }
    address = at(name, entry.uid) if name == "expert" else at(name)
    assert browser(actors[who]()).get(address).status_code == status


@pytest.mark.parametrize("number", [1, 30])
def test_the_list_costs_the_same_for_many(number, count_queries):
    client = browser(world.officer())
    client.get(at("experts"))
    for _ in range(number):
        expert()
    with count_queries() as queried:
        page = client.get(at("experts"))
    assert (page.content.decode().count("<tr>"), len(queried)) == (number + 1, 12)


def test_the_list_is_filtered():
    client = browser(world.officer())
    ready, expired = expert("testing"), expert(valid_until=the_clock.today())
    for asked, found in (
        ({"standing": "ready"}, [ready]),
        ({"standing": "expired"}, [expired]),
        ({"specialty": "ot_security"}, [expired]),
        ({"kind": "economic"}, []),
        ({"words": ready.user.email}, [ready]),
        ({"standing": "nonsense", "page": "x", "words": "\x00"}, [ready, expired]),
    ):
        page = text(client.get(at("experts"), asked))
        assert [row for row in (ready, expired) if str(row.uid) in page] == found


def test_an_expert_is_registered_edited_suspended_and_tied():
    client = browser(world.officer())
    typed = {
        "email": "new@test.invalid",
        "name": "新专家",
        "grade": "senior",
        "kind": "technical",
        "specialties": ["testing"],
        "years": "9",
    }
    refused = client.post(at("expert-new"), typed | {"years": "x"})
    assert (refused.status_code, "new@test.invalid" in text(refused)) == (422, True)
    assert client.post(at("expert-new"), typed).status_code == 302
    entry = Expert.objects.get()
    address = at("expert", entry.uid)
    for sent, status in (
        ({"do": "edit", "revision": "1", **typed, "title": "教授"}, 302),
        ({"do": "edit", "revision": "1", **typed}, 409),
        ({"do": "edit", "revision": "9" * 5000, **typed}, 409),
        ({"do": "tie", "kind": "employment", "party_name": ""}, 422),
        ({"do": "tie", "kind": "employment", "party_name": "某大学"}, 302),
        ({"do": "suspend", "reason": ""}, 422),
        ({"do": "suspend", "reason": "核查中"}, 302),
        ({"do": "lift"}, 302),
        ({"do": "end", "row": "x"}, 404),
        ({"do": "nothing"}, 404),
    ):
        assert (sent, client.post(address, sent).status_code) == (sent, status)
    [tie] = entry.interests.all()
    for do in ("end", "strike"):
        assert client.post(address, {"do": do, "row": str(tie.uid)}).status_code == 302
    tie.refresh_from_db()
    assert (tie.until_date, tie.struck_by is None) == (the_clock.today(), False)


def test_the_own_record_is_corrected_and_confirmed():
    judge = world.person("expert")
    entry = tied(world.make_organisation(name="甲公司"), expert=expert(actor=judge))
    client = browser(judge)
    page = text(client.get(at("my-record")))
    assert ("甲公司" in page, "Strike out" in page) == (True, False)
    sent = {"do": "tie", "kind": "relative", "relation": "spouse", "party_name": "乙公司"}
    assert client.post(at("my-record"), sent).status_code == 302
    assert client.post(at("my-record"), {"do": "confirm", "revision": "1"}).status_code == 409
    assert client.post(at("my-record"), {"do": "confirm", "revision": "2"}).status_code == 302
    entry.refresh_from_db()
    assert entry.confirmed_at is not None
    assert client.post(at("my-record"), {"do": "edit", "revision": "2"}).status_code == 403


# -- The spreadsheet ---------------------------------------------------------------------------------
def sheet(**cells):
    """The form as it is downloaded, with one expert and one tie filled in."""
    client = browser(world.officer())
    with translation.override("en"):
        book = load_workbook(io.BytesIO(client.get(at("expert-import-form")).content))
    people, ties = book.worksheets
    person = {"email": "a@test.invalid", "name": "甲", "grade": "Senior title"}
    person |= {"kind": "Technical expert", "specialties": "OT security", "years": 12}
    tie = {"email": "a@test.invalid", "kind": "Employment", "party_name": "某大学"}
    for page, filled in ((people, person | cells), (ties, tie)):
        for column in page.iter_cols(min_row=1, max_row=1):
            code = column[0].value.rpartition(".")[2].strip("]")
            page.cell(3, column[0].column).value = filled.get(code)
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def send(client, raw, name="experts.xlsx"):
    return client.post(at("expert-import"), {"file": SimpleUploadedFile(name, raw)})


def test_the_form_goes_out_comes_back_and_is_taken_over():
    client = browser(world.officer())
    answer = send(client, sheet())
    made = ExpertImport.objects.get()
    assert (answer.status_code, made.faults, len(made.rows["ties"])) == (302, [], 1)
    address = at("expert-import-preview", made.uid)
    assert "a@test.invalid" in text(client.get(address))
    refused = client.post(address, {"consent_number": ""})
    assert (refused.status_code, Expert.objects.count()) == (422, 0)
    assert client.post(address, {"consent_number": "同意书 1"}).status_code == 302
    assert Expert.objects.get().interests.count() == 1
    assert client.get(address).status_code == 302


def test_faults_are_listed_by_row_and_column():
    client = browser(world.officer())
    send(client, sheet(years="ten"))
    page = text(client.get(at("expert-import-preview", ExpertImport.objects.get().uid)))
    assert ("Years in the field" in page, "whole number" in page) == (True, True)


CSV = "E-mail [expert.email],Name [expert.name],[expert.grade],[expert.kind],[expert.specialties]\n"
GOOD = CSV + "b@test.invalid,乙,senior,technical,ot_security\n"
FILES = {
    "utf-8": (GOOD.encode(), 302),
    "utf-8 with its mark": (GOOD.encode("utf-8-sig"), 302),
    "gb18030": (GOOD.encode("gb18030"), 302),
    "formula": ((CSV + "=1+1,乙,senior,technical,ot_security").encode(), 422),
    "link": ((CSV + "@SUM(A1),乙").encode(), 422),
    "no text": (b"\xff\xfe\x00\x01", 422),
    "nothing of the form": (b"a,b\n1,2\n", 422),
    "empty": (b"", 422),
    "too many rows": (CSV.encode() + b"x\n" * 600, 422),
    "too wide": (b"x," * 60, 422),
    "a long cell": (b'"' + b"x" * 200_000 + b'"', 422),
}


@pytest.mark.parametrize(("raw", "status"), FILES.values(), ids=list(FILES))
def test_comma_separated_text(raw, status):
    assert send(browser(world.officer()), raw, "experts.csv").status_code == status


def test_bad_workbooks_are_refused_with_a_sentence():
    client = browser(world.officer())
    for raw in (b"", b"PK\x03\x04", b"\xd0\xcf\x11\xe0" + b"\0" * 600):
        page = send(client, raw)
        assert (page.status_code, 'role="alert"' in text(page)) == (422, True)
    page = send(client, sheet(title="=1+1"))
    assert (page.status_code, "formula" in text(page)) == (422, True)
    assert client.post(at("expert-import"), {}).status_code == 422
