"""What an amendment may change, and whether that affects bids. Nothing else changes, ever.

Never: owner, rule profile, how it is awarded and organised, domain, area, carrier, focus, where the
money comes from, the recipients of the envelopes, the files. Whoever wants that withdraws and
lists anew.
"""

from __future__ import annotations

# field or part -> whether a change of it affects bids, and so moves a near deadline
AMENDABLE: dict[str, bool] = {
    "title": False,
    "title_en": False,
    "summary": False,
    "summary_en": False,
    "pain": False,
    "need": True,
    "deliverables": True,
    "ip_terms": True,
    "data_terms": True,
    "contact": False,
    "budget_cny": True,
    "duration_months": True,
    "consortium_allowed": True,
    "consortium_members_max": True,
    "pass_line_percent": True,
    "metrics": True,
    "criteria": True,
    "payment_nodes": True,
    "milestones": True,
    "conditions": True,
    # Later only; by itself it costs nobody anything.
    "deadline_at": False,
}
# Columns of a posted demand that change within an amendment alone.
COLUMNS = (
    "title",
    "title_en",
    "summary",
    "summary_en",
    "pain",
    "need",
    "deliverables",
    "ip_terms",
    "data_terms",
    "contact",
    "budget_cny",
    "duration_months",
    "consortium_allowed",
    "consortium_members_max",
    "pass_line_percent",
)


def affects_bids(names: set[str]) -> bool:
    return any(AMENDABLE[name] for name in names)
