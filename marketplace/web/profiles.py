"""The rules of a profile in plain words: a sentence per value, with its unit and its source."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from marketplace.scenarios.extensions import outage_rule
from marketplace.scenarios.models import AwardMode, Scenario
from marketplace.scenarios.questions.timing import HOLD, holds
from marketplace.web.words import plain

Words = str | Promise

# The law says it as a fraction; the value is rounded down so that two of three are enough.
TWO_THIRDS = Decimal("66.66")
SENTENCES: dict[str, Words] = {
    "bid_window_min": gettext_lazy("Between publication and deadline lie at least %(value)s."),
    "bytes_grace": gettext_lazy(
        "Sealed envelopes whose hashes were committed before the deadline are taken for %(value)s"
        " after it."
    ),
    "objection_to_documents_lead": gettext_lazy(
        "Questions are taken until %(value)s before the deadline."
    ),
    "question_answer": gettext_lazy("A question is answered within %(value)s."),
    "amendment_lead_min": gettext_lazy(
        "A change that affects bids leaves at least %(value)s to the deadline, or moves it."
    ),
    "open_confirmations": gettext_lazy(
        "Bids are opened only when %(value)s different key holders confirm."
    ),
    "bidders_min": gettext_lazy(
        "At least %(value)s valid bids are needed, else the listing fails."
    ),
    "panel_size_min": gettext_lazy("At least %(value)s people review."),
    "panel_expert_share_min": gettext_lazy("At least %(value)s of them are outside experts."),
    "pass_line": gettext_lazy("Below %(value)s of the full score nobody is recommended."),
    "recommend_max": gettext_lazy("The panel recommends at most %(value)s bids, in order."),
    "publicity_min": gettext_lazy("The result is publicised for at least %(value)s."),
    "objection_answer": gettext_lazy("An objection is answered within %(value)s."),
    "contract_max": gettext_lazy("The agreement is signed within %(value)s of the award."),
    "payment_last_share_min": gettext_lazy(
        "At least %(value)s of the money is paid only after acceptance."
    ),
    "public_summary_min": gettext_lazy(
        "After %(value)s in public it counts, strictly, toward the target of 50."
    ),
}
AWARD: dict[str, Words] = {
    AwardMode.OWNER_CHOICE: gettext_lazy(
        "The demand owner chooses among the recommended; another than the first only with"
        " written reasons."
    ),
    AwardMode.COLLECTIVE: gettext_lazy("A meeting decides; its minutes' number is published."),
    AwardMode.NONE: gettext_lazy("The award is made on another platform and registered here."),
}

# The keys of sources in seeds/reference/profiles.yaml.
LAWS: dict[str, Words] = {
    "L1": gettext_lazy("the Bidding Law"),
    "L2": gettext_lazy("the regulation on its implementation"),
}
ARTICLE = re.compile(r"(?P<law>L[12]) §(?P<article>\d+)(?P<reference> by reference)?")


@dataclass(frozen=True)
class RuleLine:
    text: str
    source: str = ""
    unconfirmed: bool = False


def rule_lines(scenario: Scenario) -> list[RuleLine]:
    profile = scenario.profile
    if profile is None:
        return []
    lines = []
    for name, sentence in SENTENCES.items():
        if name not in profile.values:
            continue
        rule = profile.rule(name)
        if name == "pass_line" and scenario.pass_line_percent is not None:
            # A scenario may be stricter than its profile.
            strictest = max(scenario.pass_line_percent, Decimal(str(rule["value"])))
            rule = {**rule, "value": strictest}
        if name == "bidders_min" and profile.count(name) == 1:
            text = _("One valid bid is enough; without any the listing fails.")
        else:
            text = str(sentence) % {"value": with_unit(rule)}
        lines.append(RuleLine(text, basis(rule), bool(rule.get("unconfirmed"))))
    if "trim_extremes" in profile.values and profile.says("trim_extremes"):
        rule = profile.rule("trim_extremes")
        text = _("From %(n)s sheets on, one highest and one lowest total per bid are dropped.")
        line = text % {"n": profile.count("trim_panel_min")}
        lines.append(RuleLine(line, basis(rule), bool(rule.get("unconfirmed"))))
    if holds(profile):
        rule = profile.rule(HOLD)
        text = _(
            "While an answer is overdue the deadline moves on, so that bidders keep the time that"
            " they would have had."
        )
        lines.append(RuleLine(text, basis(rule), bool(rule.get("unconfirmed"))))
    lines += outage_line(scenario)
    lines.append(RuleLine(str(AWARD[scenario.award_mode])))
    return lines


def outage_line(scenario: Scenario) -> list[RuleLine]:
    """The rule by which outages move the deadline, where the profile has one."""
    rule = outage_rule(scenario)
    if rule is None:
        return []
    said = _(
        "If this platform is away for %(total)s in all within the last %(window)s before the"
        " deadline, the deadline moves by %(extension)s for everybody, by the record of a monitor;"
        " if the time for bids is over and nobody has confirmed the opening, bids are taken again."
        " Nobody can move it otherwise."
    ) % {name: length(getattr(rule, name)) for name in ("total", "window", "extension")}
    assert scenario.profile is not None, "it has a rule"
    unconfirmed = bool(scenario.profile.rule("outage_total").get("unconfirmed"))
    return [RuleLine(said, unconfirmed=unconfirmed)]


def length(span: timedelta) -> str:
    """In hours or minutes where it is a whole number of them."""
    seconds = int(span.total_seconds())
    if seconds % 3600 == 0:
        return ngettext("%(n)s hour", "%(n)s hours", seconds // 3600) % {"n": seconds // 3600}
    if seconds % 60 == 0:
        return ngettext("%(n)s minute", "%(n)s minutes", seconds // 60) % {"n": seconds // 60}
    return ngettext("%(n)s second", "%(n)s seconds", seconds) % {"n": seconds}


def basis(rule: dict[str, Any]) -> str:
    """The article behind a value, in words; empty where the value is a choice of this platform."""
    said = ARTICLE.search(str(rule.get("source", "")))
    if not said:
        return ""
    values = {"law": LAWS[said["law"]], "article": said["article"]}
    if said["reference"]:
        return _("by reference to %(law)s, article %(article)s") % values
    return _("%(law)s, article %(article)s") % values


def with_unit(rule: dict[str, Any]) -> str:
    value, unit = Decimal(str(rule["value"])), rule["unit"]
    shown = plain(value)
    count = int(value)
    if value == TWO_THIRDS and unit == "percent":
        return _("two thirds")
    if unit == "percent":
        return f"{shown}%"
    if unit == "day":
        return ngettext("%(n)s day", "%(n)s days", count) % {"n": shown}
    if unit == "working_day":
        return ngettext("%(n)s working day", "%(n)s working days", count) % {"n": shown}
    if unit == "second":
        return ngettext("%(n)s second", "%(n)s seconds", count) % {"n": shown}
    return shown
