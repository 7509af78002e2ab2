"""What became of the bids that did not win: who certifies, when, what it leaves behind."""

import io
import json
from datetime import timedelta

import pypdf
import pytest
from django.db import DatabaseError, transaction
from django.test import Client
from django.urls import reverse

from marketplace.accounts.models import Membership
from marketplace.base.actor import Role
from marketplace.base.errors import Invalid, NotAllowed, NotFound, StateConflict, StorageAway
from marketplace.bidding.models import (
    Bid,
    BidState,
    OpenedEnvelope,
    OpenedFile,
    SealedEnvelope,
)
from marketplace.bidding.returns import actions
from marketplace.bidding.returns.actions import certify_return
from marketplace.bidding.returns.models import ReturnCertificate
from marketplace.bidding.returns.queries import (
    certificates,
    destroyed_names,
    document,
    returns_of,
    uncertified,
)
from marketplace.desk.queries import waiting_for
from marketplace.files import storage
from marketplace.ledger import keys, verify
from marketplace.ledger.models import Event
from marketplace.management.backup import database
from marketplace.management.commands.check_files import damaged
from marketplace.notices.models import Notice
from marketplace.notices.queries import lines
from marketplace.scenarios.models import Scenario, State
from tests import world
from tests.bidding import bids
from tests.notices.steps import deliver, told

pytestmark = pytest.mark.django_db


def client_of(actor):
    client = Client()
    if actor:
        client.force_login(actor.user)
    return client


def over(clock, profile="A", count=2, state=State.AWARDED):
    """The first bid won, the others did not."""
    scenario = world.published_scenario(profile=world.profile(profile))
    made = [
        bids.bid(scenario, files={"technical": [("方案.pdf", b"%PDF " + str(n).encode())]}).bid
        for n in range(count)
    ]
    bids.open_first(scenario, clock)
    Bid.objects.filter(scenario=scenario).update(state=BidState.LOST)
    Bid.objects.filter(pk=made[0].pk).update(state=BidState.WON)
    Scenario.objects.filter(pk=scenario.pk).update(state=state, ended_at=clock.now())
    scenario.refresh_from_db()
    for bid in made:
        bid.refresh_from_db()
    return scenario, made


def names_of(bid):
    sealed = SealedEnvelope.objects.filter(version__bid=bid)
    opened = OpenedFile.objects.filter(envelope__sealed__version__bid=bid)
    return [row.stored_name for row in [*sealed, *opened]]


# -- Certifying ----------------------------------------------------------------------------------------
def test_a_certificate_is_signed_recorded_and_read_by_the_verifier(clock, tmp_path):
    scenario, (_won, lost) = over(clock)
    made = certify_return(
        actor=world.officer(), bid_uid=lost.uid, kind="returned", note="光盘一张。"
    )
    assert list(ReturnCertificate.objects.values_list("bid", "kind")) == [(lost.pk, "returned")]
    event = Event.objects.get(kind="return.certified")
    assert (event.audience, event.data) == ("parties", {"kind": "returned"})
    assert event.subjects == [scenario.uid, lost.uid]
    assert made.receipt.event_id == event.pk
    told = document(made)
    assert told["receipt"]["note"] == "光盘一张。"
    assert len(told["receipt"]["contents"]) == 4  # three envelopes and a file
    file, known = tmp_path / "certificate.json", tmp_path / "keys.json"
    file.write_text(json.dumps(told, ensure_ascii=False), "utf-8")
    known.write_text(json.dumps(keys.published()), "utf-8")
    assert verify.main([str(file), "--keys", str(known), "--quiet"]) == 0
    assert all(storage.read(name) for name in names_of(lost))


def test_destruction_removes_the_bytes_and_keeps_the_rows(clock, monkeypatch):
    _scenario, (won, lost) = over(clock)
    rows = (SealedEnvelope.objects.count(), OpenedFile.objects.count())
    names = names_of(lost)
    certify_return(actor=world.officer(), bid_uid=lost.uid, kind="destroyed")
    for name in names:
        with pytest.raises(FileNotFoundError):
            storage.read(name)
    assert all(storage.read(name) for name in names_of(won))
    assert (SealedEnvelope.objects.count(), OpenedFile.objects.count()) == rows
    assert destroyed_names() == set(names)
    # Neither the check of the files nor a backup takes them for lost.
    assert list(damaged()) == []
    monkeypatch.setattr(database, "OWNER", "default")  # this test's own transaction
    assert not {one.name for one in database.named_files()} & set(names)
    lost_by_us = names_of(won)[0]
    storage.path_of(lost_by_us).unlink()
    assert list(damaged()) == [f"{lost_by_us} (gone)"]


