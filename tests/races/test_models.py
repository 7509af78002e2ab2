"""What the database itself refuses of a race."""

import hashlib

import pytest
from django.db import Error, transaction

from marketplace.base.actor import VISITOR
from marketplace.races.models import (
    AgreementAcceptance,
    Entrant,
    Heat,
    HeatEntry,
    Race,
    RaceAgreement,
    RaceDesign,
)
from tests import world
from tests.races import factories

pytestmark = pytest.mark.django_db


def refused(row, **changed):
    for name, value in changed.items():
        setattr(row, name, value)
    with pytest.raises(Error), transaction.atomic():
        row.save()
    row.refresh_from_db()


def test_what_stands_stays():
    race = factories.race()
    refused(race.design, content={})
    first, second = race.heats.order_by("number")
    refused(first, ends_at=second.ends_at)
    second.ends_at = second.ends_at.replace(microsecond=0)
    second.save()  # a forecast may move
    entrant = race.entrants.get(code="R1")
    refused(entrant, agreed_at=None)
    refused(race, state="void")  # without a reason
    for row in (race, first, entrant, first.entries.first(), race.design):
        with pytest.raises(Error), transaction.atomic():
            type(row).objects.filter(pk=row.pk).delete()


def test_an_agreement_is_of_its_text_and_of_both():
    race = factories.race()
    entrant = race.entrants.get(code="R1")
    body = b"{}"
    given = {
        "entrant": entrant,
        "version": 1,
        "body": body,
        "offered_at": race.started_at,
        "offered_by": race.shortlisted_by,
    }
    with pytest.raises(Error), transaction.atomic():
        RaceAgreement.objects.create(sha256="0" * 64, **given)
    agreement = RaceAgreement.objects.create(sha256=hashlib.sha256(body).hexdigest(), **given)
    person = {
        "agreement": agreement,
        "user": race.shortlisted_by,
        "organisation": entrant.organisation,
        "accepted_at": race.started_at,
    }
    with pytest.raises(Error), transaction.atomic():
        AgreementAcceptance.objects.create(side="owner", sha256="1" * 64, **person)
    AgreementAcceptance.objects.create(side="owner", sha256=agreement.sha256, **person)
    refused(agreement, state="agreed", settled_at=race.started_at)
    AgreementAcceptance.objects.create(side="vendor", sha256=agreement.sha256, **person)
    agreement.state, agreement.settled_at = "agreed", race.started_at
    agreement.save()
    refused(agreement, body=b"[]", sha256=hashlib.sha256(b"[]").hexdigest())
    for actor, seen in [
        (VISITOR, 0),
        (world.vendor(), 0),
        (world.member(entrant.organisation), 1),
        (world.member(race.scenario.organisation), 1),
        (world.officer(), 1),
    ]:
        assert RaceAgreement.objects.visible_to(actor).count() == seen


def test_everybody_sees_a_race_whose_shortlist_is_public():
    factories.race(entrants=2)
    for model, count in [(RaceDesign, 1), (Race, 1), (Heat, 2), (Entrant, 2), (HeatEntry, 2)]:
        assert model.objects.visible_to(VISITOR).count() == count
