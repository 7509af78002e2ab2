"""The rules of a profile in plain words: a sentence per value, with its unit and its source."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from marketplace.scenarios.extensions import outage_rule
from marketplace.scenarios.models import AwardMode, RuleProfile, Scenario
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
    "expert_years_min": gettext_lazy(
        "Experts are drawn by lot; each has been in the field for at least %(value)s years."
    ),
    "expert_panels_max": gettext_lazy("An expert sits on at most %(value)s panels a year."),
    "invitation_answer": gettext_lazy("Who is drawn answers the invitation within %(value)s."),
    "panel_question_answer": gettext_lazy(
        "A written question of the panel is answered within %(value)s; the answer changes no"
        " substance of the bid."
    ),
    "defence_notice_min": gettext_lazy("A defence is announced at least %(value)s before."),
    "pass_line": gettext_lazy("Below %(value)s of the full score nobody is recommended."),
    "recommend_max": gettext_lazy("The panel recommends at most %(value)s bids, in order."),
    "publicity_min": gettext_lazy("The result is publicised for at least %(value)s."),
    "panel_challenge": gettext_lazy(
        "The panel's names are told with the result; bidders may challenge a member for %(value)s."
    ),
    "panel_challenge_answer": gettext_lazy("A challenge is ruled on within %(value)s."),
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
    lines += price_lines(profile)
    lines += rotation_line(profile)
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


def price_lines(profile: RuleProfile) -> list[RuleLine]:
    """How the price earns points, what keeps a bid out of the ranking, and what breaks a tie."""
    if "price_formula" not in profile.values:
        return []

    def line(name: str, text: str) -> RuleLine:
        rule = profile.rule(name)
        return RuleLine(text, basis(rule), bool(rule.get("unconfirmed")))

    if profile.rule("price_formula")["value"] == "benchmark_mean":
        text = _(
            "The mean of the valid prices is the benchmark; each percent above it costs"
            " %(above)s of the price points, each percent below it %(below)s."
        ) % {
            "above": with_unit(profile.rule("price_deduct_above")),
            "below": with_unit(profile.rule("price_deduct_below")),
        }
    else:
        text = _("The lowest valid price earns all price points, others in proportion.")
    lines = [line("price_formula", text)]
    text = _("A veto of an item stands when more than %(share)s of the judges declare it.")
    lines.append(line("veto_over", text % {"share": with_unit(profile.rule("veto_over"))}))
    if profile.number("technical_minimum"):
        text = _("Below %(value)s of the technical points a bid is not ranked.")
        share = with_unit(profile.rule("technical_minimum"))
        lines.append(line("technical_minimum", text % {"value": share}))
    lines.append(line("ties", tie_words(profile.rule("ties")["value"].split())))
    return lines


TIE_WORDS: dict[str, Words] = {
    "technical": gettext_lazy("the higher technical score"),
    "team": gettext_lazy("the higher team score"),
    "price": gettext_lazy("the lower price"),
    "receipt": gettext_lazy("the earlier receipt"),
}


def tie_words(ties: Iterable[str]) -> str:
    words = _(", then ").join(str(TIE_WORDS[tie]) for tie in ties)
    return _("Of equal totals the first is decided by %(order)s.") % {"order": words}


def rotation_line(profile: RuleProfile) -> list[RuleLine]:
    """The weights of the draw, where the profile names them."""
    names = [f"rotation_weight_{number}" for number in range(4)]
    if names[0] not in profile.values:
        return []
    said = _(
        "In the draw, who sat on no panel in the last twelve months weighs %(none)s, on one"
        " %(one)s, on two %(two)s, on more %(more)s."
    ) % dict(zip(("none", "one", "two", "more"), map(profile.count, names), strict=True))
    rule = profile.rule(names[0])
    return [RuleLine(said, basis(rule), bool(rule.get("unconfirmed")))]


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
        return length(timedelta(seconds=count))
    return shown
