"""Restricted files of a demand: released reader by reader, until a day."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from marketplace.base.actor import Role
from marketplace.base.clock import SHANGHAI
from marketplace.base.errors import DomainError, Invalid, NotAllowed, NotFound, StateConflict
from marketplace.ledger.models import Event
from marketplace.scenarios import actions
from tests import world
from tests.scenarios.files import attach, published_files, reads, release, sign, until

db = pytest.mark.django_db


pytestmark = pytest.mark.usefixtures("own_storage")


# -- Releasing -------------------------------------------------------------------------------------
@db
def test_a_release_ends_with_its_day_or_earlier(clock):
    clock.freeze(datetime(2026, 11, 22, 9, tzinfo=SHANGHAI))
    owner, scenario, _public, restricted = published_files()
    one, other = world.vendor(), world.vendor()
    for vendor in (one, other):
        release(owner, restricted, vendor, date(2026, 11, 24))
        sign(vendor, restricted)
    assert [reads(one, restricted), reads(other, restricted)] == [True, True]
    given = {"attachment_uid": restricted.uid, "organisation_uid": other.organisation.uid}
    actions.end_release(actor=owner, **given)
    actions.end_release(actor=owner, **given)
    assert [reads(one, restricted), reads(other, restricted)] == [True, False]
    clock.freeze(datetime(2026, 11, 24, 23, 59, 59, 999999, tzinfo=SHANGHAI))
    assert reads(one, restricted)
    clock.freeze(datetime(2026, 11, 25, tzinfo=SHANGHAI))
    assert not reads(one, restricted)
    events = Event.objects.filter(kind__startswith="attachment.").order_by("pk")
    assert [(event.kind, event.subjects) for event in events] == [
        ("attachment.released", [scenario.uid, one.organisation.uid, restricted.uid]),
        ("attachment.released", [scenario.uid, other.organisation.uid, restricted.uid]),
        ("attachment.release_ended", [scenario.uid, other.organisation.uid, restricted.uid]),
    ]


@db
def test_releasing_again_changes_the_day(clock):
    clock.freeze(datetime(2026, 11, 22, 9, tzinfo=SHANGHAI))
    owner, _scenario, _public, restricted = published_files()
    vendor = world.vendor()
    for day in (30, 23):
        release(owner, restricted, vendor, date(2026, 11, day))
    clock.freeze(datetime(2026, 11, 24, tzinfo=SHANGHAI))
    assert not reads(vendor, restricted)


@db
def test_what_cannot_be_released():
    owner, _scenario, public, restricted = published_files()
    vendor, unverified = world.vendor(), world.vendor(verified_at=None)

    def release(actor=owner, row=restricted, organisation=vendor, day=until()):  # noqa: B008
        actions.release_attachment(
            actor=actor,
            attachment_uid=row.uid,
            organisation_uid=organisation.organisation.uid,
            until_date=day,
        )

    for organisation in (unverified, world.owner()):
        with pytest.raises(Invalid) as refused:
            release(organisation=organisation)
        assert list(refused.value.errors) == ["organisation"]
    for day in (until(-1), until(367), None):
        with pytest.raises(Invalid) as refused:
            release(day=day)
        assert list(refused.value.errors) == ["until_date"]
    with pytest.raises(StateConflict) as conflict:
        release(row=public)
    assert conflict.value.code == "attachment.public"
    with pytest.raises(NotFound):
        release(actor=vendor)
    for actor in (world.officer(), world.member(owner.organisation, Role.VIEWER)):
        with pytest.raises(NotAllowed):
            release(actor=actor)
    release(day=until(0))
    release(day=until(366))


@db
def test_nothing_is_released_before_publication():
    owner = world.owner()
    row = attach(owner, world.draft_scenario(owner), "restricted")
    with pytest.raises(DomainError) as refused:
        actions.release_attachment(
            actor=owner,
            attachment_uid=row.uid,
            organisation_uid=world.vendor().organisation.uid,
            until_date=until(),
        )
    assert refused.value.code == "attachment.unpublished"
