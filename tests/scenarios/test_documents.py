"""发榜五件: who files and checks, when, what each leaves behind, and what a publication asks."""

from __future__ import annotations

import json

import pytest
from django.db import DatabaseError, transaction

from marketplace.accounts.models import Membership
from marketplace.base.actor import Role
from marketplace.base.canonical import salted
from marketplace.base.errors import Invalid, NotAllowed, NotFound, StateConflict
from marketplace.ledger.models import Audience, Event
from marketplace.scenarios import actions
from marketplace.scenarios.documents.kinds import BY_HAND, FORMS, DocumentKind
from marketplace.scenarios.documents.models import DocumentCheck, GateDocument
from marketplace.scenarios.documents.queries import missing, papers_of, published_with
from marketplace.scenarios.models import BEFORE_PUBLICATION, Publication, Scenario, State
from tests import world
from tests.scenarios import typed

K = DocumentKind


def answers(kind):
    return dict.fromkeys(FORMS[kind].statements, True)


def file(actor, scenario, kind, **given):
    given = {"number": "沪办〔2026〕1号", "amount_cny": scenario.budget_cny} | given
    given.setdefault("answers", answers(kind))
    return actions.file_document(actor=actor, scenario_uid=scenario.uid, kind=kind, **given)


def filed(owner=None, state=State.DEMONSTRATING):
    owner = owner or world.owner()
    return owner, world.draft_scenario(owner, state=state)


def states(scenario):
    return {paper.kind: paper.state for paper in published_with(scenario)}


# -- Who -------------------------------------------------------------------------------------------
@pytest.mark.django_db
@pytest.mark.parametrize(
    ("kind", "may"),
    [
        (K.CONFIDENTIALITY, {"owner", "editor"}),
        (K.FUNDING, {"owner"}),
        (K.COMPETITION, {"officer"}),
        (K.OPINION, set()),
    ],
)
def test_who_files_what(kind, may):
    owner, scenario = filed()
    tied = world.officer()
    Membership.objects.create(user=tied.user, organisation=owner.organisation, role=Role.VIEWER)
    people = {
        "owner": owner,
        "editor": world.member(owner.organisation, Role.EDITOR),
        "viewer": world.member(owner.organisation, Role.VIEWER),
        "officer": world.officer(),
        "tied": tied,
        "secretary": world.secretary(),
    }
    let_in = set()
    for who, actor in people.items():
        try:
            file(actor, scenario, kind)
            let_in.add(who)
        except (NotAllowed, Invalid):
            pass
    assert let_in == may
    for outsider in (world.vendor(), world.owner(), world.person(Role.EXPERT)):
        with pytest.raises(NotFound):
            file(outsider, scenario, kind)


@pytest.mark.django_db
def test_who_filed_does_not_check_and_the_owner_never_does():
    owner, scenario = filed()
    officer = world.officer()
    row = file(officer, scenario, K.COMPETITION)
    for actor in (officer, owner, world.secretary()):
        with pytest.raises(NotAllowed) as refused:
            actions.check_document(actor=actor, document_uid=row.uid, accepted=True)
        assert refused.value.code == "not_allowed.check_document"
    with pytest.raises(NotFound):
        actions.check_document(actor=world.vendor(), document_uid=row.uid, accepted=True)
    with pytest.raises(DatabaseError), transaction.atomic():
        DocumentCheck.objects.create(
            document=row, accepted=True, checked_by=officer.user, checked_at=row.filed_at
        )
    actions.check_document(actor=world.officer(), document_uid=row.uid, accepted=True)
    assert states(scenario)[K.COMPETITION] == "there"


# -- When ------------------------------------------------------------------------------------------
@pytest.mark.django_db
@pytest.mark.parametrize("state", [*BEFORE_PUBLICATION[1:], State.WITHDRAWN])
def test_filed_while_the_demand_is_with_the_office(state):
    owner = world.owner()
    scenario = (
        world.published_scenario(owner)
        if state == State.WITHDRAWN
        else world.draft_scenario(owner, state=state)
    )
    if state in {State.SUBMITTED, State.DEMONSTRATING, State.DEMONSTRATED}:
        row = file(owner, scenario, K.FUNDING)
        assert (row.kind, row.revision) == (K.FUNDING, scenario.revision)
    else:
        with pytest.raises(StateConflict):
            file(owner, scenario, K.FUNDING)


