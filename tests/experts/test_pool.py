"""Entries and ties: who makes them, what is refused, what they leave behind."""

from datetime import timedelta

import pytest

from marketplace.accounts.models import PersonRole, User
from marketplace.base import clock as the_clock
from marketplace.base.errors import Invalid, NotAllowed, NotFound, Stale, StateConflict
from marketplace.experts import actions
from marketplace.experts.models import Interest
from marketplace.ledger.models import Event
from tests import world
from tests.experts.factories import expert, tied

pytestmark = pytest.mark.django_db
KNOWN = {"ot_security", "testing"}
ENTRY = {
    "number": "LG-1",
    "title": "教授",
    "title_en": "Professor",
    "grade": "senior",
    "kind": "technical",
    "specialties": ["ot_security"],
    "years": "12",
    "valid_until": "2028-01-01",
    "panels_most": "3",
}
PERSON = {"email": "New@Test.invalid", "name": "新专家", "name_en": ""}
TIE = {"kind": "employment", "party_name": "某大学", "from_date": "2020-01-01"}


def last_event():
    return Event.objects.order_by("id").last()


def register(actor=None, **data):
    return actions.register_expert(
        actor=actor or world.officer(), data=PERSON | ENTRY | data, known=KNOWN
    )


def test_an_officer_registers_an_expert_with_a_new_account():
    row = register()
    assert (row.user.email, row.user.name, row.user.has_usable_password()) == (
        "New@test.invalid",
        "新专家",
        False,
    )
    assert row.field_from_year == the_clock.today().year - 12
    assert (row.number, row.panels_most, str(row.valid_until)) == ("LG-1", 3, "2028-01-01")
    assert PersonRole.objects.filter(user=row.user, role="expert").count() == 1
    event = last_event()
    assert (event.kind, event.subjects, event.audience) == (
        "expert.registered",
        [row.user.uid, row.uid],
        "office",
    )


def test_an_account_that_is_there_is_taken_and_a_second_entry_refused():
    user = world.make_user()
    row = register(email=user.email.upper())
    assert (row.user, User.objects.filter(email__iexact=user.email).count()) == (user, 1)
    with pytest.raises(StateConflict) as refused:
        register(email=user.email, number="LG-2")
    assert refused.value.code == "expert.exists"


@pytest.mark.parametrize(
    ("field", "value"),
    [("email", "x"), ("name", ""), ("grade", "none"), ("grade", ""), ("kind", "magic"), ("specialties", []),
     ("specialties", ["nothing"]), ("years", "-1"), ("years", "71"), ("years", "十"),
     ("valid_until", "2026-13-01"), ("valid_until", "2099-01-01"), ("panels_most", "51"),
     ("title", "x" * 81), ("number", "\x00")],
)  # fmt: skip
def test_what_is_typed_is_judged_field_by_field(field, value):
    with pytest.raises(Invalid) as refused:
        register(**{field: value})
    assert [*refused.value.errors] == [field]


def test_nobody_registers_himself_and_the_number_is_one():
    officer = world.officer()
    with pytest.raises(StateConflict) as refused:
        register(officer, email=officer.user.email)
    assert refused.value.code == "expert.self"
    register()
    with pytest.raises(Invalid) as refused:
        register(email="other@test.invalid")
    assert [*refused.value.errors] == ["number"]


@pytest.mark.parametrize("who", ["secretary", "owner"])
def test_others_register_nobody(who):
    with pytest.raises(NotAllowed):
        register(getattr(world, who)())


def edit(row, actor=None, revision=None, **data):
    return actions.edit_expert(
        actor=actor or world.officer(),
        expert_uid=row.uid,
        revision=row.revision if revision is None else revision,
        data=ENTRY | data,
        known=KNOWN,
    )


def test_an_entry_is_edited_by_its_revision():
    row = expert()
    changed = edit(row, years="20", panels_most="")
    assert (changed.revision, changed.field_from_year, changed.panels_most) == (
        2,
        the_clock.today().year - 20,
        None,
    )
    assert last_event().kind == "expert.edited"
    with pytest.raises(Stale):
        edit(row, revision=1)
    with pytest.raises(NotAllowed):
        edit(row, actor=world.secretary(), revision=2)
    with pytest.raises(NotFound):
        edit(row, actor=world.owner(), revision=2)


