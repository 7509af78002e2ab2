"""The members' words on the report: signed, dissented from, or silence, which is consent."""

import base64
import hashlib
import json
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import DatabaseError, transaction
from django.urls import reverse

from marketplace.base import signing
from marketplace.base.actor import Role
from marketplace.base.canonical import canonical
from marketplace.base.errors import (
    DeadlinePassed,
    Invalid,
    NotAllowed,
    NotFound,
    StateConflict,
    TooEarly,
)
from marketplace.bidding.models import Bid, BidState
from marketplace.committee import actions
from marketplace.committee.models import PanelState, Ranking
from marketplace.committee.signing.actions import count_silence, told_words
from marketplace.committee.signing.models import ReportWord, Word
from marketplace.committee.signing.queries import sign_by
from marketplace.files.signing import making
from marketplace.files.signing.models import Signature
from marketplace.ledger.models import Audience, Event
from marketplace.notices.models import Notice
from marketplace.scenarios.models import Scenario, State
from tests import world
from tests.committee import factories
from tests.committee.test_pages import signed_in
from tests.notices.steps import deliver, ids, told

pytestmark = pytest.mark.django_db


def made(**fields):
    """(scenario, judges) with the report made and nobody's word yet."""
    scenario = factories.scenario_in_review(1, **fields)
    _panel, judges = factories.scored(scenario)
    factories.open_prices(scenario, {"B1": "800000"})
    actions.finish_review(actor=world.secretary(), scenario_uid=scenario.uid)
    scenario.refresh_from_db()
    return scenario, judges


def sign(judge, scenario, **given):
    return actions.sign_report(actor=judge, panel_uid=scenario.panel.uid, **given)


def words(scenario):
    rows = ReportWord.objects.filter(report__scenario=scenario).order_by("member__code")
    return dict(rows.values_list("member__code", "word"))


def again(scenario):
    return Scenario.objects.select_related("panel").get(pk=scenario.pk)


def test_the_last_word_completes_the_report():
    scenario, judges = made()
    assert (scenario.state, scenario.panel.state) == (State.REVIEW, PanelState.SIGNING)
    assert Ranking.objects.filter(report__scenario=scenario).count() == 1
    assert not Event.objects.filter(kind="review.finished").exists()
    owner = world.member(scenario.organisation)
    report = type(scenario.report).objects
    assert not report.visible_to(owner).exists()
    deliver()
    assert told("report.made") == ids(*judges)
    sign(judges[0], scenario)
    sign(judges[1], scenario, dissents=True, reason="C1 的评分依据不足。")
    assert again(scenario).state == State.REVIEW
    sign(judges[2], scenario)
    done = again(scenario)
    assert (done.state, done.panel.state) == (State.DECISION, PanelState.REPORTED)
    assert Bid.objects.get(scenario=scenario).state == BidState.CANDIDATE
    assert report.visible_to(owner).exists()
    assert words(scenario) == {"J1": "signed", "J2": "dissented", "J3": "signed"}
    event = Event.objects.get(kind="review.finished")
    said = canonical(told_words(scenario.report, done.panel))
    assert (event.audience, event.role) == (Audience.PUBLIC, Role.SYSTEM)
    assert event.data["words_sha256"] == hashlib.sha256(said).hexdigest()
    assert event.data["sha256"] == scenario.report.sha256
    kinds = Event.objects.filter(kind__startswith="report.").order_by("pk")
    assert list(kinds.values_list("kind", "audience")) == [
        (kind, Audience.OFFICE)
        for kind in ("report.made", "report.signed", "report.dissented", "report.signed")
    ]
    assert Signature.objects.count() == 3
    statement = json.loads(bytes(Signature.objects.order_by("pk")[1].statement))
    assert (statement["word"], statement["sha256"]) == ("dissented", scenario.report.sha256)
    assert all(making.holds(row) for row in Signature.objects.all())
    with pytest.raises(StateConflict) as refused:
        sign(judges[0], scenario)
    assert refused.value.code == "report.said"


