"""An owner who posts under a mask is named to nobody but those who must know."""

import hashlib
import json

import pytest
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse

from marketplace.base.canonical import canonical, salted
from marketplace.base.errors import Invalid
from marketplace.ledger import actions as ledger
from marketplace.ledger.models import Audience, Event
from marketplace.notices.models import Notice
from marketplace.scenarios import actions
from marketplace.scenarios.board import facets, page_of
from marketplace.scenarios.disclosure.mask import (
    MASK_EN,
    frozen_owner,
    owner_said,
    short_names,
    shown_owner,
    telling_names,
)
from marketplace.scenarios.models import Publication, Scenario
from marketplace.scenarios.questions import actions as asking
from tests import world
from tests.scenarios import typed
from tests.scenarios.test_publication import publish

pytestmark = pytest.mark.django_db
MASK = "某港航企业"
NAME, NAME_EN = "上海洋汇航运科技有限公司", "Yanghui Shipping Technology Co., Ltd."


def posted(owner=None, **fields):
    """(owner, a demand that it published under its mask)."""
    owner = owner or world.owner(name=NAME, name_en=NAME_EN)
    owner.user.email = "lu@yanghui-shipping.example"
    owner.user.save()
    given = {"owner_masked": True, "owner_mask": MASK, "contact": "陆清和 021-61234567"} | fields
    scenario = typed.demonstrated(owner, **given)
    publish(scenario, key_holder_uids=typed.holders())
    scenario.refresh_from_db()
    return owner, scenario


def publicised(scenario):
    with transaction.atomic():
        ledger.append(
            "award.publicised",
            actor=world.officer(),
            subjects=[scenario.uid],
            audience=Audience.PUBLIC,
        )
    scenario.refresh_from_db()


def as_(actor=None):
    client = Client()
    if actor:
        client.force_login(actor.user)
    return client


def test_who_knows_whose_demand_it_is():
    owner, scenario = posted()
    for actor in (owner, world.officer(), world.secretary()):
        shown = shown_owner(actor, scenario)
        assert (shown.name, shown.masked) == (NAME, False)
    for actor in (world.vendor(), world.owner(), world.person("expert"), world.person("inspector")):
        shown = shown_owner(actor, scenario)
        assert (shown.name, shown.name_en, shown.organisation, shown.masked) == (
            MASK,
            MASK_EN,
            None,
            True,
        )


def test_everybody_knows_from_the_publicity_on():
    _owner, scenario = posted()
    publicised(scenario)
    assert shown_owner(world.vendor(), scenario).name == NAME
    page = as_().get(reverse("scenario", args=[scenario.ref])).content.decode()
    assert NAME in page
    found = facets(world.vendor(), {"q": "洋汇航运"})
    assert found["total"] == 1


def planted(owner, scenario):
    """What must not be read anywhere: names, code, uids of organisation and people, mail."""
    people = [owner.user, scenario.author]
    return {
        *telling_names(owner.organisation),
        owner.organisation.name,
        str(owner.organisation.uid),
        *(str(person.uid) for person in people),
        *(person.email for person in people),
        *(person.name for person in people),
        "陆清和",
        "61234567",
    }


def test_no_byte_that_strangers_and_vendors_fetch_names_the_owner():
    owner, scenario = posted()
    vendor = world.vendor()
    question = asking.ask_question(
        actor=vendor, scenario_uid=scenario.uid, text="流量样本由谁提供？"
    )
    asking.answer_questions(
        actor=owner, scenario_uid=scenario.uid, question_uids=[question.uid], text="由需求方提供。"
    )
    ref = scenario.ref
    pages = [
        reverse("board"),
        reverse("board") + "?q=" + NAME,
        reverse("board") + "?q=洋汇航运",
        reverse("board") + "?q=" + scenario.title[:2],
        reverse("goals"),
        reverse("scenario", args=[ref]),
        reverse("scenario-history", args=[ref]),
        reverse("scenario-questions", args=[ref]),
        reverse("scenario-published", args=[ref, 1]),
        reverse("desk"),
        reverse("notices"),
        reverse("api-scenarios"),
        reverse("api-scenarios") + "?ref=" + ref,
        reverse("api-scenario", args=[scenario.uid]),
    ]
    words = planted(owner, scenario)
    for language in ("zh-hans", "en"):
        for client in (as_(), as_(vendor)):
            client.cookies["django_language"] = language
            for address in pages:
                response = client.get(address, follow=True)
                told = b"".join(response) if response.streaming else response.content
                body = told.decode()
                if "q=" in address:  # what was asked for stands in the box and in the address
                    asked = address.partition("q=")[2]
                    body = body.replace(asked, "")
                    assert scenario.title not in body or asked == scenario.title[:2]
                heads = "\n".join(f"{k}: {v}" for k, v in response.items())
                named = [word for word in words if word in body or word in heads]
                assert (address, named) == (address, [])
    home = as_(vendor).get(reverse("organisation", args=[owner.organisation.uid])).content.decode()
    assert ref not in home
    assert (
        ref
        in as_(owner).get(reverse("organisation", args=[owner.organisation.uid])).content.decode()
    )


