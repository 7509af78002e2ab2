"""The pages of a panel: who finds them, what they let through, what they never tell."""

import pytest
from django.test import Client
from django.urls import reverse

from marketplace.base.actor import Actor
from marketplace.committee import actions
from marketplace.committee.models import MemberState, PanelState, Score, SheetStage
from marketplace.files.models import AccessRecord
from marketplace.web.acting import SESSION_KEY
from tests import world
from tests.api.client import As
from tests.committee import factories

pytestmark = pytest.mark.django_db


def signed_in(actor: Actor) -> Client:
    client = Client()
    client.force_login(actor.user)
    session = client.session
    key = f"org:{actor.organisation.uid}" if actor.organisation else f"role:{actor.role}"
    session[SESSION_KEY] = key
    session.save()
    return client


def panel_url(scenario):
    return reverse("panel", args=[scenario.address])


def sheet_url(sheet):
    return reverse("sheet", args=[sheet.uid])


# -- The secretary -----------------------------------------------------------------------------------
def test_the_secretary_starts_and_reads_progress():
    scenario = factories.scenario_in_review(1)
    client = signed_in(world.secretary())
    assert (
        reverse("draw", args=[scenario.address]) in client.get(panel_url(scenario)).content.decode()
    )
    panel, judges = factories.seated_panel(scenario)
    refused = client.post(panel_url(scenario), {"do": "start"})
    assert refused.status_code == 409
    for judge in judges:
        actions.declare_interest(actor=judge, panel_uid=panel.uid, free=True)
    assert client.post(panel_url(scenario), {"do": "start"}).status_code == 302
    assert "0 / 1" in client.get(panel_url(scenario)).content.decode()


def test_the_secretary_recuses_and_names_nobody():
    scenario = factories.scenario_in_review(1)
    panel, _judges = factories.seated_panel(scenario)
    client, member = signed_in(world.secretary()), panel.members.first()
    url = panel_url(scenario)
    assert client.post(url, {"do": "recuse", "member": member.uid}).status_code == 422
    given = {"do": "recuse", "member": member.uid, "reason": "举报属实"}
    assert client.post(url, given).status_code == 302
    member.refresh_from_db()
    assert member.state == MemberState.RECUSED
    short = "The panel is no quorum yet"
    assert short in client.get(url).content.decode()
    factories.add(panel, world.person("expert"))
    assert short not in client.get(url).content.decode()
    for gone in ("appoint", "add", "dance"):
        assert client.post(url, {"do": gone}).status_code == 404


def test_names_are_shown_after_a_reason_is_recorded():
    scenario = factories.scenario_in_review(1)
    _panel, judges = factories.seated_panel(scenario)
    name = "示评无双"
    judges[0].user.name = name
    judges[0].user.save()
    client = signed_in(world.officer())
    url = panel_url(scenario)
    assert name not in client.get(url).content.decode()
    assert client.post(url, {"do": "look", "reason": ""}).status_code == 422
    assert name in client.post(url, {"do": "look", "reason": "核实举报"}).content.decode()
    record = AccessRecord.objects.get(what="panel.names")
    assert (record.detail, AccessRecord.objects.count()) == ("核实举报", 1)


def test_the_panel_is_the_offices_alone():
    scenario = factories.scenario_in_review(1)
    _panel, judges = factories.seated_panel(scenario)
    for actor in (judges[0], world.member(scenario.organisation), world.vendor()):
        assert signed_in(actor).get(panel_url(scenario)).status_code == 404
    assert Client().get(panel_url(scenario)).status_code == 302
    page = signed_in(world.officer()).get(panel_url(scenario))
    assert page.status_code == 200
    assert "Recuse a member" not in page.content.decode()
    assert signed_in(world.officer()).post(panel_url(scenario), {"do": "start"}).status_code == 403


# -- The judge ---------------------------------------------------------------------------------------
def test_a_judge_declares_scores_and_locks():
    scenario = factories.scenario_in_review(1)
    panel, judges = factories.seated_panel(scenario)
    client = signed_in(judges[0])
    desk = reverse("panel-desk", args=[panel.uid])
    assert "Declare first" in client.get(desk).content.decode()
    assert client.post(desk, {"do": "declare"}).status_code == 422
    assert client.post(desk, {"do": "declare", "free": "yes"}).status_code == 302
    for judge in judges[1:]:
        actions.declare_interest(actor=judge, panel_uid=panel.uid, free=True)
    actions.start_scoring(actor=world.secretary(), panel_uid=panel.uid)
    sheet = factories.sheets(judges[0]).get()
    assert sheet_url(sheet) in client.get(desk).content.decode()
    page = client.get(sheet_url(sheet))
    assert page.status_code == 200
    assert factories.TECHNICAL["approach"] in page.content.decode()
    given = {"points-C1": "40", "points-C2": "15", "comment-C1": "可行", "revision": "1"}
    assert client.post(sheet_url(sheet), given).status_code == 302
    assert client.post(sheet_url(sheet), given).status_code == 409
    locked = client.post(sheet_url(sheet), {"do": "lock", "revision": "2"})
    assert locked.status_code == 302
    page = client.get(sheet_url(sheet)).content.decode()
    assert "40.00" in page
    assert "hx-post" not in page