def test_who_may_and_what_is_refused():
    scenario, judges = made()
    for actor in (world.secretary(), world.person(Role.WITNESS)):
        with pytest.raises((NotAllowed, NotFound)):
            sign(actor, scenario)
    for actor in (world.vendor(), world.person(Role.EXPERT), world.member(scenario.organisation)):
        with pytest.raises(NotFound):
            sign(actor, scenario)
    for given, field in (
        ({"dissents": True}, "reason"),
        ({"dissents": True, "reason": "长" * 4001}, "reason"),
        ({"reason": "没有异议"}, "reason"),
        ({"signature": "%"}, "signature"),
    ):
        with pytest.raises(Invalid) as refused:
            sign(judges[0], scenario, **given)
        assert list(refused.value.errors) == [field]
    Scenario.objects.filter(pk=scenario.pk).update(suspended=True)
    with pytest.raises(StateConflict):
        sign(judges[0], scenario)
    assert words(scenario) == {}
    early = factories.scenario_in_review(1)
    _panel, [judge, *_others] = factories.scoring_panel(early)
    with pytest.raises(StateConflict) as refused:
        sign(judge, early)
    assert refused.value.code == "report.none"


def test_silence_is_consent_by_the_clock_and_once(clock):
    scenario, judges = made()
    sign(judges[0], scenario)
    report = scenario.report
    clock.freeze(sign_by(report) - timedelta(milliseconds=1))
    assert count_silence() == 0
    sign(judges[1], scenario, dissents=True, reason="不同意。")
    clock.freeze(sign_by(report))
    with pytest.raises(DeadlinePassed):
        sign(judges[2], scenario)
    Scenario.objects.filter(pk=scenario.pk).update(suspended=True)
    assert count_silence() == 0
    Scenario.objects.filter(pk=scenario.pk).update(suspended=False)
    assert count_silence() == 1
    assert count_silence() == 0
    assert words(scenario) == {"J1": "signed", "J2": "dissented", "J3": "silent"}
    assert again(scenario).state == State.DECISION
    event = Event.objects.get(kind="report.unanswered")
    assert (event.role, event.data["code"]) == (Role.SYSTEM, "J3")
    assert Signature.objects.count() == 2


def test_a_standstill_gives_the_whole_window_again(clock):
    scenario, _judges = made()
    first = sign_by(scenario.report)
    officer = world.officer()
    from_at = scenario.report.created_at + timedelta(hours=1)
    scenario.suspensions.create(
        reason="x", from_at=from_at, suspended_by=officer.user, until_at=from_at + timedelta(days=9)
    )
    assert sign_by(scenario.report) - first == timedelta(days=9, hours=1)


def test_a_word_stays_as_it_is():
    scenario, judges = made()
    sign(judges[0], scenario)
    for rows in (ReportWord.objects, Signature.objects):
        with pytest.raises(DatabaseError), transaction.atomic():
            rows.all().delete()
    member = scenario.panel.members.get(user=judges[1].user)
    with pytest.raises(DatabaseError), transaction.atomic():
        ReportWord.objects.create(
            report=scenario.report,
            member=member,
            word=Word.SIGNED,
            said_at=sign_by(scenario.report),
        )


def test_a_provider_of_seals_signs_in_place_of_the_scan(settings, monkeypatch):
    scenario, judges = made()
    key = Ed25519PrivateKey.generate()
    route = signing.Ed25519Seals(key.public_key(), "k1")
    monkeypatch.setitem(signing.ROUTES, route.code, route)
    settings.SIGNING_ROUTE = "ed25519"
    said = signing.statement(
        kind="report",
        subject=scenario.report.uid,
        sha256=scenario.report.sha256,
        signer=judges[0].user.uid,
        word="signed",
    )
    for wrong in ("", base64.b64encode(key.sign(said + b" ")).decode()):
        with pytest.raises(Invalid) as refused:
            sign(judges[0], scenario, signature=wrong)
        assert refused.value.code == "signature.unfit"
    row = sign(judges[0], scenario, signature=base64.b64encode(key.sign(said)).decode())
    sealed = row.signature
    assert (sealed.route, sealed.algorithm, sealed.key_id) == ("ed25519", "Ed25519", "k1")
    assert making.holds(sealed)
    sealed.statement = said + b" "
    assert not making.holds(sealed)


def test_the_pages_of_a_member():
    scenario, judges = made()
    client, panel = signed_in(judges[0]), scenario.panel
    desk = client.get(reverse("panel-desk", args=[panel.uid])).content.decode()
    url = reverse("panel-report", args=[panel.uid])
    assert url in desk
    assert url in client.get("/en/desk/").content.decode()
    page = client.get(url)
    assert page.status_code == 200
    name = scenario.bids.get().organisation.name
    assert name in client.get(reverse("report", args=[scenario.address])).content.decode()
    assert client.post(url, {"do": "sign", "word": "dissented"}).status_code == 422
    given = {"do": "sign", "word": "dissented", "reason": "价格分不合理。"}
    assert client.post(url, given).status_code == 302
    assert "价格分不合理。" in client.get(url).content.decode()
    office = signed_in(world.officer()).get(reverse("report", args=[scenario.address]))
    assert "价格分不合理。" in office.content.decode()
    assert judges[0].user.name not in office.content.decode()
    for actor in (world.officer(), world.vendor(), world.person(Role.EXPERT)):
        assert signed_in(actor).get(url).status_code == 404
    assert (
        signed_in(judges[0]).get(f"/en/scenarios/{scenario.address}/decision/").status_code == 404
    )


