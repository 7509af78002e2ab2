"""Approaches and tips: filed by anybody, read by whom they are for, and by nobody else."""

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from marketplace.base.actor import VISITOR, Role
from marketplace.base.errors import Invalid, NotAllowed, NotFound
from marketplace.files.access import AccessRecord
from marketplace.ledger.models import Event
from marketplace.notices.models import Notice
from marketplace.supervision import tips
from marketplace.supervision.actions import answer_tip, register_approach, send_tip
from marketplace.supervision.models import Approach, Scope, Tip, TipAnswer
from marketplace.supervision.queries import answers_of, tip_by_secret, tip_text, waiting
from tests import world
from tests.accounts.test_pledges import fresh
from tests.supervision.test_inspections import ask

pytestmark = pytest.mark.django_db
WORDS = "某单位负责人打电话请求关照。"


@pytest.fixture(autouse=True)
def nothing_remembered():
    cache.clear()


@pytest.fixture
def now(clock):
    clock.freeze(clock.now())
    return clock.now()


def client_of(actor):
    client = Client()
    client.force_login(actor.user)
    return client


def file(actor, now, **given):
    values = {"who": "王某，某单位", "happened_at": now, "what": WORDS}
    return register_approach(actor=actor, **(values | given))


# -- Approaches --------------------------------------------------------------------------------------
def test_an_approach_is_kept_and_told_to_nobody(now):
    officer, scenario = world.officer(), world.published_scenario()
    events = Event.objects.count()
    row = file(officer, now, scenario_uid=scenario.uid)
    assert (row.filer, row.role, row.what) == (officer.user, Role.OFFICER, WORDS)
    event = Event.objects.order_by("-pk").first()
    assert (event.kind, event.audience) == ("approach.registered", "inspect")
    assert (event.subjects, event.data) == ([row.uid], {})
    assert Event.objects.count() == events + 1
    assert Notice.objects.count() == 0


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"who": ""}, "who"),
        ({"who": "x" * 201}, "who"),
        ({"what": " \n"}, "what"),
        ({"what": "长" * 4001}, "what"),
        ({"what": "\x1b[31m"}, "what"),
    ],
)
def test_what_an_approach_must_say(now, given, field):
    with pytest.raises(Invalid) as refused:
        file(world.officer(), now, **given)
    assert list(refused.value.errors) == [field]
    assert Approach.objects.count() == 0


def test_it_does_not_lie_in_the_future(now):
    officer, tick = world.officer(), timedelta(microseconds=1)
    with pytest.raises(Invalid):
        file(officer, now, happened_at=now + tick)
    assert file(officer, now, happened_at=now).happened_at == now


def test_it_comes_before_any_pledge_and_needs_a_name(now):
    expert = fresh(Role.EXPERT)
    assert expert.owes() == {"integrity", "confidentiality"}
    assert file(expert, now).filer == expert.user
    with pytest.raises(NotAllowed):
        file(VISITOR, now)


def test_who_reads_an_approach(now):
    officer, scenario = world.officer(), world.published_scenario()
    row = file(officer, now, scenario_uid=scenario.uid)
    readers = {
        name: world.person(Role.INSPECTOR)
        for name in ("none", "register", "everything", "demand", "other")
    }
    ask(readers["register"], now, scope=Scope.REGISTER)
    ask(readers["everything"], now)
    ask(readers["demand"], now, scope=Scope.SCENARIOS, subject_uids=[scenario.uid])
    other = world.published_scenario()
    ask(readers["other"], now, scope=Scope.SCENARIOS, subject_uids=[other.uid])
    sees = {
        name: list(Approach.objects.visible_to(reader)) == [row] for name, reader in readers.items()
    }
    assert sees == {
        "none": False,
        "register": True,
        "everything": True,
        "demand": True,
        "other": False,
    }
    assert list(Approach.objects.visible_to(officer)) == [row]
    for nobody in (world.officer(), world.secretary(), world.person(Role.OPERATOR), VISITOR):
        assert list(Approach.objects.visible_to(nobody)) == []


