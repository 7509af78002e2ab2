"""Fees by the office's table: who records them, when, and that nothing else enters."""

import csv
import io
from decimal import Decimal

import pytest
import yaml
from django.conf import settings
from django.db import DatabaseError, transaction
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from marketplace.base.actor import Actor, Role
from marketplace.base.errors import Invalid, NotAllowed, NotFound, StateConflict
from marketplace.committee import actions
from marketplace.committee.fees.arithmetic import fee
from marketplace.committee.fees.loading import load_fees
from marketplace.committee.fees.models import ExpertFee
from marketplace.committee.models import PanelMember
from marketplace.ledger.models import Audience, Event
from marketplace.scenarios.models import Scenario, State
from tests import world
from tests.committee import factories
from tests.committee.test_pages import signed_in

RATES = {"day_cny": Decimal("1500.00"), "half_day_percent": Decimal("60.00")}


def tables():
    path = settings.BASE_DIR / "seeds/reference/fees.yaml"
    return yaml.safe_load(path.read_text("utf-8"))["fees"]


@given(st.integers(0, 60))
def test_two_halves_are_a_day_and_a_half_is_sixty_percent(half_days):
    owed = fee(half_days, **RATES)
    assert owed == sum([1500] * (half_days // 2)) + (900 if half_days % 2 else 0)


def record(member, actor=None, **given):
    given = {"basis": "review", "half_days": 1} | given
    return actions.record_fee(actor=actor or world.officer(), member_uid=member.uid, **given)


@pytest.fixture
def scenario(db):
    load_fees(tables())
    assert load_fees(tables()) == 0
    return factories.reported(1)


def test_the_office_records_corrects_and_leaves_an_event(scenario):
    [first, second, _third] = scenario.panel.members.order_by("pk")
    assert record(first, half_days=3).amount_cny == Decimal("2400.00")
    with pytest.raises(Invalid) as refused:
        record(first, half_days=2)
    assert list(refused.value.errors) == ["note"]
    again = record(first, world.secretary(), half_days=2, note="多记半天")
    assert (again.version, again.amount_cny) == (2, Decimal("1500.00"))
    assert [row.version for row in ExpertFee.objects.standing()] == [2]
    event = Event.objects.filter(kind="fee.recorded").latest("pk")
    assert event.audience == Audience.OFFICE
    assert event.data == {"code": "J1", "version": 2, "table": 1}
    for wrong, field in (
        ({"basis": "arrived", "half_days": 0}, "basis"),
        ({"half_days": 0}, "half_days"),
        ({"half_days": 61}, "half_days"),
        ({"basis": "prize"}, "basis"),
    ):
        with pytest.raises(Invalid) as refused:
            record(second, **wrong)
        assert list(refused.value.errors) == [field]
    PanelMember.objects.filter(pk=second.pk).update(state="recused")
    assert record(second, basis="arrived", half_days=0).amount_cny == Decimal("300.00")
    with pytest.raises(DatabaseError), transaction.atomic():
        ExpertFee.objects.all().delete()


def test_who_and_when(scenario):
    member = scenario.panel.members.first()
    for actor in (
        Actor(Role.EXPERT, member.user),
        world.vendor(),
        world.member(scenario.organisation),
        world.person(Role.WITNESS),
    ):
        with pytest.raises((NotAllowed, NotFound)):
            record(member, actor)
    early = factories.scenario_in_review(1)
    panel, _judges = factories.seated_panel(early)
    with pytest.raises(StateConflict) as refused:
        record(panel.members.first())
    assert refused.value.code == "fee.state"


def test_pages_register_and_csv(scenario, count_queries):
    load_fees(tables())
    member = scenario.panel.members.order_by("pk").first()
    office = signed_in(world.officer())
    url = reverse("panel-fees", args=[scenario.address])
    page = office.get(url)
    assert page.status_code == 200
    assert member.user.name not in page.content.decode()
    given = {"member": str(member.uid), "basis": "review", "half_days": "0"}
    assert office.post(url, given).status_code == 422
    assert office.post(url, given | {"half_days": "2"}).status_code == 302
    text = office.get(reverse("fees")).content.decode()
    assert scenario.ref in text
    expert = signed_in(Actor(Role.EXPERT, member.user))
    assert scenario.ref in expert.get(reverse("fees")).content.decode()
    peer = scenario.panel.members.order_by("pk").last()
    other = signed_in(Actor(Role.EXPERT, peer.user))
    assert scenario.ref not in other.get(reverse("fees")).content.decode()
    assert [
        c.get(reverse("fees-csv")).status_code for c in (expert, signed_in(world.vendor()))
    ] == [
        403,
        403,
    ]
    type(member.user).objects.filter(pk=member.user.pk).update(name="=cmd|x")
    rows = list(csv.DictReader(io.StringIO(office.get("/fees.csv").content.decode("utf-8-sig"))))
    assert [(row["judge"], row["name"], row["amount_cny"]) for row in rows] == [
        ("J1", "", "1500.00")
    ]
    Scenario.objects.filter(pk=scenario.pk).update(state=State.PUBLICITY)
    rows = list(csv.DictReader(io.StringIO(office.get("/fees.csv").content.decode("utf-8-sig"))))
    assert rows[0]["name"] == "'=cmd|x"
    with count_queries() as few:
        office.get(reverse("fees"))
    for seat in scenario.panel.members.exclude(pk=member.pk):
        record(seat)
    with count_queries() as more:
        office.get(reverse("fees"))
    assert len(few) == len(more)