@pytest.mark.django_db
def test_the_approval_sheet_comes_last():
    officer = world.officer()
    scenario = world.draft_scenario(world.owner(), state=State.DEMONSTRATED)
    for kind in (K.CONFIDENTIALITY, K.COMPETITION, K.FUNDING, K.OPINION):
        with pytest.raises(StateConflict) as refused:
            file(officer, scenario, K.APPROVAL)
        assert refused.value.code == "document.too_early"
        world.documents(scenario, kind)
    file(officer, scenario, K.APPROVAL)
    assert missing(scenario) == []


@pytest.mark.django_db
def test_a_document_counts_for_the_text_of_which_it_speaks():
    scenario = typed.demonstrated()
    Scenario.objects.filter(pk=scenario.pk).update(revision=2)
    scenario.refresh_from_db()
    assert states(scenario) == {
        K.CONFIDENTIALITY: "outdated",
        K.COMPETITION: "outdated",
        K.FUNDING: "there",
        K.OPINION: "outdated",
        K.APPROVAL: "outdated",
    }
    Scenario.objects.filter(pk=scenario.pk).update(budget_cny=scenario.budget_cny + 1)
    scenario.refresh_from_db()
    assert states(scenario)[K.FUNDING] == "outdated"


# -- Content ---------------------------------------------------------------------------------------
@pytest.mark.django_db
@pytest.mark.parametrize("kind", BY_HAND)
def test_every_statement_is_affirmed(kind):
    owner, scenario = filed(state=State.DEMONSTRATED)
    world.documents(scenario, K.CONFIDENTIALITY, K.COMPETITION, K.FUNDING, K.OPINION)
    actor = owner if FORMS[kind].by_owner else world.officer()
    for code in FORMS[kind].statements:
        with pytest.raises(Invalid) as refused:
            file(actor, scenario, kind, answers=answers(kind) | {code: False})
        assert set(refused.value.errors) == {code}
    with pytest.raises(Invalid) as refused:
        file(actor, scenario, kind, answers={})
    assert set(refused.value.errors) == set(FORMS[kind].statements)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"number": ""}, "number"),
        ({"number": "x" * 81}, "number"),
        ({"amount_cny": ""}, "amount_cny"),
        ({"amount_cny": "0"}, "amount_cny"),
        ({"amount_cny": "=1+1"}, "amount_cny"),
        ({"words": "长" * 4001}, "words"),
    ],
)
def test_what_cannot_be_read_is_told_beside_its_field(given, field):
    owner, scenario = filed()
    with pytest.raises(Invalid) as refused:
        file(owner, scenario, K.FUNDING, **given)
    assert set(refused.value.errors) == {field}
    assert GateDocument.objects.count() == 0


@pytest.mark.django_db
def test_too_small_a_sum_does_not_count():
    owner, scenario = filed()
    file(owner, scenario, K.FUNDING, amount_cny=scenario.budget_cny - 1)
    assert states(scenario)[K.FUNDING] == "outdated"


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["", "opinion", "secret", None])
def test_only_known_kinds_are_filed_by_hand(kind):
    _owner, scenario = filed()
    with pytest.raises(Invalid):
        actions.file_document(
            actor=world.officer(), scenario_uid=scenario.uid, kind=kind, answers={}
        )


# -- What it leaves behind -------------------------------------------------------------------------
@pytest.mark.django_db
def test_a_filing_with_a_file_leaves_hash_event_and_bytes():
    owner, scenario = filed()
    row = actions.file_small_document(
        actor=owner,
        scenario_uid=scenario.uid,
        kind=K.FUNDING,
        name="承诺书.pdf",
        body=b"%PDF-1.7 commitment",
        answers=answers(K.FUNDING),
        amount_cny="2600000",
    )
    assert (row.filed_by, row.organisation) == (owner.user, owner.organisation)
    assert (row.upload.subject_uid, row.upload.name) == (row.uid, "承诺书.pdf")
    event = Event.objects.get(kind="document.filed")
    assert (event.audience, event.subjects) == (Audience.PARTIES, [row.uid, scenario.uid])
    assert event.data == {"kind": "funding", "revision": 1}
    assert row.commitment == salted(row.sha256, bytes(row.salt))
    with pytest.raises(DatabaseError), transaction.atomic():
        GateDocument.objects.update(number="别的")