def test_the_page_files_keeps_what_was_typed_and_hides_foreign_demands(now):
    owner, stranger = world.owner(), world.owner()
    draft, public = world.draft_scenario(stranger), world.published_scenario(stranger)
    client, address = client_of(owner), reverse("approaches")
    given = {"who": "王某", "happened_at": "2026-01-05T10:00", "what": WORDS}
    for demand in (str(draft.uid), "LG-1999-0001", "x\x00"):
        answer = client.post(address, given | {"demand": demand})
        assert (answer.status_code, WORDS in answer.content.decode()) == (422, True)
    answer = client.post(address, given | {"demand": public.ref})
    assert (answer.status_code, Approach.objects.get().scenario_uid) == (302, public.uid)
    assert WORDS in client.get(address).content.decode()
    assert WORDS not in client_of(world.officer()).get(address).content.decode()


@pytest.mark.parametrize("number", [1, 30])
def test_the_register_costs_the_same_with_many(now, number, count_queries):
    officer, scenario = world.officer(), world.published_scenario()
    for _ in range(number):
        file(officer, now, scenario_uid=scenario.uid)
    client = client_of(officer)
    with count_queries() as counted:
        assert client.get(reverse("approaches")).status_code == 200
    assert len(counted) == 8


# -- Tips --------------------------------------------------------------------------------------------
def test_a_tip_keeps_nothing_of_its_sender_and_its_words_unreadable():
    events = Event.objects.count()
    sent = send_tip(text=WORDS)
    tip = Tip.objects.get()
    assert (tip.number, tip.secret_hash) == (sent.number, tips.secret_hash(sent.secret))
    stored = bytes(tip.body)
    assert WORDS.encode() not in stored
    assert sent.secret not in {tip.number, tip.secret_hash}
    assert {field.name for field in Tip._meta.fields} == {
        *("id", "uid", "created_at", "number", "secret_hash", "body", "received_at")
    }
    event = Event.objects.order_by("-pk").first()
    assert (event.kind, event.audience, event.actor_uid) == ("tip.received", "inspect", None)
    assert (event.subjects, event.data, event.role) == ([tip.uid], {}, "visitor")
    assert Event.objects.count() == events + 1
    assert tip_text(tip) == WORDS


def test_the_words_are_bound_to_their_tip_and_survive_a_new_key(settings):
    send_tip(text=WORDS)
    tip = Tip.objects.get()
    with pytest.raises(tips.InvalidTag):
        tips.unseal(tip.body, world.make_user().uid)
    old = settings.SECRET_KEY
    settings.SECRET_KEY = "another" * 10
    with pytest.raises(tips.InvalidTag):
        tip_text(tip)
    settings.SECRET_KEY_FALLBACKS = [old]
    assert tip_text(tip) == WORDS


@pytest.mark.parametrize("text", ["", " \n ", "长" * 4001, "a\x00b", "\x1b]0;x\x07"])
def test_what_a_tip_must_say(text):
    with pytest.raises(Invalid) as refused:
        send_tip(text=text)
    assert (list(refused.value.errors), Tip.objects.count()) == (["text"], 0)


def test_number_and_secret_open_it_and_nothing_else_does():
    sent, other = send_tip(text=WORDS), send_tip(text="另一条。")
    tip = Tip.objects.get(number=sent.number)
    assert tip_by_secret(sent.number, sent.secret) == tip
    assert tip_by_secret(f" {sent.number.lower()} ", f"{sent.secret[:6]}-{sent.secret[6:]}") == tip
    for number, secret in (
        (sent.number, other.secret),
        (sent.number, ""),
        ("", sent.secret),
        ("x\x00", "\x00"),
        ("9" * 500, "9" * 500),
    ):
        assert tip_by_secret(number, secret) is None


def test_inspectors_answer_and_nobody_else_sees_it():
    send_tip(text=WORDS)
    tip, inspector = Tip.objects.get(), world.person(Role.INSPECTOR)
    assert waiting(inspector)["tips"] == 1
    for actor in (
        world.officer(),
        world.person(Role.OPERATOR),
        world.person(Role.COMPLAINTS),
        VISITOR,
    ):
        with pytest.raises(NotFound):
            answer_tip(actor=actor, tip_uid=tip.uid, text="已收到。")
        assert (list(Tip.objects.visible_to(actor)), waiting(actor)["tips"]) == ([], 0)
    answer = answer_tip(actor=inspector, tip_uid=tip.uid, text="已收到。")
    assert [row.text for row in answers_of(tip)] == ["已收到。"]
    assert "已收到。".encode() not in bytes(answer.body)
    event = Event.objects.get(kind="tip.answered")
    assert (event.subjects, event.audience) == ([tip.uid, answer.uid], "inspect")
    assert waiting(inspector)["tips"] == 0


