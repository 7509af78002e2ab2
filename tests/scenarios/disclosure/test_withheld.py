"""签约可见: what only released readers read stands in no byte that anybody else fetches."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from django.db import DatabaseError, connection, transaction
from django.urls import NoReverseMatch, get_resolver, reverse

from marketplace.base.errors import Invalid, NotFound
from marketplace.files import storage
from marketplace.ledger.models import Event
from marketplace.notices.models import Notice
from marketplace.scenarios import actions
from marketplace.scenarios.amendments.actions import draft_amendment, publish_amendment
from marketplace.scenarios.content import RESTRICTABLE
from marketplace.scenarios.disclosure.models import RestrictedText
from marketplace.scenarios.disclosure.withheld import file_of, whole_content
from marketplace.scenarios.likeness.keeping import keep_sketches
from marketplace.scenarios.likeness.queries import likes
from marketplace.scenarios.models import Publication, Scenario, State
from marketplace.scenarios.questions import actions as asking
from tests import world
from tests.scenarios import files, typed
from tests.scenarios.test_publication import publish
from tests.web.asking import browser, text, url

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_storage")]
# A word of its own in each field, which stands nowhere else.
PLANTED = {
    "pain": "鹮鹳频繁误报",
    "need": "须识别鹱鹲鹴异常",
    "deliverables": "交付鼗鼙系统",
    "ip_terms": "成果归鼫鼬所有",
    "data_terms": "只在麂麇环境处理",
}
WORDS = ["鹮鹳", "鹱鹲", "鹲鹴", "鼗鼙", "鼫鼬", "麂麇"]


def drafted(owner=None, restricted=RESTRICTABLE, **fields):
    """Waits for its publication."""
    given = PLANTED | {"restricted_fields": list(restricted)} | fields
    scenario = typed.demonstrated(owner or world.owner(), **given)
    keep_sketches([scenario])
    return scenario


def posted(owner=None, **fields):
    scenario = drafted(owner, **fields)
    publish(scenario)
    scenario.refresh_from_db()
    return scenario


def hits(body):
    told = body if isinstance(body, str) else body.decode("utf-8", "replace")
    return [
        word for word in [*WORDS, *PLANTED.values()] if word in told or ascii(word)[1:-1] in told
    ]


# -- What publication does -------------------------------------------------------------------------
def test_publication_moves_the_texts_into_a_restricted_file():
    scenario = posted()
    assert {name: getattr(scenario, name) for name in PLANTED} == dict.fromkeys(PLANTED, "")
    row = scenario.attachments.get()
    assert (row.restricted, row.upload.name) == (True, f"{scenario.ref}-restricted.txt")
    body = storage.read(row.upload.stored_name).decode()
    assert [word for word in PLANTED.values() if word not in body] == []
    assert dict(RestrictedText.objects.values_list("field", "text")) == PLANTED
    frozen = json.loads(bytes(Publication.objects.get().body))
    assert frozen["restricted_fields"] == list(RESTRICTABLE)
    assert frozen["attachments"] == [{"access": "restricted", "commitment": row.commitment}]
    assert (frozen["need"], frozen["summary"]) == ("", scenario.summary)


def test_other_fields_stay_public():
    scenario = posted(restricted=["need"])
    assert (scenario.restricted_fields, scenario.need) == (["need"], "")
    assert scenario.deliverables == PLANTED["deliverables"]
    page = text(browser(world.vendor()).get(url("scenario", scenario)))
    assert (PLANTED["deliverables"] in page, PLANTED["need"] in page) == (True, False)


def test_without_classes_nothing_is_made():
    scenario = posted(restricted=[])
    assert (scenario.need, scenario.attachments.count()) == (PLANTED["need"], 0)


def test_the_database_holds_no_restricted_text_of_a_posted_demand():
    scenario = posted()
    for changed in ({"need": "又写回来"}, {"restricted_fields": ["pain"]}):
        with pytest.raises(DatabaseError), transaction.atomic():
            Scenario.objects.filter(pk=scenario.pk).update(**changed)
    with pytest.raises(DatabaseError), transaction.atomic():
        world.published_scenario(need="写着", restricted_fields=["need"])
    with pytest.raises(DatabaseError), transaction.atomic():
        RestrictedText.objects.update(text="别的")
    assert connection.is_usable()


def test_only_the_five_fields_have_classes():
    owner = world.owner()
    for wrong in (["summary"], ["title"], ["need", "contact"], "need"):
        with pytest.raises(Invalid) as refused:
            actions.create_draft(actor=owner, data=typed.data(restricted_fields=wrong))
        assert list(refused.value.errors) == ["restricted_fields"]
    data = typed.data(restricted_fields=["need", "pain", "need"])
    assert actions.create_draft(actor=owner, data=data).restricted_fields == ["need", "pain"]


# -- Nobody else reads them ------------------------------------------------------------------------
ALONE = (
    *("board", "goals", "desk", "fits", "watched", "notices", "log", "log-checkpoint"),
    *("batches", "saved-searches", "api-scenarios", "api-amendments", "api-questions"),
    *("api-answers", "api-notices", "api-watched", "api-indicators", "api-batches"),
)


def addresses(scenario, **uids):
    """These, every one that takes this demand, and those of its rows."""
    known = {name for name in get_resolver().reverse_dict if isinstance(name, str)}
    found = {reverse(name) for name in ALONE}
    for name in known:
        about = next((uid for kind, uid in uids.items() if kind in name), scenario.uid)
        given = [{"address": scenario.ref}, {"address": scenario.ref, "uid": about}]
        given += [{"address": scenario.ref, "version": version} for version in (1, 2)]
        if any(kind in name for kind in ("scenario", "sealing", "commit", *uids)):
            given.append({"uid": about})
        for one in given:
            with suppress(NoReverseMatch):
                found.add(reverse(name, kwargs=one))
    return sorted(found)


def test_no_byte_that_others_fetch_holds_a_restricted_text():
    owner, vendor, officer = world.owner(), world.vendor(), world.officer()
    scenario = posted(owner)
    question = asking.ask_question(actor=vendor, scenario_uid=scenario.uid, text="样本由谁提供？")
    asking.answer_questions(
        actor=owner, scenario_uid=scenario.uid, question_uids=[question.uid], text="由需求方提供。"
    )
    change = draft_amendment(
        actor=owner, scenario_uid=scenario.uid, data={"summary": "新的摘要。"}, reason="更正"
    )
    publish_amendment(actor=officer, amendment_uid=change.uid)
    row = scenario.attachments.get()
    asked = addresses(
        scenario,
        amendment=change.uid,
        question=question.uid,
        attachment=row.uid,
        undertaking=row.uid,
        file=row.upload.uid,
    )
    asked += [f"{reverse('board')}?q={word}" for word in WORDS]
    asked += [f"{reverse('api-scenarios')}?q={word}" for word in WORDS]
    client, read = browser(vendor), 0
    for address in asked:
        response = client.get(address)
        body = b"".join(response) if response.streaming else response.content
        told = body.decode("utf-8", "replace")
        if "?q=" in address:  # what was asked for stands in the box and in the address
            assert scenario.title not in told
            continue
        assert (address, hits(told), hits(str(response.headers))) == (address, [], [])
        read += response.status_code == 200
    assert read > 25
    for table in (
        "marketplace_scenario",
        "marketplace_searchentry",
        "marketplace_searchword",
        "marketplace_event",
        "marketplace_publication",
        "marketplace_amendment",
        "marketplace_outboxjob",
        "marketplace_notice",
    ):
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT t::text FROM {table} t")
            rows = [row[0] for row in cursor.fetchall()]
        assert (table, hits("\n".join(rows))) == (table, [])
    for bodies in (Event.objects.values_list("body"), Publication.objects.values_list("body")):
        assert [hits(bytes(body)) for (body,) in bodies if hits(bytes(body))] == []
    assert [
        hits(str(vars(notice))) for notice in Notice.objects.all() if hits(str(vars(notice)))
    ] == []


def test_a_stranger_s_draft_learns_nothing_by_being_like_it():
    """Neither before publication, where the office compares, nor after it."""
    rival = world.owner()
    mine = world.draft_scenario(rival, title="甲", pain=PLANTED["pain"], need=PLANTED["need"])
    for theirs in (drafted(title="乙"), posted(title="丙")):
        for actor in (rival, world.officer()):
            like = [one for one in likes(actor, mine) if one.other.pk == theirs.pk]
            assert [(one.compared.parts.keys(), one.phrases) for one in like] in (
                [],
                [({"metrics"}, [])],
                [({"title", "metrics"}, [])],
            )


def test_the_page_says_that_they_are_read_after_signing_and_whom_to_ask():
    scenario = posted(contact="赵六 021-55550000")
    page = text(browser(world.vendor()).get(url("scenario", scenario)))
    assert (page.count("签约可见"), "赵六 021-55550000" in page) == (5, True)
    masked = posted(owner_masked=True, owner_mask="某港航企业", contact="赵六 021-55550000")
    page = text(browser(world.vendor()).get(url("scenario", masked)))
    assert (page.count("签约可见"), "赵六" in page, "由组织方转告" in page) == (5, False, True)


# -- Those who read them ---------------------------------------------------------------------------
def test_a_released_reader_signs_and_reads_the_file_until_the_release_ends():
    owner, vendor, rival = world.owner(), world.vendor(), world.vendor()
    scenario = posted(owner)
    row = scenario.attachments.get()
    assert file_of(vendor, scenario) is None
    files.release(owner, row, vendor)
    assert file_of(vendor, scenario) == row
    page = text(browser(vendor).get(url("scenario", scenario)))
    assert (reverse("undertaking", args=[scenario.ref, row.uid]) in page, hits(page)) == (True, [])
    assert not files.reads(vendor, row)
    files.sign(vendor, row)
    page = browser(vendor).get(reverse("scenario-restricted", args=[scenario.ref]))
    assert set(hits(page.content)) >= set(PLANTED.values())
    copy = browser(vendor).get(f"/files/{row.upload.uid}/")
    assert copy["Content-Type"] == "application/pdf"
    assert not files.reads(rival, row)
    actions.end_release(
        actor=owner, attachment_uid=row.uid, organisation_uid=vendor.organisation.uid
    )
    assert not files.reads(vendor, row)


def test_owner_and_office_read_them_before_and_after():
    owner, officer = world.owner(), world.officer()
    scenario = drafted(owner)
    for actor in (owner, officer):
        page = text(browser(actor).get(url("scenario-gate", scenario)))
        assert [word for word in PLANTED.values() if word not in page] == []
    publish(scenario)
    row = scenario.attachments.get()
    for actor in (owner, officer):
        assert files.reads(actor, row)


def test_the_preview_withholds_them_and_shows_them_to_a_released_reader():
    owner = world.owner()
    scenario = drafted(owner)
    client, address = browser(owner), url("scenario-preview", scenario)
    stranger, released = text(client.get(address)), text(client.get(f"{address}?released"))
    assert (hits(stranger), stranger.count("签约可见")) == ([], 5)
    assert [word for word in PLANTED.values() if word not in released] == []
    scenario.refresh_from_db()
    assert scenario.need == PLANTED["need"]


# -- What follows ----------------------------------------------------------------------------------
def test_no_amendment_brings_a_restricted_field_back():
    owner = world.owner()
    scenario = posted(owner)
    with pytest.raises(Invalid) as refused:
        draft_amendment(
            actor=owner, scenario_uid=scenario.uid, data={"need": "新的要求"}, reason="更正"
        )
    assert list(refused.value.errors) == ["need"]


def test_the_next_round_takes_them_along_for_its_owner():
    owner = world.owner()
    scenario = posted(owner)
    Scenario.objects.filter(pk=scenario.pk).update(state=State.FAILED)
    [again] = actions.relist_scenario(actor=owner, scenario_uid=scenario.uid)
    assert {name: getattr(again, name) for name in PLANTED} == PLANTED
    assert again.restricted_fields == list(RESTRICTABLE)
    assert whole_content(scenario).values["need"] == PLANTED["need"]
    with pytest.raises(NotFound):
        actions.relist_scenario(actor=world.owner(), scenario_uid=again.uid)


def test_the_form_keeps_the_classes():
    owner = world.owner()
    client = browser(owner)
    sent = {"title": "初稿", "restricted_fields": ["need", "data_terms"], "do": "save"}
    assert client.post(reverse("scenario-new"), sent).status_code == 302
    scenario = Scenario.objects.get(title="初稿")
    assert scenario.restricted_fields == ["need", "data_terms"]
    page = client.get(url("scenario-edit", scenario)).content.decode()
    assert page.count("checked") == 2