@pytest.mark.django_db
def test_sending_back_needs_a_reason_and_the_next_filing_replaces_it():
    owner, scenario = filed()
    officer = world.officer()
    row = file(owner, scenario, K.CONFIDENTIALITY)
    assert states(scenario)[K.CONFIDENTIALITY] == "waiting"
    with pytest.raises(Invalid) as refused:
        actions.check_document(actor=officer, document_uid=row.uid, accepted=False)
    assert set(refused.value.errors) == {"words"}
    actions.check_document(actor=officer, document_uid=row.uid, accepted=False, words="有地址。")
    assert states(scenario)[K.CONFIDENTIALITY] == "refused"
    event = Event.objects.get(kind="document.sent_back")
    assert event.reason_hash == salted("有地址。", bytes(event.salt))
    with pytest.raises(StateConflict):
        actions.check_document(actor=officer, document_uid=row.uid, accepted=True)
    file(owner, scenario, K.CONFIDENTIALITY)
    assert states(scenario)[K.CONFIDENTIALITY] == "waiting"


@pytest.mark.django_db
def test_who_reads_documents():
    owner, scenario = filed()
    row = file(owner, scenario, K.FUNDING)
    for actor, seen in (
        (owner, True),
        (world.officer(), True),
        (world.secretary(), True),
        (world.vendor(), False),
        (world.owner(), False),
        (world.person(Role.EXPERT), False),
    ):
        assert GateDocument.objects.visible_to(actor).filter(pk=row.pk).exists() is seen


# -- Publication -----------------------------------------------------------------------------------
def publish(scenario, actor, uids=None):
    return actions.publish_scenario(
        actor=actor, scenario_uid=scenario.uid, key_holder_uids=uids or typed.holders()
    )


@pytest.mark.django_db
@pytest.mark.parametrize("left_out", list(DocumentKind))
def test_without_one_of_the_five_nothing_is_published(left_out):
    scenario = world.draft_scenario(world.owner(), state=State.DEMONSTRATED)
    world.documents(scenario, *[kind for kind in DocumentKind if kind != left_out])
    with pytest.raises(Invalid) as refused:
        publish(scenario, world.officer())
    assert set(refused.value.errors) == {"documents"}
    assert len(refused.value.errors["documents"]) == 1
    world.documents(scenario, left_out)
    assert publish(scenario, world.officer()).state == State.PUBLISHED


@pytest.mark.django_db
def test_two_people_publish():
    scenario = world.draft_scenario(world.owner(), state=State.DEMONSTRATED)
    first, second = world.officer(), world.officer()
    world.documents(scenario, prepared_by=first)
    with pytest.raises(Invalid) as refused:
        publish(scenario, first)
    assert set(refused.value.errors) == {"documents"}
    publish(scenario, second)
    publication = Publication.objects.get()
    assert (publication.prepared_by, publication.published_by) == (first.user, second.user)
    frozen = json.loads(bytes(publication.body))
    assert [row["kind"] for row in frozen["documents"]] == list(DocumentKind)
    kept = {row.kind: row.commitment for row in GateDocument.objects.all()}
    assert {row["kind"]: row["commitment"] for row in frozen["documents"]} == kept
    with pytest.raises(DatabaseError), transaction.atomic():
        Publication.objects.create(
            scenario=scenario,
            version=2,
            profile=scenario.profile,
            body=b"{}",
            sha256="0" * 64,
            prepared_by=first.user,
            published_by=first.user,
            published_at=publication.published_at,
        )


# -- At once ---------------------------------------------------------------------------------------
def test_two_officers_check_at_once_and_one_word_stands(two_at_once):
    owner, scenario = filed()
    row = file(owner, scenario, K.CONFIDENTIALITY)
    first, second = world.officer(), world.officer()
    results = two_at_once(
        *[
            lambda a=actor: actions.check_document(actor=a, document_uid=row.uid, accepted=True)
            for actor in (first, second)
        ]
    )
    assert sorted(type(one).__name__ for one in results) == ["DocumentCheck", "StateConflict"]
    assert Event.objects.filter(kind="document.accepted").count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("many", [1, 30])
def test_the_documents_of_a_list_are_read_at_once(many, django_assert_num_queries):
    rows = [typed.demonstrated() for _ in range(many)]
    with django_assert_num_queries(2):
        found = papers_of(rows)
    assert all(paper.there for papers in found.values() for paper in papers)
