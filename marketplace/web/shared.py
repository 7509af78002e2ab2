"""What a public page says of itself to those who share, find or copy it: addresses and schema.org.

Addresses are those of SITE_URL, whoever asked under which name; and everything is said as a visitor
may know it, whoever reads: what was shared once is out of our hands.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.urls import reverse, translate_url
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from marketplace.accounts.models import Organisation
from marketplace.base.actor import VISITOR
from marketplace.scenarios.disclosure.mask import shown_owner
from marketplace.scenarios.models import Scenario
from marketplace.web.request import Request
from marketplace.web.templatetags.jiebang import localized_text, page_language, term

# As search machines and messengers show it.
DESCRIBED_MOST = 200
LANGUAGES = (("zh-Hans", "zh-hans"), ("en", "en"))
Data = dict[str, Any]


@dataclass(frozen=True)
class Shared:
    """The head of a public page. `data` is its JSON-LD graph, of plain values."""

    title: str
    description: str
    url: str
    # (language tag, address)
    others: list[tuple[str, str]]
    data: list[Data] = field(default_factory=list)
    kind: str = "website"


def whole(path: str) -> str:
    """The address that everybody may keep."""
    return f"{settings.SITE_URL.rstrip('/')}{path}"


def shared(
    request: Request, title: str, description: str = "", *, path: str = "", **more: Any
) -> Shared:
    """path: the canonical one, with its query, where it is not the one that was asked for."""
    path = path or request.path
    others = [(tag, whole(_in(code, path, get_language()))) for tag, code in LANGUAGES]
    told = " ".join(description.split())
    if len(told) > DESCRIBED_MOST:
        told = told[: DESCRIBED_MOST - 1] + "…"
    return Shared(title, told, whole(path), [*others, ("x-default", others[0][1])], **more)


@lru_cache(maxsize=2_000)
def _in(code: str, path: str, _active: str | None) -> str:
    """The same page in another language: what its address is resolved by is the active one."""
    return translate_url(path, code)


def iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds")


def ids(path: str, part: str) -> str:
    return f"{whole(path)}#{part}"


def page_data(url: str, name: str, description: str = "", **more: Any) -> Data:
    said = {"@type": "WebPage", "@id": url, "url": url, "name": name, "inLanguage": page_language()}
    return said | ({"description": description} if description else {}) | more


def crumbs(*steps: tuple[str, str]) -> Data:
    """steps: (name, path), the page itself last."""
    return {
        "@type": "BreadcrumbList",
        "itemListElement": [
            {"@type": "ListItem", "position": place, "name": name, "item": whole(path)}
            for place, (name, path) in enumerate(steps, start=1)
        ],
    }


def listing(rows: Iterable[tuple[str, str]]) -> Data:
    """rows: (name, path)."""
    told = [
        {"@type": "ListItem", "position": place, "name": str(name), "url": whole(path)}
        for place, (name, path) in enumerate(rows, start=1)
    ]
    return {"@type": "ItemList", "numberOfItems": len(told), "itemListElement": told}


def site_data() -> Data:
    board = whole(reverse("board"))
    return {
        "@type": "WebSite",
        "@id": f"{board}#site",
        "url": board,
        "name": _("Jiebang"),
        "inLanguage": page_language(),
        "potentialAction": {
            "@type": "SearchAction",
            "target": {"@type": "EntryPoint", "urlTemplate": f"{board}?q={{search_term_string}}"},
            "query-input": "required name=search_term_string",
        },
    }


def owner_data(scenario: Scenario) -> Data:
    """The owner as everybody knows it: of a masked one the mask, and no address."""
    owner = shown_owner(VISITOR, scenario)
    said: Data = {"@type": "Organization", "name": localized_text(owner, "name")}
    if owner.organisation is not None:
        path = reverse("organisation", args=[owner.organisation.uid])
        said |= {"@id": ids(path, "organisation"), "url": whole(path)}
    return said


def demand_data(scenario: Scenario) -> Data:
    """schema.org knows a Demand: the announcement of somebody who seeks a service."""
    path = reverse("scenario", args=[scenario.address])
    title = localized_text(scenario, "title")
    service: Data = {"@type": "Service", "name": title}
    if scenario.domain:
        service["serviceType"] = term(scenario.domain)
    if scenario.area:
        service["areaServed"] = {"@type": "Place", "name": term(scenario.area)}
    said: Data = {
        "@type": "Demand",
        "@id": ids(path, "demand"),
        "url": whole(path),
        "identifier": scenario.ref,
        "name": title,
        "description": localized_text(scenario, "summary"),
        "itemOffered": service,
    }
    if scenario.published_at:
        said["validFrom"] = said["availabilityStarts"] = iso(scenario.published_at)
    if scenario.deadline_at:
        said["validThrough"] = said["availabilityEnds"] = iso(scenario.deadline_at)
    if scenario.budget_cny is not None:
        said["priceSpecification"] = {
            "@type": "PriceSpecification",
            "priceCurrency": "CNY",
            "maxPrice": f"{scenario.budget_cny:.2f}",
        }
    return said


def shared_demand(request: Request, scenario: Scenario, label: str = "") -> Shared:
    """label: which part of the demand's pages, nothing for the demand itself."""
    title = f"{scenario.ref} {localized_text(scenario, 'title')}"
    summary = localized_text(scenario, "summary")
    path = reverse("scenario", args=[scenario.address])
    steps = [(_("Board"), reverse("board")), (title, path)]
    if label:
        steps.append((label, request.path))
        about = {"@id": ids(path, "demand")}
        data = [page_data(whole(request.path), f"{label} · {title}", about=about)]
    else:
        demand = demand_data(scenario)
        data = [
            page_data(whole(path), title, summary, mainEntity={"@id": demand["@id"]}),
            demand,
            owner_data(scenario) | {"seeks": {"@id": demand["@id"]}},
        ]
    shown = f"{label} · {title}" if label else title
    return shared(request, shown, summary, data=[*data, crumbs(*steps)], kind="article")


def organisation_data(row: Organisation, capabilities: list[str]) -> Data:
    path = reverse("organisation", args=[row.uid])
    said: Data = {
        "@type": "Organization",
        "@id": ids(path, "organisation"),
        "url": whole(path),
        "name": localized_text(row, "name"),
        "legalName": row.name,
        "identifier": {"@type": "PropertyValue", "propertyID": "USCC", "value": row.uscc},
    }
    if capabilities:
        said["knowsAbout"] = capabilities
    return said
