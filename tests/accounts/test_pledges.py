"""Pledges: who owes which, signing them, and that nothing is done or read before."""

import ast
from pathlib import Path
from urllib.parse import quote
from uuid import uuid4

import pytest
import yaml
from django.conf import settings
from django.test import Client
from django.urls import reverse

from marketplace.accounts.actions import end_grants, grant
from marketplace.accounts.models import Capability, Membership, PersonRole
from marketplace.accounts.pledges import Pledge, PledgeText, owed, owed_kinds
from marketplace.accounts.pledging import load_pledge_texts, sign_pledge
from marketplace.accounts.queries import acting
from marketplace.base.actor import SYSTEM, VISITOR, Actor, Role
from marketplace.base.errors import (
    NotAllowed,
    NotFound,
    PledgeMissing,
    ReadingNeedsPledge,
    Stale,
)
from marketplace.base.rules import require, require_confidentiality
from marketplace.ledger.models import Event
from marketplace.scenarios.actions import create_draft
from marketplace.scenarios.models import Scenario
from tests import world

pytestmark = pytest.mark.django_db
DUTY = ["integrity-duty", "confidentiality-duty"]
EXPERT = ["integrity-expert", "confidentiality-expert"]
PARTY = ["integrity-party", "confidentiality-party"]


def fresh(role, organisation=None):
    """Somebody who has signed nothing yet, as the doors build them."""
    user = world.make_user()
    if organisation is not None:
        Membership.objects.create(user=user, organisation=organisation, role=role)
    elif role != Role.MEMBER:
        PersonRole.objects.create(user=user, role=role)
    return acting(user)[0]


def codes(actor):
    return [text.code for text in owed(actor)]


def sign(actor, code):
    text = PledgeText.objects.in_force().get(code=code)
    return sign_pledge(actor=actor, text_uid=text.uid, sha256=text.sha256)


def sign_all(actor):
    for code in codes(actor):
        sign(actor, code)


def seed():
    path = settings.BASE_DIR / "seeds/reference/pledges.yaml"
    return yaml.safe_load(path.read_text("utf-8"))["pledges"]


# -- Who owes what -----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("role", "wanted"),
    [
        (Role.OFFICER, DUTY),
        (Role.SECRETARY, DUTY),
        (Role.WITNESS, DUTY),
        (Role.COMPLAINTS, DUTY),
        (Role.INSPECTOR, DUTY),
        (Role.EVALUATOR, DUTY),
        (Role.EXPERT, EXPERT),
        (Role.OWNER, PARTY),
        (Role.EDITOR, PARTY),
        (Role.VIEWER, PARTY[1:]),
        (Role.OPERATOR, []),
        (Role.MEMBER, []),
    ],
)
def test_what_each_role_owes(role, wanted):
    organisation = None
    if role in {Role.OFFICER, Role.SECRETARY}:
        organisation = world.office()
    elif role in {Role.OWNER, Role.EDITOR, Role.VIEWER}:
        organisation = world.make_organisation(is_owner=True)
    actor = fresh(role, organisation)
    assert codes(actor) == wanted
    assert actor.owes() == {code.split("-")[0] for code in wanted}


@pytest.mark.parametrize("actor", [VISITOR, SYSTEM])
def test_what_is_nobody_owes_nothing(actor):
    assert (codes(actor), actor.owes()) == ([], frozenset())


def test_a_holder_of_keys_owes_while_the_grant_is_in_force():
    actor = fresh(Role.MEMBER)
    scenario = world.published_scenario()
    grant(subject_uid=scenario.uid, capability=Capability.KEY_HOLDER, user=actor.user)
    assert codes(actor) == DUTY
    end_grants(user=actor.user, subject_uids=[scenario.uid], capability=Capability.KEY_HOLDER)
    assert codes(actor) == []


def test_each_capacity_signs_for_itself():
    first, second = (world.make_organisation(is_owner=True) for _ in range(2))
    actor = fresh(Role.OWNER, first)
    Membership.objects.create(user=actor.user, organisation=second, role=Role.OWNER)
    sign_all(actor)
    assert codes(actor) == []
    assert codes(Actor(Role.EDITOR, actor.user, first)) == []
    assert codes(Actor(Role.OWNER, actor.user, second)) == PARTY


def test_asking_costs_one_query_and_only_once(django_assert_num_queries):
    actor = fresh(Role.OFFICER, world.office())
    with django_assert_num_queries(1):
        assert actor.owes() == actor.owes() == {"integrity", "confidentiality"}


