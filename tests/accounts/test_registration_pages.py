"""Pages on which an organisation registers itself."""

import re
from urllib.parse import urlsplit

import pytest
from django.core.cache import cache
from django.utils import translation

from marketplace.accounts.models import Membership, Organisation, User
from marketplace.base import queue
from tests import world
from tests.accounts.pages import browser, text, url

pytestmark = pytest.mark.django_db


PASSWORD = "a long battery of horses"


@pytest.fixture(autouse=True)
def english_and_nothing_remembered():
    """Neither what was counted before, nor, afterwards, the language of the last page."""
    cache.clear()
    with translation.override("en"):
        yield


# -- Registration ------------------------------------------------------------------------------------
def registration(**more):
    return {
        "uscc": world.make_uscc(),
        "name": "新单位",
        "is_vendor": "on",
        "person_name": "新人",
        "email": "first@test.invalid",
        "password": PASSWORD,
        "language": "en",
    } | more


def test_an_organisation_registers_itself():
    client = browser()
    assert client.get("/en/register/").status_code == 200
    done = client.post("/en/register/", registration())
    assert (done.status_code, done["Location"]) == (302, "/en/registered/")
    assert client.get("/en/registered/").status_code == 200
    assert "_auth_user_id" not in client.session
    seat = Membership.objects.get()
    assert (seat.user.email, seat.role) == ("first@test.invalid", "owner")


def test_the_answer_is_the_same_for_an_address_with_an_account():
    user = world.make_user()
    done = browser().post("/en/register/", registration(email=user.email))
    assert (done.status_code, done["Location"]) == (302, "/en/registered/")
    assert Organisation.objects.count() == 0


def test_where_mail_is_sent_the_address_is_told(settings, mailoutbox):
    settings.EMAIL_HOST = "mail.test.invalid"
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    user = world.make_user()
    client = browser()
    client.post("/en/register/", registration())
    client.post("/en/register/", registration(email=user.email))
    while queue.deliver_due():
        pass
    assert [mail.to for mail in mailoutbox] == [["first@test.invalid"], [user.email]]
    link = re.search(r"http://\S+", mailoutbox[0].body)[0]
    made = User.objects.get(email="first@test.invalid")
    assert made.emailaddress_set.get().verified is False
    browser().post(urlsplit(link).path)
    assert made.emailaddress_set.get().verified is True


def test_wrong_registrations_keep_what_was_typed_but_the_password():
    page = browser().post("/en/register/", registration(uscc="1", password="short"))
    assert page.status_code == 422
    assert 'value="新单位"' in text(page)
    assert 'value="short"' not in text(page)
    taken = world.owner().organisation
    page = browser().post("/en/register/", registration(uscc=taken.uscc))
    assert page.status_code == 409
    assert taken.name not in text(page)


def test_somebody_signed_in_registers_the_organisation_alone():
    actor = world.vendor()
    client = browser(actor)
    assert "Yourself" not in text(client.get("/en/register/"))
    given = {"uscc": world.make_uscc(), "name": "第二家", "is_owner": "on"}
    done = client.post("/en/register/", given)
    made = Organisation.objects.get(name="第二家")
    assert done["Location"] == url("organisation-verification", made)
    assert client.get(done["Location"]).status_code == 200


def test_registrations_from_one_address_are_limited():
    client = browser()
    answers = [client.post("/en/register/", registration(uscc="1")).status_code for _ in range(21)]
    assert answers == [422] * 20 + [429]
