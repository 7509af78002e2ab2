"""A design in plain words, as a vendor reads it before deciding to enter.

Pure: a design in the shape of content.py in, sentences in the language of the moment out.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from marketplace.races.design.checks import Design, grants_cny, is_automatic, runners


def yuan(cny: Any) -> str:
    """In 万元 on Chinese pages, as everywhere."""
    amount = Decimal(cny or 0)
    if (get_language() or "").startswith("zh"):
        myriads = (amount / 10_000).normalize()
        return f"{myriads:,f} 万元"
    return f"CNY {amount:,.2f}"


def summary(design: Design) -> list[str]:
    """The rules of the race as a whole."""
    heats, entrants = design["heats"], design.get("entrants")
    if not heats or not entrants:
        return []
    said = [
        _("At most %(n)s vendors enter, in the order of the committee's report.") % {"n": entrants},
        ngettext(
            "There is %(n)s heat; it decides.",
            "There are %(n)s heats; the last one alone decides.",
            len(heats),
        )
        % {"n": len(heats)},
        _("Grants add up to %(total)s if nobody leaves; who is out gets no further grant.")
        % {"total": yuan(grants_cny(design))},
        names(design),
        ties(design),
        _("A critical measure below its pass line ends the race for its vendor, whatever the sum."),
        _("What was not measured counts as missing, never as nought: it is not ranked."),
        _("If nobody passes, the race is void; the demand may be listed again."),
    ]
    return list(filter(None, said))


def names(design: Design) -> str:
    if design.get("names") == "names":
        return _("Boards show the vendors' names.")
    return _("Boards show codes (R1, R2 …), not names.")


def ties(design: Design) -> str:
    told = {
        "critical": _("more points on critical measures"),
        "price": _("the lower price"),
        "receipt": _("the earlier receipt"),
    }
    order = _(", then ").join(told[name] for name in design.get("tie") or [])
    return _("Equal scores are decided by %(order)s.") % {"order": order} if order else ""


def of_heat(design: Design, place: int) -> list[str]:
    """One heat: who runs, what is paid, what is sent in, who goes on."""
    heat = design["heats"][place]
    return [*_running(design, place), *_sending(heat), *_going_on(design, place)]


def _running(design: Design, place: int) -> list[str]:
    heat, n = design["heats"][place], runners(design)[place]
    said = []
    if heat.get("days"):
        days = ngettext("It runs for %(n)s day.", "It runs for %(n)s days.", heat["days"])
        said.append(days % {"n": heat["days"]})
    if heat.get("grant_cny") is not None and n:
        paid = _("Each of at most %(n)s vendors gets %(each)s for it.")
        said.append(paid % {"n": n, "each": yuan(heat["grant_cny"])})
    if heat.get("tester"):
        said.append(_("Tested by: %(tester)s.") % {"tester": heat["tester"]})
    return said


def _sending(heat: Mapping[str, Any]) -> list[str]:
    if not is_automatic(heat) or not heat.get("attempts_total"):
        return []
    last, chosen = _("the last one counts"), _("the vendor chooses the one that counts")
    sent = _("Result files: at most %(day)s a day and %(total)s in all; %(counts)s.")
    values = {
        "day": heat["attempts_day"],
        "total": heat["attempts_total"],
        "counts": last if heat["choice"] == "last" else chosen,
    }
    board = _(
        "While it runs the board shows %(percent)s %% of the data, to %(places)s decimal places;"
        " the hidden rest decides."
    )
    shown = {"percent": heat["public_percent"], "places": heat["rounding"]}
    return [sent % values, board % shown]


def _going_on(design: Design, place: int) -> list[str]:
    heat = design["heats"][place]
    said = []
    keep, line = heat.get("keep"), heat.get("pass_score")
    last = place == len(design["heats"]) - 1
    if keep and last:
        if line is not None:
            said.append(
                _(
                    "Who reaches %(line)s points and every critical pass line can win; the best does."
                )
                % {"line": plain(line)}
            )
        else:
            said.append(_("Who reaches every critical pass line can win; the best does."))
    elif keep and line is not None:
        said.append(
            _("Of those with %(line)s points and every critical pass line the best %(n)s go on.")
            % {"line": plain(line), "n": keep}
        )
    elif keep:
        said.append(
            _("Of those that reach every critical pass line the best %(n)s go on.") % {"n": keep}
        )
    if heat.get("objection_days"):
        days = ngettext(
            "The result may be objected to for %(n)s day before any money moves.",
            "The result may be objected to for %(n)s days before any money moves.",
            heat["objection_days"],
        )
        said.append(days % {"n": heat["objection_days"]})
    return said


def plain(figure: str) -> str:
    """60.00 -> 60."""
    number = Decimal(figure)
    return f"{number.normalize():f}" if number else "0"


def reached(measure: Mapping[str, Any]) -> str:
    """What the pass line asks, as ≥ 0.8 or ≤ 30; empty without one."""
    if measure.get("pass_line") is None:
        return ""
    sign = "≤" if measure.get("direction") == "lower" else "≥"
    return f"{sign} {plain(measure['pass_line'])}"


def money(design: Design) -> list[dict[str, Any]]:
    """Per heat: at most how many run, the grant of each, and the sum."""
    return [
        {
            "number": place + 1,
            "name": heat.get("name") or "",
            "name_en": heat.get("name_en") or "",
            "runners": n,
            "grant_cny": Decimal(heat.get("grant_cny") or 0),
            "sum_cny": Decimal(heat.get("grant_cny") or 0) * n,
        }
        for place, (heat, n) in enumerate(zip(design["heats"], runners(design), strict=True))
    ]
