"""The people of the walk, and what they type."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from marketplace.accounts.models import Membership, Organisation, User
from marketplace.base.actor import Actor, Role
from marketplace.experts.models import Expert
from tests import world


@dataclass
class Cast:
    """Made directly in the database: the office opens accounts, not the people themselves."""

    owner: User = field(init=False)
    first: User = field(init=False)
    second: User = field(init=False)
    secretary: User = field(init=False)
    witness: User = field(init=False)
    vendors: list[User] = field(init=False)
    holders: list[User] = field(init=False)
    experts: list[User] = field(init=False)
    demonstrators: list[User] = field(init=False)

    def __post_init__(self) -> None:
        company = world.make_organisation(
            name="示例精密制造有限公司（虚构）",
            name_en="Example Precision (fictitious)",
            is_owner=True,
        )
        self.owner = self.member("周需方", company, Role.OWNER)
        office = world.office()
        self.first = self.member("吴论证", office, Role.OFFICER)
        self.second = self.member("郑发榜", office, Role.OFFICER)
        self.secretary = self.member("王秘书", office, Role.SECRETARY)
        self.witness = world.person(Role.WITNESS).user
        names = ("甲安科技有限公司（虚构）", "乙盾信息有限公司（虚构）", "丙御网络有限公司（虚构）")
        firms = [world.make_organisation(name=name, is_vendor=True) for name in names]
        self.vendors = [self.member(f"{firm.name[0]}申报", firm, Role.OWNER) for firm in firms]
        self.holders = [self.holder(name) for name in ("冯持钥", "陈持钥")]
        self.experts = [
            self.expert(name) for name in ("褚评审", "卫评审", "蒋评审", "尤评审", "许评审")
        ]
        self.demonstrators = [self.expert(name) for name in ("沈论证", "韩论证", "杨论证")]

    def member(self, name: str, organisation: Organisation, role: str) -> User:
        user = world.make_user(name)
        Membership.objects.create(user=user, organisation=organisation, role=role)
        world.pledge(Actor(role, user, organisation))
        return user

    def holder(self, name: str) -> User:
        user = world.make_user(name)
        world.pledge(Actor(Role.MEMBER, user), "key_holder")
        return user

    def expert(self, name: str) -> User:
        actor = world.person(Role.EXPERT)
        actor.user.name = name
        actor.user.save()
        Expert.objects.create(
            user=actor.user,
            title="高级工程师",
            specialties=["ot_security"],
            grade="senior",
            field_from_year=2005,
        )
        return actor.user


TITLE = "产线工控流量异常检测"
TITLE_EN = "Anomaly detection in OT traffic"

DEMAND: dict[str, Any] = {
    "title": TITLE,
    "title_en": TITLE_EN,
    "summary": "制造企业征集被动式工控流量异常检测，检出率与误报率可由第三方测量。",
    "summary_en": "Wanted: passive anomaly detection for control networks, measured by others.",
    "pain": "现有规则库误报多，产线工程师已不再查看告警。\n停机一次损失超过二十万元。",
    "need": "一、旁路采集，不改动现有网络。\n二、支持三种以上工控协议。\n三、告警可解释。",
    "deliverables": "可部署的软件、部署手册、测试报告。",
    "domain": "industrial_internet",
    "area": "innovation_zone",
    "focus": "ics_security",
    "technologies": ["ai"],
    "profile": "A",
    "award_mode": "owner_choice",
    "budget_cny": "1,200,000",
    "funding": "own",
    "organising_mode": "best",
    "duration_months": "8",
    "ip_terms": "新成果归揭榜方，需求方永久免费使用。",
    "data_terms": "测试一律使用合成数据。",
    "contact": "周需方 021-00000000",
}
ROWS: dict[str, list[dict[str, Any]]] = {
    "metrics": [
        {
            "name": "检出率",
            "name_en": "Detection rate",
            "operator": ">=",
            "value": "98",
            "unit": "%",
            "test_method": "回放标注流量，检出数除以应检出数。",
            "tester": "第三方检测机构",
            "critical": True,
        },
        {
            "name": "告警时延",
            "operator": "<=",
            "value": "2",
            "unit": "s",
            "test_method": "取九十五分位。",
            "tester": "第三方检测机构",
        },
    ],
    "criteria": [
        {
            "name": "技术方案",
            "kind": "technical",
            "weight": "50",
            "guidance": "看检测方法与已有测试数据。",
            "levels": "100 有同规模实测\n50 只有理论估算",
        },
        {"name": "实施计划", "kind": "technical", "weight": "20"},
        {"name": "团队与业绩", "kind": "team", "weight": "15"},
        {"name": "报价", "kind": "price", "weight": "15"},
    ],
    "payment_nodes": [
        {"name": "签约", "percent": "30", "condition": "签订后"},
        {"name": "验收", "percent": "70", "condition": "验收通过后"},
    ],
    "milestones": [{"name": "样机", "month": "4"}, {"name": "验收", "month": "8"}],
    "conditions": [
        {"text": "在中国境内依法设立的法人。", "evidence": "营业执照"},
        {"text": "近三年完成过一个同类项目。", "evidence": "合同关键页"},
    ],
}


def bid(name: str, total: int, promise: str = "98.2") -> dict[str, Any]:
    """One bid as typed. `name` is the bidder's own, which must not reach the technical part."""
    return {
        "legal_representative": f"{name}代表",
        "project_leader": f"{name}项目",
        "contact_name": f"{name}联系",
        "contact_phone": "021-00000701",
        "contact_email": "bid@test.invalid",
        "statement_Q1": "依法设立的企业法人，证照随附。",
        "statement_Q2": "完成过两个同类项目，合同关键页随附。",
        "related_parties": "与需求方和组织方均无利害关系。",
        "approach": "旁路镜像采集，协议深度解析后建立通信基线，偏离即告警并给出依据。\n不向产线发送任何报文。",
        "commitment_M1": promise,
        "commitment_M2": "1.5",
        "risks": "样本不足：先用合成流量训练。",
        "resources": "六名工程师，一套测试台。",
        "total_cny": f"{total}.00",
        "tax_rate_percent": "6",
        "node_0": f"{total * 3 // 10}.00",
        "node_1": f"{total * 7 // 10}.00",
        "accepts_terms": True,
    }


def bid_rows(name: str) -> dict[str, list[dict[str, Any]]]:
    return {
        "team": [
            {"name": f"{name}项目", "role": "项目负责人", "years": "9"},
            {"name": f"{name}研发", "role": "算法工程师", "years": "6"},
            {"name": f"{name}测试", "role": "测试工程师", "years": "4"},
        ],
        "plan": [{"month": "4", "result": "样机"}, {"month": "8", "result": "验收"}],
    }


ANNEX = {
    "name": "annex.txt",
    "mimeType": "text/plain",
    "buffer": "测试台架与接口清单（虚构）。".encode(),
}
LICENCE = {"name": "证照.txt", "mimeType": "text/plain", "buffer": "营业执照（虚构）。".encode()}
