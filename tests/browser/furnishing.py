"""What the demo leaves out and a page needs to be looked at: done through the actions, after it."""

from __future__ import annotations

from typing import Any

from allauth.account.forms import EmailAwarePasswordResetTokenGenerator
from allauth.account.utils import user_pk_to_url_str
from allauth.core import context
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.contrib.sessions.backends.cache import SessionStore
from django.test import RequestFactory

from marketplace.accounts.invitations.actions import invite
from marketplace.accounts.invitations.models import Invitation
from marketplace.accounts.models import User
from marketplace.accounts.recovery.actions import ask_factor_reset
from marketplace.accounts.tokens.actions import create_token
from marketplace.base import clock
from marketplace.base.actor import Role
from marketplace.management.season.content import Content
from marketplace.management.season.people import People
from marketplace.notices.channels import Group
from marketplace.notices.mail import token_for
from marketplace.notices.models import MailRefusal
from marketplace.scenarios.actions import attach_small
from marketplace.scenarios.models import Scenario
from marketplace.scenarios.saved.actions import save_search
from marketplace.supervision.actions import answer_tip
from marketplace.supervision.models import Tip
from tests.accounts.passkeys import Passkey

Given = dict[str, Any]
# Signs in with a second factor of each kind; nobody else in the demo has one.
PROTECTED = "v10"


def furnish(content: Content) -> None:
    people = People(content)
    owner, officer = people.actor("o3-owner"), people.actor("officer")
    draft = Scenario.objects.get(title=content.scenario("S13")["title_zh"])
    for access, title in (("public", "接口说明（虚构）"), ("restricted", "网络拓扑（虚构）")):
        attach_small(
            actor=owner,
            scenario_uid=draft.uid,
            name=f"{title}.pdf",
            body=b"%PDF-1.7\n" + title.encode(),
            access=access,
            title=title,
        )
    kept = {"domain": ["industrial_internet"]}
    save_search(actor=people.actor("v5"), name="工业互联网", filters=kept)
    for actor, role in ((owner, Role.EDITOR), (officer, Role.EXPERT)):
        assert actor.organisation is not None
        invite(
            actor=actor,
            organisation_uid=actor.organisation.uid,
            email=f"new-{role}@demo.invalid",
            role=role,
            language="zh-hans",
        )
    create_token(actor=people.actor("v5"), name="夜间同步（虚构）", scopes=["read", "bids:write"])
    protect(people.user(PROTECTED))
    ask_factor_reset(
        actor=officer, email=people.address(PROTECTED), reason="本人持证件到场核对（虚构）。"
    )
    answer_tip(
        actor=people.actor("inspector"), tip_uid=Tip.objects.get().uid, text="已收到，正在核查。"
    )
    refused = people.user("v3")
    MailRefusal.objects.create(
        user=refused,
        email=refused.email,
        code=550,
        answer="no such mailbox",
        refused_at=clock.now(),
    )


def protect(user: User) -> None:
    """The ways of signing in that a browser would set up. They are kept in a request's session."""
    request = RequestFactory().get("/")
    request.session = SessionStore()
    with context.request_context(request):
        _protect(user)


def _protect(user: User) -> None:
    TOTP.activate(user, generate_totp_secret())
    RecoveryCodes.activate(user)
    Passkey(user)


# -- What an address names that only a letter tells ----------------------------------------------------
def invitation(_user: User) -> Given:
    row = Invitation.objects.get(email="new-editor@demo.invalid")
    return {"token": row.token}


def reset_key(_user: User) -> Given:
    user = User.objects.get(email="v1@demo.invalid")
    key = EmailAwarePasswordResetTokenGenerator().make_token(user)
    return {"uidb36": user_pk_to_url_str(user), "key": key}


def unsubscribing(_user: User) -> Given:
    return {"token": token_for(User.objects.get(email="v5@demo.invalid"), str(Group.values[0]))}


def own_key(user: User) -> Given:
    return {"pk": Authenticator.objects.get(user=user, type=Authenticator.Type.WEBAUTHN).pk}
