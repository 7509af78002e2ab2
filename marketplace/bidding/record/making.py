"""The opening record 开标记录: composed and signed when an opening finishes, in its transaction."""

from __future__ import annotations

import base64
import secrets
from typing import Any

from django.conf import settings

from marketplace.base.canonical import salted
from marketplace.bidding.failed.barriers import HOLDERS, MASTER
from marketplace.bidding.failed.models import FailedOpening
from marketplace.bidding.models import (
    STAGE_ENVELOPES,
    Opening,
    OpeningStage,
    Outcome,
    SealedEnvelope,
    TimeSource,
)
from marketplace.bidding.queries import Entry, entries_of
from marketplace.bidding.record.faults import RULE_NAME, RULE_SHA256, why
from marketplace.bidding.record.models import OpeningRecord
from marketplace.ledger import receipts
from marketplace.ledger.models import Event

KIND = "opening-record"
TIME_SOURCES = {
    TimeSource.HOST: {
        "zh": "时间取自数据库时钟；截止时间另按日志与启封服务主机的时钟核对，未配置外部时间戳。",
        "en": "Times are those of the database's clock; the deadline was held against the log and"
        " the clock of the opener's machine as well; no outside authority is set up.",
    },
    TimeSource.AUTHORITY: {
        "zh": "时间取自数据库时钟；截止时间另按日志、启封服务主机的时钟与启封前取得的时间戳核对。",
        "en": "Times are those of the database's clock; the deadline was held against the log,"
        " the clock of the opener's machine and a timestamp fetched before the opening as well.",
    },
    TimeSource.NO_TOKEN: {
        "zh": "时间取自数据库时钟；截止时间另按日志与启封服务主机的时钟核对。"
        "时间戳机构十分钟内未应答，启封时没有时间戳。",
        "en": "Times are those of the database's clock; the deadline was held against the log and"
        " the clock of the opener's machine as well. The timestamp authority gave no token for ten"
        " minutes, so the opening went on without.",
    },
}
STATEMENT = {
    "zh": "本记录由启封服务在启封完成时签名，列明每份申报的密文、结果与责任归属。",
    "en": "Signed by the opener when the opening finished: the bytes of every bid, what became"
    " of them, and whose fault it is where they could not be opened.",
}
NEVER_STATEMENT = {
    "zh": "经两名经办人先后确认，本次启封已不可能进行。未启封的申报全部作废，揭榜方均无责任。",
    "en": "Two officers have found that this opening can never happen. Every bid that was not"
    " opened is void; no bidder is at fault.",
}
CAUSES = {
    HOLDERS: {
        "zh": "持钥人的密钥遗失过多，已不足以确认启封。",
        "en": "Too many key holders have lost their keys; not enough are left to confirm.",
    },
    MASTER: {
        "zh": "启封服务的主密钥及其备份分片均已遗失。",
        "en": "The opener's master identity is lost, and its backup shares too.",
    },
}
FAULT = {Outcome.OPENED: None, Outcome.BIDDER_FAULT: "bidder", Outcome.PLATFORM_FAULT: "platform"}
Composed = tuple[dict[str, Any], list[dict[str, Any]]]


def compose(
    opening: Opening, closing_size: int | None, failure: FailedOpening | None = None
) -> Composed:
    """(what is stated, the salts of the names in it).

    closing_size: of the log's first checkpoint that covers the closing. Prices stand in the record
    of the price stage alone. Withdrawn bids are not in it. failure: two officers agreed that this
    opening can never happen; whatever was not opened by then never is.
    """
    scenario = opening.scenario
    confirmations: list[dict[str, Any]] = []
    salts = []
    for given in opening.confirmations.select_related("user").order_by("pk"):
        salt = secrets.token_bytes(32)
        salts.append({"user": given.user_id, "salt": salt.hex()})
        confirmations.append(
            {
                "name_hash": salted(given.user.name, salt),
                "confirmed_at": given.confirmed_at,
                "tree_size": given.tree_size,
            }
        )
    return {
        "scenario": scenario.uid,
        "scenario_ref": scenario.ref,
        "title": scenario.title,
        "title_en": scenario.title_en,
        "opening": opening.uid,
        "stage": opening.stage,
        "deadline_at": scenario.deadline_at,
        "requested_at": opening.created_at,
        "confirmed_at": max((row["confirmed_at"] for row in confirmations), default=None),
        "finished_at": opening.finished_at,
        "time_source": TIME_SOURCES[TimeSource(opening.time_source or TimeSource.HOST)],
        "time_token": time_token(opening),
        "closing_tree_size": closing_size,
        "confirmations_needed": opening.confirmations_needed,
        "confirmations": confirmations,
        "rule": {
            "name": RULE_NAME,
            "sha256": RULE_SHA256,
            "url": f"{settings.SITE_URL}/verify/#faults",
        },
        "bids": [
            told(entry, opening, "never" if failure else "no_record")
            for entry in entries_of(opening)
        ],
        "statement": NEVER_STATEMENT if failure else STATEMENT,
    } | ({"never": never(failure)} if failure else {}), salts


