"""The opener draws: after the checkpoint or by the fallback, once, and nobody else can."""

from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import DatabaseError, transaction

from marketplace.base import clock as site_clock
from marketplace.base.actor import Role
from marketplace.committee.draw import actions, drawing, lottery, verify_draw
from marketplace.committee.draw.models import (
    Draw,
    DrawInvitation,
    DrawPlace,
    DrawResult,
    DrawState,
)
from marketplace.committee.models import Panel
from marketplace.ledger.log import cosigning, sequencer, tiles
from marketplace.ledger.models import Audience, Event
from marketplace.ledger.witness import Witness
from tests import world
from tests.bidding.bids import identity
from tests.committee import factories
from tests.committee.draw import steps

pytestmark = pytest.mark.django_db


def test_the_opener_draws_after_the_checkpoint():
    people = steps.pool()
    draw = steps.committed()
    assert drawing.draw_committed(identity()) == 0
    draw = steps.carry_on(draw)
    result = DrawResult.objects.get(draw=draw)
    assert (draw.state, result.fallback) == (DrawState.DRAWN, False)
    assert {code: len(row) for code, row in result.order.items()} == {
        "cryptography": 4,
        "ot_security": 7,
    }
    assert bytes(result.root) == bytes(result.checkpoint.root)
    event = Event.objects.get(kind="draw.drawn")
    assert (event.audience, event.data["fallback"]) == (Audience.PUBLIC, False)
    rows = DrawInvitation.objects.filter(draw=draw).order_by("number")
    assert [(row.place.stratum, row.place.place) for row in rows] == [
        ("cryptography", 0),
        ("ot_security", 0),
        ("ot_security", 1),
    ]
    users = {row.place.expert.user_id for row in rows}
    assert len(users) == 3
    assert users <= {person.user.pk for person in people}
    assert Panel.objects.get(scenario=draw.scenario).members.count() == 0


def test_another_writing_of_the_rule_draws_the_same():
    steps.pool()
    draw = steps.drawn()
    result, commitment = draw.result, draw.commitment
    taken: set[str] = set()
    for stratum in lottery.read_document(bytes(commitment.document)):
        pool = [(c, w) for c, w in stratum.candidates.items() if c not in taken]
        row = verify_draw.draw(
            bytes(result.seed), stratum.code, pool, stratum.seats + stratum.reserve
        )
        assert row == result.order[stratum.code]
        taken |= set(row[: stratum.seats])


def test_without_a_checkpoint_the_published_fallback_stands(clock):
    steps.pool()
    clock.freeze(site_clock.now())
    draw = steps.committed()
    clock.move(timedelta(minutes=30) - timedelta(milliseconds=1))
    assert drawing.draw_committed(identity()) == 0
    clock.move(timedelta(milliseconds=1))
    assert drawing.draw_committed(identity()) == 1
    result = DrawResult.objects.get(draw=draw)
    assert (result.fallback, result.checkpoint) == (True, None)
    assert Event.objects.get(kind="draw.drawn").data["fallback"] is True


def test_the_fallback_takes_the_last_checkpoint_before_the_commitment(clock):
    steps.pool()
    sequencer.seal_batch()
    clock.freeze(site_clock.now())
    draw = steps.committed()
    clock.move(timedelta(minutes=30))
    drawing.draw_committed(identity())
    result = DrawResult.objects.get(draw=draw)
    assert bytes(result.root) == lottery.fallback_root(
        bytes(result.checkpoint.root), bytes(result.leaf_hash)
    )


def test_a_witness_that_is_listed_has_to_cosign(settings):
    steps.pool()
    draw = steps.committed()
    sequencer.seal_batch()
    witness = Witness("watch.invalid/w", Ed25519PrivateKey.generate())
    settings.LOG_WITNESSES = [witness.vkey.text()]
    assert drawing.draw_committed(identity()) == 0
    assert Draw.objects.get(pk=draw.pk).state == DrawState.COMMITTED
    cosigning.cosign(note=witness.cosign(tiles.newest().note, int(site_clock.now().timestamp())))
    assert drawing.draw_committed(identity()) == 1


@pytest.mark.parametrize("role", ["secretary", "witness"])
def test_a_nonce_that_does_not_match_voids_the_round_and_names_whose(role):
    steps.pool()
    draw = steps.prepared()
    for actor in (world.secretary(), world.person(Role.WITNESS)):
        wrong = {"nonce_hash": "ab" * 32} if str(actor.role) == role else {}
        steps.deposit(draw, actor, **wrong)
    actions.commit_draw(actor=world.secretary(), draw_uid=draw.uid)
    draw = steps.carry_on(draw)
    assert (draw.state, draw.void_reason) == (DrawState.VOID, f"nonce_{role}")
    event = Event.objects.get(kind="draw.voided")
    assert (event.audience, event.data) == (
        Audience.PUBLIC,
        {"round": 1, "reason": f"nonce_{role}"},
    )
    assert not DrawResult.objects.exists()
    assert steps.drawn(draw.scenario).round == 2