def test_an_entry_is_suspended_with_a_reason_and_lifted():
    row, officer = expert(), world.officer()
    with pytest.raises(Invalid):
        actions.suspend_expert(actor=officer, expert_uid=row.uid, reason=" ")
    done = actions.suspend_expert(actor=officer, expert_uid=row.uid, reason="核查中")
    assert (done.suspended_reason, done.suspended_at is None) == ("核查中", False)
    assert (last_event().kind, last_event().reason_hash == "") == ("expert.suspended", False)
    with pytest.raises(StateConflict):
        actions.suspend_expert(actor=officer, expert_uid=row.uid, reason="又")
    lifted = actions.lift_suspension(actor=officer, expert_uid=row.uid)
    assert (lifted.suspended_at, lifted.suspended_reason) == (None, "")
    with pytest.raises(StateConflict):
        actions.lift_suspension(actor=officer, expert_uid=row.uid)


def test_the_expert_confirms_the_record_that_was_shown():
    judge = world.person("expert")
    row = expert(actor=judge)
    done = actions.confirm_record(actor=judge, expert_uid=row.uid, revision=1)
    assert (done.confirmed_at <= the_clock.now(), last_event().kind) == (True, "expert.confirmed")
    actions.add_interest(actor=judge, expert_uid=row.uid, data=TIE)
    with pytest.raises(Stale):
        actions.confirm_record(actor=judge, expert_uid=row.uid, revision=1)
    with pytest.raises(NotAllowed):
        actions.confirm_record(actor=world.officer(), expert_uid=row.uid, revision=2)


# -- Ties --------------------------------------------------------------------------------------------
def test_a_tie_finds_its_party_by_code_or_exact_name():
    firm = world.make_organisation(name="示例甲", name_en="Demo A")
    row, officer = expert(), world.officer()
    for data in (
        {"party_name": "随便", "party_uscc": firm.uscc},
        {"party_name": "示例甲", "kind": "adviser"},
        {"party_name": "Demo A", "kind": "holding"},
    ):
        made = actions.add_interest(actor=officer, expert_uid=row.uid, data=TIE | data)
        assert (made.organisation, made.party_name, made.party_uscc) == (firm, "", "")
    made = actions.add_interest(actor=officer, expert_uid=row.uid, data=TIE)
    assert (made.organisation, made.party_name, made.entered_by) == (None, "某大学", officer.user)
    event = last_event()
    assert (event.kind, event.subjects) == ("interest.stated", [made.uid, row.uid])
    with pytest.raises(StateConflict):
        actions.add_interest(actor=officer, expert_uid=row.uid, data=TIE)


@pytest.mark.parametrize(
    ("data", "field"),
    [({"kind": "relative"}, "relation"), ({"relation": "spouse"}, "relation"), ({"kind": ""}, "kind"),
     ({"party_name": ""}, "party_name"), ({"party_uscc": "123"}, "party_uscc"),
     ({"until_date": "2019-01-01"}, "until_date"), ({"from_date": "2999-01-01"}, "from_date")],
)  # fmt: skip
def test_a_tie_is_judged(data, field):
    with pytest.raises(Invalid) as refused:
        actions.add_interest(actor=world.officer(), expert_uid=expert().uid, data=TIE | data)
    assert [*refused.value.errors] == [field]


def test_an_expert_ends_a_tie_within_the_look_back_only():
    judge = world.person("expert")
    row = tied(world.make_organisation(), expert=expert(actor=judge)).interests.get()
    today = the_clock.today()
    with pytest.raises(Invalid) as refused:
        actions.end_interest(
            actor=judge, interest_uid=row.uid, until_date=today - timedelta(days=4 * 366)
        )
    assert [*refused.value.errors] == ["until_date"]
    done = actions.end_interest(actor=judge, interest_uid=row.uid)
    assert (done.until_date, done.expert.revision, last_event().kind) == (
        today,
        2,
        "interest.ended",
    )
    with pytest.raises(StateConflict):
        actions.end_interest(actor=judge, interest_uid=row.uid)


def test_who_unties_whom():
    judge = world.person("expert")
    entry = expert(actor=judge)
    office_row = tied(world.make_organisation(), expert=entry).interests.get()
    with pytest.raises(NotAllowed):
        actions.strike_interest(actor=judge, interest_uid=office_row.uid)
    own = actions.add_interest(actor=judge, expert_uid=entry.uid, data=TIE)
    actions.strike_interest(actor=judge, interest_uid=own.uid)
    assert [*Interest.objects.standing()] == [office_row]
    with pytest.raises(NotFound):
        actions.strike_interest(actor=judge, interest_uid=own.uid)
    with pytest.raises(NotFound):
        actions.strike_interest(actor=world.person("expert"), interest_uid=office_row.uid)
