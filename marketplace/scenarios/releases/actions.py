"""Asking to be released, granting and refusing it, and looking at what was released."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid4

from django.db import connection, transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from marketplace.accounts.models import Capability, Grant, Organisation
from marketplace.base import clock
from marketplace.base.actor import Actor
from marketplace.base.errors import (
    DeadlinePassed,
    Invalid,
    NotFound,
    StateConflict,
    TooMany,
)
from marketplace.base.locks import lock_shared
from marketplace.base.rules import require
from marketplace.files.access import record_access
from marketplace.files.serving import reader_lines
from marketplace.ledger import actions as ledger
from marketplace.scenarios.actions.attachments import release_attachment
from marketplace.scenarios.attachments import Access, Attachment
from marketplace.scenarios.disclosure.patterns import refuse_forbidden
from marketplace.scenarios.models import Scenario, State
from marketplace.scenarios.queries import has_closed
from marketplace.scenarios.readers import Wrong, text
from marketplace.scenarios.releases.models import TEXT_MOST, ReleaseAnswer, ReleaseRequest
from marketplace.scenarios.rules import can_answer_release, can_ask_release
from marketplace.scenarios.undertakings import UndertakingMissing, owes, undertakes

# Of one organisation on one demand.
REQUESTS_MOST = 3
TEXT_LEAST = 10


@transaction.atomic
def ask_release(*, actor: Actor, scenario_uid: UUID, text: str) -> ReleaseRequest:
    """Ask the owner for the restricted parts, in a sentence, while the demand takes bids.

    One request of an organisation waits at a time. Raises Invalid, DeadlinePassed, StateConflict,
    TooMany.
    """
    words = _said(text, "text", least=TEXT_LEAST)
    if not Scenario.objects.visible_to(actor).filter(uid=scenario_uid).exists():
        raise NotFound
    scenario = lock_shared(Scenario, uid=scenario_uid)
    require(can_ask_release, actor, scenario)
    _hold(scenario)
    now = clock.now()
    require_release_asking(scenario, now)
    files = list(restricted_files(scenario))
    if not files:
        raise StateConflict(
            gettext_lazy("Everybody may read all of this demand."), code="release.nothing"
        )
    party = actor.party
    if not unreleased(party, files):
        raise StateConflict(
            gettext_lazy("Your organisation may read the restricted parts already."),
            code="release.given",
        )
    own = ReleaseRequest.objects.filter(scenario=scenario, organisation=party)
    if own.waiting().exists():
        raise StateConflict(
            gettext_lazy("Your organisation has asked already; the owner has not answered yet."),
            code="release.waiting",
        )
    number = own.count() + 1
    if number > REQUESTS_MOST:
        raise TooMany(
            gettext_lazy("An organisation may ask %(most)s times here, and it did."),
            code="release.limit",
            most=REQUESTS_MOST,
        )
    refuse_forbidden({"text": words})
    uid = uuid4()
    ledger.append(
        "release.asked", actor=actor, subjects=[scenario.uid, party.uid, uid], reason=words
    )
    return ReleaseRequest.objects.create(
        uid=uid,
        scenario=scenario,
        organisation=party,
        user=actor.person,
        number=number,
        text=words,
        asked_at=now,
    )


@transaction.atomic
def grant_release(
    *,
    actor: Actor,
    request_uid: UUID,
    until_date: date | None,
    attachment_uids: Collection[UUID] = (),
) -> ReleaseAnswer:
    """Release these restricted files to whoever asked, until the end of a day in Beijing.

    attachment_uids: all of the demand's where none is named. Raises what `release_attachment`
    raises, and StateConflict where it was answered before.
    """
    row = _waiting(actor, request_uid)
    files = restricted_files(row.scenario)
    if attachment_uids:
        files = [one for one in files if one.uid in set(attachment_uids)]
    if not files:
        raise Invalid(errors={"which": [_("Choose at least one file.")]})
    for one in files:
        release_attachment(
            actor=actor,
            attachment_uid=one.uid,
            organisation_uid=row.organisation.uid,
            until_date=until_date,
        )
    return _answer(actor, row, granted=True, until_date=until_date)


@transaction.atomic
def refuse_release(*, actor: Actor, request_uid: UUID, reason: str) -> ReleaseAnswer:
    """No, and why. The vendor is told. Raises Invalid, StateConflict."""
    words = _said(reason, "reason")
    row = _waiting(actor, request_uid)
    return _answer(actor, row, granted=False, reason=words)


@dataclass(frozen=True)
class Look:
    """One reading. texts: (field, text). lines: whose it is, empty for who needs no mark."""

    attachment: Attachment
    texts: list[tuple[str, str]]
    lines: tuple[str, ...]
    until_at: datetime | None


@transaction.atomic
def read_restricted(*, actor: Actor, scenario_uid: UUID) -> Look:
    """The texts that were withheld, for whoever may read their file; each look is recorded.

    Raises NotFound for all others, and UndertakingMissing before a reader has signed.
    """
    rows = Attachment.objects.visible_to(actor).filter(scenario__uid=scenario_uid)
    rows = rows.filter(restricted_texts__isnull=False).select_related("scenario", "upload")
    row = rows.first()
    if row is None:
        raise NotFound
    if owes(actor, row):
        raise UndertakingMissing(row)
    lines = reader_lines(actor) if undertakes(actor, row) else ()
    detail = lines[-1] if lines else ""
    record_access(actor=actor, subject_uid=row.uid, what="text.read", detail=detail[:80])
    texts = list(row.restricted_texts.order_by("pk").values_list("field", "text"))
    return Look(row, texts, lines, _ends(actor, row) if lines else None)


# -- What several of them ask ------------------------------------------------------------------------
def require_release_asking(scenario: Scenario, now: datetime) -> None:
    """Raises StateConflict, and DeadlinePassed from the deadline on."""
    if scenario.state != State.PUBLISHED:
        raise StateConflict(
            gettext_lazy("To be released is asked for while a demand takes bids."),
            code="release.closed",
        )
    if has_closed(scenario, now):
        raise DeadlinePassed


def restricted_files(scenario: Scenario) -> list[Attachment]:
    rows = scenario.attachments.filter(access=Access.RESTRICTED)
    return list(rows.select_related("upload").order_by("position"))


def unreleased(organisation: Organisation, files: list[Attachment]) -> list[Attachment]:
    """Those of them that this organisation may not read now."""
    given = Grant.objects.in_force().filter(
        organisation=organisation,
        capability=Capability.READ,
        subject_uid__in=[one.uid for one in files],
    )
    known = set(given.values_list("subject_uid", flat=True))
    return [one for one in files if one.uid not in known]


def _ends(actor: Actor, row: Attachment) -> datetime | None:
    given = Grant.objects.in_force().filter(
        organisation=actor.party, capability=Capability.READ, subject_uid=row.uid
    )
    return given.order_by("-until_at").values_list("until_at", flat=True).first()


def _waiting(actor: Actor, request_uid: UUID) -> ReleaseRequest:
    """The request, held: of two answers the second is refused."""
    rows = ReleaseRequest.objects.visible_to(actor).filter(uid=request_uid)
    row = rows.select_related("scenario", "organisation").first()
    if row is None:
        raise NotFound
    require(can_answer_release, actor, row)
    _hold(row.scenario)
    if ReleaseAnswer.objects.filter(request=row).exists():
        raise StateConflict(
            gettext_lazy("This request has been answered already."), code="release.answered"
        )
    return row


def _answer(actor: Actor, row: ReleaseRequest, **said: Any) -> ReleaseAnswer:
    ledger.append(
        "release.granted" if said["granted"] else "release.refused",
        actor=actor,
        subjects=[row.scenario.uid, row.organisation.uid, row.uid],
        reason=said.get("reason", ""),
        data={"until_date": said["until_date"]} if said["granted"] else {},
    )
    return ReleaseAnswer.objects.create(
        request=row, answered_by=actor.person, answered_at=clock.now(), **said
    )


def _said(raw: str, field: str, *, least: int = 1) -> str:
    try:
        words = str(text(TEXT_MOST)(raw))
    except Wrong as wrong:
        raise Invalid(errors={field: [wrong.message]}) from wrong
    if len(words) < least:
        sentence = _("Say in a sentence why your organisation wants to read them.")
        if field == "reason":
            sentence = _("Say why, in a sentence at least.")
        raise Invalid(errors={field: [sentence]})
    return words


def _hold(scenario: Scenario) -> None:
    """One at a time on a demand."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"release:{scenario.uid}"]
        )
