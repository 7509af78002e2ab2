"""Who is told of invitations, of members, and of what the office says of an organisation."""

from datetime import timedelta

import pytest

from marketplace.accounts.invitations.actions import (
    accept_invitation,
    accept_with_new_account,
    invite,
    revoke_invitation,
    send_again,
)
from marketplace.accounts.invitations.models import VALID_FOR, Invitation
from marketplace.accounts.members.actions import remove_member
from marketplace.accounts.models import Membership
from marketplace.accounts.organisations.actions import refuse_verification, verify_organisation
from marketplace.base.actor import Actor, Role
from marketplace.base.models import OutboxJob
from marketplace.notices.invitations import mail_invitation
from marketplace.notices.models import Notice
from marketplace.notices.queries import lines
from tests import world
from tests.accounts.steps import asked
from tests.notices.steps import deliver, ids, told
from tests.notices.test_mail import parts, subject_of

pytestmark = pytest.mark.django_db


def said(user):
    return [line.text for line in lines(user, Notice.objects.filter(user=user).order_by("pk"))]


def joined(owner, user, role=Role.EDITOR):
    made = invite(actor=owner, organisation_uid=owner.organisation.uid, email=user.email, role=role)
    accept_invitation(actor=Actor(Role.MEMBER, user), token=made.token)


def test_the_inviter_hears_of_the_answer_and_the_other_owners_of_the_member():
    owner = world.owner(name="甲", name_en="First")
    other = world.member(owner.organisation)
    world.member(owner.organisation, Role.EDITOR)
    user = world.make_user("王五")
    joined(owner, user)
    deliver()
    assert told("invitation.accepted") == ids(owner)
    assert told("member.joined") == ids(other)
    assert said(owner.user) == ["王五 accepted your invitation"]
    assert said(other.user) == ["Somebody joined First"]


def test_an_inviter_who_is_out_hears_nothing():
    owner = world.owner()
    second = world.member(owner.organisation)
    joined(second, world.make_user())
    Membership.objects.filter(user=second.user).delete()
    deliver()
    assert told("invitation.accepted") == set()


def test_who_is_removed_hears_of_it_though_he_sees_the_organisation_no_more():
    owner = world.owner(name="甲", verified_at=None)
    other = world.member(owner.organisation)
    gone = world.member(owner.organisation, Role.VIEWER)
    gone.user.name = "赵六"
    gone.user.save()
    seat = Membership.objects.get(user=gone.user)
    remove_member(actor=owner, membership_uid=seat.uid)
    deliver()
    assert told("member.removed") == ids(other, gone)
    assert said(gone.user) == ["No longer a member: 赵六 · 甲"]


def test_the_office_hears_of_a_request_and_the_organisation_of_the_verdict():
    officer, belongs = world.officer(), world.officer()
    owner = asked()
    editor = world.member(owner.organisation, Role.EDITOR)
    world.member(owner.organisation, Role.VIEWER)
    Membership.objects.create(user=belongs.user, organisation=owner.organisation, role=Role.VIEWER)
    uid = owner.organisation.uid
    refuse_verification(actor=officer, organisation_uid=uid, reason="查无此号")
    asked(owner)
    verify_organisation(actor=officer, organisation_uid=uid)
    deliver()
    assert told("organisation.verification_asked") == ids(officer)
    assert told("organisation.refused") == ids(owner, editor)
    assert told("organisation.verified") == ids(owner, editor)
    assert "查无此号" not in "".join(said(owner.user))


def test_a_stranger_is_not_told_of_an_organisation_that_he_may_read():
    owner = world.owner()
    row = Notice.objects.create(
        user=world.vendor().user,
        kind="organisation.verified",
        subject_uid=owner.organisation.uid,
        event_uid=owner.organisation.uid,
    )
    [line] = lines(row.user, [row])
    assert line.withdrawn is True


# -- The mail of an invitation -----------------------------------------------------------------------
def invited(owner, language="en", role=Role.EDITOR):
    return invite(
        actor=owner,
        organisation_uid=owner.organisation.uid,
        email="new@test.invalid",
        role=role,
        language=language,
    )


@pytest.mark.parametrize(
    ("language", "subject", "prefix"),
    [
        ("zh-hans", "邀请您在平台上加入甲 Bcc: thief@test.invalid", ""),
        ("en", "Invitation to join <First> on the platform", "/en"),
    ],
)
def test_the_link_goes_by_mail_to_an_address_without_an_account(sink, language, subject, prefix):
    owner = world.owner(name="甲\r\nBcc: thief@test.invalid", name_en="<First>")
    made = invited(owner, language)
    assert made.token == ""
    deliver()
    [message] = sink
    row = Invitation.objects.get()
    link = f"https://jiebang.test{prefix}/invitations/{row.token}/"
    assert message["To"] == message["X-RcptTo"] == "new@test.invalid"
    assert message["Bcc"] is None
    assert message["Message-ID"] == f"<{row.uid}.1@jiebang.test>"
    assert subject_of(message) == subject
    read = parts(message)
    assert link in read["text/plain"].replace("\r\n", "\n").split("\n")
    assert f'href="{link}"' in read["text/html"]
    assert "<First>" not in read["text/html"]
    assert row.mailed_at is not None
    payloads = [str(payload) for payload in OutboxJob.objects.values_list("payload", flat=True)]
    assert [payload for payload in payloads if row.token in payload] == []


def test_an_invitation_to_a_role_says_which(sink):
    officer = world.officer()
    officer.organisation.name_en = "Office"
    officer.organisation.save()
    invited(officer, role=Role.EXPERT)
    deliver()
    [message] = sink
    assert subject_of(message) == "Invitation from Office to act as: Expert"


def test_one_mail_for_each_sending(sink):
    owner = world.owner()
    row = invited(owner).invitation
    deliver()
    mail_invitation(invitation_uid=str(row.uid), sent=1)
    send_again(actor=owner, invitation_uid=row.uid)
    mail_invitation(invitation_uid=str(row.uid), sent=1)
    deliver()
    assert [message["Message-ID"] for message in sink] == [
        f"<{row.uid}.{number}@jiebang.test>" for number in (1, 2)
    ]


def test_what_is_over_is_not_mailed(sink, clock):
    clock.freeze(clock.now())
    owner = world.owner()
    row = invited(owner).invitation
    revoke_invitation(actor=owner, invitation_uid=row.uid)
    deliver()
    again = invited(owner).invitation
    clock.move(VALID_FOR + timedelta(seconds=1))
    deliver()
    assert sink == []
    again.refresh_from_db()
    assert again.mailed_at is None


def test_a_link_that_came_by_mail_proves_the_address(sink):
    invited(world.owner())
    deliver()
    row = Invitation.objects.get()
    user, _row = accept_with_new_account(
        token=row.token, name="新人", password="a long battery of horses"
    )
    assert user.emailaddress_set.get().verified is True
