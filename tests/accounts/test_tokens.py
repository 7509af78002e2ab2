"""API tokens: how they look, who makes and ends them, what is kept, when they die."""

import re
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from marketplace.accounts.members.actions import change_role, end_person_role, remove_member
from marketplace.accounts.models import Membership, PersonRole, User
from marketplace.accounts.tokens import text
from marketplace.accounts.tokens.actions import (
    TokenLimit,
    create_token,
    end_tokens,
    note_use,
    revoke_token,
)
from marketplace.accounts.tokens.models import LIVE_PER_USER, ApiToken, Scope, digest_of
from marketplace.accounts.tokens.queries import TokenInvalid, bearer, tokens_of
from marketplace.base.actor import VISITOR, Actor, Role
from marketplace.base.errors import Invalid, NotAllowed, NotFound
from marketplace.ledger.models import Event
from tests import world


def mint(actor, **more):
    return create_token(actor=actor, **{"name": "script", "scopes": ["read"], **more})


def refused(token_text):
    with pytest.raises(TokenInvalid) as said:
        bearer(token_text)
    with translation.override("en"):
        return str(said.value)


# -- How it looks ------------------------------------------------------------------------------------
def test_it_is_recognised_by_its_shape_and_checksum():
    made = {text.make() for _ in range(200)}
    assert len(made) == 200
    for one in made:
        assert re.fullmatch(r"jb_[0-9A-Za-z]{49}", one)
        assert text.well_formed(one)


@given(st.integers(0, 48), st.sampled_from(text.ALPHABET))
def test_one_wrong_letter_is_noticed(place, letter):
    whole = "jb_" + text.base62(12345678901234567890, 43)
    whole += text.checksum(whole[3:])
    spoilt = whole[: 3 + place] + letter + whole[4 + place :]
    assert text.well_formed(spoilt) is (spoilt == whole)


@given(st.text(max_size=80))
def test_noise_is_none(noise):
    assert text.well_formed(noise) is False


@given(st.integers(0, 2**256 - 1))
def test_base62_keeps_the_number(number):
    written = text.base62(number, text.SECRET_LENGTH)
    read = 0
    for letter in written:
        read = read * 62 + text.ALPHABET.index(letter)
    assert (read, len(written)) == (number, 43)


# -- Making ------------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_it_is_kept_as_a_keyed_hash_only(settings):
    actor = world.vendor()
    made = mint(actor, scopes=["bids:write", "read"], days=30)
    token = ApiToken.objects.get()
    assert bearer(made.text).actor == actor
    with connection.cursor() as cursor:
        cursor.execute("SELECT t::text FROM marketplace_apitoken t")
        [row] = cursor.fetchone()
    assert made.text not in row
    assert made.text[3:46] not in row
    assert repr(made) == f"Minted({token.uid})"
    assert token.scopes == ["read", "bids:write"]
    assert token.expires_at - token.created_at < timedelta(days=30)
    assert token.expires_at - token.created_at > timedelta(days=29, hours=23)
    # What a copy of the database holds opens nothing.
    assert refused(token.digest) == refused(f"jb_{token.digest}") == "This token is not valid."
    settings.SECRET_KEY = "another " * 8
    assert refused(made.text) == "This token is not valid."


@pytest.mark.django_db
def test_the_event_tells_neither_secret_nor_demand():
    actor, scenario = world.vendor(), world.published_scenario()
    made = mint(actor, scenario_uid=scenario.uid, name="竞标脚本")
    event = Event.objects.get(kind="token.created")
    assert event.subjects == [actor.user.uid, made.token.uid]
    assert event.audience == "office"
    assert sorted(event.data) == ["expires_at", "scopes"]
    body = bytes(event.body).decode()
    for secret in (made.text, digest_of(made.text), str(scenario.uid), "竞标脚本"):
        assert secret not in body


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 81}, "name"),
        ({"name": "a\x00b"}, "name"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["read", "everything"]}, "scopes"),
        ({"days": 0}, "days"),
        ({"days": 367}, "days"),
    ],
)
def test_what_is_refused(wrong, field):
    with pytest.raises(Invalid) as said:
        mint(world.vendor(), **wrong)
    assert list(said.value.errors) == [field]
    assert ApiToken.objects.count() == 0


@pytest.mark.django_db
@pytest.mark.parametrize("days", [1, 366])
def test_the_shortest_and_the_longest(days):
    assert mint(world.vendor(), days=days).token.scopes == ["read"]