def test_a_report_of_the_earlier_rule_counts_as_signed():
    """Made before members were asked: reported, and nobody's word."""
    scenario, judges = made()
    sign(judges[0], scenario)
    type(scenario.panel).objects.filter(pk=scenario.panel.pk).update(state=PanelState.REPORTED)
    with pytest.raises(DeadlinePassed):
        sign(judges[1], scenario)
    assert count_silence() == 0
    other, _judges = made()
    type(other.panel).objects.filter(pk=other.panel.pk).update(state=PanelState.REPORTED)
    page = signed_in(world.officer()).get(f"/en/scenarios/{other.address}/report/")
    assert "earlier rule" in page.content.decode()
    assert Notice.objects.count() == 0


# -- The second declaration ------------------------------------------------------------------------
def named(bids=2):
    scenario = factories.scenario_in_review(bids)
    panel, judges = factories.scoring_panel(scenario)
    return scenario, panel, judges


def declare(judge, panel, *, free=True, reason=""):
    return actions.declare_against_bidders(
        actor=judge, panel_uid=panel.uid, free=free, reason=reason
    )


def test_no_sheet_by_name_before_the_second_declaration():
    scenario, panel, judges = named()
    client, url = signed_in(judges[0]), reverse("panel-bidders", args=[panel.uid])
    name = scenario.bids.first().organisation.name
    with pytest.raises(TooEarly) as refused:
        declare(judges[0], panel)
    assert refused.value.code == "declaration.early"
    factories.lock_stage(judges[:2], "technical")
    assert client.get(url).status_code == 302  # the others still score blind
    factories.lock_stage(judges[2:], "technical")
    assert url in client.get(reverse("panel-desk", args=[panel.uid])).content.decode()
    assert url in client.get("/en/desk/").content.decode()
    assert name in client.get(url).content.decode()
    rows = factories.Sheet.objects.filter(member__panel=panel, stage="named")
    assert not rows.exists()
    assert client.post(url, {"free": "yes"}).status_code == 302
    assert rows.count() == 2
    with pytest.raises(StateConflict) as refused:
        declare(judges[0], panel)
    assert refused.value.code == "declaration.made"
    event = Event.objects.filter(kind="interest.declared").latest("pk")
    assert event.data == {"free": True, "named": True}
    for actor in (world.secretary(), world.person(Role.EXPERT)):
        with pytest.raises((NotAllowed, NotFound)):
            declare(actor, panel)


def test_an_interest_found_now_recuses_and_counts_against_the_quorum():
    _scenario, panel, judges = named(1)
    factories.lock_stage(judges, "technical")
    declare(judges[1], panel)
    declare(judges[0], panel, free=False, reason="曾任该单位顾问。")
    member = panel.members.get(user=judges[0].user)
    assert (member.state, member.declared_named_at) == ("recused", None)
    assert set(member.sheets.values_list("state", flat=True)) == {"void"}
    factories.lock_stage(judges[1:], "named")
    panel.refresh_from_db()
    assert panel.state == PanelState.NAMED
    added = world.person(Role.EXPERT)
    factories.add(panel, added)
    actions.declare_interest(actor=added, panel_uid=panel.uid, free=True)
    with pytest.raises(TooEarly):
        declare(added, panel)  # blind first
    factories.lock_stage([added], "technical")
    factories.lock_stage([added], "named")
    panel.refresh_from_db()
    assert panel.state == PanelState.PRICE


def test_sheets_by_name_given_under_the_earlier_rule_go_on():
    _scenario, panel, judges = named(1)
    factories.lock_stage(judges, "technical")
    for judge in judges:
        declare(judge, panel)
    panel.members.update(declared_named_at=None)
    with pytest.raises(StateConflict):
        declare(judges[0], panel)
    factories.lock_stage(judges, "named")
    panel.refresh_from_db()
    assert panel.state == PanelState.PRICE