@pytest.mark.parametrize("role", [*Role.values])
@pytest.mark.parametrize("keys", [False, True])
def test_what_a_door_asks_agrees_with_the_page_for_every_role(role, keys, clock):
    clock.freeze(clock.now())
    member = role in {Role.OWNER, Role.EDITOR, Role.VIEWER, Role.OFFICER, Role.SECRETARY}
    actor = Actor(role, world.make_user(), world.make_organisation() if member else None)
    if keys:
        grant(subject_uid=uuid4(), capability=Capability.KEY_HOLDER, user=actor.user)
    for text in [None, *owed(actor)]:
        if text is not None:
            sign(actor, text.code)
        assert owed_kinds(actor) == set(owed(actor).values_list("kind", flat=True))
    PledgeText.objects.create(
        **{**NEWER, "roles": [str(role)], "version": 99, "code": PledgeText.objects.first().code}
    )
    assert owed_kinds(actor) == set(owed(actor).values_list("kind", flat=True)) != set()


NEWER = {"kind": "integrity", "title": "新", "title_en": "New", "body": "新", "body_en": "New"}


# -- Signing -----------------------------------------------------------------------------------------
def test_signing_leaves_a_row_and_an_event(clock):
    clock.freeze(clock.now())
    actor = fresh(Role.OFFICER, world.office())
    pledge = sign(actor, DUTY[0])
    text = pledge.text
    assert (pledge.user, pledge.organisation, pledge.role) == (
        actor.user,
        actor.organisation,
        Role.OFFICER,
    )
    assert (pledge.sha256, pledge.signed_at) == (text.sha256, clock.now())
    event = Event.objects.get(kind="pledge.signed")
    assert event.subjects == [text.uid, pledge.uid]
    assert event.data == {"code": DUTY[0], "version": 1, "sha256": text.sha256}
    assert event.audience == "office"
    assert codes(actor) == DUTY[1:]


def test_signing_twice_is_once():
    actor = fresh(Role.EXPERT)
    assert sign(actor, EXPERT[0]) == sign(actor, EXPERT[0])
    assert Event.objects.filter(kind="pledge.signed").count() == 1


def test_a_new_version_asks_again_and_the_old_one_is_signed_no_more():
    actor = fresh(Role.EXPERT)
    sign_all(actor)
    old = PledgeText.objects.get(code=EXPERT[0])
    text = next(row for row in seed() if row["code"] == EXPERT[0])
    assert load_pledge_texts([text | {"version": 2, "body": "新的文本。"}]) == 1
    assert codes(actor) == [EXPERT[0]]
    with pytest.raises(Stale):
        sign_pledge(actor=actor, text_uid=old.uid, sha256=old.sha256)
    assert sign(actor, EXPERT[0]).text.version == 2
    assert codes(actor) == []


def test_another_text_than_the_one_shown_is_not_signed():
    actor = fresh(Role.EXPERT)
    text = PledgeText.objects.get(code=EXPERT[0])
    with pytest.raises(Stale):
        sign_pledge(actor=actor, text_uid=text.uid, sha256="0" * 64)
    with pytest.raises(NotFound):
        sign_pledge(actor=actor, text_uid=actor.user_uid, sha256=text.sha256)
    with pytest.raises(NotAllowed):
        sign(actor, DUTY[0])


def test_texts_are_loaded_once_and_never_changed_in_place():
    assert load_pledge_texts(seed()) == 0
    text = seed()[0]
    with pytest.raises(ValueError, match="was changed"):
        load_pledge_texts([text | {"body": text["body"] + "！"}])


@pytest.mark.parametrize("model", [Pledge, PledgeText])
def test_what_was_signed_is_history(model):
    assert model.append_only is True


# -- Nothing before it -------------------------------------------------------------------------------
def test_no_action_before_the_pledges_and_every_one_after():
    organisation = world.make_organisation(is_owner=True)
    actor = fresh(Role.OWNER, organisation)
    with pytest.raises(PledgeMissing) as refused:
        create_draft(actor=actor, data={"title": "需求"})
    assert (refused.value.status, refused.value.code) == (403, "pledge.missing")
    assert Scenario.objects.count() == 0
    sign_all(actor)
    again = acting(actor.user)[0]
    assert create_draft(actor=again, data={"title": "需求"}).organisation == organisation


def test_the_role_is_asked_before_the_pledge():
    with pytest.raises(NotAllowed):
        require(lambda actor, row: False, fresh(Role.EXPERT), None)


def test_reading_asks_for_confidentiality_alone():
    actor = fresh(Role.EXPERT)
    with pytest.raises(ReadingNeedsPledge):
        require_confidentiality(actor)
    sign(actor, EXPERT[1])
    require_confidentiality(acting(actor.user)[0])


# Deeds of the platform itself, and each person's own inbox and sign-in (None: the whole room).
WITHOUT_A_RULE = {
    "accounts": {"grant", "end_grants", "spend_totp_counter"},
    "ledger": None,
    "notices": None,
}


