"""Whose demand it is, as each reader may know it.

An owner may post under a mask ("某港航企业"). The office, its own people, and an inspector on a
request know the name; so do the experts who must declare what ties them to it. Everybody learns it
with the publicity of the award, which must name the owner by its rules; without an award nobody.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from django.db.models import Q
from django.utils.translation import gettext as _

from marketplace.accounts.models import Membership, Organisation
from marketplace.base.actor import Actor
from marketplace.base.canonical import canonical, salted
from marketplace.base.errors import Invalid
from marketplace.base.inspected import inspected, inspects
from marketplace.base.packer import names_found
from marketplace.scenarios.content import Fault, by_field
from marketplace.scenarios.models import Scenario

# Said of a masked owner where the mask has no English.
MASK_EN = "An enterprise that is not named yet"
# What a name is written without when one speaks of the enterprise.
PLACES = re.compile(
    r"^(?:中国)?[（(]?(?:上海|北京|天津|重庆|江苏|浙江|安徽)?(?:市|省)?[）)]?"
    r"(?:自由贸易试验区|自贸区)?(?:临港)?(?:新片区)?"
)
FORMS = re.compile(
    r"(?:[（(][^（）()]{2,8}[）)])?(?:集团)?(?:股份|责任|控股)?(?:有限)?(?:责任)?(?:公司|集团|厂|院|所|中心)?$"
)
FORMS_EN = re.compile(
    r"[\s,]*(?:co\.?|company|ltd\.?|limited|inc\.?|corp(?:oration)?\.?|group|holdings?|plc)\s*$",
    re.IGNORECASE,
)
# Mail from these says nothing of an organisation.
SHARED_MAIL = frozenset(
    "qq.com foxmail.com 163.com 126.com yeah.net sina.com sina.cn sohu.com aliyun.com 139.com 189.cn"
    " gmail.com outlook.com hotmail.com icloud.com yahoo.com".split()
)
SHORT_LEAST = 3


@dataclass(frozen=True)
class ShownOwner:
    """`organisation` only where its page may be linked; `masked` where a mask stands for the name."""

    name: str
    name_en: str
    organisation: Organisation | None
    masked: bool


def knows_owner(actor: Actor, scenario: Scenario) -> bool:
    """Whether this reader may know whose demand it is."""
    if not scenario.veiled or actor.is_office:
        return True
    if actor.organisation_id is not None and actor.organisation_id == scenario.organisation_id:
        return True
    return inspects(actor, scenario.uid, scenario.organisation.uid)


def shown_owner(actor: Actor, scenario: Scenario) -> ShownOwner:
    """The owner as this reader may know it: every page, list and answer asks here."""
    if not knows_owner(actor, scenario):
        return ShownOwner(scenario.owner_mask, MASK_EN, None, masked=True)
    owner = scenario.organisation
    linked = owner if owner.verified_at is not None else None
    return ShownOwner(owner.name, owner.name_en, linked, masked=False)


def unveiled(actor: Actor) -> Q:
    """Demands of which this reader may know the owner, for lists by owner and their counts."""
    known = Q(owner_masked=False) | Q(owner_shown_at__isnull=False)
    if actor.is_office:
        return Q()
    if actor.organisation_id is not None:
        known |= Q(organisation_id=actor.organisation_id)
    return known | inspected(actor, "uid", "organisation__uid")


def speaking(actor: Actor, scenario: Scenario) -> Actor:
    """Who stands in a leaf that everybody reads: of a masked owner's people, the role alone.

    Who it was stays in the row that the deed writes.
    """
    if scenario.veiled and actor.organisation_id == scenario.organisation_id:
        return replace(actor, user=None, organisation=None)
    return actor


def owner_said(scenario: Scenario) -> dict[str, str]:
    """What a commitment to a masked owner is made over, as canonical JSON."""
    owner = scenario.organisation
    return {
        "uid": str(owner.uid),
        "uscc": owner.uscc,
        "name": owner.name,
        "name_en": owner.name_en,
        "contact": scenario.contact,
    }


def frozen_owner(scenario: Scenario) -> dict[str, str]:
    """As the publication names the owner: of a masked one the mask, and a salted commitment.

    The commitment is HMAC-SHA-256 (hex) of the SHA-256 of `owner_said`, keyed with the salt.
    """
    said = owner_said(scenario)
    if scenario.owner_masked and scenario.owner_salt is not None:
        told = hashlib.sha256(canonical(said)).hexdigest()
        commitment = salted(told, bytes(scenario.owner_salt))
        return {"mask": scenario.owner_mask, "commitment": commitment}
    return {name: value for name, value in said.items() if name != "contact"}


def short_names(name: str) -> list[str]:
    """上海洋山港航科技有限公司 → 洋山港航科技, without place and legal form."""
    found = []
    for base in (name, PLACES.sub("", name)):
        bare = FORMS.sub("", base)
        found += [bare, re.sub(r"(?:科技|技术|信息|实业|网络|智能|数字)+$", "", bare)]
    return [one for one in dict.fromkeys(found) if len(one) >= SHORT_LEAST and one != name]


def telling_names(owner: Organisation) -> list[str]:
    """Everything by which a text would tell the owner: names, code, domains of its mail."""
    english = owner.name_en
    while FORMS_EN.search(english):
        english = FORMS_EN.sub("", english)
    mails = Membership.objects.filter(organisation=owner).values_list("user__email", flat=True)
    domains = {mail.rpartition("@")[2].lower() for mail in mails if "@" in mail} - SHARED_MAIL
    names = [owner.name, *short_names(owner.name), owner.name_en, english, owner.uscc]
    return [name for name in dict.fromkeys([*names, *sorted(domains)]) if len(name) >= SHORT_LEAST]


def mask_faults(
    texts: Iterable[tuple[str, str]], owner: Organisation | None, *, masked: bool, mask: str
) -> list[Fault]:
    """What would lift the mask. texts: (field, words) that everybody will read."""
    if not masked:
        return []
    if not mask.strip():
        sentence = _("Say how the owner is called instead, for example “a port company”.")
        return [Fault("owner_mask", "required", sentence)]
    if owner is None:
        return []
    names = telling_names(owner)
    sentence = _("This names the owner, who wants to stay unnamed: “%(name)s”.")
    instead = _("This names the owner, who wants to stay unnamed: “%(name)s”. Write “%(mask)s”.")
    faults = []
    for field, words in [("owner_mask", mask), *texts]:
        if told := names_found(words, names):
            said = sentence if field == "owner_mask" else instead
            faults.append(Fault(field, "mask.named", said % {"name": told[0], "mask": mask}))
    return faults


def refuse_naming(scenario: Scenario, texts: Mapping[str, str]) -> None:
    """Raise Invalid, field by field, where words that everybody will read name a masked owner.

    For those who know the owner, after their rule was asked: to others the answer would tell it.
    """
    if not scenario.veiled:
        return
    owner, mask = scenario.organisation, scenario.owner_mask
    if faults := mask_faults(texts.items(), owner, masked=True, mask=mask):
        raise Invalid(errors=by_field(faults), code="mask.named")
