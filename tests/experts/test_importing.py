"""A spreadsheet of experts: what is understood, what is a fault, and what the taking over writes."""

from datetime import date, timedelta

import pytest

from marketplace.base.actor import Actor, Role
from marketplace.base.errors import Gone, Invalid, NotAllowed, NotFound, Stale, StateConflict
from marketplace.experts import actions
from marketplace.experts.importing.reading import PEOPLE_MOST, read_tables
from marketplace.experts.models import Expert, Interest
from marketplace.ledger.models import Event
from tests import world
from tests.experts.factories import expert

pytestmark = pytest.mark.django_db
DAY = date(2026, 11, 22)
SPECIALTIES = {"ot_security": ["工控安全", "OT security"], "testing": ["测评与攻防", "Testing"]}
HEAD = [
    *("E-mail [expert.email]", "Name [expert.name]", "No. [expert.number]", "Title [expert.title]"),
    *("Level [expert.grade]", "Kind [expert.kind]", "Fields [expert.specialties]"),
    *("Years [expert.years]", "Until [expert.valid_until]"),
]
ROW = [
    "a@test.invalid",
    "甲",
    "",
    "教授",
    "高级职称",
    "技术专家",
    "工控安全、Testing",
    "12",
    "2028/01/01",
]
TIES = [
    *("E-mail [tie.email]", "Kind [tie.kind]", "Which [tie.relation]", "Firm [tie.party_name]"),
    *("Code [tie.party_uscc]", "Since [tie.from_date]", "Until [tie.until_date]"),
]
TIE = ["a@test.invalid", "任职", "", "某大学", "", "45000", ""]


def row(**changes):
    names = ("email", "name", "number", "title", "grade", "kind", "specialties", "years", "until")
    return [changes.get(name, cell) for name, cell in zip(names, ROW, strict=True)]


def read(*tables):
    return read_tables(list(tables), today=DAY, specialties=SPECIALTIES)


def faults(*rows, head=HEAD):
    return [(f.row, f.column) for f in read([head, *rows]).faults]


def preview(*tables, actor=None):
    return actions.preview_import(
        actor=actor or world.officer(),
        tables=list(tables),
        file_sha256="0" * 64,
        specialties=SPECIALTIES,
    )


def confirm(made, skip=(), actor=None, consent="同意书 2026-1"):
    return actions.confirm_import(
        actor=actor or world_actor(made), import_uid=made.uid, skip=skip, consent_number=consent
    )


def world_actor(made):
    return Actor(Role.OFFICER, made.created_by, world.office())


# -- Reading -----------------------------------------------------------------------------------------
def test_words_of_either_language_dates_and_lists_are_understood():
    [line] = read([["说明"], HEAD, ["※ 这一行是说明"], [], ROW]).people
    assert (line.row, line.values["specialties"]) == (5, ["ot_security", "testing"])
    assert (line.values["grade"], line.values["kind"], line.values["years"]) == (
        "senior",
        "technical",
        12,
    )
    assert line.values["valid_until"] == date(2028, 1, 1)
    found = read([HEAD, row(grade="Senior title", until="46753")], [TIES, TIE])
    assert found.people[0].values["valid_until"] == date(2028, 1, 1)
    assert found.ties[0].values["from_date"] == date(2023, 3, 15)
    assert (found.ties[0].values["kind"], found.faults) == ("employment", [])


FAULTS = {
    "email": (row(email="x"), "E-mail"),
    "neither address nor number": (row(email=""), "E-mail"),
    "name": (row(name=""), "Name"),
    "grade": (row(grade="院士"), "Level"),
    "specialty": (row(specialties="炼丹"), "Fields"),
    "years": (row(years="十二"), "Years"),
    "date": (row(until="2028-02-30"), "Until"),
    "number of a card": (row(title="310115199001011234"), "Title"),
    "unshowable": (row(title="a\x00b"), "Title"),
}


@pytest.mark.parametrize(("cells", "column"), FAULTS.values(), ids=list(FAULTS))
def test_a_fault_names_row_and_column(cells, column):
    assert faults(ROW[:], cells if cells[0] != ROW[0] else ["b@test.invalid", *cells[1:]]) == [
        (3, column)
    ]


def test_twins_strange_columns_and_too_many_rows_are_faults():
    assert faults(ROW, row(name="乙")) == [(3, "")]
    assert faults(ROW, head=[*HEAD[:-1], "? [expert.salary]"]) == [(1, "?")]
    many = [row(email=f"p{n}@test.invalid") for n in range(PEOPLE_MOST + 2)]
    found = read([HEAD, *many])
    assert (len(found.people), [f.row for f in found.faults]) == (PEOPLE_MOST, [PEOPLE_MOST + 2])


def test_ties_are_judged_too():
    wrong = [
        TIE,
        ["a@test.invalid", "近亲属任职或持股", "", "某公司"],
        [*TIE[:5], "2026-01-01", "2025-01-01"],
    ]
    found = read([TIES, *wrong])
    assert [(f.table, f.row, f.column) for f in found.faults] == [
        ("tie", 3, "Which"),
        ("tie", 4, "Until"),
    ]