@pytest.mark.django_db
def test_the_database_knows_the_longest_too():
    token = mint(world.vendor()).token
    with pytest.raises(IntegrityError), transaction.atomic():
        ApiToken.objects.filter(pk=token.pk).update(
            expires_at=token.created_at + timedelta(days=366, seconds=1)
        )


@pytest.mark.django_db
def test_a_hat_that_one_does_not_wear_is_not_lent():
    actor = world.vendor()
    for other in (
        Actor(Role.OFFICER, actor.user, world.office()),
        Actor(Role.EXPERT, actor.user),
        Actor(Role.EDITOR, actor.user, actor.organisation),
        Actor(Role.MEMBER, actor.user),
    ):
        with pytest.raises(NotAllowed):
            mint(other)
    with pytest.raises(NotFound):
        mint(VISITOR)


@pytest.mark.django_db
def test_twenty_at_a_time(clock):
    actor = world.vendor()
    first = mint(actor, days=1)
    for _ in range(LIVE_PER_USER - 1):
        mint(actor)
    with pytest.raises(TokenLimit):
        mint(actor)
    mint(world.vendor())
    clock.move(timedelta(days=1))
    again = mint(actor)
    assert refused(first.text) == "This token has expired."
    with pytest.raises(TokenLimit):
        mint(actor)
    revoke_token(actor=actor, token_uid=again.token.uid)
    mint(actor)


def test_the_last_place_is_given_once(two_at_once):
    actor = world.vendor()
    for _ in range(LIVE_PER_USER - 1):
        mint(actor)
    results = two_at_once(lambda: mint(actor), lambda: mint(actor))
    assert [type(r).__name__ for r in results if isinstance(r, Exception)] == ["TokenLimit"]
    assert ApiToken.objects.count() == LIVE_PER_USER


# -- Ending ------------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_revoked_at_once_and_said_once():
    actor = world.vendor()
    made = mint(actor)
    for _ in range(2):
        revoke_token(actor=actor, token_uid=made.token.uid)
    assert refused(made.text) == "This token was revoked."
    event = Event.objects.get(kind="token.revoked")
    assert event.subjects == [actor.user.uid, made.token.uid]


def test_revoked_twice_at_once(two_at_once):
    actor = world.vendor()
    uid = mint(actor).token.uid
    results = two_at_once(*[lambda: revoke_token(actor=actor, token_uid=uid)] * 2)
    assert [row.uid for row in results] == [uid, uid]
    assert Event.objects.filter(kind="token.revoked").count() == 1


@pytest.mark.django_db
def test_who_may_end_it():
    owner = world.vendor()
    editor = world.member(owner.organisation, Role.EDITOR)
    made = mint(editor)
    for stranger in (world.vendor(), world.officer(), world.member(owner.organisation, "viewer")):
        with pytest.raises(NotFound):
            revoke_token(actor=stranger, token_uid=made.token.uid)
    revoke_token(actor=owner, token_uid=made.token.uid)
    assert refused(made.text) == "This token was revoked."


@pytest.mark.django_db
def test_one_ends_ones_own_under_any_hat():
    actor = world.vendor()
    made = mint(actor)
    PersonRole.objects.create(user=actor.user, role=Role.EXPERT)
    revoke_token(actor=Actor(Role.EXPERT, actor.user), token_uid=made.token.uid)
    assert refused(made.text) == "This token was revoked."


@pytest.mark.django_db
def test_it_holds_until_the_very_instant(clock):
    clock.freeze(clock.now())
    made = mint(world.vendor(), days=7)
    clock.move(timedelta(days=7) - timedelta(microseconds=1))
    assert bearer(made.text).token == made.token
    clock.move(timedelta(microseconds=1))
    assert refused(made.text) == "This token has expired."


@pytest.mark.django_db
def test_all_of_a_person_at_once():
    actor, other = world.vendor(), world.vendor()
    mine, theirs = [mint(actor), mint(actor)], mint(other)
    assert end_tokens(user=actor.user) == 2
    assert [refused(one.text) for one in mine] == ["This token was revoked."] * 2
    assert bearer(theirs.text).actor == other


# -- It dies with the capacity -------------------------------------------------------------------------
@pytest.mark.django_db
def test_a_removed_members_token_is_dead():
    actor = world.vendor()
    made = mint(actor)
    Membership.objects.filter(user=actor.user).delete()
    assert refused(made.text) == "Whoever made this token no longer acts in this capacity."


