"""A security key in a real browser, under the strict policy: added, then used to sign in."""

from __future__ import annotations

import pytest
from allauth.mfa.models import Authenticator

from tests import world
from tests.browser.keys import plug_in_a_key
from tests.browser.pages import Reader

pytestmark = pytest.mark.browser


@pytest.fixture(params=["", "/en"])
def reader(request, browser, site, settings):
    settings.MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = True  # http://localhost
    made = Reader(browser, site, "officer", request.param)
    yield made
    made.close()
    assert made.complaints == []


def test_a_key_is_added_and_signs_in(reader):
    user = world.officer().user
    plug_in_a_key(reader.page)
    reader.sign_in(user)
    reader.page.click(".jb-account summary")
    reader.press(".jb-account-panel a[href$='/accounts/security/']", "**/accounts/security/")
    reader.look("security")
    reader.go("/accounts/2fa/webauthn/add/")
    reader.page.fill("main [name=password]", world.PASSWORD)
    reader.press("main form button[type=submit]", "**/webauthn/add/")
    reader.look("key")
    reader.page.check("main [name=passwordless]")
    reader.press("#mfa_webauthn_add", "**/recovery-codes/")
    reader.look("codes")
    assert Authenticator.objects.filter(user=user, type="webauthn").count() == 1

    reader.page.click(".jb-account summary")
    reader.press(".jb-account-panel form[action$='/logout/'] button")
    reader.go("/accounts/login/")
    reader.press("#passkey_login", "**/desk/")
    assert reader.page.locator(".jb-account").count() == 1

    reader.page.click(".jb-account summary")
    reader.press(".jb-account-panel form[action$='/logout/'] button")
    reader.go("/accounts/login/")
    reader.page.fill("[name=login]", user.email)
    reader.page.fill("[name=password]", world.PASSWORD)
    with reader.page.expect_navigation(url="**/2fa/authenticate/"):
        reader.page.press("[name=password]", "Enter")
    reader.look("second factor")
    reader.press("#mfa_webauthn_authenticate", "**/desk/")
