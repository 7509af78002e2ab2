"""Pages of organisations and their people, as their roles meet them."""

import pytest
from django.core.cache import cache
from django.utils import translation

from marketplace.accounts.invitations.actions import invite, revoke_invitation
from marketplace.accounts.models import Membership, PersonRole
from marketplace.base.actor import Role
from tests import world
from tests.accounts.pages import at, browser, link_in, text, url

pytestmark = pytest.mark.django_db


PASSWORD = "a long battery of horses"


NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(autouse=True)
def english_and_nothing_remembered():
    """Neither what was counted before, nor, afterwards, the language of the last page."""
    cache.clear()
    with translation.override("en"):
        yield


def invited(owner, email="new@test.invalid", role="editor"):
    page = browser(owner).post(
        url("organisation-members", owner.organisation),
        {"do": "invite", "email": email, "role": role, "language": "en"},
    )
    assert page.status_code == 200
    return link_in(page)


# -- Who opens which page ----------------------------------------------------------------------------
PAGES = "organisation profile control members verification"


#                       pu pr co me ve, of a verified organisation
OPENS = {
    "visitor": "        + s s s s",
    "owner": "          + + + + +",
    "editor": "         + + + + +",
    "viewer": "         + f + + -",
    "another": "        + f - - -",
    "officer": "        + f + + +",
    "secretary": "      + f + + +",
    "inspector": "      + f - - -",
    "expert": "         + f - - -",
}


STATUS = {"+": 200, "-": 404, "f": 403, "s": 302}


CELLS = [
    (who, page, STATUS[sign])
    for who, row in OPENS.items()
    for page, sign in zip(PAGES.split(), row.split(), strict=True)
]


def called(who, organisation):
    members = {"owner": Role.OWNER, "editor": Role.EDITOR, "viewer": Role.VIEWER}
    if who == "visitor":
        return None
    if who in members:
        return world.member(organisation, members[who])
    others = {"another": world.vendor, "officer": world.officer, "secretary": world.secretary}
    return others[who]() if who in others else world.person(Role(who))


@pytest.mark.parametrize(("who", "where", "status"), CELLS)
def test_who_opens_what(who, where, status):
    organisation = world.make_organisation(is_vendor=True)
    name = "organisation" if where == "organisation" else f"organisation-{where}"
    client = browser(called(who, organisation))
    assert client.get(url(name, organisation)).status_code == status


@pytest.mark.parametrize("where", ["", "-profile", "-control", "-members", "-verification"])
def test_an_unverified_organisation_is_not_there_for_others(where):
    hidden = world.make_organisation(is_vendor=True, verified_at=None)
    address = url(f"organisation{where}", hidden)
    client = browser(world.vendor())
    missing = client.get(address.replace(str(hidden.uid), NOBODY))
    found = client.get(address)
    assert (found.status_code, missing.status_code) == (404, 404)
    assert found.content.replace(str(hidden.uid).encode(), NOBODY.encode()) == missing.content


@pytest.mark.parametrize("name", ["organisations-office", "people-office"])
def test_pages_of_the_office(name):
    address = at(name)
    assert browser().get(address).status_code == 302
    for actor in (world.owner(), world.person(Role.EXPERT)):
        assert browser(actor).get(address).status_code == 404
    for actor in (world.officer(), world.secretary()):
        assert browser(actor).get(address).status_code == 200


# -- Invitations -------------------------------------------------------------------------------------
def test_a_colleague_is_invited_and_makes_an_account():
    owner = world.owner()
    link = invited(owner)
    stranger = browser()
    page = stranger.get(link)
    assert page.status_code == 200
    assert "n…@test.invalid" in text(page)
    assert "new@test.invalid" not in text(page)
    assert page["Cache-Control"].split(", ")[0] == "max-age=0"
    wrong = stranger.post(link, {"name": "新人", "password": "short", "language": "en"})
    assert wrong.status_code == 422
    assert 'value="新人"' in text(wrong)
    done = stranger.post(link, {"name": "新人", "password": PASSWORD, "language": "en"})
    assert (done.status_code, done["Location"]) == (302, "/en/desk/")
    seat = Membership.objects.get(user__email="new@test.invalid")
    assert (seat.organisation, seat.role) == (owner.organisation, "editor")
    assert stranger.get("/en/desk/").status_code == 200
    again = stranger.get(link)
    assert again.status_code == 410
    assert "invitation.used" in text(again)