def test_the_pages_of_a_tip_from_sending_to_its_answer():
    visitor, inspector = Client(), world.person(Role.INSPECTOR)
    answer = visitor.post(reverse("tips"), {"text": WORDS})
    sent, tip = answer.context["sent"], Tip.objects.get()
    assert (answer.status_code, sent.secret in answer.content.decode()) == (200, True)
    assert "sessionid" not in visitor.cookies
    lookup = {"number": sent.number, "secret": sent.secret}
    assert visitor.post(reverse("tip-answer"), lookup).status_code == 200
    inbox = client_of(inspector)
    assert tip.number in inbox.get(reverse("tip-inbox")).content.decode()
    page = reverse("tip", args=[tip.uid])
    assert WORDS in inbox.get(page).content.decode()
    read = AccessRecord.objects.get()
    assert (read.what, read.subject_uid, read.user_uid) == (
        "tip.read",
        tip.uid,
        inspector.user_uid,
    )
    assert inbox.post(page, {"text": "已转核查。"}).status_code == 302
    shown = visitor.post(reverse("tip-answer"), lookup).content.decode()
    assert "已转核查。" in shown
    assert inspector.person.name not in shown
    assert visitor.post(reverse("tip-answer"), lookup | {"secret": "x"}).status_code == 404


def test_nobody_else_opens_the_inspectors_side():
    send_tip(text=WORDS)
    page = reverse("tip", args=[Tip.objects.get().uid])
    for actor in (world.officer(), world.person(Role.OPERATOR)):
        client = client_of(actor)
        assert client.get(page).status_code == 404
        assert client.get(reverse("tip-inbox")).status_code == 403
    assert Client().get(page).status_code == 302


def test_a_signed_in_sender_is_a_visitor_too():
    answer = client_of(world.owner()).post(reverse("tips"), {"text": WORDS})
    assert answer.status_code == 200
    event = Event.objects.get(kind="tip.received")
    assert (event.actor_uid, event.organisation_uid, event.role) == (None, None, "visitor")


def test_tips_are_limited_by_sender_and_together(settings):
    settings.ACCOUNT_RATE_LIMITS = settings.ACCOUNT_RATE_LIMITS | {"tip_together": "7/h/key"}
    client, address = Client(), reverse("tips")
    forged = [
        client.post(address, {"text": WORDS}, headers={"X-Forwarded-For": f"10.0.0.{n}"})
        for n in range(6)
    ]
    assert [answer.status_code for answer in forged] == [200] * 5 + [429]
    assert WORDS in forged[-1].content.decode()
    others = [
        Client(REMOTE_ADDR=f"10.1.0.{n}").post(address, {"text": WORDS}).status_code
        for n in range(3)
    ]
    assert others == [200, 200, 429]
    assert Tip.objects.count() == 7


def test_guessing_secrets_is_limited():
    sent, address = send_tip(text=WORDS), reverse("tip-answer")
    client = Client()
    tried = [client.post(address, {"number": sent.number, "secret": str(n)}) for n in range(31)]
    assert [answer.status_code for answer in tried] == [404] * 30 + [429]


@pytest.mark.parametrize(
    "given", [{}, {"text": ""}, {"text": "长" * 4001}, {"text": "a\x00b"}, {"text": "\x1b[0m"}]
)
def test_bad_input_keeps_nothing(given):
    assert Client().post(reverse("tips"), given).status_code == 422
    assert Client().post(reverse("tip-answer"), given).status_code == 422
    assert Tip.objects.count() == 0


@pytest.mark.parametrize("model", [Approach, Tip, TipAnswer])
def test_the_registers_are_history(model):
    assert model.append_only is True


@pytest.mark.parametrize("number", [1, 30])
def test_the_inbox_costs_the_same_with_many(number, count_queries):
    for _ in range(number):
        send_tip(text=WORDS)
    client = client_of(world.person(Role.INSPECTOR))
    with count_queries() as counted:
        assert client.get(reverse("tip-inbox")).status_code == 200
    assert len(counted) == 8
