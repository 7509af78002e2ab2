"""The texts of an entry: the notice of the shortlist and the race agreement, as plain values.

Official wording; it stands in Chinese on every page, as the notice of an award does.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.utils.translation import override

from marketplace.accounts.models import Organisation
from marketplace.base.actor import VISITOR
from marketplace.committee.models import Ranking
from marketplace.races.design import told
from marketplace.races.design.queries import frozen_content
from marketplace.races.models import Entrant, Race, RaceDesign
from marketplace.races.queries import ranked_entrants
from marketplace.scenarios.disclosure.mask import shown_owner
from marketplace.scenarios.models import Scenario

NOTICE_TYPE = "jiebang-shortlist/1"
AGREEMENT_TYPE = "jiebang-race-agreement/1"
OBJECTION_REQUIREMENTS = (
    "对入围结果有异议的，应在公示期内以书面形式实名提出，写明异议事项、事实依据和联系方式；"
    "单位提出的须加盖公章，个人提出的须签署真实姓名。匿名举报由纪检渠道受理，不经组织方。"
)
# As the notice of an award names them (待核).
OBJECTIONS_TO = {"phone": "021-00000000（待核）", "email": "objections@jiebang.invalid（待核）"}
SUPERVISION = {"phone": "021-00000001（待核）", "email": "supervision@jiebang.invalid（待核）"}
REPAY_DAYS = 30
DESTROY_DAYS = 30
RESTRICTED = "（签约可见，以放行文件为准）"


def notice(race: Race, *, starts_at: datetime, ends_at: datetime) -> dict[str, Any]:
    """入围公示: who is shortlisted, by which ranking, until when it may be objected to.

    Names without codes: whose code is whose is not told while boards show codes.
    """
    scenario = race.scenario
    office = Organisation.objects.filter(is_office=True).first()
    totals = dict(Ranking.objects.filter(report__scenario=scenario).values_list("bid", "total"))
    return {
        "type": NOTICE_TYPE,
        "race": race.uid,
        "project": {"ref": scenario.ref, "title": scenario.title, "title_en": scenario.title_en},
        "owner": {"name": shown_owner(VISITOR, scenario).name},
        "shortlist": [
            {
                "place": row.place,
                "name": row.organisation.name,
                "uscc": row.organisation.uscc,
                "score": totals[row.bid_id],
            }
            for row in ranked_entrants(race)
        ],
        "places": frozen_content(race.design)["entrants"],
        "reason": race.reason,
        "minutes_number": race.minutes_number,
        "design_sha256": race.design.sha256,
        "profile": scenario.profile.label if scenario.profile else "",
        "starts_at": starts_at,
        "ends_at": ends_at,
        "objection": {
            "requirements": OBJECTION_REQUIREMENTS,
            "to": office.name if office else "",
            **OBJECTIONS_TO,
        },
        "supervision": SUPERVISION,
    }


def agreement(entrant: Entrant, *, version: int) -> dict[str, Any]:
    """赛马协议 of one entrant, composed from the frozen design."""
    race, scenario = entrant.race, entrant.race.scenario
    with override(settings.LANGUAGE_CODE):
        articles = _articles(scenario, race.design)
    return {
        "type": AGREEMENT_TYPE,
        "version": version,
        "race": race.uid,
        "project": {"ref": scenario.ref, "title": scenario.title, "title_en": scenario.title_en},
        # A masked owner is named to those who sign with it, and to nobody else.
        "owner": {"name": scenario.organisation.name, "uscc": scenario.organisation.uscc},
        "vendor": {"name": entrant.organisation.name, "uscc": entrant.organisation.uscc},
        "design_sha256": race.design.sha256,
        "articles": articles,
    }


def _articles(scenario: Scenario, design: RaceDesign) -> list[dict[str, Any]]:
    content = frozen_content(design)
    rows = told.money(content)
    grants = [f"第{row['number']}轮{row['name']}：资助{_yuan(row['grant_cny'])}。" for row in rows]
    each = sum((row["grant_cny"] for row in rows), Decimal(0))
    return [
        {
            "title": "一、赛制",
            "lines": [
                (
                    f"乙方按榜单{scenario.ref}发布时冻结的赛制参加赛马，赛制文本SHA-256为"
                    f"{design.sha256}，任何一方不得变更。"
                ),
                *told.summary(content),
            ],
        },
        {
            "title": "二、各轮资助",
            "lines": [
                *grants,
                f"乙方参加全部轮次的，资助合计{_yuan(each)}。止步的单位不再获得后续轮次的资助。",
                "每轮资助在该轮结果公示期满、异议办结后拨付；此前不拨付。",
            ],
        },
        {
            "title": "三、退出与返还",
            "lines": [
                (
                    "乙方可以书面退出。某轮结果确认之前退出的，不享有该轮资助；已经收取的，"
                    f"自退出之日起{REPAY_DAYS}日内全额返还。"
                ),
                (
                    "因提供虚假材料、串通、攻击测试环境等被取消资格的，返还全部已收资助，"
                    "并承担由此造成的损失。"
                ),
                "已确认轮次的资助，退出时不予追回。",
            ],
        },
        {
            "title": "四、数据的使用、返还与销毁",
            "lines": [
                "甲方为赛马提供的数据仅用于本次赛马，不得转交第三方，不得用于训练其他产品。",
                (
                    f"乙方止步、退出或赛马结束之日起{DESTROY_DAYS}日内返还或销毁全部数据及副本，"
                    "并出具盖章证明；衍生的中间数据一并销毁。"
                ),
                "隐藏的真值数据不提供给任何参赛单位，乙方不得以任何方式推测或获取。",
                scenario.data_terms or RESTRICTED,
            ],
        },
        {
            "title": "五、成果归属",
            "lines": [
                "乙方提交的方案、程序和结果文件归乙方所有；未中榜的，甲方不得使用。",
                "评测结果、分数和排名由组织方留存并按赛制公开。",
                scenario.ip_terms or RESTRICTED,
            ],
        },
        {
            "title": "六、测试、淘汰与异议",
            "lines": [
                "测试方不得是参赛单位，不参加评分。指标、及格线、权重和晋级规则以赛制为准。",
                "每轮结果公示，乙方可在异议期内实名提出异议；异议办结之前不拨付、不进入下一轮。",
                "现场测试须有测试授权书，写明时间窗口、停止条件和停机责任。",
            ],
        },
        {
            "title": "七、生效",
            "lines": [
                (
                    "本协议由甲乙双方有权代表重新验证身份后在平台确认，双方均确认时生效；"
                    "重新验证身份不替代电子签章，需要签章的另行办理。"
                ),
            ],
        },
    ]


def _yuan(cny: Decimal) -> str:
    return f"人民币{cny:,.2f}元"
