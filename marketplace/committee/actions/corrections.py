from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from marketplace.base.actor import Actor
from marketplace.base.canonical import plain
from marketplace.base.errors import Invalid, NotFound, Stale, StateConflict
from marketplace.base.locks import lock, lock_shared, transaction_id
from marketplace.base.rules import require
from marketplace.bidding.actions.eligibility import require_running
from marketplace.committee.actions.scoring import (
    COMMENT_MAX,
    Entry,
    read_scores,
    require_complete,
    what_stands,
)
from marketplace.committee.models import (
    REPORT_MADE,
    Correction,
    CorrectionKind,
    Panel,
    Score,
    Sheet,
    SheetState,
)
from marketplace.committee.rules import can_correct_sheet
from marketplace.committee.signals.jobs import signals_due
from marketplace.ledger import actions as ledger
from marketplace.ledger.models import Audience
from marketplace.scenarios.models import Scenario


@transaction.atomic
def correct_sheet(
    *,
    actor: Actor,
    sheet_uid: UUID,
    revision: int,
    kind: str,
    reason: str,
    scores: Mapping[str, Entry],
) -> Correction:
    """Change some points of the actor's own locked sheet, for one of the four reasons.

    scores: as save_scores takes them; criteria that it does not name stay. Raises StateConflict
    for an open sheet and once the report is made, Stale if it was corrected since `revision`,
    Invalid for another kind, without a reason, or where nothing would change.
    """
    scenario = lock_shared(Scenario, panel__members__sheets__uid=sheet_uid)
    # Exclusively: the report waits for it, or it for the report.
    panel = lock(Panel, members__sheets__uid=sheet_uid)
    if not Sheet.objects.visible_to(actor).filter(uid=sheet_uid).exists():
        raise NotFound
    sheet = lock(Sheet, uid=sheet_uid)
    require(can_correct_sheet, actor, sheet)
    require_running(scenario)
    if sheet.state != SheetState.LOCKED:
        raise StateConflict(_("Only a locked sheet is corrected."), code="correction.not_locked")
    if panel.state in REPORT_MADE:
        raise StateConflict(
            _("The report is made: no sheet is corrected any more."), code="correction.reported"
        )
    if revision != sheet.revision:
        raise Stale
    _require_grounds(kind, reason)
    before = what_stands(sheet)
    given = {criterion.code: values for criterion, values in read_scores(sheet, scores)}
    changed = {code: values for code, values in given.items() if values != before[code]}
    if not changed:
        raise Invalid(_("Nothing would change."), code="correction.empty")
    require_complete(sheet, before | changed)
    version = sheet.corrections.count() + 2
    row = Correction.objects.create(
        sheet=sheet,
        version=version,
        kind=kind,
        reason=reason.strip(),
        changes=plain(
            {code: {"before": before[code], "after": after} for code, after in changed.items()}
        ),
        made_by=actor.person,
        made_xact=transaction_id(),
    )
    for code, values in changed.items():
        Score.objects.filter(sheet=sheet, criterion__code=code).update(**values)
    sheet.revision += 1
    sheet.save(update_fields=["revision"])
    signals_due(panel)
    ledger.append(
        "sheet.corrected",
        actor=actor,
        subjects=[scenario.uid, panel.uid, sheet.uid],
        audience=Audience.OFFICE,
        from_state=sheet.state,
        to_state=sheet.state,
        reason=row.reason,
        inputs={"before": before, "after": before | changed},
        data={
            "judge": sheet.member.code,
            "stage": sheet.stage,
            "correction": kind,
            "version": version,
        },
    )
    return row


def _require_grounds(kind: str, reason: str) -> None:
    errors: dict[str, list[Any]] = {}
    if kind not in CorrectionKind.values:
        errors["kind"] = [gettext("Name one of the four reasons.")]
    if not reason.strip():
        errors["reason"] = [gettext("A correction needs its reason in words.")]
    elif len(reason) > COMMENT_MAX:
        errors["reason"] = [gettext("A reason has at most 2000 characters.")]
    if errors:
        raise Invalid(errors=errors, code="correction.grounds")
