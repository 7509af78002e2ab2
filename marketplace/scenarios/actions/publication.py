"""发榜: from here on everybody reads it, vendors bid, and nothing of it changes any more."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import IntegerField, Max
from django.db.models.functions import Cast, Substr
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from fido2.utils import websafe_encode

from marketplace.accounts.actions import grant
from marketplace.accounts.credentials import Credential, credentials_of
from marketplace.accounts.models import Capability, Organisation, User
from marketplace.base import clock
from marketplace.base.actor import Actor
from marketplace.base.canonical import canonical
from marketplace.base.errors import Invalid, NotFound, StateConflict
from marketplace.base.locks import lock_shared
from marketplace.base.rules import require
from marketplace.base.sealing import new_envelope_key
from marketplace.base.states import can_move, move
from marketplace.ledger import actions as ledger
from marketplace.ledger.models import Audience
from marketplace.scenarios import checks
from marketplace.scenarios.actions.found import find
from marketplace.scenarios.attachments import frozen_attachments, make_salt
from marketplace.scenarios.batches.models import BatchDemand
from marketplace.scenarios.content import Fault, by_field
from marketplace.scenarios.disclosure.guards import owner_unnamed
from marketplace.scenarios.disclosure.mask import frozen_owner
from marketplace.scenarios.disclosure.withheld import withhold
from marketplace.scenarios.documents.guards import documents_there, prepared_by
from marketplace.scenarios.documents.queries import frozen_documents
from marketplace.scenarios.models import Envelope, EnvelopeKey, Publication, Scenario, State
from marketplace.scenarios.outages import rule_of
from marketplace.scenarios.queries import key_holder_candidates, newest_profile, stored_content
from marketplace.scenarios.readers import Wrong
from marketplace.scenarios.readers import deadline as deadline_reader
from marketplace.scenarios.reference import RuleProfile
from marketplace.scenarios.rules import can_publish_scenario
from marketplace.scenarios.windows import window_end

FORMAT = "jiebang-scenario/1"
# One number for the whole house: references of a year are given one after the other.
REFERENCE_LOCK = 0x4A42_5245
# What else must hold before a demand is published, each telling its faults.
GUARDS: list[Callable[[Scenario, Actor], Iterable[Fault]]] = [documents_there, owner_unnamed]


@transaction.atomic
def publish_scenario(
    *,
    actor: Actor,
    scenario_uid: UUID,
    key_holder_uids: Sequence[UUID],
    deadline_at: datetime | str | None = None,
) -> Scenario:
    """Freeze a demonstrated demand and open it for bids.

    key_holder_uids: different people, at least as many as the profile asks to confirm an opening.
    deadline_at: an instant, else the one that the demand names. Gives the reference, makes the
    three envelope keys, appoints the key holders and keeps the whole as canonical text with its
    hash. Two people publish: who filed the approval sheet is another. Raises Invalid with every
    fault at once, also those that the GUARDS tell, StateConflict, and CalendarMissing.
    """
    standing = BatchDemand.objects.filter(
        scenario__uid=scenario_uid, batch__announced_at=None, batch__gathered_at__isnull=False
    )
    if Scenario.objects.visible_to(actor).filter(in_batch__in=standing).exists():
        raise StateConflict(
            gettext_lazy("This demand stands in a batch and is published with its announcement."),
            code="batch.gathered",
        )
    return publish_at(
        None,
        actor=actor,
        scenario_uid=scenario_uid,
        key_holder_uids=key_holder_uids,
        deadline_at=deadline_at,
    )


def publish_at(
    moment: datetime | None,
    *,
    actor: Actor,
    scenario_uid: UUID,
    key_holder_uids: Sequence[UUID],
    deadline_at: datetime | str | None = None,
) -> Scenario:
    """The same inside another action's transaction; a batch's announcement gives its one moment."""
    assert connection.in_atomic_block, "a publication belongs to an action"
    scenario = _find_with_owner_held(actor, scenario_uid)
    require(can_publish_scenario, actor, scenario)
    if not can_move(scenario, State.PUBLISHED):
        raise StateConflict(code="scenario.state")
    if scenario.organisation.verified_at is None:
        raise StateConflict(
            gettext_lazy("The organisation is not verified yet; it cannot post a demand."),
            code="organisation.unverified",
        )
    now = moment or clock.now()
    profile = newest_profile(scenario.profile.code) if scenario.profile else None
    scenario.profile = profile
    wanted = deadline_at or scenario.deadline_at
    told = [fault for guard in GUARDS for fault in guard(scenario, actor)]
    holders, deadline = _checked(scenario, profile, key_holder_uids, wanted, now, told=told)
    if profile is None or actor.user is None:  # refused above; said again for the type checker
        raise StateConflict
    scenario.deadline_at = deadline
    scenario.published_at = now
    scenario.published_by = actor.user
    scenario.ref = _next_reference(now)
    recipients = _make_envelope_keys(scenario)
    if scenario.owner_masked:
        scenario.owner_salt = make_salt()
    withheld = withhold(scenario, now)
    frozen = _frozen(scenario, profile, recipients, holders)
    left = move(
        scenario,
        State.PUBLISHED,
        also=(
            *("profile", "deadline_at", "published_at", "published_by", "ref", "owner_salt"),
            *("restricted_fields", *withheld),
        ),
    )
    body = canonical(frozen)
    publication = Publication.objects.create(
        scenario=scenario,
        version=1,
        profile=profile,
        body=body,
        sha256=hashlib.sha256(body).hexdigest(),
        prepared_by=prepared_by(scenario),
        published_by=actor.user,
        published_at=now,
    )
    for holder in holders:
        grant(subject_uid=scenario.uid, capability=Capability.KEY_HOLDER, user=holder)
    ledger.append(
        "scenario.published",
        actor=actor,
        subjects=[publication.uid, scenario.uid],
        audience=Audience.PUBLIC,
        from_state=left,
        to_state=scenario.state,
        profile_version=profile.label,
        inputs=frozen,
        data={
            "ref": scenario.ref,
            "sha256": publication.sha256,
            "deadline_at": deadline,
            "recipients": recipients,
            # Which keys may confirm an opening, for the opener, which believes the log alone.
            "confirmations": profile.count("open_confirmations") if profile.takes_bids else 0,
            "keys": announced_keys([credentials_of(holder) for holder in in_order(holders)]),
            **announced_grace(profile),
            **announced_outage_rule(profile),
        },
    )
    return scenario


def _find_with_owner_held(actor: Actor, scenario_uid: UUID) -> Scenario:
    """The parent is held first, so that nobody unverifies it in between."""
    owner_id = (
        Scenario.objects.visible_to(actor)
        .filter(uid=scenario_uid)
        .values_list("organisation_id", flat=True)
        .first()
    )
    if owner_id is None:
        raise NotFound
    owner = lock_shared(Organisation, pk=owner_id)
    scenario = find(actor, scenario_uid)
    scenario.organisation = owner
    return scenario


def _checked(
    scenario: Scenario,
    profile: RuleProfile | None,
    key_holder_uids: Sequence[UUID],
    deadline_at: datetime | str | None,
    now: datetime,
    *,
    told: list[Fault],
) -> tuple[list[User], datetime]:
    """Key holders and deadline, if nothing at all is wrong. Raises Invalid with every fault.

    told: what the guards found.
    """
    content = stored_content(scenario)
    content.values["deadline_at"] = None  # held against the profile's window below
    faults = checks.faults(content, profile=profile, now=now, demo=settings.DEMO)
    errors = by_field([*faults, *told])
    deadline, holders = None, []
    if profile is not None and profile.takes_bids:
        try:
            deadline = _deadline(profile, deadline_at, now)
        except Wrong as wrong:
            errors["deadline_at"] = [wrong.message]
        try:
            holders = _key_holders(scenario, profile, key_holder_uids)
        except Wrong as wrong:
            errors["key_holders"] = [wrong.message]
    if errors or deadline is None:
        raise Invalid(errors=errors)
    return holders, deadline


def _deadline(profile: RuleProfile, wanted: datetime | str | None, now: datetime) -> datetime:
    deadline: datetime | None = deadline_reader(now)(wanted)
    if deadline is None:
        raise Wrong("deadline.missing", _("Set the deadline for bids."))
    earliest = window_end(profile, "bid_window_min", now)
    if deadline < earliest:
        sentence = _(
            "Profile %(profile)s leaves bidders at least %(count)s (%(unit)s): the deadline cannot"
            " come before %(earliest)s Beijing time."
        )
        units = {"second": _("seconds"), "day": _("days"), "working_day": _("working days")}
        values = {
            "profile": profile.code,
            "count": profile.count("bid_window_min"),
            "unit": units[profile.unit("bid_window_min")],
            "earliest": f"{earliest.astimezone(clock.SHANGHAI):%Y-%m-%d %H:%M:%S}",
        }
        raise Wrong("deadline.window", sentence % values)
    # As the log tells it, so that no bid is late by one and in time by the other.
    return deadline.replace(microsecond=deadline.microsecond // 1000 * 1000)


def _key_holders(scenario: Scenario, profile: RuleProfile, uids: Sequence[UUID]) -> list[User]:
    asked = profile.count("open_confirmations")
    wanted = set(uids)
    people = list(key_holder_candidates(scenario).filter(uid__in=wanted).order_by("pk"))
    if len(people) < len(wanted):
        raise Wrong(
            "key_holders.barred",
            _(
                "A key holder is an active person who reviews, measures and audits nothing and"
                " belongs to no organisation but the office or the owner."
            ),
        )
    if len(people) < asked:
        sentence = _("Profile %(profile)s asks for at least %(asked)s different key holders.")
        values = {"profile": profile.code, "asked": asked}
        raise Wrong("key_holders.too_few", sentence % values)
    without = [person.name for person in people if not credentials_of(person)]
    if without and not settings.MFA_OPTIONAL:
        raise Wrong(
            "key_holders.no_key",
            _("Only a security key confirms an opening, and these people have none: %(names)s.")
            % {"names": _(", ").join(without)},
        )
    return people


def _next_reference(now: datetime) -> str:
    """LG-2026-0042: the year in Beijing and the next number, without gaps.

    The lock is held until the transaction ends, so the number read here is the last one given.
    """
    year = now.astimezone(clock.SHANGHAI).year
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [REFERENCE_LOCK])
    given = Scenario.objects.filter(ref__regex=rf"^LG-{year}-[0-9]+$")
    last = given.aggregate(last=Max(Cast(Substr("ref", 9), IntegerField())))["last"]
    return f"LG-{year}-{(last or 0) + 1:04d}"


def _make_envelope_keys(scenario: Scenario) -> dict[str, str]:
    """One age pair per envelope; {envelope: recipient}."""
    recipients = {}
    for envelope in Envelope:
        key = new_envelope_key(master_recipient=settings.OPENER_RECIPIENT)
        EnvelopeKey.objects.create(
            scenario=scenario,
            envelope=envelope,
            recipient=key.recipient,
            wrapped_identity=key.wrapped_identity,
        )
        recipients[envelope.value] = key.recipient
    return recipients


def in_order(holders: list[User]) -> list[User]:
    """As the publication numbers them."""
    return sorted(holders, key=lambda holder: str(holder.uid))


def announced_grace(profile: RuleProfile) -> dict[str, int]:
    """How long after a deadline the opener accepts committed bytes; nothing where none are."""
    seconds = int(profile.bytes_grace.total_seconds())
    return {"bytes_grace_seconds": seconds} if seconds else {}


def announced_outage_rule(profile: RuleProfile) -> dict[str, dict[str, int]]:
    """What outages must add up to, and what they give: an extension otherwise is none."""
    rule = rule_of(profile.values)
    if rule is None:
        return {}
    spans = {"total": rule.total, "window": rule.window, "extension": rule.extension}
    return {
        "outage": {f"{name}_seconds": int(span.total_seconds()) for name, span in spans.items()}
    }


def announced_keys(holders: list[list[Credential]]) -> list[dict[str, Any]]:
    """How the log names the keys: by the holder's number in the publication, not by a name."""
    return [
        {
            "holder": number,
            "id": websafe_encode(credential.id),
            "public_key": websafe_encode(credential.public_key),
        }
        for number, credentials in enumerate(holders)
        for credential in credentials
    ]


def _frozen(
    scenario: Scenario, profile: RuleProfile, recipients: dict[str, str], holders: list[User]
) -> dict[str, Any]:
    """Everything that was posted, as plain values."""
    content = stored_content(scenario)
    if scenario.veiled:
        content.values["contact"] = ""  # stands in the commitment to the owner
    return {
        "format": FORMAT,
        "ref": scenario.ref,
        "uid": scenario.uid,
        "root": scenario.root.uid if scenario.root else scenario.uid,
        "owner": frozen_owner(scenario),
        "published_at": scenario.published_at,
        "profile": {
            "code": profile.code,
            "version": profile.version,
            "award_mode": profile.award_mode,
            "values": profile.values,
        },
        "sealing_mode": scenario.sealing_mode,
        "recipients": recipients,
        "key_holders": [str(holder.uid) for holder in in_order(holders)],
        **{name: value for name, value in content.values.items() if name != "profile"},
        "parts": content.rows,
        "attachments": frozen_attachments(scenario),
        "documents": frozen_documents(scenario),
        "batch": BatchDemand.objects.filter(scenario=scenario)
        .values_list("batch__number", flat=True)
        .first(),
    }
