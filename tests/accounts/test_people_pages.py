"""Pages of organisations and their people, as their roles meet them."""

import html
import re
from urllib.parse import urlsplit

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import translation

from marketplace.accounts.invitations.actions import invite, revoke_invitation
from marketplace.accounts.invitations.models import Invitation, hash_of
from marketplace.accounts.models import Membership, Organisation, PersonRole, User
from marketplace.accounts.organisations.models import Verification
from marketplace.base import queue
from marketplace.base.actor import Role
from marketplace.base.clock import now
from tests import world
from tests.accounts.steps import EVIDENCE, asked

pytestmark = pytest.mark.django_db
PASSWORD = "a long battery of horses"
NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(autouse=True)
def english_and_nothing_remembered():
    """Neither what was counted before, nor, afterwards, the language of the last page."""
    cache.clear()
    with translation.override("en"):
        yield


def browser(actor=None, **more):
    client = Client(headers={"accept-language": "en"}, **more)
    if actor:
        client.force_login(actor.user)
    return client


def at(name, *parts):
    """The English address, whatever language the last answer was in."""
    with translation.override("en"):
        return reverse(name, args=parts)


def url(name, organisation):
    return at(name, organisation.uid)


def text(page):
    return html.unescape(page.content.decode())


def link_in(page):
    return urlsplit(re.search(r'href="(http://[^"]*/invitations/[^"]+)"', text(page))[1]).path


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


# -- Profile, control, verification ------------------------------------------------------------------
def test_a_profile_is_saved_and_read_by_everybody():
    owner = world.vendor(name="甲方向")
    client = browser(owner)
    address = url("organisation-profile", owner.organisation)
    given = {
        "revision": "0",
        "name": "<b>甲</b>\r\n方向",
        "name_en": "Direction",
        "is_vendor": "on",
        "capabilities": ["mpc", "ai"],
        "profile_en": "We <script>alert(1)</script>",
        "contact": "021-1",
    }
    assert client.post(address, given).status_code == 302
    stale = client.post(address, given | {"name_en": "Other"})
    assert stale.status_code == 409
    assert 'value="Other"' in text(stale)
    page = browser().get(url("organisation", owner.organisation))
    assert "Secure multi-party computation" in text(page)
    assert b"<script>alert" not in page.content
    owner.organisation.refresh_from_db()
    assert owner.organisation.name == "<b>甲</b> 方向"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"capabilities": ["cooking"]}, "Choose among the values offered."),
        ({"name": ""}, "This must be filled in."),
        ({"name": "x" * 10_000}, "At most 120 characters"),
        ({"is_vendor": ""}, "Say whether it posts demands, bids, or both."),
    ],
)
def test_wrong_profiles_stay_on_the_page(wrong, said):
    owner = world.vendor()
    given = {"revision": "0", "name": "乙", "is_vendor": "on", "contact": "kept"} | wrong
    page = browser(owner).post(url("organisation-profile", owner.organisation), given)
    assert page.status_code == 422
    assert said in text(page)
    assert 'value="kept"' in text(page)


@pytest.mark.parametrize("revision", ["", "x", "-1", "9" * 30, "１"])
def test_a_profile_without_its_revision_is_stale(revision):
    owner = world.vendor()
    given = {"revision": revision, "name": "乙", "is_vendor": "on"}
    page = browser(owner).post(url("organisation-profile", owner.organisation), given)
    assert page.status_code == 409


def test_control_and_relations_are_stated_and_ended():
    owner, other = world.vendor(), world.vendor()
    address = url("organisation-control", owner.organisation)
    client = browser(owner)
    given = {"do": "control", "control-name": "王五", "control-identity_number": "3101011980"}
    assert client.post(address, given).status_code == 302
    relation = {
        "do": "relation",
        "relation-other_name": other.organisation.name,
        "relation-other_uscc": other.organisation.uscc,
        "relation-kind": "same_head",
    }
    assert client.post(address, relation).status_code == 302
    assert client.post(address, relation).status_code == 409
    page = client.get(address)
    assert "王五" in text(page)
    assert "3101011980" not in text(page)
    row = owner.organisation.controls.get()
    end = {"do": "end-control", "row": str(row.uid), "until_date": ""}
    assert client.post(address, end).status_code == 302
    assert client.post(address, end).status_code == 409
    wrong = client.post(address, {"do": "control", "control-name": "", "control-uscc": "1"})
    assert wrong.status_code == 422
    assert "This must be filled in." in text(wrong)
    assert client.post(address, {"do": "x"}).status_code == 404
    assert browser(world.officer()).post(address, end).status_code == 403


