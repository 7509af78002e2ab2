"""Why a demand fits, in words."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from marketplace.scenarios.fitting.scoring import Fit
from marketplace.web.templatetags.jiebang import term


def reason(found: Fit, known: dict[str, dict[str, Any]]) -> str:
    """“Domain: Industrial Internet; technology: …”, from terms as `labels` gives them."""

    def name(facet: str, code: str) -> str:
        return term(known[facet][code]) if code in known[facet] else code

    told = []
    if found.technologies:
        names = _(", ").join(name("technology", code) for code in found.technologies)
        told.append(_("technology: %(names)s") % {"names": names})
    if found.domain:
        told.append(_("domain near to it: %(name)s") % {"name": name("domain", found.domain)})
    if found.focus:
        told.append(_("focus near to it: %(name)s") % {"name": name("focus", found.focus)})
    return _("Fits you: %(reasons)s") % {"reasons": _("; ").join(told)}


def with_fit(line: dict[str, Any], found: Fit, known: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return {**line, "fit": reason(found, known)}
