"""The members sign the report, dissent in writing, or let the time pass; then it is complete."""

from __future__ import annotations

import hashlib
import json
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import override

from marketplace.base import clock
from marketplace.base.actor import SYSTEM, Actor
from marketplace.base.canonical import canonical
from marketplace.base.errors import DeadlinePassed, Invalid, NotFound, StateConflict
from marketplace.base.locks import lock
from marketplace.base.rules import require
from marketplace.base.states import move
from marketplace.bidding.actions.eligibility import require_running
from marketplace.bidding.models import Bid, BidState
from marketplace.committee import queries
from marketplace.committee.models import Panel, PanelMember, PanelState, Report
from marketplace.committee.rules import can_sign_report
from marketplace.committee.signing.models import ReportWord, Word
from marketplace.committee.signing.queries import said, sign_by
from marketplace.files.signing import making
from marketplace.ledger import actions as ledger
from marketplace.ledger.models import Audience
from marketplace.scenarios.actions import record_failure
from marketplace.scenarios.models import Scenario, State

KIND = "report"
REASON_MOST = 4000
WORD_KINDS = {
    Word.SIGNED: "report.signed",
    Word.DISSENTED: "report.dissented",
    Word.SILENT: "report.unanswered",
}


@transaction.atomic
def sign_report(
    *, actor: Actor, panel_uid: UUID, dissents: bool = False, reason: str = "", signature: str = ""
) -> ReportWord:
    """A member signs the report, or writes why he does not agree; the last word completes it.

    signature: base64, where the installation's route asks for one. Raises NotFound to whoever does
    not sit, StateConflict before there is a report and for a second word, DeadlinePassed once
    silence counts as consent, Invalid for a dissent without reasons.
    """
    scenario = lock(Scenario, panel__uid=panel_uid)
    panel = lock(Panel, uid=panel_uid)
    if not Panel.objects.visible_to(actor).filter(pk=panel.pk).exists():
        raise NotFound
    member = lock(PanelMember, panel=panel, user_id=actor.user_id)
    require(can_sign_report, actor, member)
    require_running(scenario)
    report = Report.objects.select_related("scenario__profile").filter(scenario=scenario).first()
    if report is None or panel.state not in {PanelState.SIGNING, PanelState.REPORTED}:
        raise StateConflict(_("There is no report to sign yet."), code="report.none")
    if ReportWord.objects.filter(report=report, member=member).exists():
        raise StateConflict(_("Your word on this report stands already."), code="report.said")
    if panel.state != PanelState.SIGNING or clock.now() >= sign_by(report):
        raise DeadlinePassed(
            _("The time to sign is over: by the rule, saying nothing was consent."),
            code="report.over",
        )
    reason = reason.strip()
    _require_reason(reason, dissents=dissents)
    word = Word.DISSENTED if dissents else Word.SIGNED
    made = making.sign(
        actor=actor,
        kind=KIND,
        subject_uid=report.uid,
        sha256=report.sha256,
        word=word,
        reason=reason,
        given=signature,
    )
    row = ReportWord.objects.create(
        report=report,
        member=member,
        word=word,
        reason=reason,
        signature=made,
        said_at=made.signed_at,
    )
    _tell(row, panel, actor=actor)
    complete(scenario, panel, report)
    return row


def _require_reason(reason: str, *, dissents: bool) -> None:
    if dissents and not reason:
        told = _("Write what you do not agree with, and why.")
    elif reason and not dissents:
        told = _("Reasons are written with a dissent only.")
    elif len(reason) > REASON_MOST:
        told = _("Reasons have at most %(most)s characters.") % {"most": REASON_MOST}
    else:
        return
    raise Invalid(errors={"reason": [told]}, code="report.reason")