def test_evidence_is_filed_and_judged():
    owner = world.vendor(verified_at=None)
    address = url("organisation-verification", owner.organisation)
    client, officer = browser(owner), browser(world.officer())
    wrong = client.post(address, {"do": "ask", "registry_url": "x", "note": "kept"})
    assert wrong.status_code == 422
    assert "kept" in text(wrong)
    assert client.post(address, {"do": "ask", **EVIDENCE}).status_code == 302
    assert client.post(address, {"do": "ask", **EVIDENCE}).status_code == 409
    queue = officer.get("/en/desk/organisations/")
    assert text(queue).count("Asks to be verified") == 2
    assert officer.post(address, {"do": "refuse", "refuse-reason": ""}).status_code == 422
    refused = officer.post(address, {"do": "refuse", "refuse-reason": "查无 <此号>"})
    assert refused.status_code == 302
    page = client.get(address)
    assert "查无 <此号>" in text(page)
    assert f'value="{EVIDENCE["licence_number"]}"' in text(page)
    client.post(address, {"do": "ask", **EVIDENCE})
    verified = officer.post(address, {"do": "verify", "verdict-in_lingang": "on"})
    assert verified.status_code == 302
    organisation = Organisation.objects.get(pk=owner.organisation.pk)
    assert (organisation.verified_at is not None, organisation.in_lingang) == (True, True)
    assert client.post(address, {"do": "verify"}).status_code == 403
    assert officer.post(address, {"do": "x"}).status_code == 404


def test_the_office_verifies_by_what_it_found_itself():
    organisation = world.make_organisation(is_vendor=True, verified_at=None)
    officer = browser(world.officer())
    address = url("organisation-verification", organisation)
    assert officer.post(address, {"do": "verify"}).status_code == 422
    given = {f"verdict-{name}": value for name, value in EVIDENCE.items()}
    assert officer.post(address, {"do": "verify", **given}).status_code == 302
    assert Verification.objects.get().state == "verified"


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


# -- Many rows ---------------------------------------------------------------------------------------
def many(owner, number):
    for place in range(number):
        world.member(owner.organisation, Role.VIEWER)
        world.control(owner.organisation, f"person:{place}")
        row = Invitation(
            organisation=owner.organisation,
            role=Role.EDITOR,
            email=f"w{place}@test.invalid",
            language="en",
            invited_by=owner.user,
            expires_at=now(),
        )
        row.token_hash = hash_of(row.token)
        row.save()


@pytest.mark.parametrize("number", [1, 30])
@pytest.mark.parametrize(
    ("where", "queries"),
    [("organisation-members", 9), ("organisation-control", 8), ("organisation-verification", 8)],
)
def test_pages_cost_the_same_with_one_row_and_with_thirty(number, where, queries, count_queries):
    owner = world.owner()
    many(owner, number)
    client = browser(owner)
    client.get(url(where, owner.organisation))
    with count_queries() as counted:
        assert client.get(url(where, owner.organisation)).status_code == 200
    assert len(counted) == queries


@pytest.mark.parametrize("number", [1, 30])
@pytest.mark.parametrize(("where", "queries"), [("organisations", 9), ("people", 8)])
def test_lists_of_the_office_cost_the_same(number, where, queries, count_queries):
    officer = world.officer()
    for _ in range(number):
        asked()
        world.person(Role.EXPERT)
    client = browser(officer)
    client.get(f"/en/desk/{where}/")
    with count_queries() as counted:
        assert client.get(f"/en/desk/{where}/").status_code == 200
    assert len(counted) == queries
