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
from marketplace.committee.defence.models import DefenceSlot, PanelQuestion
from marketplace.experts.actions import preview_import
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
    ask_of_the_past(Scenario.objects.get(title=content.scenario("S07")["title_zh"]), people)
    refused = people.user("v3")
    MailRefusal.objects.create(
        user=refused,
        email=refused.email,
        code=550,
        answer="no such mailbox",
        refused_at=clock.now(),
    )


def ask_of_the_past(scenario: Scenario, people: People) -> None:
    """A question of the panel and a defence of v7, as they would have been; the demo holds none."""
    bid = scenario.bids.get(organisation__members__user=people.user("v7"))
    member = scenario.panel.members.order_by("pk")[0]
    at, secretary = clock.now(), people.user("secretary")
    PanelQuestion.objects.create(
        member=member,
        bid=bid,
        number=1,
        text="请说明第三章所列样机的测试环境（虚构）。",
        asked_at=at,
        answer_by=at,
    )
    DefenceSlot.objects.create(
        panel=scenario.panel,
        bid=bid,
        order_by="lot",
        position=1,
        starts_at=at,
        minutes=30,
        place="三楼会议室（虚构）",
        set_by=secretary,
        set_at=at,
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


def read_spreadsheet(_user: User) -> Given:
    """A preview of the officer's with an expert, a tie and a fault in it."""
    head = ["电子邮箱 [expert.email]", "姓名 [expert.name]", "层次 [expert.grade]"]
    head += ["专家类别 [expert.kind]", "评审专业 [expert.specialties]", "从业年限 [expert.years]"]
    rows = [
        head,
        ["e1@demo.invalid", "陈示一", "高级职称", "技术专家", "工控安全", "12"],
        ["new-expert@demo.invalid", "新示一", "高级职称", "技术专家", "密码应用", "十年"],
    ]
    ties = [
        ["电子邮箱 [tie.email]", "类型 [tie.kind]", "单位 [tie.party_name]"],
        ["e1@demo.invalid", "顾问", "示例港航集团（虚构）"],
    ]
    words = {"ot_security": ["工控安全"], "cryptography": ["密码应用"]}
    actor = People(Content()).actor("officer")
    made = preview_import(actor=actor, tables=[rows, ties], file_sha256="0" * 64, specialties=words)
    return {"uid": made.uid}
