"""发榜: who, when, what must be right, what is frozen, and what happens twice at once."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from django.db import DatabaseError, connection, transaction

from marketplace.accounts.models import Capability, Membership
from marketplace.accounts.queries import holds, key_holders
from marketplace.base import clock as real_clock
from marketplace.base.actor import VISITOR, Actor, Role
from marketplace.base.canonical import canonical, stamp
from marketplace.base.clock import SHANGHAI
from marketplace.base.errors import Invalid, NotAllowed, NotFound, StateConflict
from marketplace.base.sealing import unwrap_identity
from marketplace.experts.models import Expert
from marketplace.ledger.models import Audience, Event
from marketplace.scenarios import actions, queries
from marketplace.scenarios.models import (
    BEFORE_PUBLICATION,
    EnvelopeKey,
    Publication,
    Scenario,
    State,
)
from marketplace.scenarios.reference import RuleProfile
from tests import world
from tests.scenarios import typed


def publish(scenario, actor=None, **given):
    given.setdefault("key_holder_uids", None)
    if given["key_holder_uids"] is None:
        given["key_holder_uids"] = typed.holders()
    return actions.publish_scenario(
        actor=actor or world.officer(), scenario_uid=scenario.uid, **given
    )


def refused_fields(scenario, **given):
    with pytest.raises(Invalid) as refused:
        publish(scenario, **given)
    scenario.refresh_from_db()
    assert scenario.state == State.DEMONSTRATED
    assert Publication.objects.count() == 0
    return {name: [str(said) for said in all_] for name, all_ in refused.value.errors.items()}


# -- What it leaves behind -------------------------------------------------------------------------
@pytest.mark.django_db
def test_what_publication_leaves_behind(clock):
    at = datetime(2026, 11, 22, 9, 0, tzinfo=SHANGHAI)
    clock.freeze(at)
    officer, people = world.officer(), typed.holders(3)
    scenario = typed.demonstrated()
    publish(scenario, officer, key_holder_uids=people)
    scenario.refresh_from_db()
    assert (scenario.state, scenario.ref) == (State.PUBLISHED, "LG-2026-0001")
    assert (scenario.published_at, scenario.published_by) == (at, officer.user)
    assert scenario.deadline_at == at + timedelta(days=30)
    recipients = dict(scenario.envelope_keys.values_list("envelope", "recipient"))
    assert set(recipients) == {"business", "technical", "price"}
    assert len(set(recipients.values())) == 3
    assert {person.uid for person in key_holders(scenario.uid)} == set(people)
    publication = Publication.objects.get()
    assert (publication.version, publication.profile) == (1, scenario.profile)
    assert publication.sha256 == hashlib.sha256(bytes(publication.body)).hexdigest()
    event = Event.objects.get(kind="scenario.published")
    assert (event.from_state, event.to_state) == ("demonstrated", "published")
    assert event.audience == Audience.PUBLIC
    assert event.subjects == [publication.uid, scenario.uid]
    assert event.profile_version == "A/7"
    assert event.data == {
        "ref": "LG-2026-0001",
        "sha256": publication.sha256,
        "deadline_at": stamp(scenario.deadline_at),
        "recipients": recipients,
        "confirmations": 2,
        "keys": [],
        "bytes_grace_seconds": 900,
        "outage": {"total_seconds": 900, "window_seconds": 7200, "extension_seconds": 86400},
    }


@pytest.mark.django_db
def test_the_frozen_text_holds_everything_and_is_canonical():
    scenario, people = typed.demonstrated(), typed.holders()
    publish(scenario, key_holder_uids=people)
    scenario.refresh_from_db()
    body = bytes(Publication.objects.get().body)
    frozen = json.loads(body)
    assert canonical(frozen) == body
    content = queries.stored_content(scenario)
    assert frozen["parts"] == json.loads(canonical(content.rows))
    assert frozen["profile"] == {
        "code": "A",
        "version": scenario.profile.version,
        "award_mode": "owner_choice",
        "values": scenario.profile.values,
    }
    assert frozen["key_holders"] == sorted(map(str, people))
    assert frozen["deadline_at"] == stamp(scenario.deadline_at)
    assert frozen["owner"]["uscc"] == scenario.organisation.uscc
    assert (frozen["ref"], frozen["root"]) == (scenario.ref, str(scenario.uid))
    for name, value in content.values.items():
        if name != "profile":
            assert frozen[name] == json.loads(canonical({"value": value}))["value"], name
    assert set(frozen["recipients"]) == {"business", "technical", "price"}


@pytest.mark.django_db
def test_the_keys_are_kept_only_wrapped_to_the_opener(settings):
    scenario = typed.demonstrated()
    publish(scenario)
    master = Path(settings.OPENER_IDENTITY_FILE).read_text().strip().splitlines()[-1]
    for key in EnvelopeKey.objects.filter(scenario=scenario):
        assert b"AGE-SECRET-KEY" not in bytes(key.wrapped_identity)
        identity = unwrap_identity(bytes(key.wrapped_identity), master_identity=master)
        assert identity.startswith("AGE-SECRET-KEY-")


@pytest.mark.django_db
def test_its_words_can_be_searched():
    scenario = typed.demonstrated(title="ＳＢＯＭ 供应链")
    publish(scenario)
    for words in ("sbom 供应链", scenario.organisation.name, "industrial internet"):
        assert list(queries.board(VISITOR, {"q": words})) == [scenario]
    assert list(queries.board(VISITOR, {"q": scenario.contact})) == []


@pytest.mark.django_db
def test_the_newest_version_of_the_profile_is_frozen():
    scenario = typed.demonstrated()
    old = world.profile("A")
    newer = RuleProfile.objects.create(
        code="A",
        version=old.version + 1,
        name_zh=old.name_zh,
        name_en=old.name_en,
        takes_bids=True,
        counts_in_demo_only=False,
        award_mode=old.award_mode,
        uses_calendar=True,
        values=old.values | {"price_weight_min": {"value": "12.00", "unit": "percent"}},
    )
    errors = refused_fields(scenario)
    assert set(errors) == {"criteria-3-weight"}
    scenario.criteria.filter(code="C4").update(weight=12)
    scenario.criteria.filter(code="C1").update(weight=48)
    assert publish(scenario).profile == newer


# -- Who -------------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_who_may_publish():
    owner = world.owner()
    scenario = typed.demonstrated(owner)
    for actor in (owner, world.secretary()):
        with pytest.raises(NotAllowed) as refused:
            publish(scenario, actor)
        assert refused.value.code == "not_allowed.publish_scenario"
    for actor in (world.vendor(), world.person(Role.EXPERT), world.owner()):
        with pytest.raises(NotFound):
            publish(scenario, actor)


@pytest.mark.django_db
def test_the_author_does_not_publish_even_as_an_officer():
    officer = world.officer()
    scenario = typed.demonstrated(author_id=officer.user.pk)
    with pytest.raises(NotAllowed):
        publish(scenario, officer)
    with pytest.raises(DatabaseError), transaction.atomic():
        Scenario.objects.filter(pk=scenario.pk).update(published_by=officer.user)


@pytest.mark.django_db
def test_a_member_of_the_owner_does_not_publish():
    officer, scenario = world.officer(), typed.demonstrated()
    Membership.objects.create(
        user=officer.user, organisation=scenario.organisation, role=Role.VIEWER
    )
    with pytest.raises(NotAllowed):
        publish(scenario, officer)


# -- When ------------------------------------------------------------------------------------------
@pytest.mark.django_db
@pytest.mark.parametrize("state", [s for s in BEFORE_PUBLICATION if s != State.DEMONSTRATED])
def test_only_a_demonstrated_demand(state):
    scenario = world.draft_scenario(world.owner(), state=state)
    expected = NotFound if state == State.DRAFT else StateConflict
    with pytest.raises(expected):
        publish(scenario)


@pytest.mark.django_db
def test_the_owner_must_be_verified():
    scenario = typed.demonstrated(world.owner(verified_at=None))
    with pytest.raises(StateConflict) as refused:
        publish(scenario)
    assert refused.value.code == "organisation.unverified"


@pytest.mark.django_db
def test_the_deadline_keeps_to_the_window_of_the_profile(clock):
    at = datetime(2026, 11, 22, 9, 0, tzinfo=SHANGHAI)
    earliest = datetime(2026, 12, 3, tzinfo=SHANGHAI)
    clock.freeze(at)
    scenario = typed.demonstrated()
    errors = refused_fields(scenario, deadline_at=earliest - timedelta(microseconds=1))
    assert set(errors) == {"deadline_at"}
    assert "2026-12-03 00:00:00" in errors["deadline_at"][0]
    assert publish(scenario, deadline_at=earliest).deadline_at == earliest


@pytest.mark.django_db
def test_the_deadline_has_to_be_there_and_within_two_years():
    scenario = typed.demonstrated(deadline_at=None)
    assert set(refused_fields(scenario)) == {"deadline_at"}
    assert set(refused_fields(scenario, deadline_at="bald")) == {"deadline_at"}
    far = real_clock.now() + timedelta(days=732)
    assert set(refused_fields(scenario, deadline_at=far)) == {"deadline_at"}
    typed_in = f"{real_clock.now().astimezone(SHANGHAI) + timedelta(days=40):%Y-%m-%dT%H:%M}"
    deadline = publish(scenario, deadline_at=typed_in).deadline_at
    assert f"{deadline.astimezone(SHANGHAI):%Y-%m-%dT%H:%M}" == typed_in


@pytest.mark.django_db
def test_a_deadline_that_went_by_is_replaced_at_publication():
    scenario = typed.demonstrated(deadline_at=real_clock.now() - timedelta(days=1))
    assert set(refused_fields(scenario)) == {"deadline_at"}
    later = (real_clock.now() + timedelta(days=20)).replace(microsecond=0)
    assert publish(scenario, deadline_at=later).deadline_at == later


@pytest.mark.django_db
def test_an_incomplete_demand_and_wrong_holders_are_refused_at_once():
    scenario = typed.demonstrated(summary="")
    scenario.criteria.filter(code="C1").update(weight=49)
    errors = refused_fields(
        scenario, key_holder_uids=[], deadline_at=real_clock.now() + timedelta(days=1)
    )
    assert set(errors) == {"summary", "criteria", "deadline_at", "key_holders"}


# -- Key holders -----------------------------------------------------------------------------------
@pytest.mark.django_db
def test_key_holders_are_different_people():
    scenario, person = typed.demonstrated(), world.make_user()
    for uids in ([], [person.uid], [person.uid, person.uid]):
        assert set(refused_fields(scenario, key_holder_uids=uids)) == {"key_holders"}


@pytest.mark.django_db
@pytest.mark.parametrize(
    "who", ["expert", "in the pool", "evaluator", "inspector", "operator", "vendor", "rival"]
)
def test_who_reviews_measures_audits_or_bids_holds_no_key(who):
    scenario, uids = typed.demonstrated(), typed.holders()
    if who == "in the pool":
        barred = world.make_user()
        Expert.objects.create(user=barred)
    elif who in {"vendor", "rival"}:
        barred = (world.vendor() if who == "vendor" else world.owner()).user
    else:
        barred = world.person(who).user
    assert set(refused_fields(scenario, key_holder_uids=[*uids, barred.uid])) == {"key_holders"}


@pytest.mark.django_db
def test_neither_strangers_nor_people_who_left_hold_a_key():
    scenario, uids = typed.demonstrated(), typed.holders()
    gone = world.make_user(is_active=False)
    for other in (uuid4(), gone.uid):
        assert set(refused_fields(scenario, key_holder_uids=[*uids, other])) == {"key_holders"}


@pytest.mark.django_db
def test_officers_witnesses_and_the_owners_people_may_hold_keys():
    owner = world.owner()
    scenario = typed.demonstrated(owner)
    people = [world.officer().user, world.person(Role.WITNESS).user, owner.user]
    publish(scenario, key_holder_uids=[person.uid for person in people])
    for person in people:
        assert holds(Actor(Role.MEMBER, person), Capability.KEY_HOLDER, scenario.uid) is True
    assert holds(world.officer(), Capability.KEY_HOLDER, scenario.uid) is False


# -- Frozen ----------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_the_deadline_never_comes_earlier_whoever_asks():
    scenario = publish(typed.demonstrated())
    earlier = scenario.deadline_at - timedelta(microseconds=1)
    with pytest.raises(DatabaseError), transaction.atomic():
        Scenario.objects.filter(pk=scenario.pk).update(deadline_at=earlier)
    with connection.cursor() as cursor, pytest.raises(DatabaseError), transaction.atomic():
        cursor.execute(
            "UPDATE marketplace_scenario SET deadline_at = %s WHERE id = %s",
            [earlier, scenario.pk],
        )
    later = scenario.deadline_at + timedelta(days=1)
    assert Scenario.objects.filter(pk=scenario.pk).update(deadline_at=later) == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("part", "field", "value"),
    [
        ("metrics", "value", 1),
        ("criteria", "weight", 1),
        ("payment_nodes", "percent", 1),
        ("milestones", "month", 1),
        ("conditions", "text", "x"),
    ],
)
def test_no_row_is_changed_added_or_removed_after_publication(part, field, value):
    scenario = publish(typed.demonstrated())
    rows = getattr(scenario, part)
    for statement in (
        lambda: rows.update(**{field: value}),
        lambda: rows.all().delete(),
        lambda: rows.model.objects.create(
            scenario=scenario, position=9, **{"code": "Z9"} if hasattr(rows.first(), "code") else {}
        ),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            statement()


@pytest.mark.django_db
def test_a_published_demand_is_not_deleted_and_its_publication_not_rewritten():
    scenario = publish(typed.demonstrated())
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM marketplace_scenario WHERE id = %s", [scenario.pk])
    with pytest.raises(DatabaseError), transaction.atomic():
        Publication.objects.update(sha256="0" * 64)


# -- References ------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_references_count_up_by_the_year_in_beijing(clock):
    clock.freeze(datetime(2026, 12, 31, 23, 59, 59, tzinfo=SHANGHAI))
    refs = [publish(typed.demonstrated()).ref for _ in range(2)]
    clock.freeze(datetime(2027, 1, 1, tzinfo=SHANGHAI))
    refs.append(publish(typed.demonstrated()).ref)
    assert refs == ["LG-2026-0001", "LG-2026-0002", "LG-2027-0001"]


@pytest.mark.django_db
def test_a_refused_publication_leaves_no_gap(clock):
    clock.freeze(datetime(2026, 11, 22, tzinfo=SHANGHAI))
    assert publish(typed.demonstrated()).ref == "LG-2026-0001"
    refused_after_number = typed.demonstrated()
    Scenario.objects.filter(pk=refused_after_number.pk).update(organisation=world.office())
    with pytest.raises(NotAllowed):
        publish(refused_after_number)
    assert publish(typed.demonstrated()).ref == "LG-2026-0002"


@pytest.mark.django_db
def test_beyond_four_digits_the_count_goes_on(clock):
    clock.freeze(datetime(2026, 11, 22, tzinfo=SHANGHAI))
    last = world.published_scenario()
    for ref, following in (("LG-2026-9999", "LG-2026-10000"), ("LG-2026-10010", "LG-2026-10011")):
        Scenario.objects.filter(pk=last.pk).update(ref=ref)
        last = publish(typed.demonstrated())
        assert last.ref == following


def test_two_officers_publish_two_demands_at_once(two_at_once):
    pairs = [(typed.demonstrated(), world.officer(), typed.holders()) for _ in range(2)]
    results = two_at_once(
        *[
            lambda s=scenario, o=officer, h=uids: publish(s, o, key_holder_uids=h)
            for scenario, officer, uids in pairs
        ]
    )
    year = real_clock.today().year
    assert sorted(result.ref for result in results) == [f"LG-{year}-0001", f"LG-{year}-0002"]


def test_one_demand_published_twice_at_once_is_published_once(two_at_once):
    scenario, uids = typed.demonstrated(), typed.holders()
    first, second = world.officer(), world.officer()
    results = two_at_once(
        lambda: publish(scenario, first, key_holder_uids=uids),
        lambda: publish(scenario, second, key_holder_uids=uids),
    )
    assert sorted(type(result).__name__ for result in results) == ["Scenario", "StateConflict"]
    assert Publication.objects.count() == 1
    assert EnvelopeKey.objects.count() == 3
    assert Event.objects.filter(kind="scenario.published").count() == 1