def never(failure: FailedOpening) -> dict[str, Any]:
    return {
        "cause": failure.cause,
        "why": CAUSES[failure.cause],
        "keys_lost": len(failure.lost),
        "reason": failure.reason,
        "evidence_number": failure.evidence_number,
        "evidence_sha256": failure.evidence_sha256,
        "declared_at": failure.created_at,
        "agreed_at": failure.decided_at,
    }


def time_token(opening: Opening) -> dict[str, Any] | None:
    """RFC 3161, over the opening's challenge with `closing_tree_size`; `openssl ts` checks it."""
    if opening.time_token is None:
        return None
    token = base64.b64encode(bytes(opening.time_token)).decode()
    return {"attested_at": opening.token_at, "token": token}


def told(entry: Entry, opening: Opening, missing: str = "no_record") -> dict[str, Any]:
    """missing: the reason where nothing was found out about an envelope."""
    stage = OpeningStage(opening.stage)
    sealed = {str(one.envelope): one for one in entry.envelopes}
    names = map(str, STAGE_ENVELOPES[stage])
    shared = {str(one.envelope) for one in entry.presumed}
    rows = [
        envelope_told(name, sealed.get(name), missing, presumed=name in shared) for name in names
    ]
    # What cannot be opened is worst where the platform is to blame.
    faulty = [row for row in rows if row["fault"] == "platform"] or [
        row for row in rows if row["fault"]
    ]
    worst = faulty[0] if faulty else {"outcome": str(Outcome.OPENED), "fault": None}
    price = {"price_cny": entry.bid.price_cny} if stage == OpeningStage.PRICE else {}
    return {
        "organisation": entry.organisation.uid,
        "name": entry.organisation.name,
        "name_en": entry.organisation.name_en,
        "uscc": entry.organisation.uscc,
        "version": entry.version,
        "received_at": entry.received_at,
        "receipt_sha256": entry.receipt_sha256,
        "outcome": worst["outcome"],
        "fault": worst["fault"],
        "envelopes": rows,
        **price,
    }


def envelope_told(
    name: str,
    sealed: SealedEnvelope | None,
    missing: str = "no_record",
    *,
    presumed: bool = False,
) -> dict[str, Any]:
    """presumed: other bids of the opening failed alike, so the platform's fault is presumed."""
    opened = getattr(sealed, "opened", None)
    outcome = Outcome(opened.outcome) if opened else Outcome.PLATFORM_FAULT
    outcome = Outcome.PLATFORM_FAULT if presumed else outcome
    reason = opened.reason if opened else missing
    return {
        "envelope": name,
        "sha256": sealed.sha256 if sealed else None,
        "size": sealed.size if sealed else None,
        "outcome": str(outcome),
        "fault": FAULT[outcome],
        "reason": reason,
        "why": why(reason, presumed=presumed) if reason else None,
        **({"presumed": True} if presumed else {}),
    }


def keep(opening: Opening, composed: Composed, event: Event) -> OpeningRecord:
    """Sign it; the event has what is stated as its inputs, so the log proves it."""
    statement, salts = composed
    receipt = receipts.issue(KIND, subject_uid=opening.uid, body=statement, event=event)
    return OpeningRecord.objects.create(opening=opening, receipt=receipt, salts=salts)
