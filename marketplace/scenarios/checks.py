"""Is a demand complete, and does it keep to its profile? Every fault at once, each naming its rule.

Pure: plain content and a profile in, faults out. The form page shows the same list as it grows.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from marketplace.scenarios.content import TEXTS, Content, Fault, Row
from marketplace.scenarios.disclosure.patterns import forbidden

if TYPE_CHECKING:
    from marketplace.scenarios.reference import RuleProfile

HUNDRED = Decimal(100)
REQUIRED = (
    "title",
    "summary",
    "pain",
    "need",
    "deliverables",
    "ip_terms",
    "data_terms",
    "contact",
    "domain",
    "area",
    "funding",
    "budget_cny",
    "duration_months",
    "profile",
)
ROW_REQUIRED = {
    "metrics": ("name", "value", "test_method", "tester"),
    "criteria": ("name",),
    "payment_nodes": ("name",),
    "milestones": ("name",),
    "conditions": ("text",),
}


def faults(
    content: Content, *, profile: RuleProfile | None, now: datetime, demo: bool
) -> list[Fault]:
    """Everything that stands between this demand and its submission, in the order of the form."""
    return [
        *_missing(content),
        *_metrics(content.rows.get("metrics", [])),
        *_criteria(content.rows.get("criteria", []), profile),
        *_payment(content.rows.get("payment_nodes", []), profile),
        *_milestones(content),
        *_conditions(content.rows.get("conditions", [])),
        *_timing(content, now),
        *_forbidden(content),
        *(_profile(content, profile, demo=demo) if profile else ()),
    ]


def with_read(
    read_faults: list[Fault],
    content: Content,
    *,
    profile: RuleProfile | None,
    now: datetime,
    demo: bool,
) -> list[Fault]:
    """Both kinds at once: what cannot be read, and what is missing elsewhere."""
    told = {fault.field for fault in read_faults}
    more = faults(content, profile=profile, now=now, demo=demo)
    return [*read_faults, *(fault for fault in more if fault.field not in told)]


def plain(number: Decimal) -> str:
    """90.00 -> 90; 99.50 -> 99.5."""
    return f"{number.normalize():f}" if number else "0"


def _missing(content: Content) -> Iterator[Fault]:
    for name in REQUIRED:
        if content.values.get(name) in (None, ""):
            yield Fault(name, "required", _("This is needed before the demand is submitted."))
    for part, names in ROW_REQUIRED.items():
        for place, row in enumerate(content.rows.get(part, [])):
            for name in names:
                if row.get(name) in (None, ""):
                    sentence = _("This is needed before the demand is submitted.")
                    yield Fault(f"{part}-{place}-{name}", "required", sentence)


def _metrics(rows: list[Row]) -> Iterator[Fault]:
    if not rows:
        sentence = _("Name at least one acceptance metric: a number, how it is tested, by whom.")
        yield Fault("metrics", "metrics.none", sentence)


def _criteria(rows: list[Row], profile: RuleProfile | None) -> Iterator[Fault]:
    total = sum((row.get("weight") or Decimal(0) for row in rows), Decimal(0))
    if total != HUNDRED:
        sentence = _("The weights must sum to exactly 100; they sum to %(total)s.")
        yield Fault("criteria", "weights.sum", sentence % {"total": plain(total)})
    for place, row in enumerate(rows):
        yield from _judged_item(place, row)
    prices = [(place, row) for place, row in enumerate(rows) if row.get("kind") == "price"]
    if len(prices) != 1:
        sentence = _("There must be exactly one price criterion; there are %(count)s.")
        yield Fault("criteria", "criteria.one_price", sentence % {"count": len(prices)})
    if not any(row.get("kind") == "technical" for row in rows):
        sentence = _("There must be at least one technical criterion.")
        yield Fault("criteria", "criteria.technical", sentence)
    if profile and profile.takes_bids:
        least = profile.number("price_weight_min")
        for place, row in prices:
            if (row.get("weight") or least) < least:
                sentence = _("Profile %(profile)s asks for a price weight of at least %(least)s.")
                values = {"profile": profile.code, "least": plain(least)}
                yield Fault(f"criteria-{place}-weight", "weights.price_min", sentence % values)


def _judged_item(place: int, row: Row) -> Iterator[Fault]:
    """Veto and minimum of one criterion."""
    minimum, weight = row.get("minimum"), row.get("weight")
    if row.get("kind") == "price":
        if minimum is not None:
            sentence = _("The price is scored by formula; it has no minimum.")
            yield Fault(f"criteria-{place}-minimum", "criteria.price_minimum", sentence)
        if row.get("veto"):
            sentence = _("The price is scored by formula; nobody vetoes it.")
            yield Fault(f"criteria-{place}-veto", "criteria.price_veto", sentence)
    elif minimum is not None and weight is not None and minimum > weight:
        sentence = _("The minimum is in points and at most the weight, %(weight)s.")
        where = f"criteria-{place}-minimum"
        yield Fault(where, "criteria.minimum", sentence % {"weight": plain(weight)})


def _payment(rows: list[Row], profile: RuleProfile | None) -> Iterator[Fault]:
    total = sum((row.get("percent") or Decimal(0) for row in rows), Decimal(0))
    if total != HUNDRED:
        sentence = _("The payment nodes must sum to exactly 100 %%; they sum to %(total)s %%.")
        yield Fault("payment_nodes", "payment.sum", sentence % {"total": plain(total)})
    if rows and profile and profile.takes_bids:
        least = profile.number("payment_last_share_min")
        if (rows[-1].get("percent") or least) < least:
            sentence = _("Profile %(profile)s holds back at least %(least)s %% for the last node.")
            values = {"profile": profile.code, "least": plain(least)}
            where = f"payment_nodes-{len(rows) - 1}-percent"
            yield Fault(where, "payment.last_share", sentence % values)


def _milestones(content: Content) -> Iterator[Fault]:
    rows = content.rows.get("milestones", [])
    if not rows:
        yield Fault("milestones", "milestones.none", _("Name at least one milestone."))
    duration = content.values.get("duration_months")
    before = 0
    for place, row in enumerate(rows):
        where, month = f"milestones-{place}-month", row.get("month") or before
        if duration and month > duration:
            sentence = _("The work lasts %(months)s months; a milestone cannot come later.")
            yield Fault(where, "milestones.duration", sentence % {"months": duration})
        if month < before:
            sentence = _("Milestones stand in the order of their months.")
            yield Fault(where, "milestones.order", sentence)
        before = month


def _conditions(rows: list[Row]) -> Iterator[Fault]:
    if not rows:
        sentence = _("Name at least one condition that a bidder must meet.")
        yield Fault("conditions", "conditions.none", sentence)


def _timing(content: Content, now: datetime) -> Iterator[Fault]:
    deadline_at = content.values.get("deadline_at")
    if deadline_at and deadline_at <= now:
        yield Fault("deadline_at", "deadline.past", _("The deadline must lie in the future."))


def texts_of(content: Content) -> dict[str, str]:
    """Everything typed in words, by the name of its field."""
    texts = {name: content.values.get(name) or "" for name in TEXTS}
    for part, rows in content.rows.items():
        for place, row in enumerate(rows):
            for name, value in row.items():
                if isinstance(value, str):
                    texts[f"{part}-{place}-{name}"] = value
    return texts


def _forbidden(content: Content) -> Iterator[Fault]:
    """What must not be posted, in whatever field it stands."""
    for name, finding in forbidden(texts_of(content)):
        yield Fault(name, f"forbidden.{finding.rule}", finding.sentence)


def _profile(content: Content, profile: RuleProfile, *, demo: bool) -> Iterator[Fault]:
    if profile.counts_in_demo_only and not demo:
        sentence = _("Profile %(profile)s is for demonstrations only; choose another.")
        yield Fault("profile", "profile.demo_only", sentence % {"profile": profile.code})
    if not profile.takes_bids:
        sentence = _(
            "Profile %(profile)s only registers procurement that runs on its statutory platform;"
            " it takes no bids here. Choose another profile."
        )
        yield Fault("profile", "profile.no_bids", sentence % {"profile": profile.code})
        return
    mode = content.values.get("award_mode")
    if profile.award_mode not in (mode, "per_scenario"):
        if profile.award_mode == "collective":
            sentence = _("Under profile %(profile)s the award is a collective decision.")
        else:
            sentence = _("Under profile %(profile)s the owner chooses.")
        yield Fault("award_mode", "award_mode.profile", sentence % {"profile": profile.code})
    yield from _consortium(content, profile)
    line, least = content.values.get("pass_line_percent"), profile.number("pass_line")
    if line is not None and line < least:
        sentence = _("The pass line may be stricter than the %(least)s %% of the profile only.")
        yield Fault("pass_line_percent", "pass_line.laxer", sentence % {"least": plain(least)})


def _consortium(content: Content, profile: RuleProfile) -> Iterator[Fault]:
    allowed = content.values.get("consortium_allowed")
    members = content.values.get("consortium_members_max") or 1
    most = profile.count("consortium_members_max")
    if allowed and members < 2:
        sentence = _("A consortium has at least two members, the lead included.")
        yield Fault("consortium_members_max", "consortium.two", sentence)
    if allowed and members > most:
        sentence = _("Profile %(profile)s allows at most %(most)s members, the lead included.")
        values = {"profile": profile.code, "most": most}
        yield Fault("consortium_members_max", "consortium.most", sentence % values)
    if not allowed and members > 1:
        sentence = _("Either allow consortia, or set the number of members to 1.")
        yield Fault("consortium_members_max", "consortium.contradiction", sentence)