# -- Preview and taking over -------------------------------------------------------------------------
def test_nothing_of_the_pool_is_written_before_the_confirmation():
    made = preview([HEAD, ROW], [TIES, TIE])
    assert (Expert.objects.count(), made.state, made.added) == (0, "previewed", 0)
    assert [person["expert"] for person in made.rows["people"]] == [None]
    done = confirm(made)
    entry = Expert.objects.get()
    assert (entry.user.email, entry.specialties, entry.grade) == (
        "a@test.invalid",
        ["ot_security", "testing"],
        "senior",
    )
    [tie] = entry.interests.all()
    assert (tie.party_name, tie.kind, tie.from_date) == ("某大学", "employment", date(2023, 3, 15))
    assert (done.state, done.added, done.updated, done.ties_added, done.rows) == (
        "confirmed",
        1,
        0,
        1,
        None,
    )
    event = Event.objects.order_by("id").last()
    assert (event.kind, event.subjects) == ("expert_import.confirmed", [entry.uid, made.uid])
    assert (event.actor_uid, event.data["added"]) == (made.created_by.uid, 1)
    with pytest.raises(StateConflict):
        confirm(made)


def test_entries_are_met_by_address_or_number_and_updated_or_skipped():
    by_mail, by_number = expert(title="旧"), expert(title="旧", number="LG-7")
    rows = [
        row(email=by_mail.user.email.upper(), title="新"),
        row(email="", number="LG-7", title="新"),
        row(email="c@test.invalid"),
    ]
    made = preview([HEAD, *rows])
    assert [person["stands"] for person in made.rows["people"]] == [
        by_mail.user.name,
        by_number.user.name,
        "",
    ]
    done = confirm(made, skip=[4])
    assert (done.added, done.updated) == (0, 2)
    titles = Expert.objects.order_by("pk").values_list("title", "number", "revision")
    assert [*titles] == [("新", "", 2), ("新", "LG-7", 2)]


def test_what_the_file_leaves_empty_stays():
    entry = expert(title="教授", panels_most=2, valid_until=DAY, field_from_year=2001)
    head = [cell for cell in HEAD if "title" not in cell and "until" not in cell]
    cells = [entry.user.email, "甲", "", "高级职称", "经济、法律专家", "工控安全", ""]
    confirm(preview([head, cells]))
    entry.refresh_from_db()
    assert (entry.title, entry.panels_most, entry.valid_until) == ("教授", 2, DAY)
    assert (entry.field_from_year, entry.kind) == (2001, "economic")


def test_what_does_not_fit_the_pool_is_a_fault():
    officer = world.officer()
    expert(number="LG-7")
    made = preview(
        [HEAD, row(number="LG-7"), row(email="", number="LG-8"), row(email=officer.user.email)],
        [TIES, ["nobody@test.invalid", *TIE[1:]]],
        actor=officer,
    )
    assert [(f["table"], f["row"]) for f in made.faults] == [
        ("expert", 2),
        ("expert", 3),
        ("expert", 4),
        ("tie", 2),
    ]
    assert made.rows == {"people": [], "ties": []}


def test_a_tie_of_somebody_skipped_is_not_written_and_one_that_stands_is_not_doubled():
    entry = expert()
    tie = [entry.user.email, *TIE[1:]]
    confirm(preview([TIES, tie, tie]))
    assert entry.interests.count() == 1
    assert confirm(preview([TIES, tie])).ties_added == 0
    confirm(preview([HEAD, ROW], [TIES, TIE]), skip=[2])
    assert (Interest.objects.count(), Expert.objects.count()) == (1, 1)


def test_an_entry_that_changed_since_refuses_the_whole():
    entry = expert()
    made = preview([HEAD, row(email=entry.user.email), row(email="b@test.invalid")])
    Expert.objects.filter(pk=entry.pk).update(revision=5)
    with pytest.raises(Stale):
        confirm(made)
    assert Expert.objects.count() == 1


def test_a_preview_ends_after_a_day_and_with_the_next_one(clock):
    officer = world.officer()
    first = preview([HEAD, ROW], actor=officer)
    second = preview([HEAD, ROW], actor=officer)
    first.refresh_from_db()
    assert (first.state, first.rows, first.faults) == ("dropped", None, None)
    clock.move(timedelta(hours=24))
    with pytest.raises(Gone):
        confirm(second, actor=officer)


def test_who_imports_and_what_is_needed():
    with pytest.raises(NotAllowed):
        preview([HEAD, ROW], actor=world.secretary())
    with pytest.raises(Invalid) as refused:
        preview([["x", "y"]])
    assert [*refused.value.errors] == ["file"]
    made = preview([HEAD, ROW])
    with pytest.raises(NotFound):
        confirm(made, actor=world.officer())
    with pytest.raises(Invalid) as refused:
        confirm(made, consent=" ")
    assert [*refused.value.errors] == ["consent_number"]


@pytest.mark.parametrize("number", [1, 30])
def test_a_preview_costs_the_same_for_many_rows(number, count_queries):
    officer = world.officer()
    rows = [row(email=f"p{n}@test.invalid") for n in range(number)]
    ties = [[f"p{n}@test.invalid", *TIE[1:]] for n in range(number)]
    with count_queries() as queried:
        made = preview([HEAD, *rows], [TIES, *ties], actor=officer)
    assert (len(made.rows["people"]), len(made.rows["ties"])) == (number, number)
    assert len(queried) == 7