def actions_without_require():
    """(room, function) of every public function of the rooms' actions that never asks a rule.

    A function that calls another of its own module counts as that one.
    """
    root = Path(settings.BASE_DIR) / "marketplace"
    files = [*root.glob("*/actions.py"), *root.glob("*/actions/*.py")]
    for path in files:
        room = path.relative_to(root).parts[0]
        tree = ast.parse(path.read_text("utf-8"))
        functions = {n.name: n for n in tree.body if isinstance(n, ast.FunctionDef)}

        def asks(name, functions=functions, seen=()):
            calls = {
                node.func.id if isinstance(node.func, ast.Name) else ""
                for node in ast.walk(functions[name])
                if isinstance(node, ast.Call)
            }
            inner = (calls & set(functions)) - {name, *seen}
            return "require" in calls or any(asks(n, functions, (*seen, name)) for n in inner)

        for name, function in functions.items():
            takes = {arg.arg for arg in function.args.kwonlyargs}
            if not name.startswith("_") and "actor" in takes and not asks(name):
                yield room, name


def test_every_action_asks_a_rule_and_so_for_the_pledges():
    missing = [
        (room, name)
        for room, name in actions_without_require()
        if name not in (WITHOUT_A_RULE.get(room, set()) or {name})
    ]
    assert missing == []


# -- The pages ---------------------------------------------------------------------------------------
def client_of(actor):
    client = Client()
    client.force_login(actor.user)
    return client


def test_the_desk_leads_to_the_page_and_the_page_to_the_desk():
    actor = fresh(Role.EXPERT)
    client = client_of(actor)
    assert client.get(reverse("desk")).context["owes"] == {"integrity", "confidentiality"}
    for code in EXPERT:
        text = PledgeText.objects.get(code=code)
        shown = client.get(reverse("pledges")).content.decode()
        assert text.body.splitlines()[0] in shown
        answer = client.post(
            reverse("pledges"), {"text": str(text.uid), "sha256": text.sha256, "next": "//evil/"}
        )
        done = code == EXPERT[-1]
        assert answer["Location"] == reverse("desk" if done else "pledges")
    assert client.get(reverse("desk")).context["owes"] == frozenset()


def test_a_refused_deed_says_where_to_sign():
    actor = fresh(Role.OWNER, world.make_organisation(is_owner=True))
    answer = client_of(actor).post(reverse("scenario-new"), {"title": "一项需求"})
    assert answer.status_code == 403
    text = answer.content.decode()
    assert "pledge.missing" in text
    assert reverse("pledges") in text
    assert "一项需求" in text


def test_the_record_is_one_s_own():
    actor = fresh(Role.EXPERT)
    pledge = sign(actor, EXPERT[0])
    address = reverse("pledge", args=[pledge.uid])
    shown = client_of(actor).get(address)
    assert (shown.status_code, pledge.sha256 in shown.content.decode()) == (200, True)
    assert client_of(world.officer()).get(address).status_code == 404


def test_confidential_reading_leads_to_the_pledge_and_back():
    owner = world.owner()
    scenario = world.published_scenario(owner, state="eligibility")
    secretary = fresh(Role.SECRETARY, world.office())
    client = client_of(secretary)
    address = reverse("eligibility", args=[scenario.address])
    answer = client.get(address)
    assert answer["Location"] == f"{reverse('pledges')}?next={quote(address, safe='')}"
    assert client.get(address, headers={"HX-Request": "true"})["HX-Redirect"] == reverse("pledges")
    sign(secretary, DUTY[1])
    assert client.get(address).status_code == 200


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"text": "x"},
        {"text": "\x00"},
        {"text": "00000000-0000-4000-8000-000000000000"},
    ],
)
def test_bad_input_is_no_text(given):
    answer = client_of(fresh(Role.EXPERT)).post(reverse("pledges"), given)
    assert answer.status_code == 404


def test_a_foreign_hash_is_refused_on_the_page():
    text = PledgeText.objects.get(code=EXPERT[0])
    answer = client_of(fresh(Role.EXPERT)).post(
        reverse("pledges"), {"text": str(text.uid), "sha256": "\x00" * 100}
    )
    assert (answer.status_code, Pledge.objects.count()) == (409, 0)


def test_whoever_needs_a_second_factor_proves_it_anew(settings):
    settings.MFA_OPTIONAL = False
    expert, owner = fresh(Role.EXPERT), fresh(Role.OWNER, world.make_organisation(is_owner=True))
    for actor, asked in ((expert, True), (owner, False)):
        text = owed(actor)[0]
        client = client_of(actor)
        answer = client.post(reverse("pledges"), {"text": str(text.uid), "sha256": text.sha256})
        assert answer.status_code == 302
        assert (answer["Location"] in {reverse("pledges"), reverse("desk")}) is not asked
        assert Pledge.objects.filter(user=actor.user).exists() is not asked


@pytest.mark.parametrize("signed", [1, 30])
def test_the_page_costs_the_same_with_many_signatures(signed, count_queries):
    actor = fresh(Role.EXPERT)
    sign_all(actor)
    text = next(row for row in seed() if row["code"] == EXPERT[0])
    for version in range(2, signed + 1):
        load_pledge_texts([text | {"version": version}])
        sign(actor, EXPERT[0])
    client = client_of(actor)
    with count_queries() as counted:
        assert client.get(reverse("pledges")).status_code == 200
    assert len(counted) == 9
