"""A small fictitious world for tests: people, organisations, a published scenario.

Rows are written directly, so a room's tests do not depend on the rooms that lead to it.
"""

from __future__ import annotations

import hashlib
import itertools
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import transaction

from marketplace.accounts.actions import grant
from marketplace.accounts.credentials import Credential
from marketplace.accounts.models import (
    Capability,
    Control,
    Membership,
    Organisation,
    PersonRole,
    User,
)
from marketplace.accounts.pledges import KEY_HOLDER, Pledge, PledgeText
from marketplace.accounts.uscc import ALPHABET, check_character, organisation_check_character
from marketplace.base import clock
from marketplace.base.actor import SYSTEM, Actor, Role
from marketplace.base.assertions import SoftwareKey
from marketplace.base.canonical import canonical
from marketplace.base.sealing import new_envelope_key
from marketplace.ledger import actions as ledger
from marketplace.ledger.models import Audience
from marketplace.scenarios.actions.publication import (
    announced_grace,
    announced_keys,
    announced_outage_rule,
    in_order,
)
from marketplace.scenarios.documents.kinds import FORMS, DocumentKind
from marketplace.scenarios.documents.models import DocumentCheck, GateDocument
from marketplace.scenarios.models import (
    Condition,
    Criterion,
    Envelope,
    EnvelopeKey,
    Metric,
    Milestone,
    PaymentNode,
    Publication,
    Scenario,
    State,
)
from marketplace.scenarios.reference import AwardMode, RuleProfile, Term

NUMBERS = itertools.count(1)
PASSWORD = "correct horse battery staple"


@cache
def password_hash() -> str:
    return make_password(PASSWORD)


def make_uscc() -> str:
    """A code with both check digits right."""
    body = f"MAT{next(NUMBERS):05d}"
    first17 = "91310115" + body + organisation_check_character(body)
    if set(first17) - set(ALPHABET):
        return make_uscc()
    return first17 + check_character(first17)


def make_user(name: str = "", **fields: Any) -> User:
    number = next(NUMBERS)
    user = User(email=f"user{number}@test.invalid", name=name or f"人{number}", **fields)
    user.password = password_hash()
    user.save()
    return user


def make_organisation(**fields: Any) -> Organisation:
    number = next(NUMBERS)
    fields = {"name": f"单位{number}", "in_lingang": True, "verified_at": clock.now()} | fields
    return Organisation.objects.create(uscc=make_uscc(), **fields)


def office() -> Organisation:
    found = Organisation.objects.filter(is_office=True).first()
    return found or make_organisation(name="园区办", is_office=True)


def pledge(actor: Actor, role: str = "") -> Actor:
    """All texts in force of the actor's role (or of `role`), signed."""
    role = role or str(actor.role)
    Pledge.objects.bulk_create(
        Pledge(
            user=actor.person,
            organisation=actor.organisation,
            role=actor.role,
            text=text,
            sha256=text.sha256,
            signed_at=clock.now(),
        )
        for text in PledgeText.objects.in_force().filter(roles__contains=[role])
    )
    return actor


def member(organisation: Organisation, role: str = Role.OWNER) -> Actor:
    """A new person of an organisation, acting for it, with the pledges signed."""
    user = make_user()
    Membership.objects.create(user=user, organisation=organisation, role=role)
    return pledge(Actor(role, user, organisation))


def person(role: str) -> Actor:
    """A new expert, witness, inspector, ..., acting as such."""
    user = make_user()
    PersonRole.objects.create(user=user, role=role)
    return pledge(Actor(role, user))


def officer() -> Actor:
    return member(office(), Role.OFFICER)


def secretary() -> Actor:
    return member(office(), Role.SECRETARY)


def owner(**fields: Any) -> Actor:
    return member(make_organisation(is_owner=True, **fields))


def vendor(**fields: Any) -> Actor:
    return member(make_organisation(is_vendor=True, **fields))


def control(organisation: Organisation, code: str, name: str = "控制人") -> Control:
    return Control.objects.create(
        organisation=organisation, controller_code=code, controller_name=name
    )


def profile(code: str = "A", version: int | None = None) -> RuleProfile:
    """The newest version, unless one is named."""
    rows = RuleProfile.objects.filter(code=code).order_by("-version")
    return rows.get(version=version) if version else rows[0]


def term(vocabulary: str, code: str) -> Term:
    return Term.objects.get(vocabulary=vocabulary, code=code)


CRITERIA = [
    ("C1", "技术方案", "technical", 50),
    ("C2", "实施可行", "technical", 20),
    ("C3", "团队与业绩", "team", 20),
    ("C4", "报价", "price", 10),
]