def test_the_link_is_shown_once():
    owner = world.owner()
    link = invited(owner)
    later = browser(owner).get(url("organisation-members", owner.organisation))
    assert link not in text(later)
    assert "new@test.invalid" in text(later)


def test_where_mail_is_sent_the_page_shows_no_link(settings):
    settings.EMAIL_HOST = "mail.test.invalid"
    owner = world.owner()
    address = url("organisation-members", owner.organisation)
    given = {"do": "invite", "email": "new@test.invalid", "role": "viewer", "language": "en"}
    page = browser(owner).post(address, given, follow=True)
    assert page.redirect_chain == [(address, 302)]
    assert "/invitations/" not in text(page)


def test_a_signed_in_person_accepts_and_wears_the_new_hat():
    owner, other = world.owner(), world.vendor()
    link = invited(owner, other.user.email)
    client = browser(other)
    assert "You accept as" in text(client.get(link))
    assert client.post(link)["Location"] == "/en/desk/"
    assert client.session["acting"] == f"org:{owner.organisation.uid}"


def test_somebody_else_is_told_without_the_address():
    owner = world.owner()
    link = invited(owner)
    client = browser(world.vendor())
    assert "this invitation is for another address" in text(client.get(link))
    page = client.post(link)
    assert page.status_code == 409
    assert "invitation.other_address" in text(page)
    assert "new@test.invalid" not in text(page)


def test_an_address_with_an_account_signs_in():
    owner, other = world.owner(), world.vendor()
    link = invited(owner, other.user.email)
    page = browser().post(link, {"name": "x", "password": PASSWORD, "language": "en"})
    assert page.status_code == 409
    assert "invitation.sign_in" in text(page)


def test_links_that_open_nothing():
    owner = world.owner()
    made = invite(
        actor=owner,
        organisation_uid=owner.organisation.uid,
        email="a@test.invalid",
        role=Role.VIEWER,
    )
    link = at("invitation", made.token)
    revoke_invitation(actor=owner, invitation_uid=made.invitation.uid)
    assert browser().get(link).status_code == 410
    assert browser().post(link, {"name": "x", "password": PASSWORD}).status_code == 410
    assert browser().get(at("invitation", "x" * 64)).status_code == 404
    assert browser().post(at("invitation", "%00")).status_code == 404


def test_the_office_invites_an_expert():
    officer = world.officer()
    page = browser(officer).post(
        "/en/desk/people/",
        {"do": "invite", "email": "e@test.invalid", "role": "expert", "language": "en"},
    )
    client = browser()
    done = client.post(link_in(page), {"name": "新专家", "password": PASSWORD, "language": "en"})
    assert done.status_code == 302
    given = PersonRole.objects.get(user__email="e@test.invalid")
    assert client.session["acting"] == "role:expert"
    listed = browser(officer).get("/en/desk/people/")
    assert "新专家" in text(listed)
    ended = browser(officer).post("/en/desk/people/", {"do": "end-role", "row": str(given.uid)})
    assert ended.status_code == 302
    assert not PersonRole.objects.filter(pk=given.pk).exists()


def test_members_are_changed_and_removed():
    owner = world.owner()
    editor = world.member(owner.organisation, Role.EDITOR)
    seat = Membership.objects.get(user=editor.user)
    address = url("organisation-members", owner.organisation)
    client = browser(owner)
    client.post(address, {"do": "role", "row": str(seat.uid), "role": "viewer"})
    seat.refresh_from_db()
    assert seat.role == "viewer"
    refused = browser(editor).post(address, {"do": "role", "row": str(seat.uid), "role": "owner"})
    assert refused.status_code == 403
    wrong = client.post(address, {"do": "role", "row": str(seat.uid), "role": "king"})
    assert wrong.status_code == 422
    own = Membership.objects.get(user=owner.user)
    last = client.post(address, {"do": "remove", "row": str(own.uid)})
    assert last.status_code == 409
    assert "member.last" in text(last)
    left = browser(editor).post(address, {"do": "remove", "row": str(seat.uid)})
    assert left["Location"] == "/en/desk/"
    assert not Membership.objects.filter(pk=seat.pk).exists()
    for given in ({"do": "x"}, {"do": "remove", "row": "x"}, {"do": "again", "row": NOBODY}):
        assert client.post(address, given).status_code == 404