def test_every_change_is_saved_and_said_so():
    _panel, judges = factories.scoring_panel(factories.scenario_in_review(1))
    sheet, client = factories.sheets(judges[0]).get(), signed_in(judges[0])
    htmx = {"HTTP_HX_REQUEST": "true"}
    saved = client.post(sheet_url(sheet), {"points-C1": "40", "revision": "1"}, **htmx)
    text = saved.content.decode()
    assert saved.status_code == 200
    assert 'id="saved-C1"' in text
    assert "Saved at" in text
    assert 'id="revision" value="2" hx-swap-oob="true"' in text
    wrong = client.post(sheet_url(sheet), {"points-C2": "99", "revision": "2"}, **htmx)
    assert wrong.status_code == 422
    assert 'id="saved-C2"' in wrong.content.decode()
    assert "Points go from 0 to 20." in wrong.content.decode()
    stale = client.post(sheet_url(sheet), {"points-C2": "9", "revision": "1"}, **htmx)
    assert stale.status_code == 409
    assert Score.objects.count() == 1


def test_what_was_typed_and_refused_stands_there_again():
    _panel, judges = factories.scoring_panel(factories.scenario_in_review(1))
    sheet = factories.sheets(judges[0]).get()
    given = {"points-C1": "七十", "comment-C1": "<i>好</i>", "revision": "1"}
    page = signed_in(judges[0]).post(sheet_url(sheet), given)
    assert page.status_code == 422
    assert 'value="七十"' in page.content.decode()
    assert "&lt;i&gt;好&lt;/i&gt;" in page.content.decode()


def test_attachments_come_under_neutral_names():
    scenario = factories.scenario_in_review(1)
    _panel, judges = factories.scoring_panel(scenario)
    sheet = factories.sheets(judges[0]).get()
    answer = signed_in(judges[0]).get(reverse("sheet-file", args=[sheet.uid, 1]))
    assert answer.content == b"technical of B1 0"
    assert answer["Content-Disposition"] == "attachment; filename*=UTF-8''Attachment%201.pdf"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert signed_in(judges[0]).get(reverse("sheet-file", args=[sheet.uid, 2])).status_code == 404
    assert signed_in(judges[1]).get(reverse("sheet-file", args=[sheet.uid, 1])).status_code == 404


def challenging_bid(scenario):
    """Its business envelope challenges an expert: a canary on whatever page a judge reads."""
    business = {
        "legal_representative": "法人某",
        "project_leader": "项目负责人某",
        "team": [{"name": "组员某", "role": "研发", "years": 5}],
        "consortium": [],
        "condition_statements": {"Q1": "满足。"},
        "challenges": [{"who": "金丝雀专家", "reason": "金丝雀理由"}],
        "accepts_terms": True,
    }
    return factories.opened_bid(scenario, code="B1", business=business)


def test_no_page_of_a_judge_tells_of_challenges():
    scenario = factories.scenario_in_review(0)
    challenging_bid(scenario)
    panel, judges = factories.scoring_panel(scenario)
    client, api = signed_in(judges[0]), As(judges[0]).client
    for stage, sought in [(SheetStage.TECHNICAL, "基线"), (SheetStage.NAMED, "项目负责人某")]:
        sheet = factories.sheets(judges[0], stage).get()
        page = client.get(sheet_url(sheet)).content.decode()
        assert sought in page
        told = api.get(f"/api/v1/sheets/{sheet.uid}/").content.decode()
        desk = client.get(reverse("panel-desk", args=[panel.uid])).content.decode()
        assert [text.count("金丝雀") for text in (page, told, desk)] == [0, 0, 0]
        assert [text.count("challenges") for text in (page, told)] == [0, 0]
        factories.lock_stage(judges, stage)
    assert "金丝雀理由" in signed_in(world.secretary()).get(panel_url(scenario)).content.decode()


def routes(panel, sheet):
    return [
        reverse("panel-desk", args=[panel.uid]),
        sheet_url(sheet),
        reverse("sheet-file", args=[sheet.uid, 1]),
    ]


def test_nobody_sees_anothers_sheet_on_any_route():
    scenario = factories.scenario_in_review(1)
    panel, judges = factories.scoring_panel(scenario)
    sheet = factories.sheets(judges[0]).get()
    others = [world.secretary(), world.officer(), world.member(scenario.organisation)]
    for actor in [judges[1], world.person("expert"), *others]:
        client = signed_in(actor)
        for url in routes(panel, sheet)[1:]:
            assert client.get(url).status_code == 404
        for given in ({"points-C1": "1", "revision": "1"}, {"do": "lock", "revision": "1"}):
            assert client.post(sheet_url(sheet), given).status_code == 404
    assert not Score.objects.exists()


