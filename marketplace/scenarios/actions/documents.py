"""Filing the five documents 发榜五件 and checking them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from marketplace.base import clock
from marketplace.base.actor import Actor
from marketplace.base.canonical import canonical
from marketplace.base.errors import Invalid, NotFound, StateConflict
from marketplace.base.rules import require
from marketplace.files.actions import claim_upload, store_small
from marketplace.files.models import Purpose, Upload
from marketplace.ledger import actions as ledger
from marketplace.scenarios.actions.found import REASON_MOST, find, profile_label, stated
from marketplace.scenarios.documents.kinds import BY_HAND, FORM_VERSION, FORMS, DocumentKind, Form
from marketplace.scenarios.documents.models import DocumentCheck, GateDocument
from marketplace.scenarios.documents.queries import may_be_filed, missing
from marketplace.scenarios.models import Scenario, State
from marketplace.scenarios.readers import Wrong, decimal, text
from marketplace.scenarios.rules import can_check_document, can_file_document

NUMBER_MOST = 80


@transaction.atomic
def file_document(
    *,
    actor: Actor,
    scenario_uid: UUID,
    kind: str,
    answers: Mapping[str, bool],
    number: str = "",
    amount_cny: str | Decimal | None = None,
    words: str = "",
    upload_uid: UUID | None = None,
) -> GateDocument:
    """File one of the documents that are filed by hand, of the demand as it stands now.

    answers: {statement: true}; every statement of the form must be affirmed. upload_uid: the
    document itself, where there is one on paper. Raises Invalid with every fault, StateConflict
    before the demand is filed, after its publication, and for an approval sheet whose other
    documents are not there yet.
    """
    scenario = find(actor, scenario_uid)
    if kind not in BY_HAND:
        raise Invalid(errors={"kind": [_("Choose which document this is.")]})
    draft = GateDocument(scenario=scenario, kind=kind)
    require(can_file_document, actor, draft)
    require_open(scenario)
    if kind == DocumentKind.APPROVAL:
        _ready_to_approve(scenario)
    values = _read(
        FORMS[kind], answers, number=number, amount_cny=amount_cny, words=words, upload=upload_uid
    )
    if upload_uid is not None:
        draft.upload = claim_upload(
            actor=actor, upload_uid=upload_uid, purpose=Purpose.DOCUMENT, subject_uid=draft.uid
        )
    return keep_document(draft, actor=actor, **values)


def file_small_document(
    *, actor: Actor, scenario_uid: UUID, kind: str, name: str, body: bytes, **given: Any
) -> GateDocument:
    """The same with a file that came inside the form. What is refused is swept."""
    with transaction.atomic():
        scenario = find(actor, scenario_uid)
        require(can_file_document, actor, GateDocument(scenario=scenario, kind=kind))
        require_open(scenario)
    upload = store_small(actor=actor, purpose=Purpose.DOCUMENT, name=name, body=body)
    return file_document(
        actor=actor, scenario_uid=scenario_uid, kind=kind, upload_uid=upload.uid, **given
    )


@transaction.atomic
def check_document(
    *, actor: Actor, document_uid: UUID, accepted: bool, words: str = ""
) -> DocumentCheck:
    """The second person's word, once. Sending back needs a reason; then it is filed anew.

    Raises StateConflict for a document that was checked, is not the newest of its kind, or asks
    for no check.
    """
    found = GateDocument.objects.visible_to(actor).filter(uid=document_uid)
    row = found.select_related("scenario").first()
    if row is None:
        raise NotFound
    scenario = find(actor, row.scenario.uid)
    row.scenario = scenario
    require(can_check_document, actor, row)
    require_open(scenario)
    newest = scenario.documents.filter(kind=row.kind).order_by("-pk").first()
    if not row.form.checked or newest != row or DocumentCheck.objects.filter(document=row).exists():
        raise StateConflict(
            gettext_lazy("This document does not wait for a check."), code="document.checked"
        )
    said = _text(words, REASON_MOST, "words") if accepted else stated(words, field="words")
    check = DocumentCheck.objects.create(
        document=row,
        accepted=accepted,
        words=said,
        checked_by=actor.person,
        checked_at=clock.now(),
    )
    ledger.append(
        "document.accepted" if accepted else "document.sent_back",
        actor=actor,
        subjects=[row.uid, scenario.uid],
        reason=said,
        profile_version=profile_label(scenario),
        data={"kind": row.kind},
    )
    return check


def keep_document(row: GateDocument, *, actor: Actor, **values: Any) -> GateDocument:
    """Write it down inside an action that has asked its own rule: hash, who, when, event."""
    assert transaction.get_connection().in_atomic_block, "a document belongs to its action"
    scenario = row.scenario
    for name, value in values.items():
        setattr(row, name, value)
    row.revision, row.form_version = scenario.revision, FORM_VERSION
    row.filed_by, row.organisation, row.filed_at = actor.person, actor.party, clock.now()
    row.sha256 = hashlib.sha256(canonical(_body(row, row.upload))).hexdigest()
    row.save(force_insert=True)
    ledger.append(
        "document.filed",
        actor=actor,
        subjects=[row.uid, scenario.uid],
        profile_version=profile_label(scenario),
        inputs={"sha256": row.sha256},
        data={"kind": row.kind, "revision": row.revision},
    )
    return row


def _body(row: GateDocument, upload: Upload | None) -> dict[str, Any]:
    return {
        "scenario": row.scenario.uid,
        "kind": row.kind,
        "form": row.form_version,
        "revision": row.revision,
        "answers": row.answers,
        "number": row.number,
        "amount_cny": row.amount_cny,
        "words": row.words,
        "file_sha256": upload.sha256 if upload else None,
    }


def require_open(scenario: Scenario) -> None:
    if not may_be_filed(scenario):
        raise StateConflict(
            gettext_lazy(
                "Documents are filed once the demand is with the office and until it is published."
            ),
            code="scenario.state",
        )


def _ready_to_approve(scenario: Scenario) -> None:
    others = [p for p in missing(scenario) if p.kind != DocumentKind.APPROVAL]
    if scenario.state != State.DEMONSTRATED or others:
        raise StateConflict(
            gettext_lazy("The approval sheet comes last; these are not there yet: %(missing)s."),
            code="document.too_early",
            missing=_(", ").join(str(paper.label) for paper in others)
            or str(DocumentKind.OPINION.label),
        )


def _read(
    form: Form,
    answers: Mapping[str, bool],
    *,
    number: str,
    amount_cny: str | Decimal | None,
    words: str,
    upload: UUID | None,
) -> dict[str, Any]:
    """The clean values. Raises Invalid with every fault at once."""
    errors: dict[str, list[Any]] = {}
    for code in form.statements:
        if answers.get(code) is not True:
            errors[code] = [_("Affirm this, or put it right first: without it nothing is filed.")]
    values: dict[str, Any] = {"answers": dict.fromkeys(form.statements, True)}
    for name, raw, most, lines in (
        ("number", number, NUMBER_MOST, False),
        ("words", words, REASON_MOST, True),
    ):
        try:
            values[name] = str(text(most, lines=lines)(raw))
        except Wrong as wrong:
            errors[name] = [wrong.message]
    if form.numbered and values.get("number") == "" and not (form.or_file and upload):
        errors["number"] = [
            _("Tell the number of the document, or add the document itself.")
            if form.or_file
            else _("Tell the number of the document.")
        ]
    if form.amount:
        try:
            largest = Decimal("999999999999.99")
            values["amount_cny"] = decimal(places=2, above=Decimal(0), most=largest)(amount_cny)
        except Wrong as wrong:
            errors["amount_cny"] = [wrong.message]
        if values.get("amount_cny", 0) is None:
            errors["amount_cny"] = [_("Tell the amount that is committed.")]
    if errors:
        raise Invalid(errors=errors)
    return values


def _text(raw: str, most: int, field: str) -> str:
    try:
        return str(text(most, lines=True)(raw))
    except Wrong as wrong:
        raise Invalid(errors={field: [wrong.message]}) from wrong
