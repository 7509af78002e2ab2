"""With which documents a demand would be published now: what is there, what is missing, who has it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import models
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from marketplace.scenarios.documents.kinds import DocumentKind
from marketplace.scenarios.documents.models import DocumentCheck, GateDocument
from marketplace.scenarios.models import Scenario, State

# With the office and not yet published.
GATE_STATES = (State.SUBMITTED, State.DEMONSTRATING, State.DEMONSTRATED)


class PaperState(models.TextChoices):
    THERE = "there", _("There")
    WAITING = "waiting", _("Waits for its check")
    REFUSED = "refused", _("Sent back")
    OUTDATED = "outdated", _("Speaks of an older text or sum")
    MISSING = "missing", _("Missing")


OWNER_FILES = _("The demand's owner: to file it")
OFFICER_FILES = _("The park office: an officer files it")
OFFICER_CHECKS = _("The park office: an officer who did not file it checks it")
DEMONSTRATION = _("The demonstration: it ends with this opinion")
NOBODY: Promise | str = ""


@dataclass(frozen=True)
class Paper:
    """One of the five as it stands now; `document` is the newest filing, `check` its check."""

    kind: str
    state: str
    who_has: Promise | str
    document: GateDocument | None = None
    check: DocumentCheck | None = None

    @property
    def there(self) -> bool:
        return self.state == PaperState.THERE

    @property
    def label(self) -> Promise | str:
        return DocumentKind(self.kind).label

    @property
    def state_label(self) -> Promise | str:
        return PaperState(self.state).label


def published_with(scenario: Scenario) -> list[Paper]:
    """The five documents of one demand, in their order. Two queries."""
    return papers_of([scenario])[scenario.pk]


def missing(scenario: Scenario) -> list[Paper]:
    """What still stands between this demand and its publication."""
    return [paper for paper in published_with(scenario) if not paper.there]


def papers_of(scenarios: Iterable[Scenario]) -> dict[int, list[Paper]]:
    """{demand's id: its five documents}, for a whole list in two queries."""
    rows = list(scenarios)
    filed = GateDocument.objects.filter(scenario__in=rows).select_related("filed_by", "upload")
    newest: dict[tuple[int, str], GateDocument] = {
        (row.scenario_id, row.kind): row for row in filed.order_by("pk")
    }
    checked = DocumentCheck.objects.filter(document__in=[row.pk for row in newest.values()])
    checks = {row.document_id: row for row in checked.select_related("checked_by")}
    return {
        row.pk: [
            _paper(row, kind, found, checks.get(found.pk) if found else None)
            for kind in DocumentKind
            for found in [newest.get((row.pk, kind))]
        ]
        for row in rows
    }


def _paper(
    scenario: Scenario, kind: DocumentKind, row: GateDocument | None, check: DocumentCheck | None
) -> Paper:
    from_hand = _files(kind)
    if row is None:
        return Paper(kind, PaperState.MISSING, from_hand)
    if not covers(row, scenario):
        return Paper(kind, PaperState.OUTDATED, from_hand, document=row, check=check)
    if row.form.checked and check is None:
        return Paper(kind, PaperState.WAITING, OFFICER_CHECKS, document=row, check=check)
    if check is not None and not check.accepted:
        return Paper(kind, PaperState.REFUSED, from_hand, document=row, check=check)
    return Paper(kind, PaperState.THERE, NOBODY, document=row, check=check)


def _files(kind: DocumentKind) -> Promise:
    if kind == DocumentKind.OPINION:
        return DEMONSTRATION
    owners = kind in {DocumentKind.CONFIDENTIALITY, DocumentKind.FUNDING}
    return OWNER_FILES if owners else OFFICER_FILES


def covers(row: GateDocument, scenario: Scenario) -> bool:
    """Whether it speaks of the demand as it stands: its text, or the sum for the funds."""
    if row.form.amount:
        return (row.amount_cny or Decimal(0)) >= (scenario.budget_cny or Decimal(0))
    return row.revision == scenario.revision


def may_be_filed(scenario: Scenario) -> bool:
    """Once the demand is filed and until it is published."""
    return scenario.state in GATE_STATES


def frozen_documents(scenario: Scenario) -> list[dict[str, Any]]:
    """As a publication shows them to everybody: that they were there, and when each was filed."""
    return [
        {
            "kind": paper.kind,
            "filed_at": paper.document.filed_at,
            "commitment": paper.document.commitment,
        }
        for paper in published_with(scenario)
        if paper.document is not None
    ]