@pytest.mark.parametrize("nonce", [b"short", bytes(33)])
def test_a_nonce_of_another_length_voids_the_round(nonce):
    steps.pool()
    draw = steps.prepared()
    steps.deposit(draw, world.secretary(), nonce)
    steps.deposit(draw, world.person(Role.WITNESS))
    actions.commit_draw(actor=world.secretary(), draw_uid=draw.uid)
    assert steps.carry_on(draw).void_reason == "nonce_secretary"


def test_a_deposit_to_somebody_else_voids_the_round():
    steps.pool()
    draw = steps.prepared()
    key = drawing.pyrage.x25519.Identity.generate().to_public()
    steps.deposit(draw, world.secretary(), sealed=drawing.pyrage.encrypt(bytes(32), [key]))
    steps.deposit(draw, world.person(Role.WITNESS))
    actions.commit_draw(actor=world.secretary(), draw_uid=draw.uid)
    assert steps.carry_on(draw).void_reason == "nonce_secretary"


def test_a_crash_before_the_end_leaves_nothing_and_the_next_run_draws(monkeypatch):
    steps.pool()
    draw = steps.committed()
    sequencer.seal_batch()

    def stop(*_given, **_more):
        raise RuntimeError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(drawing.seats, "fill", stop)
        assert drawing.draw_committed(identity()) == 0
    assert (DrawResult.objects.count(), DrawPlace.objects.count()) == (0, 0)
    assert drawing.draw_committed(identity()) == 1
    assert drawing.draw_committed(identity()) == 0
    assert Draw.objects.get(pk=draw.pk).state == DrawState.DRAWN


def parts(draw, **other):
    """What the opener would write, changed somewhere."""
    sequencer.seal_batch()
    root = drawing.root_for(draw)
    nonces = drawing.reveal(draw, identity())
    given = {
        "nonce_secretary": nonces["secretary"],
        "nonce_witness": nonces["witness"],
        "root": root.value,
    } | other
    commitment = draw.commitment
    seed = lottery.seed(
        str(draw.uid),
        bytes(commitment.commitment),
        given["nonce_secretary"],
        given["nonce_witness"],
        given["root"],
    )
    order = lottery.order(seed, lottery.read_document(bytes(commitment.document)))
    return {
        "draw": draw,
        "checkpoint": root.checkpoint,
        "fallback": False,
        "leaf_hash": root.leaf,
        "seed": seed,
        "order": order,
    } | given


@pytest.mark.parametrize(
    ("other", "sentence"),
    [
        ({"nonce_witness": bytes(32)}, "a nonce is not the one that was deposited"),
        ({"nonce_secretary": bytes(32)}, "a nonce is not the one that was deposited"),
        ({"root": bytes(32)}, "the root is not that of the checkpoint"),
        ({"seed": bytes(32)}, "the seed does not follow"),
    ],
)
def test_the_database_takes_no_result_that_does_not_follow(other, sentence):
    """Whoever does not know both nonces, that is everybody but the opener, cannot write one."""
    steps.pool()
    draw = steps.committed()
    given = parts(draw, **{k: v for k, v in other.items() if k != "seed"}) | other
    with pytest.raises(DatabaseError, match=sentence), transaction.atomic():
        DrawResult.objects.create(**given)
    assert DrawResult.objects.create(**parts(draw)).draw_id == draw.pk


def test_a_place_belongs_to_whom_the_order_names():
    steps.pool()
    draw = steps.drawn()
    place = DrawPlace.objects.filter(draw=draw, stratum="ot_security").latest("place")
    other = DrawPlace.objects.filter(draw=draw).exclude(expert=place.expert_id).first()
    for wrong in (
        {"expert_id": other.expert_id, "place": 6, "code": place.code},
        {"expert_id": place.expert_id, "place": 99, "code": place.code},
    ):
        with pytest.raises(DatabaseError, match="drawn for somebody else"), transaction.atomic():
            DrawPlace.objects.create(draw=draw, stratum="ot_security", **wrong)


def test_the_process_runs_it_once(monkeypatch):
    """`run_opener --once` opens, and draws."""
    from django.core.management import call_command  # noqa: PLC0415

    steps.pool()
    draw = steps.committed(factories.scenario_in_review())
    sequencer.seal_batch()
    call_command("run_opener", "--once")
    assert Draw.objects.get(pk=draw.pk).state == DrawState.DRAWN
