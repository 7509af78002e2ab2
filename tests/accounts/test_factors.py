"""Secrets of second factors at rest: unreadable without the key file, readable through its changes."""

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal import auth
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import connection
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from marketplace.accounts.factors import encrypt_again, is_current, new_key_line, seal, unseal
from tests import world
from tests.accounts.test_second_factor import code_now, give, sign_in, signed_in, with_app


@pytest.fixture
def key_file(settings, tmp_path):
    path = tmp_path / "factors"
    path.write_text(f"{new_key_line()}\n")
    settings.FACTOR_KEY_FILE = path
    return path


@given(st.text(max_size=200))
def test_it_is_read_back(text):
    sealed = seal(text)
    assert unseal(sealed) == text
    assert seal(text) != sealed


@pytest.mark.django_db
def test_the_database_holds_no_secret():
    user = world.officer().user
    secret = with_app(user)
    codes = RecoveryCodes.activate(user)
    seed = unseal(codes.instance.data["seed"])
    assert len(seed) == 80
    with connection.cursor() as cursor:
        cursor.execute("SELECT string_agg(a::text, ' ') FROM mfa_authenticator a")
        [rows] = cursor.fetchone()
    assert secret not in rows
    assert seed not in rows
    for code in codes.get_unused_codes():
        assert code not in rows
    client = sign_in(user)
    give(client, code_now(secret))
    assert signed_in(client)


@pytest.mark.django_db
def test_rows_from_before_are_read_and_then_encrypted(key_file):
    user = world.officer().user
    secret = auth.generate_totp_secret()
    row = Authenticator.objects.create(
        user=user, type="totp", data={"secret": secret, "last_counter": 7}
    )
    client = sign_in(user)
    give(client, code_now(secret))
    assert signed_in(client)
    counter = Authenticator.objects.get(pk=row.pk).data["last_counter"]
    call_command("encrypt_factors")
    data = Authenticator.objects.get(pk=row.pk).data
    assert (unseal(data["secret"]), data["last_counter"]) == (secret, counter)
    assert secret not in data["secret"]
    assert encrypt_again() == 0


@pytest.mark.django_db
def test_a_key_is_changed_without_anybody_noticing(key_file):
    user = world.officer().user
    secret = with_app(user)
    code = RecoveryCodes.activate(user).get_unused_codes()[0]
    old = key_file.read_text()
    key_file.write_text(f"{new_key_line()}\n{old}")
    client = sign_in(user)
    give(client, code_now(secret))
    assert signed_in(client)
    assert encrypt_again() == 2
    assert {is_current(r.data.get("secret") or r.data["seed"]) for r in Authenticator.objects.all()}
    key_file.write_text(key_file.read_text().splitlines()[0] + "\n")  # the old one is gone
    again = sign_in(user, Client())
    give(again, code)
    assert signed_in(again)


@pytest.mark.django_db
def test_a_lost_key_is_told_and_signs_nobody_in(key_file):
    sealed = seal("secret")
    key_file.write_text(f"{new_key_line()}\n")
    with pytest.raises(ImproperlyConfigured, match="does not hold the key"):
        unseal(sealed)
    key_file.unlink()
    with pytest.raises(ImproperlyConfigured, match="cannot be read"):
        seal("secret")


def test_an_altered_row_is_refused(key_file):
    sealed = seal("secret")
    middle = len(sealed) - 12
    flipped = sealed[:middle] + ("A" if sealed[middle] != "A" else "B") + sealed[middle + 1 :]
    with pytest.raises(ImproperlyConfigured, match="altered"):
        unseal(flipped)


@pytest.mark.parametrize("wrong", ["", "first", "first short", "a b c", "first " + "x" * 44, "é"])
def test_a_key_file_that_is_none_never_shows_itself(key_file, wrong):
    key_file.write_text(wrong)
    with pytest.raises((ImproperlyConfigured, UnicodeDecodeError)) as said:
        seal("secret")
    assert "x" * 44 not in str(said.value)


def test_one_id_stands_for_one_key(key_file):
    line = new_key_line()
    key_file.write_text(f"{line}\n{line}\n")
    with pytest.raises(ImproperlyConfigured, match="each line"):
        seal("secret")


def test_the_command_makes_a_line_for_the_file(key_file, capsys):
    call_command("encrypt_factors", "--new-key")
    key_file.write_text(capsys.readouterr().out)
    assert unseal(seal("secret")) == "secret"