def _tell(row: ReportWord, panel: Panel, *, actor: Actor) -> None:
    """By the member's code: whose seat it is stays out of the event."""
    sealed = row.signature
    ledger.append(
        WORD_KINDS[Word(row.word)],
        actor=actor,
        subjects=[panel.scenario.uid, panel.uid, row.report.uid, row.member.uid],
        audience=Audience.OFFICE,
        reason=row.reason,
        inputs=bytes(sealed.statement) if sealed else None,
        data={"code": row.member.code, "sha256": row.report.sha256},
    )


def count_silence() -> int:
    """Write down who said nothing in time, panel by panel. Returns how many reports it completed.

    Each in a transaction of its own; two sweeps write each once.
    """
    rows = Panel.objects.filter(state=PanelState.SIGNING, scenario__suspended=False)
    return sum(fall_silent(pk) for pk in rows.order_by("pk").values_list("pk", flat=True))


@transaction.atomic
def fall_silent(panel_pk: int) -> bool:
    """Whoever has said nothing agrees, by the rule. Whether the report is complete by that."""
    scenario = lock(Scenario, panel__pk=panel_pk)
    panel = lock(Panel, pk=panel_pk)
    if panel.state != PanelState.SIGNING or scenario.suspended:
        return False
    report = Report.objects.select_related("scenario__profile").get(scenario=scenario)
    now = clock.now()
    if now >= sign_by(report):
        for row in said(report, panel):
            if row.word is None:
                word = ReportWord.objects.create(
                    report=report, member=row.member, word=Word.SILENT, said_at=now
                )
                _tell(word, panel, actor=SYSTEM)
    return complete(scenario, panel, report)


def complete(scenario: Scenario, panel: Panel, report: Report) -> bool:
    """Once every member's word stands: candidates and losers, and the demand is to be decided.

    Scenario and panel are locked. It failed when nobody reached the pass line.
    """
    words = said(report, panel)
    if any(row.word is None for row in words):
        return False
    body = json.loads(bytes(report.body))
    bids = Bid.objects.select_for_update().filter(scenario=scenario, state=BidState.ELIGIBLE)
    by_code = {bid.blind_code: bid for bid in bids.order_by("pk")}
    for line in body["ranking"]:
        to = BidState.CANDIDATE if line["candidate"] else BidState.LOST
        move(by_code[line["blind_code"]], to)
    move(panel, PanelState.REPORTED)
    candidates = sum(line["candidate"] for line in body["ranking"])
    left = scenario.state
    if candidates:
        move(scenario, State.DECISION)
    ledger.append(
        "review.finished",
        actor=SYSTEM,
        subjects=[panel.uid, report.uid, scenario.uid],
        audience=Audience.PUBLIC,
        from_state=left,
        to_state=scenario.state,
        profile_version=queries.rules_of(scenario).label,
        inputs=body,
        # Everybody may know that it ended and what was fixed; how many stood, only the report says.
        data={
            "sha256": report.sha256,
            **_scores_hash(body),
            "words_sha256": hashlib.sha256(canonical(told_words(report, panel))).hexdigest(),
        },
    )
    if not candidates:
        with override(settings.LANGUAGE_CODE):
            reason = str(_("No valid bid reached the pass line."))
        record_failure(scenario=scenario, actor=SYSTEM, failure="below_pass_line", reason=reason)
    return True


def told_words(report: Report, panel: Panel) -> list[dict[str, Any]]:
    """What each member said, by code, as the report's papers hold it."""
    return [
        {
            "judge": row.member.code,
            "word": row.word.word if row.word else "",
            "reason": row.word.reason if row.word else "",
            "at": row.word.said_at if row.word else None,
            "route": row.word.signature.route if row.word and row.word.signature else "",
        }
        for row in said(report, panel)
    ]


def _scores_hash(body: dict[str, Any]) -> dict[str, str]:
    """The hash of the file that bidders will recompute; an older report has no salt for it."""
    if "salt" not in body:
        return {}
    return {"scores_sha256": hashlib.sha256(canonical(queries.blinded(body))).hexdigest()}