def test_a_recusal_ends_every_route_at_once():
    panel, judges = factories.scoring_panel(factories.scenario_in_review(1))
    sheet, client = factories.sheets(judges[0]).get(), signed_in(judges[0])
    assert [client.get(url).status_code for url in routes(panel, sheet)] == [200, 200, 200]
    stepped = client.post(
        reverse("panel-desk", args=[panel.uid]),
        {"do": "recuse", "member": sheet.member.uid, "reason": "刚得知"},
    )
    assert stepped.status_code == 200
    assert [client.get(url).status_code for url in routes(panel, sheet)] == [404, 404, 404]
    assert client.post(sheet_url(sheet), {"points-C1": "1", "revision": "1"}).status_code == 404


# -- Blindness ---------------------------------------------------------------------------------------
def test_nothing_tells_who_bid_before_the_named_stage():
    scenario = factories.scenario_in_review(2)
    panel, judges = factories.seated_panel(scenario)
    client = signed_in(judges[0])
    secrets = [
        text
        for bid in scenario.bids.all()
        for text in (
            bid.organisation.name,
            bid.organisation.uscc,
            str(bid.organisation.uid),
            str(bid.uid),
        )
    ]

    def told(urls):
        pages = [client.get(url) for url in urls]
        assert {page.status_code for page in pages} == {200}
        text = "".join(p.content.decode() + str(dict(p.headers)) for p in pages)
        return [secret for secret in secrets if secret in text]

    desk = reverse("panel-desk", args=[panel.uid])
    assert told([desk]) == []
    for judge in judges:
        actions.declare_interest(actor=judge, panel_uid=panel.uid, free=True)
    actions.start_scoring(actor=world.secretary(), panel_uid=panel.uid)
    sheets = list(factories.sheets(judges[0]))
    urls = [desk, *[url for sheet in sheets for url in routes(panel, sheet)]]
    scene = reverse("scenario", args=[scenario.address])
    assert told([*urls, scene]) == []
    factories.lock_stage(judges[:1], SheetStage.TECHNICAL)
    assert told(urls) == []
    factories.lock_stage(judges[1:], SheetStage.TECHNICAL)
    panel.refresh_from_db()
    assert panel.state == PanelState.NAMED
    # The blind sheets stay blind; the names stand on the new ones.
    assert told([sheet_url(sheet) for sheet in sheets]) == []
    named = factories.sheets(judges[0], SheetStage.NAMED)
    assert secrets[0] in told([sheet_url(sheet) for sheet in named])


@pytest.mark.parametrize("bids", [1, 30])
def test_the_seat_costs_the_same_for_many(bids, count_queries):
    panel, judges = factories.scoring_panel(factories.scenario_in_review(bids))
    client = signed_in(judges[0])
    with count_queries() as queried:
        assert client.get(reverse("panel-desk", args=[panel.uid])).status_code == 200
    assert len(queried) <= 16


# -- The report --------------------------------------------------------------------------------------
def test_the_report_is_read_by_office_and_owner_and_downloads_as_frozen():
    scenario = factories.reported(2)
    url = reverse("report", args=[scenario.address])
    for actor in (world.secretary(), world.member(scenario.organisation)):
        page = signed_in(actor).get(url)
        assert page.status_code == 200
        assert "91.00" in page.content.decode()
        assert scenario.bids.first().organisation.name in page.content.decode()
    download = signed_in(world.officer()).get(reverse("report-json", args=[scenario.address]))
    assert download.content == bytes(scenario.report.body)
    bidder = signed_in(world.member(scenario.bids.first().organisation))
    assert bidder.get(url).status_code == 404
    assert bidder.get(reverse("report-json", args=[scenario.address])).status_code == 404
    assert Client().get(url).status_code == 302


def test_markup_in_a_bid_is_text():
    scenario = factories.scenario_in_review(0)
    bid = factories.opened_bid(scenario, code="B1", files=0)
    version = bid.versions.get()
    later = type(version).objects.create(
        bid=bid,
        number=2,
        kind="submitted",
        received_at=version.received_at,
        user=version.user,
        receipt=factories.receipts.issue("bid", subject_uid=bid.uid, body={"again": True}),
    )
    form = factories.TECHNICAL | {"approach": "<script>alert(1)</script>"}
    factories.open_envelope(later, "technical", form)
    _panel, judges = factories.scoring_panel(scenario)
    page = signed_in(judges[0]).get(sheet_url(factories.sheets(judges[0]).get()))
    assert "<script>alert(1)" not in page.content.decode()
    assert "&lt;script&gt;alert(1)" in page.content.decode()
