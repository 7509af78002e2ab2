"""Changing what was posted: drafted by the owner or an officer, published by another officer."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from marketplace.accounts.models import User
from marketplace.base import clock
from marketplace.base.actor import Actor
from marketplace.base.canonical import canonical, plain
from marketplace.base.errors import (
    DeadlinePassed,
    Invalid,
    NotFound,
    Stale,
    StateConflict,
    Text,
)
from marketplace.base.locks import lock, transaction_id
from marketplace.base.rules import require
from marketplace.base.states import can_move, move
from marketplace.ledger import actions as ledger
from marketplace.ledger.models import Audience
from marketplace.scenarios import checks
from marketplace.scenarios.actions.draft import write_content
from marketplace.scenarios.actions.extension import Cause, postpone
from marketplace.scenarios.actions.found import find, profile_label, stated
from marketplace.scenarios.amendments.models import Amendment, AmendmentState
from marketplace.scenarios.amendments.table import AMENDABLE, affects_bids
from marketplace.scenarios.checks import texts_of
from marketplace.scenarios.content import ROWS, Content, Fault, by_field, read
from marketplace.scenarios.disclosure.guards import naming
from marketplace.scenarios.disclosure.mask import refuse_naming
from marketplace.scenarios.disclosure.patterns import refuse_forbidden
from marketplace.scenarios.models import Publication, Scenario, State
from marketplace.scenarios.queries import known_codes, stored_content
from marketplace.scenarios.rules import can_draft_amendment, can_publish_amendment
from marketplace.scenarios.windows import later_deadline, whole_milliseconds, window_end

LEAD = "amendment_lead_min"


@transaction.atomic
def draft_amendment(
    *, actor: Actor, scenario_uid: UUID, data: Mapping[str, Any], reason: str
) -> Amendment:
    """Propose a change: what differs of the fields and parts that `data` names, and why.

    One at a time on a demand. Raises Invalid with every fault, also for a field that no amendment
    changes, DeadlinePassed, StateConflict.
    """
    words = stated(reason)
    scenario = find(actor, scenario_uid)
    require(can_draft_amendment, actor, scenario)
    now = clock.now()
    require_running(scenario, now)
    refuse_naming(scenario, {"reason": words})
    if scenario.amendments.filter(state=AmendmentState.DRAFTED).exists():
        raise StateConflict(
            gettext_lazy("Another change is drafted already: publish or drop it first."),
            code="amendment.pending",
        )
    before = stored_content(scenario)
    changes = changes_of(scenario, before, data, now)
    refuse_telling(scenario, content_of(changes))
    row = Amendment.objects.create(
        scenario=scenario,
        base_version=version_of(scenario),
        changes=plain(changes),
        reason=words,
        drafted_by=actor.person,
        drafted_at=now,
    )
    ledger.append(
        "amendment.drafted",
        actor=actor,
        subjects=[scenario.uid, row.uid],
        to_state=row.state,
        reason=words,
        profile_version=profile_label(scenario),
        inputs=row.changes,
    )
    return row


@transaction.atomic
def publish_amendment(*, actor: Actor, amendment_uid: UUID) -> Amendment:
    """Change the demand: number, new published version, public leaf, and the deadline if due.

    A change that affects bids leaves them the profile's time or moves the deadline, later only.
    Raises StateConflict, DeadlinePassed, and Stale where the demand was amended since.
    """
    scenario, row = found(actor, amendment_uid)
    require(can_publish_amendment, actor, row)
    if not can_move(row, AmendmentState.PUBLISHED):
        raise StateConflict(code="amendment.state")
    now = clock.now()
    require_running(scenario, now)
    if row.base_version != version_of(scenario):
        raise Stale(gettext_lazy("The demand was amended since this was drafted: draft it anew."))
    after = {name: change["after"] for name, change in row.changes.items()}
    content, faults = read(
        after, base=stored_content(scenario).values, known=known_codes(), now=now
    )
    if faults:
        raise Invalid(errors=by_field(faults))
    refuse_telling(scenario, content)
    before_at = scenario.deadline_at
    assert before_at is not None, "what is posted has a deadline"
    wanted = content.values.pop("deadline_at", None)
    after_at = new_deadline(scenario, set(row.changes), wanted, now)
    row.number = (scenario.amendments.aggregate(last=Max("number"))["last"] or 0) + 1
    row.published_by, row.published_at = actor.person, now
    row.deadline_before_at, row.deadline_after_at = before_at, after_at
    row.published_xact = transaction_id()
    left = move(
        row,
        AmendmentState.PUBLISHED,
        also=(
            *("number", "published_by", "published_at", "published_xact"),
            *("deadline_before_at", "deadline_after_at"),
        ),
    )
    scenario.revision += 1
    write_content(scenario, content)
    publication = publish_version(scenario, row, after_at, actor.person, now)
    ledger.append(
        "scenario.amended",
        actor=actor,
        subjects=[row.uid, publication.uid, scenario.uid],
        audience=Audience.PUBLIC,
        from_state=left,
        to_state=row.state,
        reason=row.reason,
        profile_version=profile_label(scenario),
        inputs=row.changes,
        data={
            "ref": scenario.ref,
            "number": row.number,
            "version": publication.version,
            "sha256": publication.sha256,
            "fields": sorted(row.changes),
            "affects_bids": affects_bids(set(row.changes)),
        },
    )
    if after_at > before_at:
        told = {"amendment": row.number}
        postpone(scenario, actor=actor, to=after_at, cause=Cause.AMENDMENT, told=told)
    return row


@transaction.atomic
def drop_amendment(*, actor: Actor, amendment_uid: UUID) -> Amendment:
    """Give a draft up. It stays on record, seen by owner and office. Raises StateConflict."""
    scenario, row = found(actor, amendment_uid)
    require(can_draft_amendment, actor, scenario)
    left = move(row, AmendmentState.DROPPED)
    ledger.append(
        "amendment.dropped",
        actor=actor,
        subjects=[scenario.uid, row.uid],
        from_state=left,
        to_state=row.state,
    )
    return row


# -- What is asked of them -------------------------------------------------------------------------
def found(actor: Actor, uid: UUID) -> tuple[Scenario, Amendment]:
    """Both locked, the demand first."""
    seen = Amendment.objects.visible_to(actor).filter(uid=uid).values_list("scenario__uid")
    first = seen.first()
    if first is None:
        raise NotFound
    scenario = find(actor, first[0])
    row = lock(Amendment, uid=uid)
    row.scenario = scenario
    return scenario, row


def require_running(scenario: Scenario, now: datetime) -> None:
    """Between publication and deadline, which stands still while the demand is suspended."""
    if scenario.state != State.PUBLISHED:
        raise StateConflict(
            gettext_lazy("A demand is amended only while it takes bids."), code="amendment.closed"
        )
    passed = scenario.deadline_at is None or now >= scenario.deadline_at
    if passed and not scenario.suspended:
        raise DeadlinePassed


def changes_of(
    scenario: Scenario, before: Content, data: Mapping[str, Any], now: datetime
) -> dict[str, dict[str, Any]]:
    """{field or part: {before, after}} of what differs. Raises Invalid with every fault."""
    never: dict[str, list[Text]] = {
        name: [_("No amendment changes this; withdraw the demand and list it anew.")]
        for name in data
        if name not in AMENDABLE
    }
    for name in scenario.restricted_fields:
        if data.get(name):
            never[name] = [
                _("Only released readers read this, in a file that no amendment changes.")
            ]
    if never:
        raise Invalid(errors=never, code="amendment.never")
    typed, faults = read(data, base=before.values, known=known_codes(), now=now)
    errors = by_field(faults)
    wanted = typed.values.get("deadline_at")
    if wanted is None or same_second(wanted, scenario.deadline_at):
        typed.values.pop("deadline_at", None)
    elif scenario.deadline_at and wanted < scenario.deadline_at:
        errors["deadline_at"] = [_("A deadline moves later only, never earlier.")]
    after = Content(before.values | typed.values, before.rows | typed.rows)
    for name, sentences in by_field(new_faults(scenario, before, after, now)).items():
        errors.setdefault(name, sentences)
    if errors:
        raise Invalid(errors=errors)
    changes = {
        name: {"before": one, "after": other}
        for name in data
        for one, other in [(value_of(before, name), value_of(after, name))]
        if plain(one) != plain(other)
    }
    if not changes:
        raise Invalid(_("Nothing of this differs from what is posted."), code="amendment.nothing")
    return changes


def content_of(changes: Mapping[str, Mapping[str, Any]]) -> Content:
    """What stands there afterwards, of what changes."""
    after = {name: change["after"] for name, change in changes.items()}
    rows = {name: after.pop(name) for name in ROWS if name in after}
    return Content(after, rows)


def same_second(one: datetime, other: datetime | None) -> bool:
    """A form shows and sends whole seconds: what nobody touched is no change."""
    return other is not None and one.replace(microsecond=0) == other.replace(microsecond=0)


def new_faults(scenario: Scenario, before: Content, after: Content, now: datetime) -> list[Fault]:
    """What would now stand against its publication and did not before."""

    def found(content: Content) -> list[Fault]:
        values = content.values | {"deadline_at": None}
        whole = Content(values, content.rows)
        return checks.faults(whole, profile=scenario.profile, now=now, demo=settings.DEMO)

    known = {(fault.field, fault.rule) for fault in found(before)}
    return [fault for fault in found(after) if (fault.field, fault.rule) not in known]


def value_of(content: Content, name: str) -> Any:
    return content.rows.get(name, []) if name in ROWS else content.values.get(name)


def version_of(scenario: Scenario) -> int:
    return scenario.publications.aggregate(last=Max("version"))["last"] or 0


def new_deadline(
    scenario: Scenario, names: set[str], wanted: datetime | None, now: datetime
) -> datetime:
    """The present one, the later one that was asked for, or what the profile demands."""
    present, profile = scenario.deadline_at, scenario.profile
    assert present is not None, "what is posted has a deadline"
    chosen = max(present, whole_milliseconds(wanted)) if wanted else present
    if profile is None or LEAD not in profile.values or not affects_bids(names):
        return chosen
    least = window_end(profile, LEAD, now)
    if profile.unit(LEAD) == "second":
        return max(chosen, whole_milliseconds(least))
    return later_deadline(chosen, least)


def refuse_telling(scenario: Scenario, content: Content) -> None:
    """Raise Invalid for what must not be posted, or lifts the owner's mask."""
    refuse_forbidden(texts_of(content))
    masked = {"owner_masked": scenario.owner_masked, "owner_mask": scenario.owner_mask}
    faults = naming(Content(content.values | masked, content.rows), scenario.organisation)
    if scenario.veiled and "contact" in content.values:
        sentence = _("The contact of an unnamed owner is not shown, so it is not amended either.")
        faults.append(Fault("contact", "mask.contact", sentence))
    if faults:
        raise Invalid(errors=by_field(faults))


def publish_version(
    scenario: Scenario, row: Amendment, deadline_at: datetime, officer: User, now: datetime
) -> Publication:
    """The text in force from now on: that of before with the content as it stands now."""
    last = scenario.publications.select_related("profile").order_by("-version").first()
    content = stored_content(scenario)
    version = version_of(scenario) + 1
    if scenario.veiled:
        content.values["contact"] = ""  # stands in the commitment to the owner
    frozen = {
        **(json.loads(bytes(last.body)) if last else {}),
        **{name: value for name, value in content.values.items() if name != "profile"},
        "deadline_at": deadline_at,
        "parts": content.rows,
        "version": version,
        "amendment": {
            "number": row.number,
            "reason": row.reason,
            "published_at": now,
            "changes": row.changes,
        },
    }
    body = canonical(frozen)
    return Publication.objects.create(
        scenario=scenario,
        version=version,
        profile=scenario.rules,
        body=body,
        sha256=hashlib.sha256(body).hexdigest(),
        prepared_by=row.drafted_by,
        published_by=officer,
        published_at=now,
    )
