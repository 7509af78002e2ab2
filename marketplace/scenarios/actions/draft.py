"""The owner's part: draft, save, delete, submit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from marketplace.base import clock
from marketplace.base.actor import Actor
from marketplace.base.errors import Invalid, Stale, StateConflict
from marketplace.base.idempotency import Once
from marketplace.base.rules import require
from marketplace.base.states import move
from marketplace.ledger import actions as ledger
from marketplace.scenarios import checks
from marketplace.scenarios.actions.attachments import remove_all
from marketplace.scenarios.actions.found import find
from marketplace.scenarios.content import TAGS, TERMS, Content, Fault, by_field, read
from marketplace.scenarios.disclosure.guards import naming
from marketplace.scenarios.likeness.keeping import keep_sketches
from marketplace.scenarios.likeness.queries import unanswered
from marketplace.scenarios.models import (
    OWNER_EDITS,
    Condition,
    Criterion,
    Metric,
    Milestone,
    PaymentNode,
    Scenario,
    State,
)
from marketplace.scenarios.queries import known_codes, newest_profile, stored_content, stored_values
from marketplace.scenarios.reference import Term
from marketplace.scenarios.rules import can_draft_scenario, can_edit_scenario

PARTS: dict[str, type[Any]] = {
    "metrics": Metric,
    "criteria": Criterion,
    "payment_nodes": PaymentNode,
    "milestones": Milestone,
    "conditions": Condition,
}


@transaction.atomic
def create_draft(*, actor: Actor, data: Mapping[str, Any], form: str = "") -> Scenario:
    """Begin a demand of the actor's organisation; it may be incomplete.

    data: fields by name, terms and profile as codes, parts as lists of rows (see content.py).
    form: the mark of the form that begins it. Sent again within a day, by a second press or since
    the answer was lost, that form writes into the draft that it began, and begins no other.
    Raises Invalid with every fault, field by field.
    """
    require(can_draft_scenario, actor, actor.organisation)
    content = _read(data, {})
    once = Once(actor=actor, route="draft of a form", key=form, body="")
    if form and (uid := once.begin()):
        begun = find(actor, uid)
        return save_draft(actor=actor, scenario_uid=uid, revision=begun.revision, data=data)
    scenario = Scenario(organisation=actor.organisation, author=actor.user)
    write_content(scenario, content)
    if form:
        once.done(scenario.uid)
    return scenario


@transaction.atomic
def save_draft(
    *, actor: Actor, scenario_uid: UUID, revision: int, data: Mapping[str, Any]
) -> Scenario:
    """Write the fields that `data` names; a part that it names is replaced whole.

    Raises Stale if somebody saved since `revision`, StateConflict once it is filed, and Invalid
    with every fault.
    """
    scenario = _editable(actor, scenario_uid, revision)
    scenario.revision += 1
    write_content(scenario, _read(data, stored_values(scenario)))
    return scenario


@transaction.atomic
def delete_draft(*, actor: Actor, scenario_uid: UUID) -> None:
    """Only what was never filed is deleted; the rest is history."""
    scenario = find(actor, scenario_uid)
    require(can_edit_scenario, actor, scenario)
    if scenario.state != State.DRAFT:
        raise StateConflict(
            _("Only a draft is deleted; what was filed stays."), code="scenario.state"
        )
    remove_all(scenario)
    scenario.delete()


@transaction.atomic
def submit_scenario(
    *, actor: Actor, scenario_uid: UUID, revision: int, data: Mapping[str, Any] | None = None
) -> Scenario:
    """File a demand with the office, after writing `data` where a form brings some.

    Raises Invalid with everything that is missing or against the profile, all at once, and with
    earlier demands that it is much like while nothing is said of them; then nothing of `data` is
    kept either.
    """
    scenario = _editable(actor, scenario_uid, revision)
    now, content = clock.now(), stored_content(scenario)
    unread: list[Fault] = []
    if data is not None:
        typed, unread = read(data, base=content.values, known=known_codes(), now=now)
        content = Content(content.values | typed.values, content.rows | typed.rows)
    profile = newest_profile(content.values.get("profile") or "")
    faults = checks.with_read(unread, content, profile=profile, now=now, demo=settings.DEMO)
    faults += naming(content, scenario.organisation)
    faults += unanswered(actor, scenario, content)
    if faults or profile is None:
        raise Invalid(
            _("The demand is not complete."), code="scenario.incomplete", errors=by_field(faults)
        )
    if data is not None:
        scenario.revision += 1
        write_content(scenario, typed)
    left = move(scenario, State.SUBMITTED)
    ledger.append(
        "scenario.submitted",
        actor=actor,
        subjects=[scenario.uid],
        from_state=left,
        to_state=scenario.state,
        profile_version=profile.label,
        inputs={"values": content.values, "rows": content.rows},
        data={"revision": scenario.revision},
    )
    return scenario


def _editable(actor: Actor, scenario_uid: UUID, revision: int) -> Scenario:
    scenario = find(actor, scenario_uid)
    require(can_edit_scenario, actor, scenario)
    if scenario.state not in OWNER_EDITS:
        raise StateConflict(
            _("The demand has been filed; it can be changed only if the office returns it."),
            code="scenario.state",
        )
    if scenario.revision != revision:
        raise Stale(revision=scenario.revision)
    return scenario


def _read(data: Mapping[str, Any], base: Mapping[str, Any]) -> Content:
    content, faults = read(data, base=base, known=known_codes(), now=clock.now())
    if faults:
        raise Invalid(errors=by_field(faults))
    return content


def write_content(scenario: Scenario, content: Content) -> None:
    values = dict(content.values)
    tags = {name: values.pop(name) for name in TAGS if values.get(name) is not None}
    for name in TAGS:
        values.pop(name, None)
    named = [(TERMS[name], values[name]) for name in TERMS if values.get(name)]
    terms = {
        (term.vocabulary, term.code): term
        for term in Term.objects.filter(
            vocabulary__in=[name for name, _code in named], code__in=[code for _name, code in named]
        )
    }
    for name, vocabulary in TERMS.items():
        if name in values:
            values[name] = terms.get((vocabulary, values[name]))
    if values.get("profile"):
        values["profile"] = newest_profile(values["profile"])
    for name, value in values.items():
        setattr(scenario, name, value)
    scenario.save()
    for name, codes in tags.items():
        getattr(scenario, name).set(Term.objects.filter(vocabulary=TAGS[name], code__in=codes))
    for part, rows in content.rows.items():
        model = PARTS[part]
        model.objects.filter(scenario=scenario).delete()
        model.objects.bulk_create(
            model(scenario=scenario, position=position, **row) for position, row in enumerate(rows)
        )
    keep_sketches([scenario])