@pytest.mark.django_db
def test_it_stays_dead_when_the_member_comes_back():
    owner = world.vendor()
    editor = world.member(owner.organisation, Role.EDITOR)
    elsewhere = world.member(world.make_organisation(), Role.EDITOR)
    Membership.objects.filter(user=elsewhere.user).update(user=editor.user)
    kept = mint(Actor(Role.EDITOR, editor.user, elsewhere.organisation))
    first = mint(editor)
    row = Membership.objects.get(user=editor.user, organisation=owner.organisation)
    change_role(actor=owner, membership_uid=row.uid, role=Role.VIEWER)
    change_role(actor=owner, membership_uid=row.uid, role=Role.EDITOR)
    second = mint(editor)
    remove_member(actor=owner, membership_uid=row.uid)
    Membership.objects.create(user=editor.user, organisation=owner.organisation, role=Role.EDITOR)
    assert [refused(one.text) for one in (first, second)] == ["This token was revoked."] * 2
    assert bearer(kept.text).token == kept.token


@pytest.mark.django_db
def test_it_stays_dead_when_the_role_is_given_again():
    expert = world.person(Role.EXPERT)
    made = mint(expert)
    given = PersonRole.objects.get(user=expert.user)
    end_person_role(actor=world.officer(), person_role_uid=given.uid)
    PersonRole.objects.create(user=expert.user, role=Role.EXPERT)
    assert refused(made.text) == "This token was revoked."


@pytest.mark.django_db
@pytest.mark.parametrize("role", [Role.VIEWER, Role.OWNER])
def test_it_neither_shrinks_nor_grows_with_its_person(role):
    actor = world.member(world.make_organisation(is_vendor=True), Role.EDITOR)
    made = mint(actor)
    Membership.objects.filter(user=actor.user).update(role=role)
    assert refused(made.text) == "Whoever made this token no longer acts in this capacity."


@pytest.mark.django_db
def test_of_someone_who_may_no_longer_sign_in():
    actor = world.vendor()
    made = mint(actor)
    User.objects.filter(pk=actor.user.pk).update(is_active=False)
    assert refused(made.text) == "Whoever made this token no longer acts in this capacity."


@pytest.mark.django_db
@pytest.mark.parametrize("role", [Role.EXPERT, Role.WITNESS, Role.INSPECTOR])
def test_of_a_role_by_person(role):
    actor = world.person(role)
    made = mint(actor)
    assert bearer(made.text).actor == actor
    PersonRole.objects.all().delete()
    assert refused(made.text) == "Whoever made this token no longer acts in this capacity."


@pytest.mark.django_db
def test_of_a_person_without_hats():
    actor = Actor(Role.MEMBER, world.make_user())
    made = mint(actor)
    assert bearer(made.text).actor == actor
    PersonRole.objects.create(user=actor.user, role=Role.EXPERT)
    assert refused(made.text) == "Whoever made this token no longer acts in this capacity."


# -- Use -----------------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_its_use_is_noted_once_a_minute(clock):
    clock.freeze(clock.now())
    made = mint(world.vendor())
    begun = clock.now()
    assert bearer(made.text).use_is_due is True
    note_use(token=made.token)
    for seconds, due, noted in ((59, False, 0), (1, True, 60)):
        clock.move(timedelta(seconds=seconds))
        assert bearer(made.text).use_is_due is due
        note_use(token=made.token)
        made.token.refresh_from_db()
        assert made.token.last_used_at == begun + timedelta(seconds=noted)


@pytest.mark.django_db
def test_what_it_costs(django_assert_num_queries):
    made = mint(world.vendor())
    with django_assert_num_queries(1):
        bearer(made.text)
    with django_assert_num_queries(0):
        refused("jb_" + "0" * 49)


@pytest.mark.django_db
@pytest.mark.parametrize("rows", [1, 20])
def test_the_list_costs_one_query(rows, django_assert_num_queries):
    actor = world.vendor()
    for _ in range(rows):
        mint(actor)
    with django_assert_num_queries(1):
        found = [(t.user.name, t.organisation.name, t.standing) for t in tokens_of(actor)]
    assert found == [(actor.user.name, actor.organisation.name, "live")] * rows


@pytest.mark.django_db
def test_the_vocabulary_is_what_the_documents_say():
    assert Scope.values == [
        "read",
        "scenarios:write",
        "bids:write",
        "uploads:write",
        "organisation:write",
        "office:write",
        "committee:write",
        "awards:write",
        "notices:write",
    ]