def draft_scenario(actor: Actor, **fields: Any) -> Scenario:
    """A complete draft of the actor's organisation, with all its parts.

    criteria: {code: more columns} beside those of CRITERIA, or rows like those.
    """
    number = next(NUMBERS)
    given = fields.pop("criteria", {})
    rows, more = (CRITERIA, given) if isinstance(given, dict) else (given, {})
    values: dict[str, Any] = {
        "title": f"示例需求{number}",
        "title_en": f"Example demand {number}",
        "summary": "公开摘要：一家企业需要更可靠的检测能力。",
        "pain": "现有手段误报多。",
        "need": "需要可测量的检测。",
        "deliverables": "系统、文档。",
        "ip_terms": "新成果归揭榜方，需求方永久使用。",
        "data_terms": "测试使用合成数据。",
        "contact": "张三 021-00000000",
        "funding": term("funding_source", "own"),
        "domain": term("domain", "industrial_internet"),
        "area": term("area", "innovation_zone"),
        "budget_cny": Decimal("1000000.00"),
        "duration_months": 6,
        # The version that closes at the deadline itself, without the grace of later ones.
        "profile": profile("A", version=2),
        "award_mode": AwardMode.OWNER_CHOICE,
        "deadline_at": clock.now() + timedelta(days=30),
    }
    scenario = Scenario.objects.create(
        organisation=actor.organisation, author=actor.user, **(values | fields)
    )
    Metric.objects.create(
        scenario=scenario,
        position=0,
        code="M1",
        name="检出率",
        operator=">=",
        value=Decimal("98"),
        unit="%",
        test_method="第三方测试",
        tester="第三方",
        critical=True,
    )
    for position, (code, name, kind, weight) in enumerate(rows):
        Criterion.objects.create(
            scenario=scenario,
            position=position,
            code=code,
            name=name,
            kind=kind,
            weight=Decimal(weight),
            **more.get(code, {}),
        )
    for position, (name, percent) in enumerate([("签约", 30), ("中期", 40), ("验收", 30)]):
        PaymentNode.objects.create(
            scenario=scenario, position=position, name=name, percent=Decimal(percent)
        )
    Milestone.objects.create(scenario=scenario, position=0, name="验收", month=6)
    for position, text in enumerate(["具有相关项目经验", "承诺遵守保密要求"]):
        Condition.objects.create(
            scenario=scenario, position=position, code=f"Q{position + 1}", text=text
        )
    return scenario


def documents(scenario: Scenario, *kinds: str, prepared_by: Actor | None = None) -> None:
    """The five documents of a demand (or those named), as rows: filed and checked by others."""
    for kind in kinds or DocumentKind:
        filer = prepared_by or officer()
        row = GateDocument.objects.create(
            scenario=scenario,
            kind=kind,
            revision=scenario.revision,
            form_version=1,
            answers=dict.fromkeys(FORMS[kind].statements, True),
            number="示例〔2026〕1号",
            amount_cny=scenario.budget_cny if FORMS[kind].amount else None,
            words="需求真实，指标可测。",
            sha256=hashlib.sha256(f"{scenario.uid}{kind}".encode()).hexdigest(),
            filed_by=filer.person,
            organisation=filer.party,
            filed_at=clock.now(),
        )
        if FORMS[kind].checked:
            DocumentCheck.objects.create(
                document=row, accepted=True, checked_by=make_user(), checked_at=clock.now()
            )


def published_scenario(
    actor: Actor | None = None, *, deadline_at: datetime | None = None, **fields: Any
) -> Scenario:
    """Open for bids, with envelope keys and two key holders (`key_holders(scenario)`)."""
    actor = actor or owner()
    state = fields.pop("state", State.PUBLISHED)
    scenario = draft_scenario(actor, **fields)
    now = clock.now()
    for envelope in Envelope:
        key = new_envelope_key(master_recipient=settings.OPENER_RECIPIENT)
        EnvelopeKey.objects.create(
            scenario=scenario,
            envelope=envelope,
            recipient=key.recipient,
            wrapped_identity=key.wrapped_identity,
        )
    scenario.ref = f"LG-2026-{next(NUMBERS):04d}"
    scenario.state = state
    scenario.published_at = now
    scenario.published_by = make_user()
    scenario.deadline_at = deadline_at or now + timedelta(days=30)
    scenario.save()
    for _ in range(2):
        holder = pledge(Actor(Role.MEMBER, make_user()), KEY_HOLDER)
        grant(subject_uid=scenario.uid, capability=Capability.KEY_HOLDER, user=holder.user)
    return scenario


def holder_key(user: User) -> SoftwareKey:
    """The security key of somebody who confirms openings; a passkey like any other to the site."""
    return SoftwareKey(hashlib.sha256(user.uid.bytes).digest())


def announce(scenario: Scenario) -> None:
    """What the publication leaves in log and records, in short; once."""
    if Publication.objects.filter(scenario=scenario).exists():
        return
    holders = [actor.person for actor in key_holder_actors(scenario)]
    keys = [[Credential(key.id, key.public_key)] for key in map(holder_key, in_order(holders))]
    body = canonical({"key_holders": [str(user.uid) for user in in_order(holders)]})
    publication = Publication.objects.create(
        scenario=scenario,
        version=1,
        profile=scenario.profile,
        body=body,
        sha256=hashlib.sha256(body).hexdigest(),
        published_by=scenario.published_by,
        published_at=scenario.published_at,
    )
    with transaction.atomic():
        ledger.append(
            "scenario.published",
            actor=SYSTEM,
            subjects=[publication.uid, scenario.uid],
            audience=Audience.PUBLIC,
            data={
                "ref": scenario.ref,
                "deadline_at": scenario.deadline_at,
                "recipients": dict(scenario.envelope_keys.values_list("envelope", "recipient")),
                "confirmations": 2,
                "keys": announced_keys(keys),
                **(announced_grace(scenario.profile) if scenario.profile else {}),
                **(announced_outage_rule(scenario.profile) if scenario.profile else {}),
            },
        )


def key_holder_actors(scenario: Scenario) -> list[Actor]:
    """The two appointed key holders, acting as plain signed-in people."""
    users = User.objects.filter(
        grants__subject_uid=scenario.uid, grants__capability=Capability.KEY_HOLDER
    )
    return [Actor(Role.MEMBER, user) for user in users.order_by("pk")]
