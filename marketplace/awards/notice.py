"""The text of a publicity notice, as plain values that are frozen and hashed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from marketplace.accounts.models import Organisation
from marketplace.awards.models import Decision
from marketplace.bidding.models import Bid
from marketplace.committee.models import Ranking
from marketplace.committee.queries import opened_forms
from marketplace.scenarios.models import Envelope

BODY_TYPE = "jiebang-publicity/1"
# Official wording; it goes into the notice as it stands here, in Chinese, on every page.
OBJECTION_REQUIREMENTS = (
    "对公示结果有异议的，应在公示期内以书面形式实名提出，写明异议事项、事实依据和联系方式；"
    "单位提出的须加盖公章，个人提出的须签署真实姓名。匿名举报由纪检渠道受理，不经组织方。"
)
# To be filled in by the administration before production (待核).
OBJECTIONS_TO = {"phone": "021-00000000（待核）", "email": "objections@jiebang.invalid（待核）"}
SUPERVISION = {"phone": "021-00000001（待核）", "email": "supervision@jiebang.invalid（待核）"}
MODES = {"best": "揭榜挂帅（择优）", "race": "赛马制"}


def notice(decision: Decision, *, starts_at: datetime, ends_at: datetime) -> dict[str, Any]:
    """The fields that a publicity must name, from the frozen records."""
    scenario, bid = decision.scenario, decision.bid
    ranking = Ranking.objects.get(bid=bid)
    business = opened_forms(Bid.objects.filter(pk=bid.pk), Envelope.BUSINESS).get(bid.pk) or {}
    office = Organisation.objects.filter(is_office=True).first()
    handler = office.name if office else ""
    return {
        "type": BODY_TYPE,
        "decision": decision.uid,
        "project": {"ref": scenario.ref, "title": scenario.title, "title_en": scenario.title_en},
        "owner": {"name": scenario.organisation.name, "uscc": scenario.organisation.uscc},
        "candidate": {"name": bid.organisation.name, "uscc": bid.organisation.uscc},
        "consortium": [
            {"name": str(partner.get("name", "")), "uscc": str(partner.get("uscc", ""))}
            for partner in business.get("consortium") or []
        ],
        "leader": str(business.get("project_leader", "")),
        "place": ranking.place,
        "score": ranking.total,
        "amount_cny": bid.price_cny,
        "mode": MODES[scenario.organising_mode],
        "award_mode": scenario.award_mode,
        "minutes_number": decision.minutes_number,
        "profile": scenario.profile.label if scenario.profile else "",
        "starts_at": starts_at,
        "ends_at": ends_at,
        "objection": {"requirements": OBJECTION_REQUIREMENTS, "to": handler, **OBJECTIONS_TO},
        "supervision": SUPERVISION,
    }