def test_a_destroyed_file_answers_gone(clock):
    _scenario, (won, lost) = over(clock)
    file = OpenedFile.objects.get(envelope__sealed__version__bid=lost)
    page = reverse("opened-file", args=[file.uid])
    bidder = client_of(world.member(lost.organisation))
    assert bidder.get(page).status_code == 200
    certify_return(actor=world.officer(), bid_uid=lost.uid, kind="destroyed")
    answer = bidder.get(page)
    assert answer.status_code == 410
    assert "已于" in answer.content.decode()
    other = OpenedFile.objects.get(envelope__sealed__version__bid=won)
    winner = client_of(world.member(won.organisation))
    assert winner.get(reverse("opened-file", args=[other.uid])).status_code == 200


@pytest.mark.parametrize("kind", ["returned", "blocked", "destroyed"])
def test_from_then_on_only_the_bidder_reads_the_contents(clock, kind):
    scenario, (_won, lost) = over(clock, state=State.TERMINATED)
    readers = [world.officer(), world.member(scenario.organisation)]
    seen = [OpenedEnvelope.objects.visible_to(actor).count() for actor in readers]
    assert seen == [4, 4]
    certify_return(actor=world.officer(), bid_uid=lost.uid, kind=kind)
    seen = [OpenedEnvelope.objects.visible_to(actor).count() for actor in readers]
    assert seen == [2, 2]
    bidder = world.member(lost.organisation)
    assert OpenedEnvelope.objects.visible_to(bidder).count() == 2


# -- When ----------------------------------------------------------------------------------------------
def test_only_once_it_is_over_and_never_the_winner(clock):
    _scenario, (won, lost) = over(clock)
    officer = world.officer()
    for state in (State.REVIEW, State.DECISION, State.PUBLICITY):
        Scenario.objects.update(state=state)
        with pytest.raises(StateConflict) as refused:
            certify_return(actor=officer, bid_uid=lost.uid, kind="returned")
        assert refused.value.code == "return.state"
    Scenario.objects.update(state=State.FAILED)
    certify_return(actor=officer, bid_uid=lost.uid, kind="returned")
    for bid in (won,):
        with pytest.raises(StateConflict):
            certify_return(actor=officer, bid_uid=bid.uid, kind="returned")
    assert ReturnCertificate.objects.count() == 1


def test_what_the_rules_keep_is_not_destroyed_before(clock):
    scenario, made = over(clock, profile="B", count=3)
    lost, officer = made[1], world.officer()
    with pytest.raises(StateConflict) as refused:
        certify_return(actor=officer, bid_uid=lost.uid, kind="destroyed")
    assert refused.value.code == "return.retained"
    assert all(storage.read(name) for name in names_of(lost))
    blocked = certify_return(actor=officer, bid_uid=lost.uid, kind="blocked")
    kept = blocked.retain_until - scenario.ended_at
    assert timedelta(days=5479) <= kept <= timedelta(days=5480)
    clock.move(blocked.retain_until - clock.now() - timedelta(microseconds=1))
    clock.freeze(blocked.retain_until - timedelta(microseconds=1))
    with pytest.raises(StateConflict):
        certify_return(actor=officer, bid_uid=lost.uid, kind="destroyed")
    clock.freeze(blocked.retain_until)
    certify_return(actor=officer, bid_uid=lost.uid, kind="destroyed")
    assert destroyed_names() == set(names_of(lost))


def test_once_per_kind_and_nothing_after_destruction(clock):
    _scenario, (_won, lost) = over(clock)
    officer = world.officer()
    certify_return(actor=officer, bid_uid=lost.uid, kind="returned")
    with pytest.raises(StateConflict):
        certify_return(actor=officer, bid_uid=lost.uid, kind="returned")
    certify_return(actor=officer, bid_uid=lost.uid, kind="destroyed")
    for kind in ("returned", "blocked", "destroyed"):
        with pytest.raises(StateConflict):
            certify_return(actor=officer, bid_uid=lost.uid, kind=kind)
    with pytest.raises(Invalid):
        certify_return(actor=officer, bid_uid=lost.uid, kind="burnt")