def test_no_leaf_that_everybody_reads_names_the_owner_or_its_people():
    owner, scenario = posted()
    question = asking.ask_question(
        actor=world.vendor(), scenario_uid=scenario.uid, text="流量样本由谁提供？"
    )
    asking.answer_questions(
        actor=owner, scenario_uid=scenario.uid, question_uids=[question.uid], text="由需求方提供。"
    )
    actions.withdraw_scenario(actor=owner, scenario_uid=scenario.uid, reason="内部调整")
    leaves = Event.objects.filter(audience=Audience.PUBLIC)
    assert {event.kind for event in leaves} >= {
        "scenario.published",
        "question.answered",
        "scenario.withdrawn",
    }
    words = planted(owner, scenario)
    for event in leaves:
        body = bytes(event.body).decode()
        assert (event.kind, [word for word in words if word in body]) == (event.kind, [])
    scenario.refresh_from_db()
    assert scenario.veiled


def test_notices_to_others_do_not_name_it():
    owner, scenario = posted()
    words = planted(owner, scenario)
    for notice in Notice.objects.exclude(user__memberships__organisation=owner.organisation):
        assert [word for word in words if word in str(vars(notice))] == []


def test_the_publication_commits_to_the_owner_and_opens_later():
    _owner, scenario = posted()
    body = json.loads(bytes(Publication.objects.get().body))
    told = hashlib.sha256(canonical(owner_said(scenario))).hexdigest()
    assert body["owner"] == {
        "mask": MASK,
        "commitment": salted(told, bytes(scenario.owner_salt)),
    }
    assert body["contact"] == ""
    assert frozen_owner(scenario) == body["owner"]


def test_search_finds_it_by_its_mask_alone():
    _owner, scenario = posted()
    vendor = world.vendor()
    for words, ids in (("洋汇", []), ("Yanghui", []), (MASK, [scenario.pk])):
        found = page_of(vendor, {"q": words}, "best", 0, 10)
        assert (words, [row.pk for row in found]) == (words, ids)


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("title", "洋汇航运科技的工控检测"),
        ("need", f"{NAME}需要检测"),
        ("pain", "洋 汇 航 运误报多"),
        ("summary_en", "Yanghui Shipping Technology needs it"),
        ("owner_mask", "洋汇航运"),
    ],
)
def test_a_text_that_names_the_owner_is_not_filed(field, text):
    owner = world.owner(name=NAME, name_en=NAME_EN)
    data = typed.data(**({"owner_masked": True, "owner_mask": MASK} | {field: text}))
    scenario = actions.create_draft(actor=owner, data=data)
    with pytest.raises(Invalid) as refused:
        actions.submit_scenario(actor=owner, scenario_uid=scenario.uid, revision=1)
    assert list(refused.value.errors) == [field]


def test_code_and_mail_of_the_owner_lift_the_mask_too():
    owner = world.owner(name=NAME)
    domain = owner.user.email.rpartition("@")[2]
    for text in (f"信用代码 {owner.organisation.uscc}", f"见 {domain} 的说明"):
        data = typed.data(owner_masked=True, owner_mask=MASK, need=text)
        scenario = actions.create_draft(actor=owner, data=data)
        with pytest.raises(Invalid) as refused:
            actions.submit_scenario(actor=owner, scenario_uid=scenario.uid, revision=1)
        assert list(refused.value.errors) == ["need"]


def test_a_mask_has_words():
    owner = world.owner()
    scenario = actions.create_draft(actor=owner, data=typed.data(owner_masked=True))
    with pytest.raises(Invalid) as refused:
        actions.submit_scenario(actor=owner, scenario_uid=scenario.uid, revision=1)
    assert list(refused.value.errors) == ["owner_mask"]


def test_the_publisher_is_told_what_names_the_owner():
    owner = world.owner(name=NAME)
    scenario = typed.demonstrated(owner, owner_masked=True, owner_mask=MASK, pain="洋汇航运慢")
    with pytest.raises(Invalid) as refused:
        publish(scenario, key_holder_uids=typed.holders())
    assert list(refused.value.errors) == ["pain"]


def test_a_published_mask_does_not_change():
    _owner, scenario = posted()
    for changed in ({"owner_masked": False}, {"owner_mask": "某企业"}):
        with pytest.raises(Exception, match="scenario_mask_stays"), transaction.atomic():
            Scenario.objects.filter(pk=scenario.pk).update(**changed)
    assert connection.is_usable()


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("上海洋汇航运科技有限公司", "洋汇航运"),
        ("中国（上海）自贸区云帆数据有限公司", "云帆数据"),
        ("沪东重机集团有限公司", "沪东重机"),
    ],
)
def test_short_names(name, short):
    assert short in short_names(name)


def test_an_owner_without_a_mask_is_frozen_by_name():
    scenario = typed.demonstrated()
    publish(scenario, key_holder_uids=typed.holders())
    body = json.loads(bytes(Publication.objects.get().body))
    assert body["owner"]["name"] == scenario.organisation.name
