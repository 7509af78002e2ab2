"""Words that tailor a demand to somebody: brands, models, a bidder's name, a local seat.

Pure: texts in, findings out. It warns; the office's fairness review decides.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from django.utils.translation import gettext as _

from marketplace.scenarios.content import Content

# Fields and columns that say what is wanted and who may bid. Who tests may be named.
TEXTS_READ = ("title", "summary", "pain", "need", "deliverables")
COLUMNS_READ = {
    "metrics": ("name", "test_method", "dataset"),
    "criteria": ("name", "guidance"),
    "conditions": ("text", "evidence"),
}
PLACES = r"(?:上海|临港|本市|本地|本区|新片区|自贸区|浦东)"
NEGATED = r"(?<![不未无非])"
BRAND = re.compile(
    NEGATED + r"指定(?:的)?(?:品牌|型号|厂商|厂家|产品|供应商)"
    r"|(?:国产|进口|知名|一线|某)[^\s，。；、]{0,4}(?<!不限)品牌"
    r"|(?:采用|使用|选用|限于|仅限)[^\s，。；、不]{1,12}(?:品牌|牌|系列产品|型号)"
    r"|(?<!不限)型号[:：为]\s*[A-Za-z0-9]"
    r"|(?:原厂|厂家)(?:唯一|独家)?授权|(?:唯一|独家)(?:供应|代理|授权|来源)"
    r"|\b(?:brand|model)\s+(?:must|shall)\s+be\b|\bmanufacturer'?s?\s+authori[sz]ation\b",
    re.IGNORECASE,
)
LOCAL = re.compile(
    r"(?:在|于|须在|注册于|登记于)?" + PLACES + r"(?:市|范围)?(?:内|境内)?"
    r"[^，。；、\s]{0,6}(?:注册|登记|设立|纳税|社保|落户|分公司|分支机构)"
    r"|(?:注册地|注册地址|住所地|纳税地)[^，。；、\s]{0,6}"
    + PLACES
    + r"|\b(?:registered|incorporated|based)\s+in\s+(?:shanghai|lingang)\b",
    re.IGNORECASE,
)
NOT_DEMANDED = re.compile(
    r"(?:不要求|不得要求|无须|无需|不限|不以|not\s+required).{0,4}$", re.IGNORECASE
)
# Companies whose whole name is what everybody calls the thing.
COMMON = frozenset(
    "网络安全 信息安全 数据安全 工业互联网 智能网联 人工智能 第三方检测 检测机构".split()
)


@dataclass(frozen=True)
class Tailored:
    """Where it stands ("need", "metrics-0-name") and what to do about it."""

    field: str
    rule: str
    message: str


def texts_of(content: Content) -> Iterator[tuple[str, str]]:
    """Everything that is read here, with its place, in the order of the form."""
    for name in TEXTS_READ:
        yield name, str(content.values.get(name) or "")
    for part, columns in COLUMNS_READ.items():
        for place, row in enumerate(content.rows.get(part, [])):
            for column in columns:
                yield f"{part}-{place}-{column}", str(row.get(column) or "")


def tailored(content: Content, companies: Collection[str]) -> list[Tailored]:
    """Every place that names or favours somebody, one finding a place.

    companies: the short names of registered bidders that may occur (see names.py).
    """
    found = []
    for field, text in texts_of(content):
        finding = _of(field, text, companies) if text else None
        if finding:
            found.append(finding)
    return found


def _of(field: str, text: str, companies: Collection[str]) -> Tailored | None:
    lowered = text.lower()
    for company in companies:
        if company.lower() in lowered:
            sentence = _("“%(name)s” is a registered company: say what is needed, not whose it is.")
            return Tailored(field, "neutral.company", sentence % {"name": company})
    if words := _demanded(BRAND.finditer, text):
        sentence = _(
            "“%(words)s” points at a brand or model: name the property that can be measured instead."
        )
        return Tailored(field, "neutral.brand", sentence % {"words": words})
    if words := _demanded(LOCAL.finditer, text):
        sentence = _(
            "“%(words)s” asks for a local seat: bidders from elsewhere are treated alike; strike it."
        )
        return Tailored(field, "neutral.local", sentence % {"words": words})
    return None


def _demanded(find: Callable[[str], Iterator[re.Match[str]]], text: str) -> str:
    """The first words that match and are not just ruled out before them."""
    for match in find(text):
        if not NOT_DEMANDED.search(text[max(0, match.start() - 8) : match.start()]):
            return match[0].strip()[:30]
    return ""