def test_nothing_is_certified_while_the_storage_is_away(clock, monkeypatch):
    _scenario, (_won, lost) = over(clock)

    def away(_name):
        raise StorageAway

    monkeypatch.setattr(actions.storage, "discard", away)
    with pytest.raises(StorageAway):
        certify_return(actor=world.officer(), bid_uid=lost.uid, kind="destroyed")
    monkeypatch.undo()
    assert ReturnCertificate.objects.count() == 0
    assert Event.objects.filter(kind="return.certified").count() == 0
    certify_return(actor=world.officer(), bid_uid=lost.uid, kind="destroyed")
    assert ReturnCertificate.objects.count() == 1


def test_a_certificate_is_never_changed(clock):
    _scenario, (_won, lost) = over(clock)
    certify_return(actor=world.officer(), bid_uid=lost.uid, kind="returned")
    with pytest.raises(DatabaseError), transaction.atomic():
        ReturnCertificate.objects.update(kind="destroyed")
    with pytest.raises(DatabaseError), transaction.atomic():
        ReturnCertificate.objects.all().delete()


# -- Who -----------------------------------------------------------------------------------------------
def test_an_officer_and_nobody_else(clock):
    scenario, (_won, lost) = over(clock)
    refused = {
        "secretary": (world.secretary(), NotAllowed),
        "bidder": (world.member(lost.organisation), NotAllowed),
        "owner": (world.member(scenario.organisation), NotAllowed),
        "rival": (world.vendor(), NotFound),
        "expert": (world.person(Role.EXPERT), NotFound),
    }
    for name, (actor, error) in refused.items():
        with pytest.raises(error):
            certify_return(actor=actor, bid_uid=lost.uid, kind="returned")
        assert ReturnCertificate.objects.count() == 0, name


def test_the_page_the_bidders_copy_and_the_desk(clock):
    scenario, (won, lost) = over(clock, state=State.FAILED)
    officer, bidder = world.officer(), world.member(lost.organisation)
    page = reverse("returns", args=[scenario.address])
    assert page in {task.url for task in waiting_for(officer)}
    client = client_of(officer)
    text = client.get(page).content.decode()
    assert lost.organisation.name in text
    assert won.organisation.name not in text
    assert client.post(page, {"bid": str(lost.uid)}).status_code == 422
    given = {"bid": str(lost.uid), "kind": "returned", "note": "已寄回"}
    assert client.post(page, given).url == page
    assert client.post(page, given).status_code == 409
    assert page not in {task.url for task in waiting_for(officer)}
    row = ReturnCertificate.objects.get()
    files = [
        reverse("return-certificate", args=[row.uid]),
        reverse("return-certificate-pdf", args=[row.uid]),
    ]
    for file in files:
        assert client_of(bidder).get(file).status_code == 200
        assert client_of(world.vendor()).get(file).status_code == 404
        assert client_of(world.person(Role.EXPERT)).get(file).status_code == 404
    text = client_of(bidder).get(reverse("bid", args=[lost.uid])).content.decode()
    assert files[0] in text
    assert files[1] in text
    paper = client_of(bidder).get(files[1]).content
    words = "".join(p.extract_text() for p in pypdf.PdfReader(io.BytesIO(paper)).pages)
    words = "".join(words.split())
    assert "退还销毁证明" in words
    assert "".join(lost.organisation.name.split()) in words
    assert client_of(bidder).get(page).status_code == 403


def test_before_it_is_over_there_is_no_page(clock):
    scenario, _made = over(clock, state=State.PUBLICITY)
    page = reverse("returns", args=[scenario.address])
    assert client_of(world.officer()).get(page).status_code == 404


@pytest.mark.parametrize("count", [2, 12])
def test_the_list_asks_the_same_for_one_and_for_many(clock, count_queries, count):
    scenario, _made = over(clock, count=count)
    officer = world.officer()
    assert uncertified().count() == count - 1
    with count_queries() as queries:
        assert len(returns_of(officer, scenario)) == count - 1
    assert len(queries) == 2
    assert certificates(officer, []) == []


def test_the_bidder_is_told_of_the_certificate(clock):
    scenario, made = over(clock, count=3)
    certify_return(actor=world.officer(), bid_uid=made[1].uid, kind="returned")
    deliver()
    writers = Membership.objects.filter(organisation=made[1].organisation)
    assert told("return.certified") == set(writers.values_list("user_id", flat=True))
    notice = Notice.objects.get(kind="return.certified")
    [line] = lines(notice.user, [notice])
    assert (line.withdrawn, line.url) == (False, reverse("bid", args=[made[1].uid]))
    assert scenario.title in line.text
